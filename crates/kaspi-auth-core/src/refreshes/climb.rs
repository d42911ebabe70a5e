//! Climbs the ladder under the store's lease, and tells what it came to. Nobody is asked anything here but by the login that a caller waits for.

use jiff::SignedDuration;

use super::{Refreshes, is_renewed};
use crate::egress::Route;
use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::keeping::{Observation, Origin, RefreshLease, RefreshOutcome, RefreshReason, Rung, spread_of};
use crate::port::{RepositoryError, SessionUpdate, Slot};
use crate::session::{Session, Validity};
use crate::tenant::Tenant;
use crate::timeline::{Act, NewEntry};

/// The longest that a silent renewal waits for its turn.
const TURN: SignedDuration = SignedDuration::from_secs(20);
/// Between two tries for a turn, at least.
const SHORTEST: SignedDuration = SignedDuration::from_millis(50);

/// Why a rung did not lead to a session.
pub(super) struct Missed {
    pub(super) rung: Rung,
    pub(super) error: Error,
}

impl Refreshes {
    /// Climbs, and notes what it came to. The lease ends with it.
    pub(super) async fn climb(
        &self,
        uid: &MerchantUid,
        stale: i64,
        lease: RefreshLease,
        origin: Origin,
        top: Rung,
    ) {
        let parts = &self.parts;
        let began = parts.clock.now();
        // Whoever held the lease before has written all that it writes: the row tells, and memory may not have heard of it yet.
        let before = parts.database.fresh_session(&Tenant::All, uid).await.ok().flatten();
        if before.as_ref().is_some_and(|session| is_renewed(session, stale)) {
            // Another's refresh ended between the caller's look and this lease: nothing is left to be renewed.
            let (epoch, detail) = (lease.epoch, String::new());
            let done = RefreshOutcome { epoch, at: began, rung: None, code: None, detail, retry_at: None };
            let _ = parts.database.end_refresh(uid, lease, &done).await;
            return;
        }
        let climbed = self.rungs(uid, lease, origin, top).await;
        let now = parts.clock.now();
        if let Err(Missed { error, .. }) = &climbed
            && error.code() == Code::SessionRefreshing
        {
            // Another holds the lease by now: what came of the store is theirs to say.
            return;
        }
        let outcome = match climbed {
            Ok(rung) => RefreshOutcome {
                epoch: lease.epoch,
                at: now,
                rung: Some(rung),
                code: None,
                detail: String::new(),
                retry_at: None,
            },
            Err(Missed { rung, error }) => RefreshOutcome {
                epoch: lease.epoch,
                at: now,
                rung: Some(rung),
                code: Some(error.code()),
                detail: error.detail().to_owned(),
                retry_at: error.retry_at(),
            },
        };
        let took = began.duration_until(now);
        parts.sink.refreshed(uid, origin, &outcome, took);
        self.write_down(uid, before.as_ref(), origin, &outcome, took).await;
        // Not stored: the lease runs out, and whoever waits tries by itself.
        let _ = parts.database.end_refresh(uid, lease, &outcome).await;
    }

    async fn rungs(
        &self,
        uid: &MerchantUid,
        lease: RefreshLease,
        origin: Origin,
        top: Rung,
    ) -> Result<Rung, Missed> {
        let silent = |error| Missed { rung: Rung::Silent, error };
        let database = &self.parts.database;
        let store = database.find_store(&Tenant::All, uid).await.map_err(|error| silent(error.into()))?;
        let store = store.ok_or_else(|| silent(Code::StoreNotFound.into()))?;
        let session = database.session(&Tenant::All, uid).await.map_err(|error| silent(error.into()))?;
        if let Some(session) = &session {
            match self.silently(uid, session, lease).await {
                Ok(()) => return Ok(Rung::Silent),
                // The login host remembers nobody, or somebody else.
                Err(error) if matches!(error.code(), Code::SsoExpired | Code::AccountMismatch) => {}
                Err(error) => return Err(silent(error)),
            }
        }
        if top == Rung::Silent {
            return Err(silent(Code::SsoExpired.into()));
        }
        let missed = |error| Missed { rung: Rung::Password, error };
        let keeping = database.keeping(uid).await.map_err(|error| missed(error.into()))?;
        let mut known =
            self.facts(&store, session.as_ref(), keeping.as_ref(), origin).await.map_err(missed)?;
        // It was tried a moment ago.
        known.facts.sso_believed = false;
        // Held up for longer than its lease: another has taken over, and one password is enough.
        let until = self.parts.clock.now() + self.parts.policy.lease;
        if !database.renew_refresh_lease(uid, lease, until).await.map_err(|error| missed(error.into()))? {
            return Err(missed(Code::SessionRefreshing.into()));
        }
        self.by_login(&store, known).await
    }

