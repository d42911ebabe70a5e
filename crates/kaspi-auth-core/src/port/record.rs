//! What is written down beside the data itself: timelines, calls through the gateway, the audit log, batches, the job queue, stores on their way in.

use jiff::Timestamp;

use super::Answered;
use crate::audit::{Actor, AuditEntry, AuditFilter, NewAudit};
use crate::batch::{Batch, BatchId, BatchItem, BatchStores};
use crate::calls::Calls;
use crate::id::MerchantUid;
use crate::import::{FoundStore, Imported};
use crate::job::{JobFigures, JobFilter, JobView, NewJob};
use crate::tenant::Tenant;
use crate::timeline::{Entry, NewEntry};

/// Timelines of stores.
pub trait TimelineRepository: Send + Sync {
    /// Appends an entry; one that says the same as the store's newest is counted there.
    fn append_entry<'a>(&'a self, entry: &'a NewEntry) -> Answered<'a, ()>;

    /// A store's entries before a cursor, newest first; `None`: not the tenant's.
    fn list_entries<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
        before: Option<i64>,
        limit: u32,
    ) -> Answered<'a, Option<Vec<Entry>>>;

    /// When the store's present trouble began: its first entry since the newest that left it otherwise than dead, without a session or waiting for a
    /// person. `None`: it is in none, or nothing is written of it.
    fn trouble_since<'a>(&'a self, uid: &'a MerchantUid) -> Answered<'a, Option<Timestamp>>;

    /// Deletes entries before `before`, at most `limit`.
    fn prune_entries(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// How stores' calls of the cabinet went.
pub trait CallRepository: Send + Sync {
    /// Adds calls to those that there were, in one transaction. Those of a store that is gone are left out.
    fn add_calls<'a>(&'a self, calls: &'a [Calls]) -> Answered<'a, ()>;

    /// A store's calls, by outcome; `None`: not the tenant's.
    fn calls<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Vec<Calls>>>;
}

/// The audit log. The database itself refuses changes of it.
pub trait AuditRepository: Send + Sync {
    /// Appends entries, in one transaction.
    fn append_audit<'a>(&'a self, entries: &'a [NewAudit]) -> Answered<'a, ()>;

    /// Entries that fit, newest first.
    fn list_audit<'a>(&'a self, filter: &'a AuditFilter) -> Answered<'a, Vec<AuditEntry>>;

    /// Deletes entries before `before`, at most `limit`. The database refuses it for entries of the last 30 days.
    fn prune_audit(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// Batches.
pub trait BatchRepository: Send + Sync {
    /// Stores a batch with its stores and its first job; answers it with its total. `total` and `results` of `batch` are not read.
    fn insert_batch<'a>(
        &'a self,
        tenant: &'a Tenant,
        batch: &'a Batch,
        stores: &'a BatchStores,
    ) -> Answered<'a, Batch>;

    /// How many batches of the tenant's own go on.
    fn count_open_batches<'a>(&'a self, tenant: &'a Tenant) -> Answered<'a, u32>;

    /// Batches that go on although no job of theirs waits or runs, oldest first.
    fn stalled_batches(&self, limit: u32) -> Answered<'_, Vec<Batch>>;

    /// A batch of the tenant's.
    fn find_batch<'a>(&'a self, tenant: &'a Tenant, id: BatchId) -> Answered<'a, Option<Batch>>;

    /// The stores of a batch of the tenant's after a cursor, in the order of their uid.
    fn list_batch<'a>(
        &'a self,
        tenant: &'a Tenant,
        id: BatchId,
        after: Option<&'a MerchantUid>,
        limit: u32,
    ) -> Answered<'a, Vec<BatchItem>>;

    /// Stores of the batch that are not done yet.
    fn pending_of_batch(&self, id: BatchId, limit: u32) -> Answered<'_, Vec<MerchantUid>>;

    /// Notes what came of a store. Noted twice, the first counts.
    fn note_batch_item<'a>(&'a self, id: BatchId, item: &'a BatchItem) -> Answered<'a, ()>;

    /// Ends a batch that has no store left, or puts `next` into the queue: one transaction.
    fn go_on_with_batch<'a>(&'a self, id: BatchId, next: &'a NewJob, now: Timestamp) -> Answered<'a, bool>;

    /// Deletes batches that ended before `before`, at most `limit`.
    fn prune_batches(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// The job queue. What runs the jobs is the store's worker; what they do is the process's.
pub trait JobRepository: Send + Sync {
    /// Puts a job into the queue; `false`: one with its key is there already.
    fn push_job<'a>(&'a self, job: &'a NewJob) -> Answered<'a, bool>;

    /// Puts a job into the queue for each store that is due at `now`, at most `limit`, and moves its due time to `again`, where it is looked at should
    /// the job be lost: one transaction. Its cost grows with what is due, not with all stores. Answers how many.
    fn push_due_stores(&self, now: Timestamp, again: Timestamp, limit: u32) -> Answered<'_, u32>;

    /// Jobs that fit, newest first.
    fn list_jobs<'a>(&'a self, filter: &'a JobFilter) -> Answered<'a, Vec<JobView>>;

    /// How the queue fares.
    fn job_figures(&self) -> Answered<'_, JobFigures>;

    /// Deletes jobs that ended before `before`, at most `limit`.
    fn prune_jobs(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// Stores on their way in.
pub trait ImportRepository: Send + Sync {
    /// Says what becomes of a found store and, where somebody takes it over, does it: sealed with the newest key, nothing overwritten that is newer
    /// here; one transaction, with its entries in the store's timeline and in the audit log.
    fn import_store<'a>(
        &'a self,
        found: &'a FoundStore,
        by: Option<&'a Actor>,
        now: Timestamp,
    ) -> Answered<'a, Imported>;
}
