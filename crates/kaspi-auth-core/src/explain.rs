//! Why a store stands as it does: the cause, since when, who must act, what comes next. Words are the edge's, in three languages; here are the facts.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Result};
use crate::id::MerchantUid;
use crate::keeping::{Breaker, CanRefresh, Estimate, Keeping, RefreshReason};
use crate::port::{Clock, Database};
use crate::refreshes::Refreshes;
use crate::session::{Session, Validity};
use crate::store::Store;
use crate::tenant::Tenant;

/// How a store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// All is well.
    Alive,
    /// It has a session of which nothing is known yet: another program's.
    Unseen,
    /// Nobody ever signed in.
    NeverSignedIn,
    /// A refresh runs now.
    Refreshing,
    /// The session is dead and will be renewed.
    DeadUnmended,
    /// The session is dead, and the portal could not be reached to renew it.
    PortalAway,
    /// What stands in the way of renewing it.
    Obstacle(RefreshReason),
}

impl Cause {
    /// The stable name, `snake_case`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Unseen => "foreign_session",
            Self::NeverSignedIn => "never_signed_in",
            Self::Refreshing => "refreshing",
            Self::DeadUnmended => "dead_unmended",
            Self::PortalAway => "portal_unavailable",
            Self::Obstacle(reason) => reason.as_str(),
        }
    }
}

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Nobody: the service goes on by itself.
    Nobody,
    /// The merchant, who signs in again.
    Merchant,
    /// An operator of this service.
    Operator,
    /// The portal: it passes by itself.
    Portal,
}

impl Actor {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Merchant => "merchant",
            Self::Operator => "operator",
            Self::Portal => "portal",
        }
    }
}

/// The facts of an explanation.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The store.
    pub store: Store,
    /// How it stands.
    pub cause: Cause,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Who must act.
    pub actor: Actor,
    /// When the service looks or tries next by itself.
    pub next_try: Option<Timestamp>,
    /// Whether it can be refreshed without a person.
    pub can_refresh: CanRefresh,
    /// How long its sessions are believed to live.
    pub estimate: Estimate,
    /// When this session is believed to end, if it has not yet.
    pub valid_until_estimate: Option<Timestamp>,
    /// What is known of keeping it.
    pub keeping: Option<Keeping>,
    /// The freeze of all automatic logins, if there is one.
    pub breaker: Breaker,
}

/// The use case.
pub struct Explanations {
    database: Arc<dyn Database>,
    refreshes: Arc<Refreshes>,
    clock: Arc<dyn Clock>,
}

impl Explanations {
    /// Wires the use case.
    pub fn new(database: Arc<dyn Database>, refreshes: Arc<Refreshes>, clock: Arc<dyn Clock>) -> Self {
        Self { database, refreshes, clock }
    }

