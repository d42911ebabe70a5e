//! Workers with short times, a handler that notes what it did, and real time, which is what the queue keeps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use kaspi_auth_core::job::{Job, JobFilter, JobState, JobView, NewJob};
use kaspi_auth_core::port::{BoxFuture, Clock, JobRepository as _};
use kaspi_auth_store::{JobError, JobHandler, JobWorkers, SqlDatabase, WorkerSettings};
use uuid::Uuid;

use crate::support::*;

/// The time as it is.
pub struct RealTime;

impl Clock for RealTime {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A job about a store, by which tests tell jobs apart.
pub fn keep(store: &str) -> NewJob {
    NewJob { job: Job::Keep { store: uid(store) }, key: format!("keep:{store}"), run_after: None }
}

/// What a job is about.
pub fn store_of(job: &Job) -> String {
    match job {
        Job::Keep { store } => store.to_string(),
        other => other.kind().to_owned(),
    }
}

type Work = dyn Fn(String, u32) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync;

/// Notes every try and does `work`.
pub struct Notes {
    pub tries: Mutex<Vec<(String, u32)>>,
    work: Box<Work>,
}

impl Notes {
    pub fn of<F>(work: impl Fn(String, u32) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let work = Box::new(move |store, attempt| {
            Box::pin(work(store, attempt)) as BoxFuture<'static, Result<(), JobError>>
        });
        Arc::new(Self { tries: Mutex::default(), work })
    }

    /// Every job succeeds.
    pub fn well() -> Arc<Self> {
        Self::of(|_, _| async { Ok(()) })
    }

    pub fn tries(&self) -> Vec<(String, u32)> {
        self.tries.lock().unwrap().clone()
    }

    /// How often each was tried.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.tries().into_iter().fold(BTreeMap::new(), |mut counts, (store, _)| {
            *counts.entry(store).or_default() += 1;
            counts
        })
    }
}

impl JobHandler for Notes {
    fn run(&self, job: Job, attempt: u32) -> BoxFuture<'_, Result<(), JobError>> {
        let store = store_of(&job);
        self.tries.lock().unwrap().push((store.clone(), attempt));
        (self.work)(store, attempt)
    }
}

pub fn failure(milliseconds: u64) -> JobError {
    JobError { message: "the portal is away".to_owned(), retry_after: Duration::from_millis(milliseconds) }
}

pub fn settings() -> WorkerSettings {
    WorkerSettings {
        concurrency: 4,
        timeout: Duration::from_secs(20),
        poll: Duration::from_millis(50),
        heartbeat: Duration::from_secs(1),
        max_attempts: 3,
        pause: Duration::from_millis(10),
        due: None,
        ..WorkerSettings::new(Uuid::now_v7())
    }
}

pub fn start(database: &Arc<SqlDatabase>, handler: &Arc<Notes>) -> JobWorkers {
    start_with(database, handler, settings())
}

pub fn start_with(database: &Arc<SqlDatabase>, handler: &Arc<Notes>, settings: WorkerSettings) -> JobWorkers {
    database.start_workers(Arc::clone(handler) as Arc<dyn JobHandler>, Arc::new(RealTime), settings)
}

pub async fn jobs(database: &SqlDatabase, state: Option<JobState>) -> Vec<JobView> {
    database.list_jobs(&JobFilter { state, kind: None, limit: 10_000 }).await.unwrap()
}

pub async fn count(database: &SqlDatabase, state: JobState) -> usize {
    jobs(database, Some(state)).await.len()
}

/// Asks now and then until the condition holds; gives up after a minute, for a machine that is busy.
pub async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            pause.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(1), asking).await.is_ok(), "never came true: {what}");
}
