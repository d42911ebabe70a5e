//! What keeping sessions alive needs, in memory. Batches, jobs and imports are the database's own matter and not kept here.

use std::collections::{HashMap, HashSet};

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::audit::{Actor, AuditEntry, AuditFilter, NewAudit};
use kaspi_auth_core::batch::{Batch, BatchId, BatchItem, BatchStores};
use kaspi_auth_core::calls::Calls;
use kaspi_auth_core::id::{MerchantUid, NodeId};
use kaspi_auth_core::import::{FoundStore, Imported};
use kaspi_auth_core::job::{JobFigures, JobFilter, JobView, NewJob};
use kaspi_auth_core::keeping::{
    Attempt, AttemptKind, AttemptRequest, Breaker, CountedFailure, Freeze, Keeping, LeaseAsked, Observation,
    RefreshLease, RefreshOutcome,
};
use kaspi_auth_core::port::{
    Answered, AttemptRepository, AuditRepository, BatchRepository, BreakerRepository, CallRepository, Device,
    ImportRepository, JobRepository, KeepingRepository, TimelineRepository,
};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::{Entry, NewEntry};

use super::{Memory, absent, done};

/// The tables.
#[derive(Default)]
pub struct Kept {
    rows: HashMap<MerchantUid, Row>,
    observations: HashMap<(MerchantUid, i64), Observation>,
    attempts: Vec<(String, AttemptKind, Timestamp)>,
    failures: Vec<(String, MerchantUid, Timestamp)>,
    breaker: Breaker,
    /// The login host's memory of this installation, for every account.
    pub device: Option<Device>,
    /// What was written down, oldest first.
    pub entries: Vec<NewEntry>,
}

#[derive(Default, Clone)]
struct Row {
    due_at: Option<Timestamp>,
    used_at: Option<Timestamp>,
    failures: u32,
    outcome: Option<RefreshOutcome>,
    epoch: i64,
    lease: Option<(RefreshLease, Timestamp)>,
}

impl Kept {
    /// Whether the lease is its holder's still.
    pub fn holds(&self, uid: &MerchantUid, lease: RefreshLease) -> bool {
        self.rows.get(uid).and_then(|row| row.lease).is_some_and(|(held, _)| held == lease)
    }

    /// What the last refresh came to is known no more.
    pub fn forget_outcome(&mut self, uid: &MerchantUid) {
        self.row(uid).outcome = None;
    }

    fn row(&mut self, uid: &MerchantUid) -> &mut Row {
        self.rows.entry(uid.clone()).or_default()
    }
}

impl KeepingRepository for Memory {
    fn keeping<'a>(&'a self, uid: &'a MerchantUid) -> Answered<'a, Option<Keeping>> {
        let mut tables = self.tables();
        if !tables.stores.iter().any(|store| store.merchant_uid == *uid) {
            return done(Ok(None));
        }
        let row = tables.kept.row(uid).clone();
        done(Ok(Some(Keeping {
            merchant_uid: uid.clone(),
            due_at: row.due_at,
            used_at: row.used_at,
            failures: row.failures,
            outcome: row.outcome,
            lease: row.lease,
        })))
    }

