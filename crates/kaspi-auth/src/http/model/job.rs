//! The job queue on the wire.

use jiff::Timestamp;
use kaspi_auth_core::job::{Job, JobFigures, JobFilter, JobState, JobView as Queued, Sweep};
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The kinds of jobs.
pub(crate) const KINDS: [&str; 3] = ["keep", "batch", "sweep"];

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// Only those that stand so: `pending`, `running`, `done`, `failed`, `killed`.
    #[param(pattern = "^(pending|running|done|failed|killed)$")]
    state: Option<String>,
    /// Only those of this kind: `keep`, `batch`, `sweep`.
    #[param(pattern = "^(keep|batch|sweep)$")]
    kind: Option<String>,
    /// At most so many: 1 to 500, 100 when left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

impl JobQuery {
    pub(crate) fn read(self) -> Result<JobFilter, Error> {
        let unfit = |what: &str| Error::new(Code::InvalidValue, what);
        let state = match self.state.as_deref() {
            None => None,
            Some(text) => Some(
                JobState::parse(text)
                    .ok_or_else(|| unfit("state is pending, running, done, failed or killed."))?,
            ),
        };
        if self.kind.as_deref().is_some_and(|kind| !KINDS.contains(&kind)) {
            return Err(unfit("kind is keep, batch or sweep."));
        }
        Ok(JobFilter { state, kind: self.kind, limit: super::limit(self.limit, 100)? })
    }
}

/// A job.
#[derive(Serialize, ToSchema)]
pub struct JobView {
    /// Names it.
    id: String,
    /// `keep` (a store is looked after), `batch` (a part of a batch), `sweep`.
    kind: &'static str,
    /// Of `keep`: the store.
    merchant_uid: Option<String>,
    /// Of `batch`: which.
    batch_id: Option<Uuid>,
    /// Of `sweep`: what is swept.
    sweep: Option<&'static str>,
    /// `pending`, `running`, `done`, `failed` (another try of it may stand in the queue), `killed` (given up).
    state: &'static str,
    /// Which try of it this is, from 1.
    attempt: u32,
    /// When it may run.
    run_at: Timestamp,
    /// When a worker took it.
    started_at: Option<Timestamp>,
    /// When it ended.
    ended_at: Option<Timestamp>,
    /// What it failed with.
    error: Option<String>,
    /// The worker that has or had it.
    worker: Option<String>,
}

impl From<&Queued> for JobView {
    fn from(queued: &Queued) -> Self {
        let (mut merchant_uid, mut batch_id, mut sweep) = (None, None, None);
        match &queued.job {
            Job::Keep { store } => merchant_uid = Some(store.to_string()),
            Job::Batch { batch, .. } => batch_id = Some(batch.0),
            Job::Sweep { sweep: what } => sweep = Some(Sweep::as_str(*what)),
        }
        Self {
            id: queued.id.clone(),
            kind: queued.job.kind(),
            merchant_uid,
            batch_id,
            sweep,
            state: queued.state.as_str(),
            attempt: queued.attempt,
            run_at: queued.run_at,
            started_at: queued.started_at,
            ended_at: queued.ended_at,
            error: queued.error.clone(),
            worker: queued.worker.clone(),
        }
    }
}

/// How the queue fares.
#[derive(Serialize, ToSchema)]
pub struct JobFiguresView {
    /// Jobs that may run now and wait for a worker.
    waiting: u64,
    /// Jobs that run.
    running: u64,
    /// Jobs whose time has not come.
    scheduled: u64,
    /// Jobs that were given up and are still remembered.
    killed: u64,
    /// Since when the oldest waiting one waits; null when none does.
    oldest_waiting: Option<Timestamp>,
}

impl From<JobFigures> for JobFiguresView {
    fn from(figures: JobFigures) -> Self {
        Self {
            waiting: figures.waiting,
            running: figures.running,
            scheduled: figures.scheduled,
            killed: figures.killed,
            oldest_waiting: figures.oldest_waiting,
        }
    }
}

/// Jobs, newest first.
#[derive(Serialize, ToSchema)]
pub struct JobList {
    /// Those that fit.
    jobs: Vec<JobView>,
    /// Of the whole queue.
    figures: JobFiguresView,
}

impl JobList {
    pub(crate) fn new(jobs: &[Queued], figures: JobFigures) -> Self {
        Self { jobs: jobs.iter().map(Into::into).collect(), figures: figures.into() }
    }
}
