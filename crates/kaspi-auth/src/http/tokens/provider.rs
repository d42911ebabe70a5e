//! Fetches the key set of an identity provider and keeps it: one fetch at a time, none more often than it helps. A provider
//! that does not answer does not shut out those whose key is held.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::{Code, Error};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use url::Url;

use super::key_set::KeySet;
use crate::process::Chain;

/// A set that is older is fetched again: a key that the provider withdrew ends with that.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// A key that is not in the set makes us fetch the set again, but no more often than this.
const UNKNOWN_KEY: SignedDuration = SignedDuration::from_secs(60);
/// After a failure.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(5);
/// Sets of many keys have some tens of kilobytes.
const MAX_SET: usize = 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// A key set behind a URL.
pub(super) struct Provider {
    client: reqwest::Client,
    url: Url,
    clock: Arc<dyn Clock>,
    held: RwLock<Held>,
    /// Whoever holds it fetches; the others wait for what comes.
    turn: Mutex<()>,
}

#[derive(Clone, Default)]
struct Held {
    set: KeySet,
    fetched_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

impl Held {
    /// Whether it can tell about that key now without a fetch.
    fn will_do(&self, kid: Option<&str>, now: Timestamp) -> bool {
        let patience = if self.set.find(kid).is_some() { FRESH } else { UNKNOWN_KEY };
        self.fetched_at.is_some_and(|at| at.duration_until(now) < patience)
    }
}

impl Provider {
    /// Nothing is fetched yet.
    pub(super) fn new(url: Url, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            // The keys come from where the operator said, not from where that points to.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, url, clock, held: RwLock::default(), turn: Mutex::default() })
    }

    /// The set, fetched if it must be to tell about that key.
    ///
    /// # Errors
    /// `overloaded`: the provider does not answer, and nothing that is held would do.
    pub(super) async fn set_with(&self, kid: Option<&str>) -> Result<KeySet, Error> {
        let held = self.held.read().clone();
        if held.will_do(kid, self.clock.now()) {
            return Ok(held.set);
        }
        let is_known = held.set.find(kid).is_some();
        let _turn = if is_known {
            // Old, but good: somebody else sees to a newer one.
            match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(held.set),
            }
        } else {
            self.turn.lock().await
        };
        let (held, now) = (self.held.read().clone(), self.clock.now());
        if held.will_do(kid, now) {
            return Ok(held.set);
        }
        let failed_just_now = held.failed_at.is_some_and(|at| at.duration_until(now) < AFTER_FAILURE);
        let fetched = if failed_just_now { None } else { self.fetch().await };
        if let Some(set) = fetched {
            *self.held.write() = Held { set: set.clone(), fetched_at: Some(now), failed_at: None };
            return Ok(set);
        }
        if !failed_just_now {
            self.held.write().failed_at = Some(now);
        }
        if held.set.find(kid).is_some() {
            return Ok(held.set);
        }
        let detail = "The keys for checking JWT could not be fetched. Try again later.";
        Err(Error::new(Code::Overloaded, detail).with_retry_at(now + AFTER_FAILURE))
    }

    /// `None`: it did not work, which is logged.
    async fn fetch(&self) -> Option<KeySet> {
        let body = self.body().await.inspect_err(|error| {
            tracing::warn!(error = %Chain(error), "auth.jwks_url cannot be fetched");
        });
        KeySet::read(&body.ok()?)
            .inspect_err(|error| tracing::warn!(%error, "auth.jwks_url answers no JSON Web Key Set"))
            .ok()
    }

    async fn body(&self) -> reqwest::Result<Vec<u8>> {
        let mut response = self.client.get(self.url.clone()).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_SET {
                // Cut off, it is no JSON.
                break;
            }
        }
        Ok(body)
    }
}
