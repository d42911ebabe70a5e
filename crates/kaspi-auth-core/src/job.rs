//! Background work, as it stands in the queue: durable, done at least once, by one node at a time. Must not hold a secret.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::batch::BatchId;
use crate::id::MerchantUid;

/// Something that is swept at intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// Logins whose node died are taken over.
    LostLogins,
    /// Logins whose time is over are ended.
    ExpiredLogins,
    /// Pages that died with their node: their logins are ended.
    OrphanedLogins,
    /// Batches whose job was given up are taken up again.
    StalledBatches,
    /// Old logins, evidence, events, timelines, attempts, batches and jobs are deleted.
    Pruning,
    /// The portal's login page is looked at.
    PortalPage,
}

impl Sweep {
    /// Every sweep.
    pub const ALL: [Self; 6] = [
        Self::LostLogins,
        Self::ExpiredLogins,
        Self::OrphanedLogins,
        Self::StalledBatches,
        Self::Pruning,
        Self::PortalPage,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StalledBatches => "stalled_batches",
            Self::LostLogins => "lost_logins",
            Self::ExpiredLogins => "expired_logins",
            Self::OrphanedLogins => "orphaned_logins",
            Self::Pruning => "pruning",
            Self::PortalPage => "portal_page",
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Look at a store: probe or refresh its session if that is due.
    Keep {
        /// Which.
        store: MerchantUid,
    },
    /// Go on with a batch.
    Batch {
        /// Which.
        batch: BatchId,
        /// Counts its parts.
        part: u32,
    },
    /// Sweep something.
    Sweep {
        /// What.
        sweep: Sweep,
    },
}

impl Job {
    /// The stable name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Keep { .. } => "keep",
            Self::Batch { .. } => "batch",
            Self::Sweep { .. } => "sweep",
        }
    }
}

/// A job to put into the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What is to be done.
    pub job: Job,
    /// Two jobs with the same key are one, for as long as the first is remembered. It begins with the job's kind and a colon.
    pub key: String,
    /// Not before this; `None`: at once.
    pub run_after: Option<Timestamp>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time or for a worker.
    Pending,
    /// A worker has it.
    Running,
    /// Done.
    Done,
    /// Failed; another try of it may stand in the queue as a job of its own.
    Failed,
    /// Given up: it failed or broke its worker too often.
    Killed,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Killed];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Killed => "killed",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A job as an operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// Names it.
    pub id: String,
    /// What is to be done.
    pub job: Job,
    /// Where it stands.
    pub state: JobState,
    /// Which try of it this is, from 1.
    pub attempt: u32,
    /// When it may run.
    pub run_at: Timestamp,
    /// When a worker took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it failed with, in words without secrets.
    pub error: Option<String>,
    /// The worker that has or had it.
    pub worker: Option<String>,
}

/// Which jobs to list. Newest first.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only those that stand so.
    pub state: Option<JobState>,
    /// Only this kind.
    pub kind: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// How the queue fares.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JobFigures {
    /// Jobs that may run now and wait for a worker.
    pub waiting: u64,
    /// Jobs that run.
    pub running: u64,
    /// Jobs whose time has not come.
    pub scheduled: u64,
    /// Jobs that were given up and are still remembered.
    pub killed: u64,
    /// Since when the oldest waiting one waits.
    pub oldest_waiting: Option<Timestamp>,
}
