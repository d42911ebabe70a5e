//! Opening a database: connect, migrate, find the pepper, listen. Here and in `open/` it matters which database it is.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::sync::Arc;

use jiff::Timestamp;
use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_vault::{Fingerprinter, KeyRing, Pepper};

use crate::cache::Cache;
use crate::changes::{Announcer, Ears};
use crate::database::SqlDatabase;
use crate::error::OpenDatabaseError;
use crate::pool::{Pool, read, write};
use crate::sealed::{Sealer, seconds};
use crate::settings::{Settings, Target};
use crate::statements::settings::{FIND, INSERT};
use crate::values::UserColumn;

/// What a kind of database gives: its pool, the type of `kaspi_stores.user_id`, and a way to hear of changes.
pub(crate) struct Opened {
    pub(crate) pool: Pool,
    pub(crate) users: UserColumn,
    pub(crate) ears: Ears,
}

impl SqlDatabase {
    /// Opens the database that the settings name, bringing its schema up to date if they say so. `ring` seals and opens what
    /// is secret in it; `now` is the time. Must be called inside a Tokio runtime: a background task listens for changes.
    ///
    /// # Errors
    /// Each [`OpenDatabaseError`] says what to do: a URL that is none of ours, a file that cannot be written, a server that
    /// does not answer or refuses, a schema of a newer program, a table that cannot be adopted, a key that does not open this
    /// database.
    pub async fn open(
        settings: &Settings,
        ring: Arc<KeyRing>,
        now: Timestamp,
    ) -> Result<Self, OpenDatabaseError> {
        let Opened { pool, users, ears } = match settings.target()? {
            Target::Sqlite(path) => sqlite::open(&path, settings).await?,
            Target::Postgres(options) => postgres::open(*options, settings).await?,
        };
        let pepper = pepper(&pool, &ring, now).await?;
        let cache = Arc::new(Cache::new(settings.cache_bytes));
        let announcer = Announcer::new(Arc::clone(&cache));
        let watcher = ears.watch(announcer.clone());
        let sealer = Sealer::new(ring, Fingerprinter::new(pepper));
        Ok(Self { pool, sealer, users, cache, announcer, opened_at: now, _watcher: watcher })
    }

    /// Brings the schema up to date and closes the database again. Several processes may do so at once.
    ///
    /// # Errors
    /// As [`open`](Self::open), without those of the key.
    pub async fn migrate(settings: &Settings) -> Result<(), OpenDatabaseError> {
        let settings = Settings { migrate: true, ..settings.clone() };
        let opened = match settings.target()? {
            Target::Sqlite(path) => sqlite::open(&path, &settings).await?,
            Target::Postgres(options) => postgres::open(*options, &settings).await?,
        };
        opened.pool.close().await;
        Ok(())
    }
}

/// The pepper of this database, made at the first start. Of two first starts one wins.
async fn pepper(pool: &Pool, ring: &KeyRing, now: Timestamp) -> Result<Pepper, OpenDatabaseError> {
    const NAME: &str = "pepper";
    for _ in 0..2 {
        let found = read!(pool, FIND => (String,), NAME).map_err(failed)?;
        if let Some((token,)) = found.first() {
            return Pepper::open(ring, token).map_err(|source| OpenDatabaseError::WrongKey { source });
        }
        let token = Pepper::generate().seal(ring, seconds(now));
        write!(pool, INSERT, NAME, token.as_str(), now.as_microsecond()).map_err(failed)?;
    }
    Err(OpenDatabaseError::Busy)
}

fn failed(error: RepositoryError) -> OpenDatabaseError {
    OpenDatabaseError::Failed { statement: "settings", source: Box::new(error) }
}
