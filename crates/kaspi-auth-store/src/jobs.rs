//! The job queue: what puts tasks in, lists and prunes them. Who runs them stands in `jobs/`.
//!
//! The tables are those of a library, [`statements`] says why a statement has two texts there. What is in a task must not be
//! a secret.

mod cron;
mod envelope;
mod run;
mod serve;
mod workers;

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::job::{Job, JobFigures, JobFilter, JobState, JobView, NewJob};
use kaspi_auth_core::port::{Answered, JobRepository, RepositoryError};

pub use cron::Cron;
pub(crate) use envelope::Envelope;
pub use run::{JobError, JobHandler};
pub use workers::{JobWorkers, WorkerSettings};

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_rows, tx_write, write};
use crate::statements::jobs as statements;
use crate::values::from_micros;

pub(crate) const TABLE: &str = "jobs";

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
struct JobRow {
    id: String,
    task: String,
    status: String,
    run_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    error: Option<String>,
    worker: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct FiguresRow {
    waiting: i64,
    running: i64,
    scheduled: i64,
    killed: i64,
    oldest_waiting: Option<i64>,
}

impl JobRepository for SqlDatabase {
    fn push_job<'a>(&'a self, job: &'a NewJob) -> Answered<'a, bool> {
        Box::pin(async move {
            let pushed = write!(
                &self.pool,
                self.pool.pick(statements::PUSH),
                Envelope::first(job).to_json()?,
                job.key.as_str(),
                job.run_after.map(whole_seconds),
                0.0,
            )?;
            Ok(pushed > 0)
        })
    }

    fn push_due_stores(&self, now: Timestamp, again: Timestamp, limit: u32) -> Answered<'_, u32> {
        Box::pin(async move {
            let (due, push, postpone) = (
                self.pool.pick(statements::DUE_STORES),
                self.pool.pick(statements::PUSH_MANY),
                self.pool.pick(statements::MOVE_DUE),
            );
            let (now, again, limit) = (now.as_microsecond(), again.as_microsecond(), i64::from(limit));
            // Most of the time nothing is due: look before the write lock is taken.
            if read!(&self.pool, statements::ANY_DUE => (i64,), now)?.is_empty() {
                return Ok(0);
            }
            let found = transaction!(&self.pool, |tx| {
                let rows = tx_rows!(tx, due => (String, i64), now, limit)?;
                if !rows.is_empty() {
                    let (tasks, uids) = due_tasks(&rows, again)?;
                    tx_write!(tx, push, tasks)?;
                    tx_write!(tx, postpone, again, uids)?;
                }
                rows.len()
            });
            Ok(u32::try_from(found).unwrap_or(u32::MAX))
        })
    }

    fn list_jobs<'a>(&'a self, filter: &'a JobFilter) -> Answered<'a, Vec<JobView>> {
        Box::pin(async move {
            let keys = filter.kind.as_deref().map_or_else(|| "%".to_owned(), |kind| format!("{kind}:%"));
            let limit = i64::from(filter.limit);
            let rows = if let Some(state) = filter.state {
                let (one, other) = statuses(state);
                let list = self.pool.pick(statements::LIST_STATE);
                read!(&self.pool, list => JobRow, keys.as_str(), limit, one, other)?
            } else {
                read!(&self.pool, self.pool.pick(statements::LIST) => JobRow, keys.as_str(), limit)?
            };
            // A task of a later release, which this one cannot read, is left out.
            Ok(rows.into_iter().filter_map(JobRow::view).collect())
        })
    }

    fn job_figures(&self) -> Answered<'_, JobFigures> {
        Box::pin(async move {
            let rows = read!(&self.pool, self.pool.pick(statements::FIGURES) => FiguresRow)?;
            Ok(rows.into_iter().next().map_or_else(JobFigures::default, |row| JobFigures {
                waiting: row.waiting.unsigned_abs(),
                running: row.running.unsigned_abs(),
                scheduled: row.scheduled.unsigned_abs(),
                killed: row.killed.unsigned_abs(),
                oldest_waiting: row.oldest_waiting.map(from_micros),
            }))
        })
    }

    fn prune_jobs(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(async move {
            let before = before.as_second();
            let pruned = write!(&self.pool, self.pool.pick(statements::PRUNE), before, i64::from(limit))?;
            write!(&self.pool, self.pool.pick(statements::PRUNE_WORKERS), before)?;
            Ok(pruned)
        })
    }
}

/// How the library spells a state.
fn statuses(state: JobState) -> (&'static str, &'static str) {
    match state {
        JobState::Pending => ("Pending", "Pending"),
        JobState::Running => ("Running", "Queued"),
        JobState::Done => ("Done", "Done"),
        JobState::Failed => ("Failed", "Failed"),
        JobState::Killed => ("Killed", "Killed"),
    }
}

/// The queue counts whole seconds; rounded up, so that nothing runs before its time.
pub(crate) fn whole_seconds(time: Timestamp) -> i64 {
    time.as_second() + i64::from(time.subsec_nanosecond() > 0)
}

/// The tasks of stores that are due, and the stores, both as JSON. A time up to 0 only says "at once" and comes again: there
/// the key has the time that the store is moved to.
fn due_tasks(rows: &[(String, i64)], again: i64) -> Result<(String, String), RepositoryError> {
    let mut tasks = Vec::with_capacity(rows.len());
    for (uid, due_at) in rows {
        // A row of an adopted table that is no store is only moved.
        let Ok(store) = MerchantUid::parse(uid) else { continue };
        let key = format!("keep:{uid}:{}", if *due_at > 0 { *due_at } else { again });
        let new = NewJob { job: Job::Keep { store }, key: key.clone(), run_after: None };
        tasks.push(serde_json::json!({ "task": Envelope::first(&new).to_json()?, "key": key }));
    }
    let uids: Vec<&str> = rows.iter().map(|(uid, _)| uid.as_str()).collect();
    Ok((serde_json::Value::from(tasks).to_string(), serde_json::Value::from(uids).to_string()))
}

impl JobRow {
    fn view(self) -> Option<JobView> {
        let envelope: Envelope = serde_json::from_str(&self.task).ok()?;
        let state = match self.status.as_str() {
            "Queued" => JobState::Running,
            other => JobState::parse(&other.to_lowercase())?,
        };
        Some(JobView {
            id: self.id,
            job: envelope.job,
            state,
            attempt: envelope.attempt,
            run_at: from_micros(self.run_at),
            started_at: self.started_at.map(from_micros),
            ended_at: self.ended_at.map(from_micros),
            error: self.error,
            worker: self.worker,
        })
    }
}
