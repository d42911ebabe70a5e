//! Renews the session of a store: one refresh at a time over all nodes, all that wait get its result.
//!
//! The rungs are climbed in [`climb`], those that sign in are in [`sign_in`], and [`codes`] asks the sources of codes; what is known before is
//! gathered in [`facts`].

mod climb;
mod codes;
mod facts;
mod sign_in;

pub(crate) use climb::status_of;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::egresses::Egresses;
use crate::error::{Code, Error, Result};
use crate::id::{MerchantUid, NodeId};
use crate::keeping::{
    CanRefresh, Estimate, Keeping, LeaseAsked, Observation, Origin, Policy, RefreshLease, RefreshOutcome,
    Rung, can_refresh, estimate,
};
use crate::login::Login;
use crate::logins::{Engines, Logins};
use crate::port::{Beat, Clock, CodeSource, Database, KeepingSink, StoreChanges, Tasks};
use crate::session::{Session, Validity};
use crate::store::Store;
use crate::tenant::Tenant;

/// How often who waits for another's refresh looks by itself: word of its end may be lost.
const LOOK: SignedDuration = SignedDuration::from_secs(2);
/// When to ask again, if nothing better is known.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);
/// Observations that an estimate is made of.
const OBSERVATIONS: u32 = 500;
/// How long the portal's curve is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);

/// What a refresh came to.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// A new session is stored and served.
    Session(Session),
    /// The login goes on and needs the caller, or needs longer than was waited.
    Login(Login),
}

/// What the use case is made of.
pub struct Parts {
    /// Where all is kept.
    pub database: Arc<dyn Database>,
    /// The engines.
    pub engines: Engines,
    /// Logins.
    pub logins: Arc<Logins>,
    /// What reads the portal's codes, where anything does.
    pub code_sources: Vec<Arc<dyn CodeSource>>,
    /// The ways out.
    pub egresses: Arc<Egresses>,
    /// Who waits for a store.
    pub changes: Arc<dyn StoreChanges>,
    /// What runs refreshes.
    pub tasks: Arc<dyn Tasks>,
    /// Who is told.
    pub sink: Arc<dyn KeepingSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The numbers.
    pub policy: Policy,
}

/// The use case.
pub struct Refreshes {
    parts: Parts,
    node: NodeId,
    /// The portal's curve, with when it was read.
    portal: Mutex<Option<(Timestamp, Arc<Vec<Observation>>)>>,
}

impl Refreshes {
    /// Wires the use case.
    pub fn new(parts: Parts) -> Self {
        let node = parts.logins.node();
        Self { parts, node, portal: Mutex::default() }
    }

    /// The numbers.
    pub fn policy(&self) -> &Policy {
        &self.parts.policy
    }

    /// Renews the session without a person, as far up the ladder as that goes, and waits for it until `until`. `stale` is the generation that the
    /// caller knows to be dead: a newer one that was stored meanwhile is the answer.
    ///
    /// # Errors
    /// `store_not_found`; `session_not_found` of a store that is switched off; `session_refreshing`: not ready in time; what stands in the way, with
    /// `retry_at` where it passes by itself; the portal's codes; the database's.
    pub async fn renew(
        self: &Arc<Self>,
        tenant: &Tenant,
        uid: &MerchantUid,
        stale: i64,
        until: Timestamp,
    ) -> Result<Session> {
        self.find_store(tenant, uid).await?;
        match self.share(uid, stale, Origin::Automatic, Rung::Password, until).await? {
            Ok(session) => Ok(session),
            Err(outcome) => Err(error_of(&outcome)),
        }
    }

