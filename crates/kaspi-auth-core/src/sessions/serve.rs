//! Serves a session that is as fresh as the caller wants: from memory, else by a look, else by a refresh that all callers share.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Sessions;
use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::keeping::{Origin, is_near};
use crate::session::{Session, Validity};
use crate::tenant::Tenant;

/// How fresh a session is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// It was seen alive within this time. `None`: at any time.
    pub max_age: Option<SignedDuration>,
    /// It is believed to live for so long yet.
    pub min_ttl: Option<SignedDuration>,
    /// How long the caller waits, for a look and for a renewal.
    pub until: Timestamp,
}

impl Sessions {
    /// The session, as fresh as it is wanted. An outage of the portal, and one that does not answer in time, leave the last good session served: its
    /// `checked_at` tells.
    ///
    /// # Errors
    /// `store_not_found`, `session_not_found`; why there is no live session and what to do: `needs_reauth`, `code_required`, `session_refreshing`,
    /// `logins_frozen`, `attempts_exhausted`, the portal's codes; the database's.
    pub async fn serve(
        self: &Arc<Self>,
        tenant: &Tenant,
        uid: &MerchantUid,
        wanted: Wanted,
    ) -> Result<Session> {
        let session = self.stored(tenant, uid).await?;
        self.used(uid);
        let now = self.parts.clock.now();
        let session = if session.validity != Validity::Dead && !is_fresh(&session, wanted.max_age, now) {
            self.look_together(tenant, session, Origin::Caller, wanted.until).await?
        } else {
            session
        };
        if session.validity == Validity::Dead {
            return self.revive(tenant, &session, wanted.until).await;
        }
        match wanted.min_ttl {
            Some(least) if !self.lives_for(&session, least).await? => {
                self.prolong(tenant, session, wanted.until).await
            }
            _ => Ok(session),
        }
    }

    /// A dead session is renewed; where that cannot be, the reason is the answer.
    async fn revive(&self, tenant: &Tenant, session: &Session, until: Timestamp) -> Result<Session> {
        let renewed =
            self.parts.refreshes.renew(tenant, &session.merchant_uid, session.generation, until).await;
        renewed.map_err(|error| match error.code() {
            // Who asks for a session has not sent these credentials, and is not to be told as if.
            Code::InvalidCredentials | Code::CredentialsMissing => Error::new(
                Code::NeedsReauth,
                format!("A person must sign in again to this store. {}", error.detail()),
            ),
            _ => error,
        })
    }

    /// A session that lives but not for long enough is renewed; where that cannot be, it is served while it lives.
    async fn prolong(&self, tenant: &Tenant, session: Session, until: Timestamp) -> Result<Session> {
        match self.parts.refreshes.renew(tenant, &session.merchant_uid, session.generation, until).await {
            Ok(renewed) => Ok(renewed),
            Err(error) if error.code() == Code::DatabaseUnavailable => Err(error),
            Err(_) => Ok(session),
        }
    }

    /// Whether the session is believed to live for so long yet. Of one of unknown age nothing is believed.
    async fn lives_for(&self, session: &Session, least: SignedDuration) -> Result<bool> {
        let Some(begun) = session.authenticated_at else { return Ok(true) };
        let estimate = self.parts.refreshes.estimate(&session.merchant_uid).await?;
        let now = self.parts.clock.now();
        // Longer than any session lives is no reason to renew one that has just begun.
        let least = least.min(estimate.lifetime / 2);
        Ok(now + least <= begun + estimate.lifetime)
    }
}

fn is_fresh(session: &Session, max_age: Option<SignedDuration>, now: Timestamp) -> bool {
    let Some(max_age) = max_age else { return true };
    session.validity == Validity::Alive
        && session.checked_at.is_some_and(|checked| is_near(checked, now, max_age))
}
