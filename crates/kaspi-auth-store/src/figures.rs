//! How the database fares, in numbers: connections, sessions in memory, how many stores stand how. Names no store.

use kaspi_auth_core::port::RepositoryError;

use crate::database::SqlDatabase;
use crate::pool::read;
use crate::statements::keeping::MOST_FAILURES;
use crate::statements::stores::COUNT;

/// What the process itself knows: costs no statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Connections that are open.
    pub connections: usize,
    /// Those that nobody uses.
    pub idle: usize,
    /// Callers that wait for a connection, where the pool tells: SQLite's does.
    pub waiting: Option<usize>,
    /// Sessions that were served from memory since the start.
    pub session_hits: u64,
    /// Sessions that were read from their row since the start.
    pub session_misses: u64,
}

/// So many stores stand so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCount {
    /// `active`, `needs_reauth`, `inactive`: as [`StoreStatus`](kaspi_auth_core::store::StoreStatus) names them.
    pub status: String,
    /// `alive`, `dead`, `unknown`: as [`Validity`](kaspi_auth_core::session::Validity) names them.
    pub validity: String,
    /// How many.
    pub stores: u64,
}

impl SqlDatabase {
    /// The figures now.
    pub fn figures(&self) -> Figures {
        let (connections, idle, waiting) = self.pool.figures();
        let (session_hits, session_misses) = self.cache.counted();
        Figures { connections, idle, waiting, session_hits, session_misses }
    }

    /// Lets go of sessions that have been open in memory for long enough. To be called now and then.
    pub fn tidy(&self) {
        self.cache.tidy();
    }

    /// How many stores stand how, all tenants' together. Reads every row: for once a minute, not for a request.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_sessions(&self) -> Result<Vec<SessionCount>, RepositoryError> {
        let rows = read!(&self.pool, COUNT => (String, String, i64))?;
        let count = |(status, validity, stores)| SessionCount {
            status,
            validity,
            stores: u64::try_from(stores).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(count).collect())
    }

    /// The most failures in a row that looks and refreshes of one store have behind them. Reads every row: for once a minute.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn most_failures(&self) -> Result<u64, RepositoryError> {
        let rows = read!(&self.pool, MOST_FAILURES => (i64,))?;
        Ok(rows.first().map_or(0, |(most,)| u64::try_from(*most).unwrap_or_default()))
    }
}
