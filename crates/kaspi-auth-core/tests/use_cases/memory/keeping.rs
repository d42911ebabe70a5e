//! What keeping sessions alive needs, in memory.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::audit::{AuditEntry, AuditFilter, NewAudit};
use kaspi_auth_core::batch::{Batch, BatchId, BatchItem, BatchStores};
use kaspi_auth_core::id::{MerchantUid, NodeId};
use kaspi_auth_core::import::{FoundStore, Imported};
use kaspi_auth_core::job::{JobFigures, JobFilter, JobView, NewJob};
use kaspi_auth_core::keeping::{
    Attempt, AttemptKind, AttemptRequest, Breaker, CountedFailure, Keeping, LeaseAsked, Observation,
    RefreshLease, RefreshOutcome,
};
use kaspi_auth_core::port::{
    Answered, AttemptRepository, AuditRepository, BatchRepository, BreakerRepository, ImportRepository,
    JobRepository, KeepingRepository, TimelineRepository,
};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::{Entry, NewEntry};

use super::{Memory, absent};

impl KeepingRepository for Memory {
    fn keeping<'a>(&'a self, _uid: &'a MerchantUid) -> Answered<'a, Option<Keeping>> {
        absent("keeping")
    }

    fn schedule<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _due_at: Option<Timestamp>,
        _failures: u32,
    ) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn hasten<'a>(&'a self, _uid: &'a MerchantUid, _at: Timestamp) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn note_uses<'a>(&'a self, _uses: &'a [(MerchantUid, Timestamp)]) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn acquire_refresh_lease<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _node: NodeId,
        _now: Timestamp,
        _until: Timestamp,
    ) -> Answered<'a, LeaseAsked> {
        absent("keeping")
    }

    fn renew_refresh_lease<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _lease: RefreshLease,
        _until: Timestamp,
    ) -> Answered<'a, bool> {
        absent("keeping")
    }

    fn end_refresh<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _lease: RefreshLease,
        _outcome: &'a RefreshOutcome,
    ) -> Answered<'a, bool> {
        absent("keeping")
    }

    fn observe<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _observation: Observation,
        _at: Timestamp,
    ) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn observations<'a>(
        &'a self,
        _uid: Option<&'a MerchantUid>,
        _limit: u32,
    ) -> Answered<'a, Vec<Observation>> {
        absent("keeping")
    }

    fn prune_observations(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        absent("keeping")
    }
}

impl AttemptRepository for Memory {
    fn take_attempt<'a>(&'a self, _request: AttemptRequest<'a>) -> Answered<'a, Attempt> {
        absent("keeping")
    }

    fn attempts<'a>(
        &'a self,
        _account: &'a Account,
        _kind: AttemptKind,
        _since: Timestamp,
    ) -> Answered<'a, (u32, Option<Timestamp>)> {
        absent("keeping")
    }

    fn prune_attempts(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        absent("keeping")
    }
}

impl BreakerRepository for Memory {
    fn breaker(&self) -> Answered<'_, Breaker> {
        absent("keeping")
    }

    fn count_failure<'a>(&'a self, _failure: CountedFailure<'a>) -> Answered<'a, bool> {
        absent("keeping")
    }

    fn take_canary<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _now: Timestamp,
        _until: Timestamp,
        _next: Timestamp,
    ) -> Answered<'a, bool> {
        absent("keeping")
    }

    fn thaw(&self) -> Answered<'_, bool> {
        absent("keeping")
    }
}

impl TimelineRepository for Memory {
    fn append_entry<'a>(&'a self, _entry: &'a NewEntry) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn list_entries<'a>(
        &'a self,
        _tenant: &'a Tenant,
        _uid: &'a MerchantUid,
        _before: Option<i64>,
        _limit: u32,
    ) -> Answered<'a, Option<Vec<Entry>>> {
        absent("keeping")
    }

    fn prune_entries(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        absent("keeping")
    }
}

impl AuditRepository for Memory {
    fn append_audit<'a>(&'a self, _entries: &'a [NewAudit]) -> Answered<'a, ()> {
        absent("keeping")
    }

    fn list_audit<'a>(&'a self, _filter: &'a AuditFilter) -> Answered<'a, Vec<AuditEntry>> {
        absent("keeping")
    }

    fn prune_audit(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        absent("keeping")
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

    fn prune_batches(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        absent("keeping")
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

    fn prune_jobs(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        absent("keeping")
    }
}

impl ImportRepository for Memory {
    fn import_store<'a>(
        &'a self,
        _found: &'a FoundStore,
        _apply: bool,
        _now: Timestamp,
    ) -> Answered<'a, Imported> {
        absent("keeping")
    }
}