    /// The login host's memory: no password, no code.
    async fn silently(&self, uid: &MerchantUid, session: &Session, lease: RefreshLease) -> Result<()> {
        self.take_turn(uid).await?;
        let route = match self.route(session).await {
            Ok(route) => route,
            // Its way is gone: the account signs in again and moves to another.
            Err(error) if error.code() == Code::EgressUnusable => return Err(Code::SsoExpired.into()),
            Err(error) => return Err(error),
        };
        let renewed = self.parts.engines.direct.renew(&route, &session.cookies, uid).await?;
        let now = self.parts.clock.now();
        let update = SessionUpdate {
            generation: session.generation,
            lease: Some(lease),
            cookies: Some(&renewed.cookies),
            renewed: true,
            validity: Validity::Alive,
            checked_at: now,
            authenticated_at: Some(renewed.authenticated_at),
            needs_reauth: Some(None),
        };
        match self.parts.database.update_session(&Tenant::All, uid, update).await {
            Ok(()) => {}
            Err(RepositoryError::Conflict) => {
                let stored = self.parts.database.fresh_session(&Tenant::All, uid).await?;
                return if stored.is_some_and(|stored| stored.generation > session.generation) {
                    // Somebody else was quicker: theirs is served.
                    Ok(())
                } else {
                    // Fenced: the lease is another's by now.
                    Err(Code::SessionRefreshing.into())
                };
            }
            Err(error) => return Err(error.into()),
        }
        self.observe(uid, session, session.validity == Validity::Dead).await;
        Ok(())
    }

    /// Looks at sessions and silent renewals share one budget towards the portal.
    pub(crate) async fn take_turn(&self, uid: &MerchantUid) -> Result<()> {
        let parts = &self.parts;
        let deadline = parts.clock.now() + TURN;
        loop {
            let now = parts.clock.now();
            let at = match parts.database.acquire_permit("looks", parts.policy.looks, now).await? {
                Slot::Granted => return Ok(()),
                Slot::Wait(at) => at.unwrap_or(now).max(now + SHORTEST),
            };
            if at > deadline {
                return Err(Error::of(Code::RateLimited).with_retry_at(at));
            }
            parts.changes.subscribe(uid).changed(at).await;
        }
    }

    /// A person must sign in again, for this reason. A session that still lives stays served, and is not spoken of as lost.
    pub(crate) async fn mark(&self, uid: &MerchantUid, reason: RefreshReason) {
        let parts = &self.parts;
        for _ in 0..3 {
            let Ok(Some(session)) = parts.database.session(&Tenant::All, uid).await else { return };
            let lives = session.validity != Validity::Dead && reason != RefreshReason::CredentialsRejected;
            if lives || session.needs_reauth {
                return;
            }
            let update = SessionUpdate {
                generation: session.generation,
                lease: None,
                cookies: None,
                renewed: false,
                validity: session.validity,
                checked_at: session.checked_at.unwrap_or_else(|| parts.clock.now()),
                authenticated_at: None,
                needs_reauth: Some(Some(marked_as(reason).to_owned())),
            };
            match parts.database.update_session(&Tenant::All, uid, update).await {
                // Read anew: where a newer session was stored meanwhile, nothing is marked.
                Err(RepositoryError::Conflict) => {}
                // Not marked: the next look finds the same.
                Ok(()) | Err(_) => return,
            }
        }
    }

    /// Notes how old the session became. That it cannot be noted changes nothing.
    pub(crate) async fn observe(&self, uid: &MerchantUid, session: &Session, died: bool) {
        let Some(begun) = session.authenticated_at else { return };
        let now = self.parts.clock.now();
        let age = begun.duration_until(if died { session.checked_at.unwrap_or(now) } else { now });
        if age.is_negative() {
            return;
        }
        let observation = Observation { generation: session.generation, age, died };
        let _ = self.parts.database.observe(uid, observation, now).await;
    }

    /// The way that the session was won on; a row of another program's takes any.
    pub(crate) async fn route(&self, session: &Session) -> Result<Route> {
        let egress = match session.egress {
            Some(id) => self.parts.egresses.keep_to(id).await?,
            None => self.parts.egresses.any().await?,
        };
        Ok(egress.route())
    }

    /// The store's timeline. That it cannot be written changes nothing of the refresh.
    async fn write_down(
        &self,
        uid: &MerchantUid,
        before: Option<&Session>,
        origin: Origin,
        outcome: &RefreshOutcome,
        took: SignedDuration,
    ) {
        let database = &self.parts.database;
        let after = database.session(&Tenant::All, uid).await.ok().flatten();
        let entry = NewEntry {
            merchant_uid: uid.clone(),
            at: outcome.at,
            act: Act::Refresh,
            origin,
            rung: outcome.rung,
            before: status_of(before),
            after: status_of(after.as_ref()),
            generation: after.map_or(0, |session| session.generation),
            took,
            code: outcome.code,
            reason: outcome.detail.clone(),
            login: None,
        };
        let _ = database.append_entry(&entry).await;
        // A session of its own turn: its store is due at its own time.
        if outcome.code.is_none() {
            let delay = spread_of(uid, outcome.epoch) * 60.0;
            let at = SignedDuration::try_from_secs_f64(delay).map_or(outcome.at, |delay| outcome.at + delay);
            // A visit that waits for this refresh says itself when to come again: only an earlier time than its own is named here.
            let _ = database.hasten(uid, at).await;
        }
    }
}

/// Where a store stands, as its timeline says it.
pub(crate) fn status_of(session: Option<&Session>) -> String {
    match session {
        None => "none".to_owned(),
        Some(session) if session.needs_reauth => "needs_reauth".to_owned(),
        Some(session) => session.validity.as_str().to_owned(),
    }
}

/// What stands in the store as the reason: a refused password has the name that it had before there was a ladder.
fn marked_as(reason: RefreshReason) -> &'static str {
    match reason {
        RefreshReason::CredentialsRejected => Code::InvalidCredentials.as_str(),
        other => other.as_str(),
    }
}
