//! Looks after the stores that are due, one at a time: probes, renews, and says when to look next. Never asks a person for anything.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Code, Result};
use crate::id::MerchantUid;
use crate::keeping::{Due, Keeping, Policy, Standing, next_look, spread_of, what_is_due};
use crate::port::{Clock, Database};
use crate::refreshes::{Refreshes, needs_person};
use crate::session::{Session, Validity};
use crate::sessions::Sessions;
use crate::store::Store;
use crate::tenant::Tenant;

/// How long a job waits for a refresh: it ends before the job's own time-out, and says when to come again.
const PATIENCE: SignedDuration = SignedDuration::from_mins(3);

/// The longest that the portal may ask to be left alone.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The use case.
pub struct Keeper {
    database: Arc<dyn Database>,
    sessions: Arc<Sessions>,
    refreshes: Arc<Refreshes>,
    clock: Arc<dyn Clock>,
}

/// What a visit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// There was nothing to do.
    Nothing,
    /// The cabinet was asked.
    Probed(Validity),
    /// A new session is stored.
    Renewed,
    /// The portal is down and wants to be left alone until then, or is left alone: nothing was learned of the store.
    HeldBack(Timestamp),
    /// A renewal did not succeed.
    Missed(Code),
}

impl Keeper {
    /// Wires the use case.
    pub fn new(
        database: Arc<dyn Database>,
        sessions: Arc<Sessions>,
        refreshes: Arc<Refreshes>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { database, sessions, refreshes, clock }
    }

    /// Does what is due for a store, and says when to come again. May be called at any time and twice.
    ///
    /// # Errors
    /// The database's.
    pub async fn visit(&self, uid: &MerchantUid) -> Result<Kept> {
        let Some(store) = self.database.find_store(&Tenant::All, uid).await? else {
            return Ok(Kept::Nothing);
        };
        let Some(keeping) = self.database.keeping(uid).await? else { return Ok(Kept::Nothing) };
        let session = match self.database.session(&Tenant::All, uid).await? {
            Some(_) if !self.policy().enabled => {
                // Switched on again, the service finds every store due within this time.
                let later = self.clock.now() + self.policy().longest_look;
                self.database.schedule(uid, Some(later), 0).await?;
                return Ok(Kept::Nothing);
            }
            Some(session) if store.is_active => session,
            // Whoever signs in or switches it on makes it due.
            _ => {
                self.database.schedule(uid, None, 0).await?;
                return Ok(Kept::Nothing);
            }
        };
        let standing = self.standing(&store, &session, &keeping).await?;
        let kept = match what_is_due(&standing, self.policy(), self.clock.now()) {
            Due::Refresh => self.renew(&session).await?,
            Due::Probe => self.probe(&store, &session, &keeping).await?,
            Due::Nothing if session.validity == Validity::Dead => {
                let verdict = self.refreshes.judge(&store, Some(&keeping)).await?;
                if !verdict.can && !verdict.reason.passes() {
                    self.refreshes.mark(uid, verdict.reason).await;
                }
                Kept::Nothing
            }
            Due::Nothing => Kept::Nothing,
        };
        self.come_again(uid, &keeping, kept).await?;
        Ok(kept)
    }

    /// Makes stores due that a clock that was wrong has put off further than anything is put off. Answers how many there were.
    ///
    /// # Errors
    /// The database's.
    pub async fn mend_schedule(&self) -> Result<u64> {
        let (policy, now) = (self.policy(), self.clock.now());
        let spans = [policy.longest_look, policy.longest_pause, policy.passwords.window, policy.codes.window];
        let longest = spans.into_iter().fold(DAY, SignedDuration::max);
        let latest = now.saturating_add(longest.saturating_mul(2)).unwrap_or(now);
        Ok(self.database.bring_back(now, latest).await?)
    }

    fn policy(&self) -> &Policy {
        self.refreshes.policy()
    }

    async fn renew(&self, session: &Session) -> Result<Kept> {
        let until = self.clock.now() + PATIENCE;
        let renewed =
            self.refreshes.renew(&Tenant::All, &session.merchant_uid, session.generation, until).await;
        match renewed {
            Ok(_) => Ok(Kept::Renewed),
            Err(error) if error.code() == Code::DatabaseUnavailable => Err(error),
            Err(error) => Ok(Kept::Missed(error.code())),
        }
    }