    /// Renews the session for a caller who can be asked: silently first, else by a login that may come back to ask for a code.
    ///
    /// # Errors
    /// As [`renew`](Self::renew); `credentials_missing` when only a person can go on.
    pub async fn refresh(
        self: &Arc<Self>,
        tenant: &Tenant,
        uid: &MerchantUid,
        until: Timestamp,
    ) -> Result<Refreshed> {
        let store = self.find_store(tenant, uid).await?;
        if let Some(session) = self.parts.database.session(tenant, uid).await? {
            match self.share(uid, session.generation, Origin::Caller, Rung::Silent, until).await? {
                Ok(session) => return Ok(Refreshed::Session(session)),
                Err(outcome) if beyond_silent(&outcome) => {}
                Err(outcome) => return Err(error_of(&outcome)),
            }
        }
        self.sign_in_again(tenant, store, until).await
    }

    /// Whether the store can be refreshed without a person, and why.
    ///
    /// # Errors
    /// The database's.
    pub async fn judge(&self, store: &Store, keeping: Option<&Keeping>) -> Result<CanRefresh> {
        let session = self.parts.database.session(&Tenant::All, &store.merchant_uid).await?;
        let facts = self.facts(store, session.as_ref(), keeping, Origin::Automatic).await?;
        Ok(can_refresh(&facts.facts))
    }

    /// How long the store's sessions are believed to live.
    ///
    /// # Errors
    /// The database's.
    pub async fn estimate(&self, uid: &MerchantUid) -> Result<Estimate> {
        let own = self.parts.database.observations(Some(uid), OBSERVATIONS).await?;
        Ok(estimate(&own, &self.portal_curve().await?, self.parts.policy.lifetime))
    }

