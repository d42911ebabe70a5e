//! Validate or refresh many stores in the background.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::batch::{Batch, BatchId, BatchItem, BatchKind, BatchStores};
use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::job::{Job, NewJob};
use crate::port::{Clock, Database, Ids};
use crate::sessions::Sessions;
use crate::tenant::Tenant;

/// The most stores that a batch names.
pub const MOST_NAMED: usize = 10_000;
/// Stores of one part.
const PART: u32 = 5;
/// A part that has taken so long leaves the rest to the next one: with its last store it still ends before the job's time-out.
const LONG_ENOUGH: SignedDuration = SignedDuration::from_mins(2);
/// How long one store of a batch may take.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// The use cases around batches.
pub struct Batches {
    database: Arc<dyn Database>,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Batches {
    /// Wires the use cases.
    pub fn new(
        database: Arc<dyn Database>,
        sessions: Arc<Sessions>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { database, sessions, clock, ids }
    }

    /// Begins a batch.
    ///
    /// # Errors
    /// `invalid_value`: too many stores are named, or none. The database's.
    pub async fn begin(&self, tenant: &Tenant, kind: BatchKind, stores: BatchStores) -> Result<Batch> {
        let stores = match stores {
            BatchStores::These(mut these) => {
                these.sort();
                these.dedup();
                if these.is_empty() || these.len() > MOST_NAMED {
                    let detail = format!("A batch names 1 to {MOST_NAMED} stores, or all.");
                    return Err(Error::new(Code::InvalidValue, detail));
                }
                BatchStores::These(these)
            }
            BatchStores::All => BatchStores::All,
        };
        let batch = Batch {
            id: BatchId(self.ids.uuid()),
            user_id: tenant.user().cloned(),
            kind,
            total: 0,
            results: BTreeMap::new(),
            created_at: self.clock.now(),
            ended_at: None,
        };
        Ok(self.database.insert_batch(tenant, &batch, &stores).await?)
    }

    /// How far a batch is.
    ///
    /// # Errors
    /// `batch_not_found`, also for another tenant's; the database's.
    pub async fn get(&self, tenant: &Tenant, id: BatchId) -> Result<Batch> {
        self.database.find_batch(tenant, id).await?.ok_or_else(|| Code::BatchNotFound.into())
    }

    /// What came of each store.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn items(
        &self,
        tenant: &Tenant,
        id: BatchId,
        after: Option<&MerchantUid>,
        limit: u32,
    ) -> Result<Vec<BatchItem>> {
        self.get(tenant, id).await?;
        Ok(self.database.list_batch(tenant, id, after, limit).await?)
    }

    /// Does a part of a batch, and puts the next one into the queue. Done twice, a part does only what is left.
    ///
    /// # Errors
    /// The database's.
    pub async fn do_part(&self, id: BatchId, part: u32) -> Result<()> {
        let Some(batch) = self.database.find_batch(&Tenant::All, id).await? else { return Ok(()) };
        if batch.ended_at.is_some() {
            return Ok(());
        }
        let tenant = batch.user_id.clone().map_or(Tenant::All, Tenant::User);
        let enough = self.clock.now() + LONG_ENOUGH;
        for uid in self.database.pending_of_batch(id, PART).await? {
            if self.clock.now() >= enough {
                break;
            }
            let (result, detail) = self.do_store(&tenant, batch.kind, &uid).await;
            let item = BatchItem { merchant_uid: uid, result: Some(result), detail };
            self.database.note_batch_item(id, &item).await?;
        }
        let next = part.saturating_add(1);
        let job = NewJob {
            job: Job::Batch { batch: id, part: next },
            key: format!("batch:{id}:{next}"),
            run_after: None,
        };
        self.database.go_on_with_batch(id, &job, self.clock.now()).await?;
        Ok(())
    }

    async fn do_store(&self, tenant: &Tenant, kind: BatchKind, uid: &MerchantUid) -> (String, String) {
        let told = match kind {
            BatchKind::Validate => self
                .sessions
                .validate(tenant, uid)
                .await
                .map(|found| (found.validity.as_str().to_owned(), found.reason)),
            BatchKind::Refresh => {
                self.refresh(tenant, uid).await.map(|()| ("refreshed".to_owned(), String::new()))
            }
        };
        told.unwrap_or_else(|error| (error.code().as_str().to_owned(), error.detail().to_owned()))
    }

    async fn refresh(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<()> {
        let until: Timestamp = self.clock.now() + PATIENCE;
        // Not by the way of a consumer: a batch is no use of the session.
        let session = self.database.session(tenant, uid).await?.ok_or(Code::SessionNotFound)?;
        self.sessions.renew(tenant, uid, session.generation, until).await.map(|_| ())
    }
}