    fn schedule<'a>(
        &'a self,
        uid: &'a MerchantUid,
        due_at: Option<Timestamp>,
        failures: u32,
    ) -> Answered<'a, ()> {
        let mut tables = self.tables();
        let row = tables.kept.row(uid);
        (row.due_at, row.failures) = (due_at, failures);
        done(Ok(()))
    }

    fn hasten<'a>(&'a self, uid: &'a MerchantUid, at: Timestamp) -> Answered<'a, ()> {
        let mut tables = self.tables();
        let row = tables.kept.row(uid);
        row.due_at = Some(row.due_at.map_or(at, |due| due.min(at)));
        done(Ok(()))
    }

    fn bring_back(&self, now: Timestamp, latest: Timestamp) -> Answered<'_, u64> {
        let mut tables = self.tables();
        let late = tables.kept.rows.values_mut().filter(|row| row.due_at.is_some_and(|due| due > latest));
        let brought = late.map(|row| row.due_at = Some(now)).count();
        done(Ok(brought as u64))
    }

    fn note_uses<'a>(&'a self, uses: &'a [(MerchantUid, Timestamp)]) -> Answered<'a, ()> {
        let mut tables = self.tables();
        for (uid, at) in uses {
            let row = tables.kept.row(uid);
            row.used_at = row.used_at.max(Some(*at));
        }
        done(Ok(()))
    }

    fn acquire_refresh_lease<'a>(
        &'a self,
        uid: &'a MerchantUid,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Answered<'a, LeaseAsked> {
        let mut tables = self.tables();
        let row = tables.kept.row(uid);
        let wrong = until + now.duration_until(until);
        if let Some((held, until)) = row.lease.filter(|(_, end)| now < *end && *end <= wrong) {
            return done(Ok(LeaseAsked::Held { epoch: held.epoch, until }));
        }
        row.epoch = (row.epoch + 1).max(now.as_microsecond());
        let lease = RefreshLease { node, epoch: row.epoch };
        row.lease = Some((lease, until));
        done(Ok(LeaseAsked::Granted(lease)))
    }

    fn renew_refresh_lease<'a>(
        &'a self,
        uid: &'a MerchantUid,
        lease: RefreshLease,
        until: Timestamp,
    ) -> Answered<'a, bool> {
        let mut tables = self.tables();
        let held = tables.kept.holds(uid, lease);
        if held {
            tables.kept.row(uid).lease = Some((lease, until));
        }
        done(Ok(held))
    }

    fn end_refresh<'a>(
        &'a self,
        uid: &'a MerchantUid,
        lease: RefreshLease,
        outcome: &'a RefreshOutcome,
    ) -> Answered<'a, bool> {
        let mut tables = self.tables();
        let held = tables.kept.holds(uid, lease);
        if held {
            let row = tables.kept.row(uid);
            (row.lease, row.outcome) = (None, Some(outcome.clone()));
        }
        done(Ok(held))
    }

    fn observe<'a>(
        &'a self,
        uid: &'a MerchantUid,
        observation: Observation,
        _: Timestamp,
    ) -> Answered<'a, ()> {
        let mut tables = self.tables();
        let seen =
            tables.kept.observations.entry((uid.clone(), observation.generation)).or_insert(observation);
        if !seen.died {
            *seen = observation;
        }
        done(Ok(()))
    }

    fn observations<'a>(&'a self, uid: Option<&'a MerchantUid>, _: u32) -> Answered<'a, Vec<Observation>> {
        let tables = self.tables();
        let fits = |seen: &MerchantUid| uid.is_none_or(|uid| uid == seen);
        done(Ok(tables
            .kept
            .observations
            .iter()
            .filter(|((seen, _), _)| fits(seen))
            .map(|(_, one)| *one)
            .collect()))
    }

    fn prune_observations(&self, _: Timestamp, _: u32) -> Answered<'_, u64> {
        done(Ok(0))
    }
}

impl AttemptRepository for Memory {
    fn take_attempt<'a>(&'a self, request: AttemptRequest<'a>) -> Answered<'a, Attempt> {
        let mut tables = self.tables();
        let key = request.account.canonical();
        let since = request.now - request.budget.window;
        let counted: Vec<Timestamp> = tables
            .kept
            .attempts
            .iter()
            .filter(|(account, kind, at)| *account == key && *kind == request.kind && *at > since)
            .map(|(_, _, at)| *at)
            .collect();
        let full = request.budget.limit > 0 && counted.len() >= request.budget.limit as usize;
        if full {
            let until = counted.into_iter().min().unwrap_or(request.now) + request.budget.window;
            return done(Ok(Attempt::Refused { until }));
        }
        tables.kept.attempts.push((key, request.kind, request.now));
        done(Ok(Attempt::Granted))
    }

