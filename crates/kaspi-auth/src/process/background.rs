//! What each node does for itself without being asked: keeps its figures small, shows that it lives, looks after the pages that it holds, writes
//! down which sessions were used. What one node does for all is a job of the queue.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::error::Result;
use kaspi_auth_core::logins::Logins;
use kaspi_auth_core::sessions::Sessions;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Chain;

const BEAT: Duration = Duration::from_secs(5);
const USES: Duration = Duration::from_secs(30);

/// The passes of one process.
pub struct Background {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts the passes.
    pub fn start(logins: &Arc<Logins>, sessions: Arc<Sessions>) -> Self {
        let stop = CancellationToken::new();
        let tasks = vec![
            every(BEAT, &stop, "figures", logins, |_| async {
                // Without this the samples of histograms pile up until somebody asks for them.
                super::metrics().run_upkeep();
                Ok(())
            }),
            every(BEAT, &stop, "held pages", logins, |logins| async move {
                logins.beat().await?;
                logins.pick_up_all().await
            }),
            every(USES, &stop, "uses of sessions", logins, move |_| {
                let sessions = Arc::clone(&sessions);
                async move { sessions.write_uses().await }
            }),
        ];
        Self { stop, tasks }
    }

    /// Takes a further task that ends with the passes.
    pub(super) fn add(&mut self, make: impl FnOnce(CancellationToken) -> JoinHandle<()>) {
        self.tasks.push(make(self.stop.clone()));
    }

    /// Ends the passes.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background pass panicked");
            }
        }
    }
}

fn every<F, P>(
    period: Duration,
    stop: &CancellationToken,
    name: &'static str,
    logins: &Arc<Logins>,
    pass: P,
) -> JoinHandle<()>
where
    F: Future<Output = Result<()>> + Send,
    P: Fn(Arc<Logins>) -> F + Send + 'static,
{
    let (stop, logins) = (stop.clone(), Arc::clone(logins));
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(period);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = beat.tick() => {
                    if let Err(error) = pass(Arc::clone(&logins)).await {
                        tracing::error!(pass = name, error = %Chain(&error), "a background pass failed; it is tried again");
                    }
                }
            }
        }
    })
}
