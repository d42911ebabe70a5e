//! Runs refreshes, looks and the like whatever becomes of the callers; what holds a lease, with the beat that keeps it.

use std::time::Duration;

use kaspi_auth_core::port::{Beat, BoxFuture, Tasks};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::traces;

/// The tasks of one process.
#[derive(Default)]
pub struct BackgroundTasks {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl BackgroundTasks {
    /// Waits for what runs, `grace` at most; then lets the rest fall: its leases run out, and another node goes on.
    pub async fn stop(&self, grace: Duration) {
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                running = self.tasks.len(),
                "refreshes still run after the grace period: others go on with them"
            );
        }
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Tasks for BackgroundTasks {
    fn spawn(&self, task: BoxFuture<'static, ()>, beat: Beat) {
        let stop = self.stop.clone();
        let run = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = keep_beating(beat) => {}
                () = task => {}
            }
        };
        self.tasks.spawn(run.instrument(traces::refresh()));
    }

    fn run(&self, task: BoxFuture<'static, ()>) {
        let stop = self.stop.clone();
        let run = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        };
        self.tasks.spawn(run.in_current_span());
    }
}

async fn keep_beating(beat: Beat) {
    let every = Duration::try_from(beat.every).unwrap_or_default().max(Duration::from_millis(10));
    let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
    loop {
        ticks.tick().await;
        (beat.call)().await;
    }
}
