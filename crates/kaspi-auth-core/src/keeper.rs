//! Looks after the stores that are due, one at a time: probes, renews, and says when to look next. Never asks a person for anything.

use std::sync::Arc;

use jiff::SignedDuration;

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
        if found != Validity::Dead {
            return Ok(Kept::Probed(found));
        }
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
        let failed = match kept {
            Kept::Probed(Validity::Unknown) => true,
            // What a person must mend is not the network's or the portal's failure, and no pause mends it; nor is a turn that was not had.
            Kept::Missed(code) => {
                !matches!(code, Code::SessionRefreshing | Code::RateLimited) && !needs_person(code)
            }
            _ => false,
        };
        let failures = if failed { before.failures.saturating_add(1) } else { 0 };
        let Some(store) = self.database.find_store(&Tenant::All, uid).await? else { return Ok(()) };
        let Some(session) = self.database.session(&Tenant::All, uid).await? else {
            return Ok(self.database.schedule(uid, None, failures).await?);
        };
        let Some(keeping) = self.database.keeping(uid).await? else { return Ok(()) };
        let standing = Standing { failures, ..self.standing(&store, &session, &keeping).await? };
        let now = self.clock.now();
        let mut next = Some(next_look(&standing, self.policy(), now));
        if session.validity == Validity::Dead && session.needs_reauth {
            next = None;
        }
        // The portal, the ledger or the breaker has named a time.
        let named = keeping
            .outcome
            .as_ref()
            .filter(|last| matches!(kept, Kept::Missed(code) if last.code == Some(code)))
            .and_then(|last| last.retry_at);
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
