//! Runs logins in the background: so many at once, the rest in order, none lost when a caller goes away.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::logins::{Logins, Work};
use kaspi_auth_core::port::LoginRunner;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::traces;

/// A third of the lease: two beats may be missed.
const BEAT: Duration = Duration::from_secs(5);

/// The runner of one process.
pub struct Runner {
    logins: OnceLock<Arc<Logins>>,
    tasks: TaskTracker,
    watches: TaskTracker,
    turns: Arc<Semaphore>,
    queue_limit: usize,
    stop: CancellationToken,
}

impl Runner {
    /// Runs `max_running` logins at once and lets `max_queued` wait.
    pub fn new(max_running: usize, max_queued: usize) -> Self {
        Self {
            logins: OnceLock::new(),
            tasks: TaskTracker::new(),
            watches: TaskTracker::new(),
            turns: Arc::new(Semaphore::new(max_running)),
            queue_limit: max_running + max_queued,
            stop: CancellationToken::new(),
        }
    }

    /// Names the use cases that are run: they need the runner and so come after it.
    pub fn attach(&self, logins: Arc<Logins>) {
        // Attached twice: the first stays, both are the same in one process.
        let _ = self.logins.set(logins);
    }

    /// How many logins run or wait for their turn.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether nothing runs.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits for what runs, `grace` at most; then lets the rest fall where it stands, to be taken over.
    pub async fn stop(&self, grace: Duration) {
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                running = self.tasks.len(),
                "logins still run after the grace period: they are parked"
            );
        }
        self.stop.cancel();
        self.tasks.wait().await;
        self.watches.close();
        self.watches.wait().await;
    }
}

impl LoginRunner for Runner {
    fn has_room(&self) -> bool {
        self.tasks.len() < self.queue_limit && !self.tasks.is_closed()
    }

    fn watch(&self, work: Work) {
        let Some(logins) = self.logins.get().cloned() else { return };
        let stop = self.stop.clone();
        self.watches.spawn(async move {
            let id = work.login();
            tokio::select! {
                () = stop.cancelled() => {}
                watched = logins.watch(work) => {
                    if let Err(error) = watched {
                        tracing::error!(login.id = %id, error = %Chain(&error), "what a person did in a page could not be stored");
                    }
                }
            }
        });
    }

    fn run(&self, work: Work) {
        let Some(logins) = self.logins.get().cloned() else { return };
        let (turns, stop) = (Arc::clone(&self.turns), self.stop.clone());
        // Made here: the request that set it going is its parent.
        let span = traces::drive(work.login());
        let driven = async move {
            let id = work.login();
            let keep = Arc::clone(&logins);
            let drive = async {
                // Closed never: the semaphore lives as long as the runner.
                let _turn = turns.acquire_owned().await;
                logins.drive(work).await
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = keep_lease(&keep, id) => {}
                driven = drive => {
                    if let Err(error) = driven {
                        tracing::error!(login.id = %id, error = %Chain(&error), "a login's outcome could not be stored");
                    }
                }
            }
        };
        self.tasks.spawn(driven.instrument(span));
    }
}

/// Renews the login's lease for as long as it is driven here, and no longer: what nobody drives any more, whatever the reason,
/// is taken over once its lease has run out.
async fn keep_lease(logins: &Logins, id: LoginId) {
    let mut beat = tokio::time::interval_at(Instant::now() + BEAT, BEAT);
    loop {
        beat.tick().await;
        if let Err(error) = logins.renew_lease(id).await {
            tracing::warn!(login.id = %id, error = %Chain(&error), "the lease of a running login could not be renewed");
        }
    }
}

/// An error with all its causes on one line.
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'a));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
