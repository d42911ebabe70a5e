//! Validate or refresh many stores in the background.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};

use crate::batch::{Batch, BatchId, BatchItem, BatchKind, BatchStores};
use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::job::{Job, NewJob};
use crate::port::{BoxFuture, Clock, Database, Ids};
use crate::sessions::Sessions;
use crate::tenant::Tenant;

/// The most stores that a batch names.
pub const MOST_NAMED: usize = 10_000;
/// The most batches of one tenant's that go on at once.
pub const MOST_OPEN: u32 = 20;
/// Stores of a batch that are done at once.
const AT_ONCE: u32 = 5;
/// A part that has taken so long leaves the rest to the next one: other jobs have their turn, too.
const LONG_ENOUGH: SignedDuration = SignedDuration::from_secs(10);
/// How long one store of a batch may take.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// Batches that are taken up again in one pass.
const RESUMED: u32 = 100;

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
    /// `invalid_value`: too many stores are named, or none. `rate_limited`: too many batches of the tenant's go on. The database's.
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
        if self.database.count_open_batches(tenant).await? >= MOST_OPEN {
            let detail = format!("{MOST_OPEN} batches go on already. Wait for one of them to end.");
            return Err(Error::new(Code::RateLimited, detail));
        }
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
        let enough = self.clock.now() + LONG_ENOUGH;
        let mut run_after = None;
        while run_after.is_none() && self.clock.now() < enough {
            let pending = self.database.pending_of_batch(id, AT_ONCE).await?;
            if pending.is_empty() {
                break;
            }
            let doing =
                pending.into_iter().map(|uid| -> BoxFuture<'_, _> { Box::pin(self.do_item(&batch, uid)) });
            for done in together(doing.collect()).await {
                run_after = run_after.max(done?);
            }
        }
        let next = part.saturating_add(1);
        let job = job_of(id, next, run_after);
        self.database.go_on_with_batch(id, &job, self.clock.now()).await?;
        Ok(())
    }

    /// Takes up batches whose job was given up: the database was away for longer than a job is tried again, or nodes died over it.
    ///
    /// # Errors
    /// The database's.
    pub async fn resume(&self) -> Result<u32> {
        let mut resumed = 0;
        for batch in self.database.stalled_batches(RESUMED).await? {
            let age = batch.created_at.duration_until(self.clock.now());
            let minutes = u32::try_from(age.as_mins()).unwrap_or(0);
            // Higher than any part before: keys of parts that ended are remembered.
            let part = minutes.saturating_add(1).saturating_mul(batch.total.saturating_add(10));
            if self.database.push_job(&job_of(batch.id, part, None)).await? {
                resumed += 1;
            }
        }
        Ok(resumed)
    }

    /// Does one store and notes what came of it; when to go on, where there is no turn for it now.
    async fn do_item(&self, batch: &Batch, uid: MerchantUid) -> Result<Option<Timestamp>> {
        if batch.kind == BatchKind::Validate {
            match self.sessions.take_turn(&uid).await {
                Err(error) if error.code() == Code::RateLimited => {
                    return Ok(Some(error.retry_at().unwrap_or_else(|| self.clock.now())));
                }
                other => other?,
            }
        }
        let tenant = batch.user_id.clone().map_or(Tenant::All, Tenant::User);
        let (result, detail) = self.do_store(&tenant, batch.kind, &uid).await;
        let item = BatchItem { merchant_uid: uid, result: Some(result), detail };
        self.database.note_batch_item(batch.id, &item).await?;
        Ok(None)
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

fn job_of(batch: BatchId, part: u32, run_after: Option<Timestamp>) -> NewJob {
    NewJob { job: Job::Batch { batch, part }, key: format!("batch:{batch}:{part}"), run_after }
}

/// Waits for all of them at once.
async fn together<T>(futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (future, None)).collect();
    poll_fn(|context| {
        let mut waits = false;
        for (future, ended) in running.iter_mut().filter(|(_, ended)| ended.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *ended = Some(value),
                Poll::Pending => waits = true,
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, ended)| ended).collect()
}
