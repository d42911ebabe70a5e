//! Batches and their stores. A batch's first job is put into the queue with it, and so is each that follows.

use std::collections::BTreeMap;

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::batch::{Batch, BatchId, BatchItem, BatchKind, BatchStores};
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::job::{Job, NewJob};
use kaspi_auth_core::port::{Answered, BatchRepository, RepositoryError};
use kaspi_auth_core::tenant::Tenant;
use uuid::Uuid;

use crate::database::SqlDatabase;
use crate::failure;
use crate::jobs::{Envelope, whole_seconds};
use crate::pool::{read, transaction, tx_rows, tx_write, write};
use crate::statements::batches as statements;
use crate::statements::jobs::{ANY_LIVE, PUSH};
use crate::values::{from_micros, without_nul};

const TABLE: &str = "kaspi_auth_batches";
/// What comes of a store that is not the tenant's.
const NOT_FOUND: &str = "store_not_found";

#[derive(Debug, sqlx::FromRow)]
struct BatchRow {
    id: Uuid,
    user_id: Option<String>,
    kind: String,
    total: i64,
    created_at: i64,
    ended_at: Option<i64>,
}

#[derive(Debug, sqlx::FromRow)]
struct ItemRow {
    merchant_id: String,
    result: Option<String>,
    detail: String,
}

impl BatchRepository for SqlDatabase {
    fn insert_batch<'a>(
        &'a self,
        tenant: &'a Tenant,
        batch: &'a Batch,
        stores: &'a BatchStores,
    ) -> Answered<'a, Batch> {
        Box::pin(self.store_batch(tenant, batch, stores))
    }

    fn count_open_batches<'a>(&'a self, tenant: &'a Tenant) -> Answered<'a, u32> {
        Box::pin(async move {
            let (all, user) = holder(tenant);
            let rows = read!(&self.pool, statements::COUNT_OPEN => (i64,), all, user)?;
            Ok(rows.first().map_or(0, |(open,)| count(*open)))
        })
    }

    fn stalled_batches(&self, limit: u32) -> Answered<'_, Vec<Batch>> {
        Box::pin(async move {
            let open = read!(&self.pool, statements::OPEN => BatchRow, i64::from(limit))?;
            let mut stalled = Vec::new();
            for row in open {
                // A part's job, its retries and the next part's are put in before the one before them ends.
                let from = format!("batch:{}:", row.id);
                let to = format!("batch:{};", row.id);
                if read!(&self.pool, self.pool.pick(ANY_LIVE) => (i32,), from, to)?.is_empty() {
                    stalled.push(row.batch(BTreeMap::new())?);
                }
            }
            Ok(stalled)
        })
    }

    fn find_batch<'a>(&'a self, tenant: &'a Tenant, id: BatchId) -> Answered<'a, Option<Batch>> {
        Box::pin(async move {
            let (all, user) = holder(tenant);
            let rows = read!(&self.pool, statements::FIND => BatchRow, id.0, all, user)?;
            let Some(row) = rows.into_iter().next() else { return Ok(None) };
            let counted = read!(&self.pool, statements::RESULTS => (String, i64), id.0)?;
            let results = counted.into_iter().map(|(result, stores)| (result, count(stores))).collect();
            row.batch(results).map(Some)
        })
    }

    fn list_batch<'a>(
        &'a self,
        tenant: &'a Tenant,
        id: BatchId,
        after: Option<&'a MerchantUid>,
        limit: u32,
    ) -> Answered<'a, Vec<BatchItem>> {
        Box::pin(async move {
            let (all, user) = holder(tenant);
            let after = after.map_or_else(String::new, ToString::to_string);
            let rows =
                read!(&self.pool, statements::LIST => ItemRow, id.0, all, user, after, i64::from(limit))?;
            Ok(rows
                .into_iter()
                .filter_map(|row| {
                    let merchant_uid = MerchantUid::parse(&row.merchant_id).ok()?;
                    Some(BatchItem { merchant_uid, result: row.result, detail: row.detail })
                })
                .collect())
        })
    }

    fn pending_of_batch(&self, id: BatchId, limit: u32) -> Answered<'_, Vec<MerchantUid>> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::PENDING => (String,), id.0, i64::from(limit))?;
            let mut pending = Vec::with_capacity(rows.len());
            for (text,) in rows {
                match MerchantUid::parse(&text) {
                    Ok(uid) => pending.push(uid),
                    // A row of an adopted table that is no store.
                    Err(_) => {
                        write!(&self.pool, statements::NOTE, id.0, text, Some(NOT_FOUND), "")?;
                    }
                }
            }
            Ok(pending)
        })
    }

    fn note_batch_item<'a>(&'a self, id: BatchId, item: &'a BatchItem) -> Answered<'a, ()> {
        Box::pin(async move {
            let uid = item.merchant_uid.as_str();
            let result = item.result.as_deref();
            write!(&self.pool, statements::NOTE, id.0, uid, result, without_nul(&item.detail)).map(drop)
        })
    }

    fn go_on_with_batch<'a>(&'a self, id: BatchId, next: &'a NewJob, now: Timestamp) -> Answered<'a, bool> {
        Box::pin(async move {
            let push = self.pool.pick(PUSH);
            let task = Envelope::first(next).to_json()?;
            let ended = transaction!(&self.pool, |tx| {
                tx_write!(tx, statements::END, id.0, now.as_microsecond())?;
                let goes_on = !tx_rows!(tx, statements::GOES_ON => (i32,), id.0)?.is_empty();
                if goes_on {
                    let at = next.run_after.map(whole_seconds);
                    tx_write!(tx, push, task, next.key.as_str(), at, 0.0)?;
                }
                !goes_on
            });
            Ok(ended)
        })
    }

    fn prune_batches(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(
            async move { write!(&self.pool, statements::PRUNE, before.as_microsecond(), i64::from(limit)) },
        )
    }
}