    /// Explains a store of the tenant's.
    ///
    /// # Errors
    /// `store_not_found`; the database's.
    pub async fn explain(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Explanation> {
        let store = self.database.find_store(tenant, uid).await?.ok_or(Code::StoreNotFound)?;
        let session = self.database.session(&Tenant::All, uid).await?;
        let keeping = self.database.keeping(uid).await?;
        let can_refresh = self.refreshes.judge(&store, keeping.as_ref()).await?;
        let estimate = self.refreshes.estimate(uid).await?;
        let breaker = self.database.breaker().await?;
        let now = self.clock.now();
        let cause = cause_of(&store, session.as_ref(), keeping.as_ref(), can_refresh, now);
        let since = match cause {
            // Neither has begun with anything that stands in the timeline.
            Cause::Unseen | Cause::NeverSignedIn | Cause::Obstacle(RefreshReason::Inactive) => None,
            Cause::Alive => session.as_ref().and_then(|session| session.authenticated_at),
            Cause::Refreshing | Cause::DeadUnmended | Cause::PortalAway | Cause::Obstacle(_) => {
                let began = self.database.trouble_since(uid).await?.or_else(|| ended_at(session.as_ref()));
                match &breaker {
                    Breaker::Frozen(freeze) if cause == Cause::Obstacle(RefreshReason::Frozen) => {
                        began.max(Some(freeze.since))
                    }
                    _ => began,
                }
            }
        };
        // Of a session that has ended, nothing is left to estimate.
        let lives = session.as_ref().filter(|session| session.validity != Validity::Dead);
        let signed_in = lives.and_then(|session| session.authenticated_at);
        Ok(Explanation {
            cause,
            since,
            actor: actor_of(cause),
            // What is due already is done as soon as somebody is free for it.
            next_try: keeping.as_ref().and_then(|keeping| keeping.due_at).map(|at| at.max(now)),
            can_refresh,
            estimate,
            valid_until_estimate: signed_in.and_then(|at| at.checked_add(estimate.lifetime).ok()),
            keeping,
            breaker,
            store,
        })
    }
}

fn cause_of(
    store: &Store,
    session: Option<&Session>,
    keeping: Option<&Keeping>,
    can_refresh: CanRefresh,
    now: Timestamp,
) -> Cause {
    if !store.is_active {
        return Cause::Obstacle(RefreshReason::Inactive);
    }
    if keeping.and_then(|keeping| keeping.lease).is_some_and(|(_, until)| now < until) {
        return Cause::Refreshing;
    }
    let Some(session) = session else { return Cause::NeverSignedIn };
    match (session.validity, session.needs_reauth, can_refresh.can) {
        // Another program's mark may have a reason that is not known here: what is known here counts then.
        (_, true, can) if marked(store).is_some() || !can => {
            Cause::Obstacle(marked(store).unwrap_or(can_refresh.reason))
        }
        (Validity::Alive, _, _) => Cause::Alive,
        (Validity::Unknown, _, _) => Cause::Unseen,
        (Validity::Dead, _, true) if portal_was_away(session, keeping) => Cause::PortalAway,
        (Validity::Dead, _, true) => Cause::DeadUnmended,
        (Validity::Dead, _, false) => Cause::Obstacle(can_refresh.reason),
    }
}

/// The reason that was marked; another program may have marked one of its own.
fn marked(store: &Store) -> Option<RefreshReason> {
    let reason = store.reauth_reason.as_deref()?;
    RefreshReason::parse(reason).or(match reason {
        "invalid_credentials" => Some(RefreshReason::CredentialsRejected),
        "sms_required" => Some(RefreshReason::NeedsCodeSms),
        _ => None,
    })
}

/// Whether the last refresh of this session ended because the portal did not answer as it should.
fn portal_was_away(session: &Session, keeping: Option<&Keeping>) -> bool {
    let Some(outcome) = keeping.and_then(|keeping| keeping.outcome.as_ref()) else { return false };
    matches!(outcome.code, Some(Code::PortalUnavailable | Code::PortalBlocked))
        && session.authenticated_at.is_none_or(|signed_in| signed_in <= outcome.at)
}

/// When a session was found dead, where nothing else tells.
fn ended_at(session: Option<&Session>) -> Option<Timestamp> {
    session.filter(|session| session.validity == Validity::Dead).and_then(|session| session.checked_at)
}

fn actor_of(cause: Cause) -> Actor {
    use RefreshReason as R;
    match cause {
        Cause::Alive | Cause::Unseen | Cause::Refreshing | Cause::DeadUnmended => Actor::Nobody,
        Cause::NeverSignedIn => Actor::Merchant,
        Cause::PortalAway => Actor::Portal,
        Cause::Obstacle(reason) => match reason {
            R::SsoAlive | R::HasPasswordAndDevice | R::HasPassword | R::HasCodeSource | R::QuietHours => {
                Actor::Nobody
            }
            R::NeedsCodeSms
            | R::NeedsCodeEmail
            | R::NoCredentials
            | R::CredentialsRejected
            | R::AccountMismatch => Actor::Merchant,
            R::AccountLocked | R::AttemptsExhausted => Actor::Portal,
            R::PortalChanged | R::Frozen | R::Inactive => Actor::Operator,
        },
    }
}
