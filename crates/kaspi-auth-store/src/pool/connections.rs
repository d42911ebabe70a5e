//! Open connections to one SQLite file, each behind a lock. sqlx's own pool asks a connection after every use whether it
//! still lives, which costs two thread switches and holds up the one writer; a connection to a file does not die.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::time::timeout;

/// How long a call waits for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that all do the same.
#[derive(Debug)]
pub(crate) struct Connections {
    /// None: closed.
    each: Vec<Mutex<Option<SqliteConnection>>>,
    next: AtomicUsize,
    waiting: AtomicUsize,
}

/// Counts one who waits, for as long as it lives: a caller may give up in the middle.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    /// Opens `count` connections.
    pub(crate) async fn open(options: &SqliteConnectOptions, count: u32) -> Result<Self, sqlx::Error> {
        let mut each = Vec::new();
        for _ in 0..count.max(1) {
            each.push(Mutex::new(Some(options.connect().await?)));
        }
        Ok(Self { each, next: AtomicUsize::new(0), waiting: AtomicUsize::new(0) })
    }

    /// One that is free, or the next in turn as soon as it is. Whoever gives up waiting in the middle of a statement leaves
    /// a usable connection behind: sqlx ends the statement or rolls the transaction back before the next one begins.
    pub(crate) async fn get(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>, sqlx::Error> {
        let free = self.each.iter().find_map(|one| one.try_lock().ok());
        let guard = if let Some(guard) = free {
            guard
        } else {
            let _waits = Waits::begin(&self.waiting);
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.each.len();
            timeout(PATIENCE, self.each[turn].lock()).await.map_err(|_| sqlx::Error::PoolTimedOut)?
        };
        MutexGuard::try_map(guard, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)
    }

    /// How many there are, how many of them nobody uses, and how many callers wait.
    pub(crate) fn figures(&self) -> (usize, usize, usize) {
        let idle = self.each.iter().filter(|one| one.try_lock().is_ok()).count();
        (self.each.len(), idle, self.waiting.load(Ordering::Relaxed))
    }

    /// Closes all of them, each once its present user is done.
    pub(crate) async fn close(&self) {
        for one in &self.each {
            if let Some(connection) = one.lock().await.take() {
                let _ = connection.close().await;
            }
        }
    }
}
