//! The library's worker: it takes tasks, one at a time, shows that it lives, and gives others what a dead worker held. When
//! it fails (the database went away) another one with a new name takes its place; what the old one began goes on.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::backend::ext::BackendExt as _;
use apalis_core::error::WorkerError;
use apalis_core::task::Task;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use kaspi_auth_core::port::BoxFuture;
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{PgPool, SqlitePool};
use tokio::sync::watch;
use tower::Service;
use tower::limit::ConcurrencyLimitLayer;

use super::run::{Runner, Taken};
use super::workers::{Running, WorkerSettings};
use crate::pool::Pool;
use crate::statements::jobs::QUEUE;

/// Heartbeats that a worker may miss before it counts as dead.
pub(super) const MISSED: u32 = 5;
/// A worker that failed is replaced after this long.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the worker waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connections that the library uses, apart from ours: it keeps one for what PostgreSQL notifies.
pub(super) enum Queue {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Queue {
    /// Opens none yet.
    pub(super) fn of(pool: &Pool) -> Self {
        match pool {
            // Its transactions begin with a write, so they wait for the write lock as ours do, and are short.
            Pool::Sqlite { options, .. } => Self::Sqlite(
                SqlitePoolOptions::new()
                    .max_connections(2)
                    .acquire_timeout(PATIENCE)
                    .test_before_acquire(false)
                    .connect_lazy_with(options.as_ref().clone()),
            ),
            Pool::Postgres(pool) => Self::Postgres(
                PgPoolOptions::new()
                    .max_connections(3)
                    .acquire_timeout(PATIENCE)
                    .connect_lazy_with(pool.connect_options().as_ref().clone()),
            ),
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Runs one worker after another until `stopping` says so. Then the last one ends what it has begun.
pub(super) async fn serve(
    queue: Arc<Queue>,
    runner: Arc<Runner>,
    running: Arc<Running>,
    settings: Arc<WorkerSettings>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut restarts = 0_u64;
    while !*stopping.borrow() {
        // Never the name of one that may still count as alive: its tasks would stay with it.
        let name = format!("{QUEUE}-{}-{restarts}", settings.boot);
        running.begin(&name);
        let taker =
            Taker { worker: name.clone(), runner: Arc::clone(&runner), running: Arc::clone(&running) };
        let ended = match queue.as_ref() {
            Queue::Sqlite(pool) => one_of_sqlite(pool, &name, taker, &settings, &mut stopping).await,
            Queue::Postgres(pool) => one_of_postgres(pool, &name, taker, &settings, &mut stopping).await,
        };
        if *stopping.borrow() {
            return;
        }
        let error = ended.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
        tracing::warn!(%error, worker = %name, "the queue's worker failed; another takes its place");
        restarts += 1;
        let _ = tokio::time::timeout(PAUSE, stopping.wait_for(|stop| *stop)).await;
    }
}

/// Ends when the worker fails or, asked to stop, has ended its tasks.
macro_rules! until_stopped {
    ($backend:expr, $name:expr, $taker:expr, $settings:expr, $stopping:expr) => {{
        let context = WorkerContext::new($name);
        let worker = WorkerBuilder::new(&context)
            .backend($backend)
            .layer(ConcurrencyLimitLayer::new($settings.concurrency.max(1)))
            .build($taker);
        let mut run = std::pin::pin!(worker.run());
        let ended = tokio::select! {
            // First, so that it has begun when it is told to stop.
            biased;
            ended = &mut run => Some(ended),
            _ = $stopping.wait_for(|stop| *stop) => None,
        };
        if let Some(ended) = ended {
            ended
        } else {
            let _ = context.stop();
            run.await
        }
    }};
}

async fn one_of_sqlite(
    pool: &SqlitePool,
    name: &str,
    taker: Taker,
    settings: &WorkerSettings,
    stopping: &mut watch::Receiver<bool>,
) -> Result<(), WorkerError> {
    let config = apalis_sqlite::Config::default()
        .queue(QUEUE)
        .batch_size(1)
        .heartbeat_interval(settings.heartbeat)
        .missed_heartbeats(MISSED as usize)
        .lock_tasks(false)
        .persist_results(false);
    let backend = SqliteStorage::<Value>::new(pool).with_config(config).poll_with_interval(settings.poll);
    until_stopped!(backend, name, taker, settings, stopping)
}

async fn one_of_postgres(
    pool: &PgPool,
    name: &str,
    taker: Taker,
    settings: &WorkerSettings,
    stopping: &mut watch::Receiver<bool>,
) -> Result<(), WorkerError> {
    let config = apalis_postgres::Config::default()
        .queue(QUEUE)
        .batch_size(1)
        .heartbeat_interval(settings.heartbeat)
        .missed_heartbeats(MISSED as usize)
        .lock_tasks(false)
        .persist_results(false);
    let backend = PostgresStorage::<Value>::new(pool)
        .with_config(config)
        .with_pubsub()
        // Nothing is notified of a task whose time comes.
        .poll_with_interval(settings.poll);
    until_stopped!(backend, name, taker, settings, stopping)
}

/// What the library's worker calls for each task. It takes one at a time (`batch_size`): with more in hand than it may run,
/// it would not show that it lives. Neither the lock nor the result is the library's to write: our own end of a task is one
/// transaction with the next try.
#[derive(Clone)]
struct Taker {
    worker: String,
    runner: Arc<Runner>,
    running: Arc<Running>,
}

impl Service<Task<Value>> for Taker {
    type Response = ();
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<(), Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Value>) -> Self::Future {
        let (payload, context) = task.take();
        let Some(id) = context.task_id() else { return Box::pin(async { Ok(()) }) };
        let taken =
            Taken { id: id.to_string(), worker: self.worker.clone(), payload, broken: context.attempt() };
        let ended = self.running.spawn(&self.worker, Arc::clone(&self.runner).run(taken));
        Box::pin(async move {
            // Nobody is left to tell of what went wrong there.
            let _ = ended.await;
            Ok(())
        })
    }
}