    async fn portal_curve(&self) -> Result<Arc<Vec<Observation>>> {
        let now = self.parts.clock.now();
        let known = self.portal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, curve)) = known
            && now < read_at + REMEMBERED
        {
            return Ok(curve);
        }
        let curve = Arc::new(self.parts.database.observations(None, OBSERVATIONS).await?);
        *self.portal.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&curve)));
        Ok(curve)
    }

    /// Takes part in the store's refresh: begins it, or waits for the one that runs. The inner error is what it came to.
    async fn share(
        self: &Arc<Self>,
        uid: &MerchantUid,
        stale: i64,
        origin: Origin,
        top: Rung,
        until: Timestamp,
    ) -> Result<Result<Session, RefreshOutcome>> {
        let parts = &self.parts;
        let mut changes = parts.changes.subscribe(uid);
        let mut waited_for = None;
        loop {
            let session = parts.database.session(&Tenant::All, uid).await?;
            if let Some(session) = &session
                && is_renewed(session, stale)
            {
                return Ok(Ok(session.clone()));
            }
            let ended = match waited_for {
                Some(epoch) => self.outcome_since(uid, epoch).await?,
                None if origin == Origin::Automatic => self.still_stands(uid, session.as_ref()).await?,
                None => None,
            };
            match ended {
                // It was a caller's, who goes on with a login of its own: the rungs above are still to be climbed.
                Some(outcome) if top != Rung::Silent && was_silent_only(&outcome) => waited_for = None,
                Some(outcome) => {
                    // It ended after the look above, perhaps, or on another node.
                    let session = parts.database.fresh_session(&Tenant::All, uid).await?;
                    return Ok(match session.filter(|session| is_renewed(session, stale)) {
                        Some(session) => Ok(session),
                        // A renewal that went well and is dead again already: the next one is another call's.
                        None => Err(outcome),
                    });
                }
                None => {}
            }
            let now = parts.clock.now();
            let lease_until = now + parts.policy.lease;
            let free_at = match parts.database.acquire_refresh_lease(uid, self.node, now, lease_until).await?
            {
                LeaseAsked::Granted(lease) => {
                    self.begin(uid.clone(), stale, lease, origin, top);
                    waited_for = Some(lease.epoch);
                    lease_until
                }
                LeaseAsked::Held { epoch, until } => {
                    waited_for = waited_for.or(Some(epoch));
                    until
                }
            };
            if parts.clock.now() >= until {
                let again = parts.clock.now() + AGAIN;
                return Err(Error::of(Code::SessionRefreshing).with_retry_at(again));
            }
            changes.changed(until.min(free_at).min(parts.clock.now() + LOOK)).await;
        }
    }

    /// What the last refresh came to, while it is too early for another: callers who come a little late share it too, and a consumer who asks
    /// again and again makes the service knock no oftener than that.
    async fn still_stands(
        &self,
        uid: &MerchantUid,
        session: Option<&Session>,
    ) -> Result<Option<RefreshOutcome>> {
        let keeping = self.parts.database.keeping(uid).await?;
        let Some(last) = facts::last_outcome(session, keeping.as_ref()) else { return Ok(None) };
        let Some(code) = last.code else { return Ok(None) };
        let hold = if needs_person(code) { self.parts.policy.first_pause } else { AGAIN };
        let age = last.at.duration_until(self.parts.clock.now());
        let stands = !age.is_negative() && age < hold && !was_silent_only(last);
        Ok(stands.then(|| last.clone()))
    }

    /// What the refresh of this epoch, or a later one, came to.
    async fn outcome_since(&self, uid: &MerchantUid, epoch: i64) -> Result<Option<RefreshOutcome>> {
        let keeping = self.parts.database.keeping(uid).await?;
        Ok(keeping.and_then(|keeping| keeping.outcome).filter(|outcome| outcome.epoch >= epoch))
    }

    /// Climbs in a task of its own: a caller that goes away stops nothing.
    fn begin(self: &Arc<Self>, uid: MerchantUid, stale: i64, lease: RefreshLease, origin: Origin, top: Rung) {
        let (database, clock) = (Arc::clone(&self.parts.database), Arc::clone(&self.parts.clock));
        let (span, kept) = (self.parts.policy.lease, uid.clone());
        let beat = Beat {
            every: span / 3,
            call: Box::new(move || {
                let (database, uid, until) = (Arc::clone(&database), kept.clone(), clock.now() + span);
                Box::pin(async move {
                    // Not extended: the lease runs out, another takes over, and what this one still writes is fenced.
                    let _ = database.renew_refresh_lease(&uid, lease, until).await;
                })
            }),
        };
        let this = Arc::clone(self);
        self.parts
            .tasks
            .spawn(Box::pin(async move { this.climb(&uid, stale, lease, origin, top).await }), beat);
    }

    async fn find_store(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Store> {
        let store = self.parts.database.find_store(tenant, uid).await?;
        let store = store.ok_or(Code::StoreNotFound)?;
        if store.is_active {
            Ok(store)
        } else {
            Err(Error::new(Code::SessionNotFound, "The store is switched off. Switch it on first."))
        }
    }
}

/// Whether this is another session than the one that is to be renewed, and not known to be dead.
fn is_renewed(session: &Session, stale: i64) -> bool {
    session.generation > stale && session.validity != Validity::Dead
}

/// Whether the silent way was walked to its end, so that a login may follow.
fn beyond_silent(outcome: &RefreshOutcome) -> bool {
    outcome.code == Some(Code::SsoExpired) || outcome.rung != Some(Rung::Silent)
}

/// Whether it ended where a caller's refresh goes on with a login.
fn was_silent_only(outcome: &RefreshOutcome) -> bool {
    outcome.rung == Some(Rung::Silent) && outcome.code == Some(Code::SsoExpired)
}

/// Whether only a person can mend what stands in the way.
pub(crate) fn needs_person(code: Code) -> bool {
    matches!(
        code,
        Code::CodeRequired | Code::CredentialsMissing | Code::InvalidCredentials | Code::AccountMismatch
    )
}

fn error_of(outcome: &RefreshOutcome) -> Error {
    let code = outcome.code.unwrap_or(Code::SessionExpired);
    let detail = if outcome.detail.is_empty() { code.advice().to_owned() } else { outcome.detail.clone() };
    match outcome.retry_at {
        Some(at) => Error::new(code, detail).with_retry_at(at),
        None => Error::new(code, detail),
    }
}
