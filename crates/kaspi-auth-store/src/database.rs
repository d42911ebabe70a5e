//! [`SqlDatabase`]: what is open, and the small things that every method needs. The methods themselves stand in `logins/`,
//! `stores/` and the other files named for what they keep.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use kaspi_auth_core::port::{Answered, Database};
use kaspi_auth_core::tenant::Tenant;
use tokio::sync::broadcast;

use crate::cache::Cache;
use crate::changes::{Announcer, Change, Watcher};
use crate::pool::{Pool, read};
use crate::sealed::Sealer;
use crate::statements::PING;
use crate::values::{UserColumn, UserParam};

/// The database port over SQLite or PostgreSQL. Dropping it ends its background task; [`close`](Self::close) also waits for
/// the connections.
pub struct SqlDatabase {
    pub(crate) pool: Pool,
    pub(crate) sealer: Sealer,
    pub(crate) users: UserColumn,
    pub(crate) cache: Arc<Cache>,
    pub(crate) announcer: Announcer,
    /// The time to stamp a token with where a call brings none.
    pub(crate) opened_at: Timestamp,
    pub(crate) _watcher: Watcher,
}

/// Which rows a tenant sees, as parameters: `($all or user_id = $user)`.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) all: bool,
    pub(crate) user: UserParam,
}

impl SqlDatabase {
    /// A receiver of all changes from now on, whoever makes them: this process (after the commit), another node or the
    /// Python predecessor. A change may come twice. One that falls behind gets
    /// [`Lagged`](broadcast::error::RecvError::Lagged) and must take it as [`Change::Everything`].
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.announcer.subscribe()
    }

    /// Closes all connections and waits for them.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// What the tenant sees; `None` when no row can be its.
    pub(crate) fn seen(&self, tenant: &Tenant) -> Option<Seen> {
        match tenant {
            Tenant::All => Some(Seen { all: true, user: self.users.nobody() }),
            Tenant::User(user) => Some(Seen { all: false, user: self.users.find(user)? }),
        }
    }
}

impl Database for SqlDatabase {
    fn ping(&self) -> Answered<'_, ()> {
        Box::pin(async move { read!(&self.pool, PING => (i32,)).map(drop) })
    }
}

impl fmt::Debug for SqlDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlDatabase").field("pool", &self.pool).finish_non_exhaustive()
    }
}
