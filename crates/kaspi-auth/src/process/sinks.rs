//! What the engines tell beside their answers: evidence, shapes of the portal, pages that were lost. Must not keep a login waiting
//! for longer than it takes to write evidence down.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use kaspi_auth_core::canary::Canary;
use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::logins::Logins;
use kaspi_auth_core::port::{BoxFuture, EvidenceSink, HolderSink, ShapeSink};
use kaspi_auth_core::records::Records;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use super::Chain;

/// Shapes that are remembered as seen; more would be a portal that never looks the same twice.
const REMEMBERED: usize = 4096;

/// Keeps evidence in the database.
pub struct Evidences {
    records: Arc<Records>,
    keeps: bool,
}

impl Evidences {
    /// Keeps nothing when not `keeps`.
    pub fn new(records: Arc<Records>, keeps: bool) -> Self {
        Self { records, keeps }
    }
}

impl EvidenceSink for Evidences {
    fn keep(&self, login: LoginId, evidence: Evidence) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // The picture that a person must see is no matter of keeping: the challenge needs it.
            if !self.keeps && evidence.picture.is_none() {
                return;
            }
            metrics::counter!("kaspi_auth_evidence_total").increment(1);
            if let Err(error) = self.records.keep(login, &evidence).await {
                tracing::error!(login.id = %login, error = %Chain(&error), "evidence could not be kept");
            }
        })
    }
}

/// Compares shapes with those that were seen before, off the login's path.
pub struct Shapes {
    canary: Arc<Canary>,
    seen: Arc<Mutex<HashSet<(String, String)>>>,
    tasks: TaskTracker,
}

impl Shapes {
    /// Remembers what this process has seen, so that the database hears of news alone.
    pub fn new(canary: Arc<Canary>) -> Self {
        Self { canary, seen: Arc::default(), tasks: TaskTracker::new() }
    }
}

impl ShapeSink for Shapes {
    fn seen(&self, step: &str, shape: &str) {
        let key = (step.to_owned(), shape.to_owned());
        {
            let mut seen = self.seen.lock();
            if seen.contains(&key) {
                return;
            }
            if seen.len() >= REMEMBERED {
                seen.clear();
            }
            seen.insert(key.clone());
        }
        let (canary, seen) = (Arc::clone(&self.canary), Arc::clone(&self.seen));
        self.tasks.spawn(async move {
            match canary.see(&key.0, &key.1).await {
                Ok(true) => {
                    tracing::warn!(step = key.0, "the portal looks otherwise than ever before at this step; see /v1/events");
                    metrics::counter!("kaspi_auth_portal_changes_total", "step" => key.0).increment(1);
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(step = key.0, error = %Chain(&error), "the shape of a step could not be noted");
                    // Told again at the next login.
                    seen.lock().remove(&key);
                }
            }
        });
    }
}

/// Fails logins whose page was lost.
#[derive(Default)]
pub struct Holder {
    logins: OnceLock<Arc<Logins>>,
    tasks: TaskTracker,
}

impl Holder {
    /// Names the use cases: they need the engines and so come after them.
    pub fn attach(&self, logins: Arc<Logins>) {
        // Attached twice: the first stays, both are the same in one process.
        let _ = self.logins.set(logins);
    }
}

impl HolderSink for Holder {
    fn lost(&self, login: LoginId) {
        let Some(logins) = self.logins.get().cloned() else { return };
        self.tasks.spawn(async move {
            if let Err(error) = logins.holder_lost(login).await {
                tracing::error!(login.id = %login, error = %Chain(&error), "the loss of a login's page could not be stored");
            }
        });
    }
}