    /// Looks; what is found dead is renewed in the same visit, if that is possible.
    async fn probe(&self, store: &Store, session: &Session, keeping: &Keeping) -> Result<Kept> {
        match self.refreshes.take_turn(&session.merchant_uid).await {
            Ok(()) => {}
            Err(error) if error.code() == Code::RateLimited => return Ok(Kept::Missed(Code::RateLimited)),
            Err(error) => return Err(error),
        }
        let found = match self.sessions.look_by_itself(session).await {
            Ok(found) => found,
            Err(error) if error.code() == Code::EgressUnusable => return Ok(Kept::Missed(error.code())),
            Err(error) => return Err(error),
        };
        let found = match found {
            (Validity::Unknown, Some(at)) => {
                // What wants to be left alone for longer is asked all the same.
                let latest = self.clock.now() + self.policy().longest_pause;
                return Ok(Kept::HeldBack(at.min(latest)));
            }
            (Validity::Dead, _) => Validity::Dead,
            (told, _) => return Ok(Kept::Probed(told)),
        };
        let verdict = self.refreshes.judge(store, Some(keeping)).await?;
        if verdict.can {
            return self.renew(session).await;
        }
        if !verdict.reason.passes() {
            self.refreshes.mark(&session.merchant_uid, verdict.reason).await;
        }
        Ok(Kept::Probed(found))
    }

    /// Says when to look next. What a person must mend is not looked at by itself: a sign-in makes it due.
    async fn come_again(&self, uid: &MerchantUid, before: &Keeping, kept: Kept) -> Result<()> {
        let Some(store) = self.database.find_store(&Tenant::All, uid).await? else { return Ok(()) };
        let Some(session) = self.database.session(&Tenant::All, uid).await? else {
            return Ok(self.database.schedule(uid, None, before.failures).await?);
        };
        let Some(keeping) = self.database.keeping(uid).await? else { return Ok(()) };
        let named = named_time(kept, &keeping);
        let (failures, pause) = match blame(kept, named) {
            Blame::Failed => (before.failures.saturating_add(1), before.failures.saturating_add(1)),
            // After the shortest pause: all come back soon once it is over.
            Blame::NotTried => (before.failures, 1),
            Blame::Nobody => (0, 0),
        };
        let standing = Standing { failures: pause, ..self.standing(&store, &session, &keeping).await? };
        let now = self.clock.now();
        let mut next = Some(next_look(&standing, self.policy(), now));
        if session.validity == Validity::Dead && session.needs_reauth {
            next = None;
        }
        let next = match (next, named) {
            (Some(next), Some(named)) => Some(next.max(named)),
            (next, _) => next,
        };
        // Somebody wanted it looked at earlier while this visit went on; what was said of a session that is renewed by now is over.
        let hastened = keeping.due_at.filter(|at| before.due_at.is_none_or(|then| *at < then));
        let next = match (hastened.filter(|_| kept != Kept::Renewed), next) {
            (Some(hastened), Some(next)) => Some(next.min(hastened)),
            (_, next) => next,
        };
        Ok(self.database.schedule(uid, next, failures).await?)
    }

    async fn standing(&self, store: &Store, session: &Session, keeping: &Keeping) -> Result<Standing> {
        let verdict = self.refreshes.judge(store, Some(keeping)).await?;
        Ok(Standing {
            validity: session.validity,
            authenticated_at: session.authenticated_at,
            checked_at: session.checked_at,
            used_at: keeping.used_at,
            estimate: self.refreshes.estimate(&store.merchant_uid).await?,
            failures: keeping.failures,
            can_refresh: verdict.can,
            spread: spread_of(&store.merchant_uid, session.generation),
        })
    }
}

/// The time that the portal, the circuit before it, the ledger or the breaker has named.
fn named_time(kept: Kept, keeping: &Keeping) -> Option<Timestamp> {
    match kept {
        Kept::HeldBack(at) => Some(at),
        Kept::Missed(code) => {
            keeping.outcome.as_ref().filter(|last| last.code == Some(code)).and_then(|last| last.retry_at)
        }
        _ => None,
    }
}

/// What a visit says of the store's own luck.
enum Blame {
    /// It failed for the network's or the portal's sake, and waits longer each time.
    Failed,
    /// The portal was not asked, or is down for all: that says nothing of the store, and makes it wait no longer than all others.
    NotTried,
    /// It went well; or a person must mend it, which is no failure of the portal's and which no pause mends.
    Nobody,
}

fn blame(kept: Kept, named: Option<Timestamp>) -> Blame {
    match kept {
        Kept::Probed(Validity::Unknown) => Blame::Failed,
        Kept::HeldBack(_) | Kept::Missed(Code::SessionRefreshing | Code::RateLimited) => Blame::NotTried,
        Kept::Missed(Code::PortalUnavailable) if named.is_some() => Blame::NotTried,
        Kept::Missed(code) if !needs_person(code) => Blame::Failed,
        _ => Blame::Nobody,
    }
}
