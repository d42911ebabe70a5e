//! What jobs of the queue do, and which of them come round. Must not hold a rule: each is one call of a use case.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth_core::batches::Batches;
use kaspi_auth_core::egresses::Egresses;
use kaspi_auth_core::error::{Error, Result};
use kaspi_auth_core::job::{Job, Sweep};
use kaspi_auth_core::keeper::Keeper;
use kaspi_auth_core::logins::Logins;
use kaspi_auth_core::port::{BoxFuture, Clock};
use kaspi_auth_core::records::Records;
use kaspi_auth_portal::DirectEngine;
use kaspi_auth_store::{Cron, JobError, JobHandler};

use super::Chain;

/// When a job that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// The use cases that jobs call.
pub struct Jobs {
    /// Stores that are due.
    pub keeper: Arc<Keeper>,
    /// Many stores at once.
    pub batches: Arc<Batches>,
    /// Logins.
    pub logins: Arc<Logins>,
    /// What is written down.
    pub records: Arc<Records>,
    /// The ways out.
    pub egresses: Arc<Egresses>,
    /// The portal.
    pub portal: Arc<DirectEngine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long records of ended logins are kept.
    pub keep_logins: SignedDuration,
}

impl Jobs {
    /// What comes round, on whichever node. `portal_page`: how often the portal's page is looked at; zero: never.
    pub fn schedule(portal_page: Duration) -> Vec<Cron> {
        let often = [
            (Sweep::LostLogins, Duration::from_secs(5)),
            (Sweep::OrphanedLogins, Duration::from_secs(5)),
            (Sweep::ExpiredLogins, Duration::from_secs(10)),
            (Sweep::StalledBatches, Duration::from_mins(1)),
            (Sweep::Pruning, Duration::from_hours(1)),
            (Sweep::PortalPage, portal_page),
        ];
        let cron = |(sweep, every): (Sweep, Duration)| Cron {
            name: format!("sweep:{}", sweep.as_str()),
            every,
            job: Job::Sweep { sweep },
        };
        often.into_iter().filter(|(_, every)| !every.is_zero()).map(cron).collect()
    }

    async fn sweep(&self, sweep: Sweep) -> Result<()> {
        match sweep {
            Sweep::LostLogins => self.logins.recover().await.map(|_| ()),
            Sweep::ExpiredLogins => self.logins.expire().await.map(|_| ()),
            Sweep::OrphanedLogins => self.logins.fail_orphans().await.map(|_| ()),
            Sweep::StalledBatches => self.batches.resume().await.map(|_| ()),
            Sweep::Pruning => {
                let before = self.clock.now() - self.keep_logins;
                while self.logins.prune(before).await? > 0 {}
                while self.records.prune().await? > 0 {}
                self.keeper.mend_schedule().await.map(|_| ())
            }
            Sweep::PortalPage => self.look_at_the_page().await,
        }
    }

    /// Looks at the login page without credentials: its shape is compared on the way.
    async fn look_at_the_page(&self) -> Result<()> {
        let egress = self.egresses.any().await?;
        let found = self.portal.probe_page(&egress.route()).await;
        let outcome = found.as_ref().err().map_or("ok", |error: &Error| error.code().as_str());
        metrics::counter!("kaspi_auth_portal_probes_total", "outcome" => outcome).increment(1);
        if let Err(error) = found {
            // The next look comes round by itself.
            tracing::warn!(error = %Chain(&error), "the portal's page could not be looked at");
        }
        Ok(())
    }
}

impl JobHandler for Jobs {
    fn run(&self, job: Job, _attempt: u32) -> BoxFuture<'_, Result<(), JobError>> {
        Box::pin(async move {
            let kind = job.kind();
            let done = match job {
                Job::Keep { store } => self.keeper.visit(&store).await.map(|_| ()),
                Job::Batch { batch, part } => self.batches.do_part(batch, part).await,
                Job::Sweep { sweep } => self.sweep(sweep).await,
            };
            done.map_err(|error| {
                tracing::warn!(job = kind, error = %Chain(&error), "a job failed; it is tried again");
                JobError { message: error.detail().to_owned(), retry_after: AGAIN }
            })
        })
    }
}