    fn attempts<'a>(
        &'a self,
        account: &'a Account,
        kind: AttemptKind,
        since: Timestamp,
    ) -> Answered<'a, (u32, Option<Timestamp>)> {
        let tables = self.tables();
        let key = account.canonical();
        let counted: Vec<Timestamp> = tables
            .kept
            .attempts
            .iter()
            .filter(|(account, seen, at)| *account == key && *seen == kind && *at > since)
            .map(|(_, _, at)| *at)
            .collect();
        done(Ok((u32::try_from(counted.len()).unwrap(), counted.into_iter().min())))
    }

    fn prune_attempts(&self, _: Timestamp, _: u32) -> Answered<'_, u64> {
        done(Ok(0))
    }
}

impl BreakerRepository for Memory {
    fn breaker(&self) -> Answered<'_, Breaker> {
        done(Ok(self.tables().kept.breaker.clone()))
    }

    fn count_failure<'a>(&'a self, failure: CountedFailure<'a>) -> Answered<'a, bool> {
        let mut tables = self.tables();
        let kept = &mut tables.kept;
        let CountedFailure { signature, merchant_uid, now, policy } = failure;
        if let Breaker::Frozen(freeze) = &mut kept.breaker {
            if freeze.canary.as_ref().is_some_and(|(canary, _)| canary == merchant_uid) {
                (freeze.canary, freeze.next_canary_at) = (None, now + policy.canary_every);
            }
            return done(Ok(false));
        }
        kept.failures.push((signature.to_owned(), merchant_uid.clone(), now));
        let since = now - policy.window;
        let stores: HashSet<_> = kept
            .failures
            .iter()
            .filter(|(seen, _, at)| seen == signature && *at > since)
            .map(|(_, uid, _)| uid.clone())
            .collect();
        let stores = u32::try_from(stores.len()).unwrap();
        let opens = policy.stores > 0 && stores >= policy.stores;
        if opens {
            kept.breaker = Breaker::Frozen(Freeze {
                signature: signature.to_owned(),
                since: now,
                stores,
                canary: None,
                next_canary_at: now + policy.canary_every,
            });
        }
        done(Ok(opens))
    }

    fn take_canary<'a>(
        &'a self,
        uid: &'a MerchantUid,
        now: Timestamp,
        until: Timestamp,
        next: Timestamp,
    ) -> Answered<'a, bool> {
        let mut tables = self.tables();
        let Breaker::Frozen(freeze) = &mut tables.kept.breaker else { return done(Ok(false)) };
        let wrong = until.max(next) + kaspi_auth_core::keeping::CLOCKS_DIFFER;
        let is_ahead = |at: Timestamp| now < at && at <= wrong;
        let another = freeze.canary.as_ref().is_some_and(|(_, until)| is_ahead(*until));
        if another || is_ahead(freeze.next_canary_at) {
            return done(Ok(false));
        }
        (freeze.canary, freeze.next_canary_at) = (Some((uid.clone(), until)), next);
        done(Ok(true))
    }

    fn thaw(&self) -> Answered<'_, bool> {
        let mut tables = self.tables();
        let was = std::mem::take(&mut tables.kept.breaker);
        tables.kept.failures.clear();
        done(Ok(was != Breaker::Closed))
    }
}

impl TimelineRepository for Memory {
    fn append_entry<'a>(&'a self, entry: &'a NewEntry) -> Answered<'a, ()> {
        self.tables().kept.entries.push(entry.clone());
        done(Ok(()))
    }

