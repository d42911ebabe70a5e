//! What the timeline of a store says of logins. That it cannot be written changes nothing of a login.

use jiff::SignedDuration;

use super::Logins;
use crate::id::MerchantUid;
use crate::keeping::{Origin, spread_of};
use crate::login::{Login, LoginState};
use crate::refreshes::status_of;
use crate::tenant::Tenant;
use crate::timeline::{Act, NewEntry, Status};

impl Logins {
    /// Where a store stands.
    pub(super) async fn standing(&self, uid: &MerchantUid) -> Status {
        status_of(self.database.session(&Tenant::All, uid).await.ok().flatten().as_ref())
    }

    /// A login brought a session, which is stored. `before`: where the store stood.
    pub(super) async fn write_success(&self, login: &Login, uid: &MerchantUid, before: Status) {
        let stored = self.database.session(&Tenant::All, uid).await.ok().flatten();
        let entry = NewEntry {
            before,
            after: "alive".to_owned(),
            generation: stored.map_or(0, |stored| stored.generation),
            reason: login.driver.as_str().to_owned(),
            ..ended(login, uid)
        };
        let _ = self.database.append_entry(&entry).await;
        // From now on it is looked after again, whatever stood in the way before. Not made due: whoever uses it finds it so.
        let delay = spread_of(uid, entry.generation) * 60.0;
        let at = SignedDuration::try_from_secs_f64(delay).map_or(entry.at, |delay| entry.at + delay);
        let _ = self.database.hasten(uid, at).await;
    }

    /// A login that somebody began for a store has failed. Of an automatic one, the refresh that began it tells.
    pub(super) async fn write_failure(&self, login: &Login) {
        let LoginState::Failed { failure } = &login.state else { return };
        let (Some(uid), Origin::Caller) = (&login.wanted, login.origin) else { return };
        // Who names another's store writes nothing into its timeline.
        let tenant = login.user_id.clone().map_or(Tenant::All, Tenant::User);
        let Ok(Some(_)) = self.database.find_store(&tenant, uid).await else { return };
        let session = self.database.session(&Tenant::All, uid).await.ok().flatten();
        let status = status_of(session.as_ref());
        let entry = NewEntry {
            before: status.clone(),
            after: status,
            generation: session.map_or(0, |session| session.generation),
            code: Some(failure.code),
            reason: failure.detail.clone(),
            ..ended(login, uid)
        };
        let _ = self.database.append_entry(&entry).await;
    }
}

fn ended(login: &Login, uid: &MerchantUid) -> NewEntry {
    NewEntry {
        merchant_uid: uid.clone(),
        at: login.updated_at,
        act: Act::Login,
        origin: login.origin,
        rung: None,
        before: Status::new(),
        after: Status::new(),
        generation: 0,
        took: login.created_at.duration_until(login.updated_at),
        code: None,
        reason: String::new(),
        login: Some(login.id),
    }
}
