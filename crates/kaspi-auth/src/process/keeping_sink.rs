//! Logs and counts what is done to keep sessions alive. Must not name an account.

use std::sync::Arc;

use jiff::SignedDuration;
use kaspi_auth_core::Code;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::keeping::{AttemptKind, Breaker, Origin, RefreshOutcome};
use kaspi_auth_core::port::{Clock, KeepingSink};
use kaspi_auth_core::session::Validity;

use super::keeping_metrics as figures;

/// The log and the figures.
pub struct KeepingLog(pub Arc<dyn Clock>);

impl KeepingSink for KeepingLog {
    fn probed(&self, uid: &MerchantUid, origin: Origin, found: Validity, took: SignedDuration) {
        figures::probed(found, self.0.now());
        let millis = took.as_millis();
        tracing::debug!(merchant_uid = %uid, origin = origin.as_str(), found = found.as_str(), millis, "session looked at");
    }

    fn refreshed(&self, uid: &MerchantUid, origin: Origin, outcome: &RefreshOutcome, took: SignedDuration) {
        let rung = outcome.rung.map_or("none", |rung| rung.as_str());
        let result = outcome.code.map_or("ok", Code::as_str);
        figures::refreshed(outcome.rung, outcome.code, took);
        let millis = took.as_millis();
        if outcome.code.is_none() {
            tracing::info!(merchant_uid = %uid, origin = origin.as_str(), rung, millis, "session renewed");
        } else {
            tracing::warn!(merchant_uid = %uid, origin = origin.as_str(), rung, result, millis, "session not renewed");
        }
    }

    fn died(&self, uid: &MerchantUid, age: SignedDuration) {
        figures::session_died(age);
        tracing::info!(merchant_uid = %uid, age_minutes = age.as_mins(), "session found dead");
    }

    fn counted(&self, kind: AttemptKind, origin: Origin) {
        figures::attempt_counted(kind, origin);
    }

    fn refused(&self, kind: AttemptKind, origin: Origin) {
        figures::attempt_refused(kind, origin);
        tracing::warn!(
            kind = kind.as_str(),
            origin = origin.as_str(),
            "not sent: the account's attempts of this time are used up"
        );
    }

    fn froze(&self, breaker: &Breaker) {
        figures::breaker(breaker);
        match breaker {
            Breaker::Frozen(freeze) => {
                tracing::error!(
                    signature = freeze.signature,
                    stores = freeze.stores,
                    "many stores fail in the same way: automatic logins are frozen"
                );
            }
            Breaker::Closed => tracing::info!("a canary went through: automatic logins go again"),
        }
    }
}