    fn list_entries<'a>(
        &'a self,
        _: &'a Tenant,
        _: &'a MerchantUid,
        _: Option<i64>,
        _: u32,
    ) -> Answered<'a, Option<Vec<Entry>>> {
        absent("list_entries")
    }

    fn trouble_since<'a>(&'a self, uid: &'a MerchantUid) -> Answered<'a, Option<Timestamp>> {
        let tables = self.tables();
        let newest = tables.kept.entries.iter().rev().filter(|entry| entry.merchant_uid == *uid);
        let trouble = newest.take_while(|entry| ["dead", "needs_reauth", "none"].contains(&&*entry.after));
        done(Ok(trouble.last().map(|entry| entry.at)))
    }

    fn prune_entries(&self, _: Timestamp, _: u32) -> Answered<'_, u64> {
        done(Ok(0))
    }
}

impl CallRepository for Memory {
    fn add_calls<'a>(&'a self, _: &'a [Calls]) -> Answered<'a, ()> {
        absent("add_calls")
    }

    fn calls<'a>(&'a self, _: &'a Tenant, _: &'a MerchantUid) -> Answered<'a, Option<Vec<Calls>>> {
        absent("calls")
    }
}

impl AuditRepository for Memory {
    fn append_audit<'a>(&'a self, _entries: &'a [NewAudit]) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn list_audit<'a>(&'a self, _filter: &'a AuditFilter) -> Answered<'a, Vec<AuditEntry>> {
        absent("keeping")
    }

    fn prune_audit(&self, _: Timestamp, _: u32) -> Answered<'_, u64> {
        done(Ok(0))
    }
}

impl BatchRepository for Memory {
    fn insert_batch<'a>(
        &'a self,
        _tenant: &'a Tenant,
        _batch: &'a Batch,
        _stores: &'a BatchStores,
    ) -> Answered<'a, Batch> {
        absent("keeping")
    }

    fn count_open_batches<'a>(&'a self, _tenant: &'a Tenant) -> Answered<'a, u32> {
        absent("keeping")
    }

    fn stalled_batches(&self, _limit: u32) -> Answered<'_, Vec<Batch>> {
        absent("keeping")
    }

    fn find_batch<'a>(&'a self, _tenant: &'a Tenant, _id: BatchId) -> Answered<'a, Option<Batch>> {
        absent("keeping")
    }

    fn list_batch<'a>(
        &'a self,
        _tenant: &'a Tenant,
        _id: BatchId,
        _after: Option<&'a MerchantUid>,
        _limit: u32,
    ) -> Answered<'a, Vec<BatchItem>> {
        absent("keeping")
    }

    fn pending_of_batch(&self, _id: BatchId, _limit: u32) -> Answered<'_, Vec<MerchantUid>> {
        absent("keeping")
    }

    fn note_batch_item<'a>(&'a self, _id: BatchId, _item: &'a BatchItem) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn go_on_with_batch<'a>(
        &'a self,
        _id: BatchId,
        _next: &'a NewJob,
        _now: Timestamp,
    ) -> Answered<'a, bool> {
        absent("keeping")
    }

    fn prune_batches(&self, _: Timestamp, _: u32) -> Answered<'_, u64> {
        done(Ok(0))
    }
}

impl JobRepository for Memory {
    fn push_job<'a>(&'a self, _job: &'a NewJob) -> Answered<'a, bool> {
        absent("keeping")
    }

    fn push_due_stores(&self, _now: Timestamp, _again: Timestamp, _limit: u32) -> Answered<'_, u32> {
        absent("keeping")
    }

    fn list_jobs<'a>(&'a self, _filter: &'a JobFilter) -> Answered<'a, Vec<JobView>> {
        absent("keeping")
    }

    fn job_figures(&self) -> Answered<'_, JobFigures> {
        absent("keeping")
    }

    fn prune_jobs(&self, _: Timestamp, _: u32) -> Answered<'_, u64> {
        done(Ok(0))
    }
}

impl ImportRepository for Memory {
    fn import_store<'a>(
        &'a self,
        _found: &'a FoundStore,
        _by: Option<&'a Actor>,
        _now: Timestamp,
    ) -> Answered<'a, Imported> {
        absent("keeping")
    }
}
