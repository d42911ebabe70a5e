//! Hears from consumers how their calls went: their experience stands for most looks.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Sessions;
use crate::error::Result;
use crate::id::MerchantUid;
use crate::keeping::{Origin, is_near};
use crate::port::{RepositoryError, SessionUpdate};
use crate::refreshes::status_of;
use crate::session::{Session, Validity};
use crate::tenant::Tenant;
use crate::timeline::{Act, NewEntry};

/// A session that was seen alive within this time needs no word of another call that went well.
const ENOUGH: SignedDuration = SignedDuration::from_secs(30);
/// A session that was looked at within this time is not looked at again for a report.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(2);

/// How long a report waits for the look that it brought about; the look goes on.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);

/// How a consumer's call of the cabinet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Ok,
    /// The cabinet did not know the session.
    Unauthorized,
    /// A wall came instead of an answer.
    Blocked,
    /// Too many calls.
    RateLimited,
}

impl Outcome {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unauthorized => "unauthorized",
            Self::Blocked => "blocked",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// What a consumer reports.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Of which session.
    pub generation: i64,
    /// How the call went.
    pub outcome: Outcome,
}

/// What became of a report.
#[derive(Debug, Clone)]
pub struct Reported {
    /// It was about an older session and changed nothing.
    pub ignored: bool,
    /// What is known of the session now.
    pub validity: Validity,
    /// The session that is served now.
    pub generation: i64,
}

impl Sessions {
    /// Takes a report. One of an older generation is ignored; a session that was refused is looked at, so that no consumer's mistake ends a session
    /// that lives, and if it is dead its renewal begins.
    ///
    /// # Errors
    /// `store_not_found`, `session_not_found`; the database's.
    pub async fn report(
        self: &Arc<Self>,
        tenant: &Tenant,
        uid: &MerchantUid,
        report: Report,
    ) -> Result<Reported> {
        let session = self.stored(tenant, uid).await?;
        self.used(uid);
        if report.generation != session.generation {
            let (validity, generation) = (session.validity, session.generation);
            return Ok(Reported { ignored: true, validity, generation });
        }
        let session = match report.outcome {
            Outcome::Ok => self.went_well(tenant, session).await?,
            Outcome::Unauthorized => self.was_refused(tenant, session).await?,
            Outcome::Blocked | Outcome::RateLimited => session,
        };
        if report.outcome != Outcome::Ok {
            self.write_report(&session, report).await;
        }
        let (validity, generation) = (session.validity, session.generation);
        Ok(Reported { ignored: false, validity, generation })
    }

    async fn went_well(self: &Arc<Self>, tenant: &Tenant, session: Session) -> Result<Session> {
        let now = self.parts.clock.now();
        let known = session.validity == Validity::Alive
            && session.checked_at.is_some_and(|at| is_near(at, now, ENOUGH));
        if known {
            return Ok(session);
        }
        if session.validity == Validity::Dead {
            // The call may have begun before the session died: a look decides.
            let just_looked = session.checked_at.is_some_and(|at| is_near(at, now, JUST_NOW));
            return if just_looked {
                Ok(session)
            } else {
                self.look_together(tenant, session, Origin::Caller, now + PATIENCE).await
            };
        }
        let uid = &session.merchant_uid;
        let update = SessionUpdate {
            generation: session.generation,
            lease: None,
            cookies: None,
            renewed: false,
            validity: Validity::Alive,
            checked_at: now,
            authenticated_at: None,
            needs_reauth: session.needs_reauth.then_some(None),
        };
        match self.parts.database.update_session(tenant, uid, update).await {
            Ok(()) | Err(RepositoryError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        self.parts.refreshes.observe(uid, &Session { checked_at: Some(now), ..session.clone() }, false).await;
        self.stored(tenant, uid).await
    }

    async fn was_refused(self: &Arc<Self>, tenant: &Tenant, session: Session) -> Result<Session> {
        let now = self.parts.clock.now();
        let uid = session.merchant_uid.clone();
        let just_looked = session.checked_at.is_some_and(|at| is_near(at, now, JUST_NOW));
        let session = if session.validity != Validity::Dead && !just_looked {
            self.look_together(tenant, session, Origin::Caller, now + PATIENCE).await?
        } else {
            session
        };
        // The keeper renews what is dead, and looks again at what was refused a moment after it was seen alive.
        let soon = if session.validity == Validity::Dead { now } else { now + JUST_NOW };
        self.parts.database.hasten(&uid, soon).await?;
        Ok(session)
    }

    async fn write_report(&self, session: &Session, report: Report) {
        let status = status_of(Some(session));
        let entry = NewEntry {
            merchant_uid: session.merchant_uid.clone(),
            at: self.parts.clock.now(),
            act: Act::Report,
            origin: Origin::Caller,
            rung: None,
            before: status.clone(),
            after: status,
            generation: session.generation,
            took: SignedDuration::ZERO,
            code: None,
            reason: report.outcome.as_str().to_owned(),
            login: None,
        };
        // That it cannot be written down changes nothing.
        let _ = self.parts.database.append_entry(&entry).await;
    }
}
