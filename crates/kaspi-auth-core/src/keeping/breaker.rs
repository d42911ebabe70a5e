//! The mass-failure breaker: when several stores fail in the same way within minutes, the fault is not theirs. Automatic logins then
//! freeze, the last good sessions stay served, and one canary at a time goes through to find the thaw.

use jiff::{SignedDuration, Timestamp};

use crate::error::Code;
use crate::id::MerchantUid;

/// When it opens and how it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// So many stores that fail in the same way open it. Zero: never.
    pub stores: u32,
    /// Within this time.
    pub window: SignedDuration,
    /// Between two canaries.
    pub canary_every: SignedDuration,
}

impl Default for BreakerPolicy {
    /// 5 stores in 10 min; a canary each 2 min.
    fn default() -> Self {
        Self { stores: 5, window: SignedDuration::from_mins(10), canary_every: SignedDuration::from_mins(2) }
    }
}

/// A failure of an automatic login, to be counted.
#[derive(Debug, Clone, Copy)]
pub struct CountedFailure<'a> {
    /// How it failed: see [`signature_of`].
    pub signature: &'a str,
    /// Whose login it was. Several failures of one store count once.
    pub merchant_uid: &'a MerchantUid,
    /// The time.
    pub now: Timestamp,
    /// When the breaker opens.
    pub policy: BreakerPolicy,
}

/// Automatic logins are frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// How they failed.
    pub signature: String,
    /// Since when.
    pub since: Timestamp,
    /// How many stores failed so.
    pub stores: u32,
    /// The store whose login goes through now, and until when it has the time to.
    pub canary: Option<(MerchantUid, Timestamp)>,
    /// When the next canary may go.
    pub next_canary_at: Timestamp,
}

/// Whether automatic logins may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Breaker {
    /// They may.
    #[default]
    Closed,
    /// They may not, but for the canary.
    Frozen(Freeze),
}

impl Breaker {
    /// Whether the login of `merchant` must wait.
    pub fn holds(&self, merchant: &MerchantUid, now: Timestamp) -> bool {
        match self {
            Self::Closed => false,
            Self::Frozen(freeze) => {
                !freeze.canary.as_ref().is_some_and(|(canary, until)| canary == merchant && now < *until)
            }
        }
    }
}

/// How a login failed, where many failing so would be no accident. A plain outage is the circuit breaker's matter, and what a single merchant
/// did (a password that was changed, one account that is locked) counts too: many at once are the portal's doing.
pub fn signature_of(code: Code) -> Option<&'static str> {
    matches!(
        code,
        Code::InvalidCredentials
            | Code::AccountLocked
            | Code::PortalBlocked
            | Code::PortalChanged
            | Code::PortalRateLimited
            | Code::CodeRequired
            | Code::KaspiAuthError
            | Code::InsufficientPermissions
            | Code::NoMerchants
    )
    .then_some(code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_holds_all_but_the_canary_and_that_one_for_its_time() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let later = now + SignedDuration::from_mins(1);
        let (canary, other) = (MerchantUid::parse("1").unwrap(), MerchantUid::parse("2").unwrap());
        assert!(!Breaker::Closed.holds(&other, now));
        let frozen = Breaker::Frozen(Freeze {
            signature: "portal_changed".to_owned(),
            since: now,
            stores: 5,
            canary: Some((canary.clone(), later)),
            next_canary_at: later,
        });
        assert!(frozen.holds(&other, now));
        assert!(!frozen.holds(&canary, now));
        assert!(frozen.holds(&canary, later));
    }

    #[test]
    fn an_outage_freezes_nothing() {
        assert_eq!(signature_of(Code::PortalUnavailable), None);
        assert_eq!(signature_of(Code::PortalChanged), Some("portal_changed"));
    }
}
