//! Why a database could not be opened, in words that say what to do. Must not hold the URL: there is a password in it.

use std::path::PathBuf;

use kaspi_auth_vault::OpenError;

/// Why a database could not be opened or migrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenDatabaseError {
    /// The URL is none of ours.
    #[error("the database URL is not usable: {0}")]
    BadUrl(&'static str),
    /// The file or its folder.
    #[error(
        "the database file {} cannot be opened for writing: see that its folder exists, that this user may write in it, \
         and that the disk is not full", path.display()
    )]
    FileUnusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Some other file.
    #[error("{} is not an SQLite database: move it away or name another file", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Nobody answers.
    #[error(
        "the database server cannot be reached: see that it runs and that host and port of the URL are right"
    )]
    Unreachable {
        /// What the connection said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server is there and does not let us in or do what must be done.
    #[error(
        "the database server refuses: {message}; see that user, password and database of the URL are right and that the \
         user owns the tables"
    )]
    Refused {
        /// The server's words.
        message: String,
    },
    /// Another process holds the database for longer than we wait.
    #[error("the database is held by another process: wait until it has finished, then start again")]
    Busy,
    /// A table that is there already does not fit.
    #[error("{0}")]
    Adoption(String),
    /// Some migration has not run and was not to be run now.
    #[error("the database's schema is older than this program: run `kaspi-auth migrate`")]
    NotMigrated,
    /// Written by a later release.
    #[error(
        "the database's schema (version {version}) is newer than this program: use the release that made it, or a later one"
    )]
    Newer {
        /// The schema's version.
        version: i64,
    },
    /// A migration that ran is not the one that this program knows.
    #[error(
        "migration {version} of the database is not the one that this program knows: use a released program"
    )]
    Altered {
        /// The migration.
        version: i64,
    },
    /// A migration failed and was rolled back.
    #[error("migration {version} failed and was rolled back")]
    Migration {
        /// The migration.
        version: i64,
        /// What the database said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The pepper cannot be opened, so nothing else here could be.
    #[error(
        "no key of ENCRYPTION_KEY opens this database: it was made under another key; add that key after the present one, \
         comma separated, or name another database"
    )]
    WrongKey {
        /// What the key ring said.
        #[source]
        source: OpenError,
    },
    /// Anything else.
    #[error("the database failed in {statement}")]
    Failed {
        /// Where.
        statement: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
