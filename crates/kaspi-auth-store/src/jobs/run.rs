//! One task, from the moment a worker has it until the queue knows how it ended. A task runs on a thread of the runtime's
//! of its own: neither a panic nor a long computation in it touches the worker that took it.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::job::Job;
use kaspi_auth_core::port::{BoxFuture, RepositoryError};
use tokio::time::{sleep, timeout};

use super::envelope::Envelope;
use crate::database::SqlDatabase;
use crate::pool::{transaction, tx_write, write};
use crate::statements::jobs as statements;

/// So many workers may die over a task before it is given up.
const BROKEN: usize = 3;
/// The longest pause after a try that broke off, and between tries to write an end down.
const LONGEST: Duration = Duration::from_mins(10);

/// Where a task that was postponed says how often.
const POSTPONED: &str = "postponed";
/// For how long a task is postponed that this release cannot read.
const LATER: Duration = Duration::from_secs(15);
/// So often: for a day.
const OFTEN: u64 = 4 * 60 * 24;

/// What a job's failure says, and when it is worth another try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JobError {
    /// In words for operators; must not hold a secret.
    pub message: String,
    /// How long until the next try.
    pub retry_after: Duration,
}

/// Does jobs. A job is done at least once: whoever does it must bear to have begun it before.
pub trait JobHandler: Send + Sync {
    /// Does a job; `attempt` counts its tries from 1. What is not done within the workers' timeout is dropped.
    fn run(&self, job: Job, attempt: u32) -> BoxFuture<'_, Result<(), JobError>>;
}

/// A task that a worker took.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) worker: String,
    pub(super) payload: serde_json::Value,
    /// How often a worker died over it.
    pub(super) broken: usize,
}

/// What all tasks need.
pub(super) struct Runner {
    pub(super) database: Arc<SqlDatabase>,
    pub(super) handler: Arc<dyn JobHandler>,
    pub(super) timeout: Duration,
    pub(super) max_attempts: u32,
    pub(super) pause: Duration,
}

/// How a task ended.
enum End {
    Done,
    Failed {
        error: String,
        next: Envelope,
        after: Duration,
    },
    Killed {
        error: String,
    },
    /// This release cannot read it, a newer one may.
    Postponed {
        task: String,
    },
}

impl Runner {
    /// Runs a task and writes down how it ended, however long the database stays away.
    pub(super) async fn run(self: Arc<Self>, taken: Taken) {
        let end = self.end_of(&taken).await;
        if let End::Failed { error, .. } | End::Killed { error } = &end {
            tracing::warn!(job = %taken.id, error = %error, killed = matches!(end, End::Killed { .. }), "a job failed");
        }
        let mut pause = Duration::from_millis(100);
        while let Err(error) = self.write_down(&taken, &end).await {
            tracing::warn!(%error, job = %taken.id, "the end of a job cannot be written down yet");
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn end_of(&self, taken: &Taken) -> End {
        let envelope = match serde_json::from_value::<Envelope>(taken.payload.clone()) {
            Ok(envelope) => envelope,
            Err(error) => return unknown(taken.payload.clone(), &error),
        };
        if taken.broken >= BROKEN {
            return End::Killed { error: format!("{BROKEN} workers died while they ran it") };
        }
        let (job, attempt) = (envelope.job.clone(), envelope.attempt);
        let handler = Arc::clone(&self.handler);
        let mut running = Dropped(tokio::spawn(async move { handler.run(job, attempt).await }));
        let failed = match timeout(self.timeout, &mut running.0).await {
            Ok(Ok(Ok(()))) => return End::Done,
            Ok(Ok(Err(failed))) => failed,
            Ok(Err(_)) => self.broke_off("it panicked", attempt),
            Err(_) => self.broke_off("it took too long", attempt),
        };
        if attempt >= self.max_attempts {
            return End::Killed { error: failed.message };
        }
        End::Failed { error: failed.message, next: envelope.next(), after: failed.retry_after }
    }

    fn broke_off(&self, why: &str, attempt: u32) -> JobError {
        let factor = 1 << attempt.saturating_sub(1).min(16);
        JobError { message: why.to_owned(), retry_after: (self.pause * factor).min(LONGEST) }
    }

    /// In one transaction: the end, and the next try. A task that is no longer this worker's was given to another, whose end
    /// counts.
    async fn write_down(&self, taken: &Taken, end: &End) -> Result<(), RepositoryError> {
        let finish = self.database.pool.pick(statements::FINISH);
        let push = self.database.pool.pick(statements::PUSH);
        let (state, error) = match end {
            End::Postponed { task } => {
                let postpone = self.database.pool.pick(statements::POSTPONE);
                let (id, worker) = (taken.id.as_str(), taken.worker.as_str());
                return write!(&self.database.pool, postpone, id, worker, task.as_str(), LATER.as_secs_f64())
                    .map(drop);
            }
            End::Done => ("Done", None),
            End::Failed { error, .. } => ("Failed", Some(error.as_str())),
            End::Killed { error } => ("Killed", Some(error.as_str())),
        };
        let error = error.map(crate::values::without_nul);
        transaction!(&self.database.pool, |tx| {
            let ours =
                tx_write!(tx, finish, taken.id.as_str(), taken.worker.as_str(), state, error.as_deref(),)?;
            if let (1.., End::Failed { next, after, .. }) = (ours, end) {
                let at = None::<i64>;
                tx_write!(tx, push, next.to_json()?, next.own_key(), at, after.as_secs_f64())?;
            }
        });
        Ok(())
    }
}

/// While nodes of two releases run side by side, the older one leaves what it cannot read to the newer one.
fn unknown(mut task: serde_json::Value, error: &serde_json::Error) -> End {
    let times = task.get(POSTPONED).and_then(serde_json::Value::as_u64).unwrap_or(0);
    match task.as_object_mut() {
        Some(fields) if times < OFTEN => {
            fields.insert(POSTPONED.to_owned(), (times + 1).into());
            End::Postponed { task: task.to_string() }
        }
        _ => End::Killed { error: format!("this program does not know such a job: {error}") },
    }
}

/// Ends the task when it is dropped.
struct Dropped<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Dropped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
