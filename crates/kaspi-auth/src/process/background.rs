//! What a node does without being asked: takes lost logins over, ends those whose time is over, keeps the figures small.
//!
//! Every pass takes no input and may run twice: a crash and a repeat go the same way.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth_core::error::Result;
use kaspi_auth_core::logins::Logins;
use kaspi_auth_core::port::Clock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Chain;

const BEAT: Duration = Duration::from_secs(5);
const EXPIRY: Duration = Duration::from_secs(10);
const PRUNING: Duration = Duration::from_hours(1);

/// The passes of one process.
pub struct Background {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts the passes.
    pub fn start(logins: &Arc<Logins>, clock: Arc<dyn Clock>, keep: SignedDuration) -> Self {
        let stop = CancellationToken::new();
        let tasks = vec![
            every(BEAT, &stop, "figures", logins, |_| async {
                // Without this the samples of histograms pile up until somebody asks for them.
                super::metrics().run_upkeep();
                Ok(())
            }),
            every(
                BEAT,
                &stop,
                "takeover",
                logins,
                |logins| async move { logins.recover().await.map(|_| ()) },
            ),
            every(BEAT, &stop, "held pages", logins, |logins| async move {
                logins.beat().await?;
                logins.pick_up_all().await?;
                logins.fail_orphans().await.map(|_| ())
            }),
            every(EXPIRY, &stop, "expiry", logins, |logins| async move { logins.expire().await.map(|_| ()) }),
            every(PRUNING, &stop, "pruning", logins, move |logins| {
                let before = clock.now() - keep;
                async move {
                    while logins.prune(before).await? > 0 {}
                    Ok(())
                }
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
