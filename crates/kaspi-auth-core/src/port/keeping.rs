//! What keeping sessions alive needs of the database: due times, leases, lifetimes, the attempt ledger, the mass-failure breaker.

use jiff::Timestamp;

use super::Answered;
use crate::account::Account;
use crate::id::{MerchantUid, NodeId};
use crate::keeping::{
    Attempt, AttemptKind, AttemptRequest, Breaker, CountedFailure, Keeping, LeaseAsked, Observation,
    RefreshLease, RefreshOutcome,
};

/// What is known of keeping each store alive. A row stands there for every store, whoever made it: new ones and those whose session another
/// program has changed are due at once.
pub trait KeepingRepository: Send + Sync {
    /// Of one store; `None`: there is no such store.
    fn keeping<'a>(&'a self, uid: &'a MerchantUid) -> Answered<'a, Option<Keeping>>;

    /// Says when the store is looked at next, and how many failures in a row there were.
    fn schedule<'a>(
        &'a self,
        uid: &'a MerchantUid,
        due_at: Option<Timestamp>,
        failures: u32,
    ) -> Answered<'a, ()>;

    /// Brings the next look forward to `at`, if it is later or none.
    fn hasten<'a>(&'a self, uid: &'a MerchantUid, at: Timestamp) -> Answered<'a, ()>;

    /// Makes stores due at `now` that are due after `latest`: only a clock that was wrong puts them off so far. Answers how many there were.
    fn bring_back(&self, now: Timestamp, latest: Timestamp) -> Answered<'_, u64>;

    /// Notes when consumers last used sessions. What is older than stands there changes nothing. At most 1,000 at once.
    fn note_uses<'a>(&'a self, uses: &'a [(MerchantUid, Timestamp)]) -> Answered<'a, ()>;

    /// Asks for the right to refresh, until `until`. A lease whose time is over is taken over under a new epoch.
    fn acquire_refresh_lease<'a>(
        &'a self,
        uid: &'a MerchantUid,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Answered<'a, LeaseAsked>;

    /// Extends the lease; `false`: it is another's by now.
    fn renew_refresh_lease<'a>(
        &'a self,
        uid: &'a MerchantUid,
        lease: RefreshLease,
        until: Timestamp,
    ) -> Answered<'a, bool>;

    /// Ends the lease and notes what came of it: nodes that wait hear of it as of a change of the store. `false`: it is another's by now.
    fn end_refresh<'a>(
        &'a self,
        uid: &'a MerchantUid,
        lease: RefreshLease,
        outcome: &'a RefreshOutcome,
    ) -> Answered<'a, bool>;

    /// Notes the age of a session. The newest counts; a death stays one.
    fn observe<'a>(
        &'a self,
        uid: &'a MerchantUid,
        observation: Observation,
        at: Timestamp,
    ) -> Answered<'a, ()>;

    /// The newest observations of one store, or of all.
    fn observations<'a>(&'a self, uid: Option<&'a MerchantUid>, limit: u32)
    -> Answered<'a, Vec<Observation>>;

    /// Deletes observations noted before `before`, at most `limit`.
    fn prune_observations(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// The attempt ledger. Accounts stand there as keyed digests.
pub trait AttemptRepository: Send + Sync {
    /// Counts an attempt, unless the window is full: one decision over all nodes.
    fn take_attempt<'a>(&'a self, request: AttemptRequest<'a>) -> Answered<'a, Attempt>;

    /// How many were counted since then, and when the oldest of them was.
    fn attempts<'a>(
        &'a self,
        account: &'a Account,
        kind: AttemptKind,
        since: Timestamp,
    ) -> Answered<'a, (u32, Option<Timestamp>)>;

    /// Deletes attempts before `before`, at most `limit`.
    fn prune_attempts(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// The mass-failure breaker, one for all nodes.
pub trait BreakerRepository: Send + Sync {
    /// How it stands. Read at every automatic login.
    fn breaker(&self) -> Answered<'_, Breaker>;

    /// Counts a failure and opens the breaker where it is one too many: `true` for the call that did. Failures of the canary put the next one off by the
    /// policy's pause.
    fn count_failure<'a>(&'a self, failure: CountedFailure<'a>) -> Answered<'a, bool>;

    /// Asks to be the canary until `until`, the next one not before `next`: one at a time over all nodes. `false`: another is, or it is too early, or
    /// nothing is frozen.
    fn take_canary<'a>(
        &'a self,
        uid: &'a MerchantUid,
        now: Timestamp,
        until: Timestamp,
        next: Timestamp,
    ) -> Answered<'a, bool>;

    /// Closes it and forgets the counted failures; whether it was open.
    fn thaw(&self) -> Answered<'_, bool>;
}
