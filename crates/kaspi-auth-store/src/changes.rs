//! Hearing of changes, whoever made them, and passing them on: to the cache first, then to everybody who listens.

mod postgres;
mod sqlite;

use std::sync::Arc;

use kaspi_auth_core::id::{LoginId, MerchantUid};
use sqlx::postgres::{PgConnectOptions, PgListener};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::cache::Cache;
pub(crate) use postgres::listen;
pub(crate) use sqlite::Log;

/// What hears of changes, open already: so nothing is missed that happens after the database was opened.
pub(crate) enum Ears {
    /// Looks at the file.
    Sqlite(Box<Log>),
    /// Listens to the server.
    Postgres(Box<(PgListener, PgConnectOptions)>),
}

impl Ears {
    /// From now on, changes are passed on.
    pub(crate) fn watch(self, announcer: Announcer) -> Watcher {
        match self {
            Self::Sqlite(log) => sqlite::watch(*log, announcer),
            Self::Postgres(ears) => postgres::watch(ears.0, ears.1, announcer),
        }
    }
}

/// Changes that a slow listener may fall behind.
const BACKLOG: usize = 1024;

/// What has changed in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This login.
    Login(LoginId),
    /// This store or its session, or its deletion.
    Store(MerchantUid),
    /// Some API key.
    ApiKeys,
    /// Anything may have: changes were missed.
    Everything,
}

impl Change {
    /// Reads what a trigger says. What cannot be read may be anything.
    fn parse(what: &str) -> Self {
        let read = match what.split_once(':') {
            Some(("login", id)) => id.parse().ok().map(Self::Login),
            Some(("store", uid)) => MerchantUid::parse(uid).ok().map(Self::Store),
            None if what == "api_keys" => Some(Self::ApiKeys),
            _ => None,
        };
        read.unwrap_or(Self::Everything)
    }
}

/// Passes changes on.
#[derive(Debug, Clone)]
pub(crate) struct Announcer {
    cache: Arc<Cache>,
    sender: broadcast::Sender<Change>,
}

impl Announcer {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        Self { cache, sender: broadcast::Sender::new(BACKLOG) }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// Makes the cache forget, then tells.
    pub(crate) fn announce(&self, change: Change) {
        self.cache.forget(&change);
        // An error says that nobody listens.
        let _ = self.sender.send(change);
    }

    /// From now on changes may be missed: nothing is served from memory.
    fn deaf(&self) {
        self.cache.bypass();
        let _ = self.sender.send(Change::Everything);
    }

    /// From now on no change is missed; some may have been until now.
    fn hearing(&self) {
        self.cache.serve();
        let _ = self.sender.send(Change::Everything);
    }
}

/// The background task that hears of changes; dropping it ends the task.
#[derive(Debug)]
pub(crate) struct Watcher(JoinHandle<()>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_may_be_anything() {
        let id = "019353a0-0000-7000-8000-000000000001";
        assert_eq!(Change::parse(&format!("login:{id}")), Change::Login(id.parse().unwrap()));
        assert_eq!(
            Change::parse(&format!("login:{}", id.replace('-', ""))),
            Change::Login(id.parse().unwrap())
        );
        assert_eq!(Change::parse("store:KSP"), Change::Store(MerchantUid::parse("KSP").unwrap()));
        assert_eq!(Change::parse("api_keys"), Change::ApiKeys);
        for what in ["", "store:", "store:a b", "login:x", "orders:1", "everything"] {
            assert_eq!(Change::parse(what), Change::Everything, "{what}");
        }
    }
}
