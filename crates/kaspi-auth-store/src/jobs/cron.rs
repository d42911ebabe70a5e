//! What comes round: jobs at intervals, and the stores that are due. Every node ticks; the key of a tick is the same on all,
//! so that one of them puts its job into the queue.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::job::{Job, NewJob};
use kaspi_auth_core::port::{Clock, JobRepository as _};
use tokio::time::{MissedTickBehavior, interval};

use crate::database::SqlDatabase;

/// So many stores are put into the queue in one transaction.
const DUE_AT_ONCE: u32 = 500;
/// How often a tick is looked for within its interval.
const LOOKS: u32 = 4;

/// A job that comes round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// Names it, the same on all nodes.
    pub name: String,
    /// How often; counted from 1970 by the service's clock.
    pub every: Duration,
    /// What is to be done.
    pub job: Job,
}

impl Cron {
    /// The tick's key.
    fn key(&self, now: Timestamp) -> String {
        let every = i64::try_from(self.every.as_secs()).unwrap_or(i64::MAX).max(1);
        format!("{}:{}", self.name, now.as_second().div_euclid(every))
    }
}

/// Puts the job of every tick into the queue.
pub(super) async fn tick(database: Arc<SqlDatabase>, clock: Arc<dyn Clock>, cron: Cron) {
    let mut looks = looking((cron.every / LOOKS).clamp(Duration::from_millis(50), Duration::from_mins(1)));
    let mut last = String::new();
    loop {
        looks.tick().await;
        let key = cron.key(clock.now());
        if key == last {
            continue;
        }
        let job = NewJob { job: cron.job.clone(), key: key.clone(), run_after: None };
        match database.push_job(&job).await {
            Ok(_) => last = key,
            Err(error) => tracing::warn!(%error, name = %cron.name, "a job could not be put into the queue"),
        }
    }
}

/// Puts the stores that are due into the queue.
pub(super) async fn push_due(
    database: Arc<SqlDatabase>,
    clock: Arc<dyn Clock>,
    every: Duration,
    again: Duration,
) {
    let mut looks = looking(every);
    let again = SignedDuration::try_from(again).unwrap_or(SignedDuration::MAX);
    loop {
        looks.tick().await;
        loop {
            let now = clock.now();
            let later = now.checked_add(again).unwrap_or(Timestamp::MAX);
            match database.push_due_stores(now, later, DUE_AT_ONCE).await {
                Ok(DUE_AT_ONCE) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "the stores that are due could not be put into the queue");
                    break;
                }
            }
        }
    }
}

fn looking(every: Duration) -> tokio::time::Interval {
    let mut looks = interval(every.max(Duration::from_millis(10)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}
