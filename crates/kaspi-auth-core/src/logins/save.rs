//! Stores what a login brought home: a sealed copy first, which is read back, opened and proven at the cabinet; only then it takes the old
//! session's place, and the login has succeeded.

use super::drive::{Outcome, failed};
use super::{Logins, Work};
use crate::error::{Code, Error, Result};
use crate::login::{Effect, Login, step};
use crate::port::{Device, RepositoryError, SavedSession};
use crate::session::{Cookie, NewSession, Probe, Validity};
use crate::store::StoreSummary;

impl Logins {
    /// Stores the session. `None`: the login has succeeded, or somebody else has ended it.
    ///
    /// # Errors
    /// Only the database's: the login is then taken over and walks to the cabinet again.
    pub(super) async fn save(
        &self,
        work: &mut Work,
        mut session: NewSession,
        device: Option<Device>,
    ) -> Result<Option<Outcome>> {
        let summary = summary(&session);
        let since = self.clock.now();
        match self.stage(work, &mut session, device.as_ref(), &summary).await {
            Ok(()) => {}
            Err(Unsaved::Overtaken) => return Ok(overtaken(work)),
            Err(Unsaved::Failed(error)) => {
                self.stepped::<()>(work, "save", since, &Err(Error::of(error.code()))).await;
                return Ok(Some(failed(&error)));
            }
            Err(Unsaved::Database(error)) => return Err(error),
        }
        let now = self.clock.now();
        let credentials = work.secrets.credentials.clone();
        let saved = SavedSession { login: &work.login, session: &session, credentials: &credentials, device };
        let before = self.standing(&session.merchant.uid).await;
        match self.database.save_session(saved, &summary, now).await {
            Ok(()) => {}
            Err(RepositoryError::Conflict) => return Ok(overtaken(work)),
            Err(error @ (RepositoryError::StoreTaken | RepositoryError::Unfit(_))) => {
                return Ok(Some(failed(&error.into())));
            }
            Err(error) => return Err(error.into()),
        }
        self.stepped::<()>(work, "save", since, &Ok(())).await;
        self.held.remove(work.login.id);
        let done = step(&work.login, crate::login::Event::Saved(summary), now, &self.limits)?;
        work.login = Login { version: work.login.version + 1, ..done.login };
        self.changes.publish(&work.login);
        work.secrets.continuation = None;
        self.write_success(&work.login, &session.merchant.uid, before).await;
        Ok(None)
    }

    /// Lays the sealed copy beside the login, and proves it as it was read back.
    async fn stage(
        &self,
        work: &mut Work,
        session: &mut NewSession,
        device: Option<&Device>,
        summary: &StoreSummary,
    ) -> Result<(), Unsaved> {
        let read_back = self.stage_once(work, session, device, summary).await?;
        let probe = self.prove(work, &read_back, session).await?;
        if probe.validity == Validity::Dead {
            let detail = format!("The session that the login brought was not stored: {}", probe.reason);
            return Err(Unsaved::Failed(Error::new(Code::KaspiAuthError, detail)));
        }
        // What the cabinet renewed on the way belongs to the session.
        if probe.renewed {
            session.cookies = probe.cookies;
            self.stage_once(work, session, device, summary).await?;
        }
        Ok(())
    }

    async fn stage_once(
        &self,
        work: &Work,
        session: &NewSession,
        device: Option<&Device>,
        summary: &StoreSummary,
    ) -> Result<Vec<Cookie>, Unsaved> {
        let credentials = &work.secrets.credentials;
        let saved = SavedSession { login: &work.login, session, credentials, device: device.cloned() };
        match self.database.stage_session(saved, summary, self.clock.now()).await {
            Ok(cookies) => Ok(cookies),
            // Cancelled or expired in the meantime: the caller's word stands.
            Err(RepositoryError::Conflict) => Err(Unsaved::Overtaken),
            Err(error @ (RepositoryError::Sealed { .. } | RepositoryError::Unfit(_))) => {
                Err(Unsaved::Failed(error.into()))
            }
            Err(error) => Err(Unsaved::Database(error.into())),
        }
    }

    /// Asks the cabinet with the cookies of the copy. That it cannot be asked now disproves nothing: the walk has just come from there.
    async fn prove(
        &self,
        work: &mut Work,
        cookies: &[Cookie],
        session: &NewSession,
    ) -> Result<Probe, Unsaved> {
        let route = match self.at(work).await {
            Ok(at) => at.route,
            Err(error) => return Err(Unsaved::Failed(error)),
        };
        let since = self.clock.now();
        let probe = self.cabinet.probe(&route, cookies, &session.merchant.uid).await;
        let told = match probe.validity {
            Validity::Dead => Err(Error::of(Code::KaspiAuthError)),
            Validity::Alive | Validity::Unknown => Ok(()),
        };
        self.stepped(work, "prove", since, &told).await;
        Ok(probe)
    }
}

/// Why a session is not stored.
enum Unsaved {
    /// Somebody else has ended the login.
    Overtaken,
    /// It is no session, or cannot be kept.
    Failed(Error),
    /// The database cannot be asked.
    Database(Error),
}

fn overtaken(work: &mut Work) -> Option<Outcome> {
    work.effects.push(Effect::GiveUp);
    None
}

fn summary(session: &NewSession) -> StoreSummary {
    StoreSummary {
        merchant_uid: session.merchant.uid.clone(),
        shop_name: session.merchant.name.clone(),
        points: session.merchant.points.clone(),
    }
}