impl SqlDatabase {
    async fn store_batch(
        &self,
        tenant: &Tenant,
        batch: &Batch,
        stores: &BatchStores,
    ) -> Result<Batch, RepositoryError> {
        let id = batch.id.0;
        let created_at = batch.created_at.as_microsecond();
        // A tenant that no row can be of holds nothing.
        let nobody = self.users.nobody();
        let seen = self.seen(tenant);
        let (all, user) = seen.as_ref().map_or((false, &nobody), |seen| (seen.all, &seen.user));
        let push = self.pool.pick(PUSH);
        let first = NewJob {
            job: Job::Batch { batch: batch.id, part: 0 },
            key: format!("batch:{}:0", batch.id),
            run_after: None,
        };
        let task = Envelope::first(&first).to_json()?;
        let (total, ended) = transaction!(&self.pool, |tx| {
            let holder = batch.user_id.as_ref().map(UserId::as_str);
            tx_write!(tx, statements::INSERT, id, holder, batch.kind.as_str(), created_at)?;
            match stores {
                BatchStores::All => {
                    tx_write!(tx, statements::ADD_ALL, id, all, user)?;
                }
                BatchStores::These(uids) => {
                    for uid in uids {
                        tx_write!(tx, statements::ADD_ONE, id, uid.as_str(), all, user, NOT_FOUND)?;
                    }
                }
            }
            let rows = tx_rows!(tx, statements::COUNT => (i64, i64), id)?;
            let (total, pending) = rows.first().copied().unwrap_or_default();
            let ended = pending == 0;
            tx_write!(tx, statements::SET_TOTAL, id, total, ended.then_some(created_at))?;
            if !ended {
                tx_write!(tx, push, task, first.key.as_str(), None::<i64>, 0.0)?;
            }
            (total, ended)
        });
        let results = match stores {
            BatchStores::All => BTreeMap::new(),
            BatchStores::These(_) => read!(&self.pool, statements::RESULTS => (String, i64), id)?
                .into_iter()
                .map(|(result, stores)| (result, count(stores)))
                .collect(),
        };
        let ended_at = ended.then_some(batch.created_at);
        Ok(Batch { total: count(total), results, ended_at, ..batch.clone() })
    }
}

impl BatchRow {
    fn batch(self, results: BTreeMap<String, u32>) -> Result<Batch, RepositoryError> {
        let kind = BatchKind::parse(&self.kind)
            .ok_or_else(|| failure::corrupt(TABLE, "kind", &self.id, "an unknown kind"))?;
        let user_id = self
            .user_id
            .map(|user| UserId::parse(&user))
            .transpose()
            .map_err(|error| failure::corrupt(TABLE, "user_id", &self.id, error))?;
        Ok(Batch {
            id: BatchId(self.id),
            user_id,
            kind,
            total: count(self.total),
            results,
            created_at: from_micros(self.created_at),
            ended_at: self.ended_at.map(from_micros),
        })
    }
}

/// Whose batches a tenant sees: all, or those of this user.
fn holder(tenant: &Tenant) -> (bool, Option<&str>) {
    match tenant {
        Tenant::All => (true, None),
        Tenant::User(user) => (false, Some(user.as_str())),
    }
}

fn count(stores: i64) -> u32 {
    u32::try_from(stores).unwrap_or(u32::MAX)
}
