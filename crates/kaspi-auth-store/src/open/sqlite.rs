//! Opening an SQLite file: one connection that writes, several that read, one that looks for changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::Opened;
use crate::changes::{Ears, Log};
use crate::error::OpenDatabaseError;
use crate::migrations;
use crate::pool::{Connections, Pool};
use crate::settings::Settings;
use crate::values::UserColumn;

/// How long a statement waits for another process's write.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn open(path: &Path, settings: &Settings) -> Result<Opened, OpenDatabaseError> {
    create(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .synchronous(SqliteSynchronous::Normal)
        // What is deleted is overwritten where that costs no further write; all of it is sealed anyway.
        .pragma("secure_delete", "fast")
        .disable_statement_logging();

    let writing = options.clone().journal_mode(SqliteJournalMode::Wal);
    let mut first = patiently(&writing, path).await?;
    if settings.migrate {
        migrations::run_sqlite(&mut first, path).await?;
    } else {
        migrations::check_sqlite(&mut first).await?;
    }
    first.close().await.map_err(|error| failure(error, path))?;

    let writer = Connections::open(&writing, 1).await.map_err(|error| failure(error, path))?;
    // The writer and the one that looks for changes count too.
    let count = settings.max_connections.saturating_sub(2).clamp(1, 4);
    let reading = options.read_only(true);
    let readers = Connections::open(&reading, count).await.map_err(|error| failure(error, path))?;
    let log = Log::open(reading).await.map_err(|error| failure(error, path))?;
    Ok(Opened {
        pool: Pool::Sqlite { writer, readers, options: Box::new(writing) },
        users: UserColumn::Text,
        ears: Ears::Sqlite(Box::new(log)),
    })
}

/// Makes the file if there is none, for its owner only; SQLite gives its companions the same rights. One that is there is not
/// opened: closing it would drop the locks of all connections that this process has to it, and another program that closes the
/// file would take itself for the last and delete the log under them.
fn create(path: &Path) -> Result<(), OpenDatabaseError> {
    let mut how = std::fs::OpenOptions::new();
    how.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    match how.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop).map_err(|source| OpenDatabaseError::FileUnusable {
            path: path.to_path_buf(),
            source: Box::new(source),
        }),
    }
}

/// Two processes that both turn a new file to write-ahead logging get "busy" at once, whatever the timeout says.
async fn patiently(
    options: &SqliteConnectOptions,
    path: &Path,
) -> Result<sqlx::SqliteConnection, OpenDatabaseError> {
    let mut waited = Duration::ZERO;
    loop {
        match options.connect().await.map_err(|error| failure(error, path)) {
            Err(OpenDatabaseError::Busy) if waited < PATIENCE => {
                let pause = Duration::from_millis(20);
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            connected => return connected,
        }
    }
}

/// What an error at opening means.
pub(crate) fn failure(error: sqlx::Error, path: &Path) -> OpenDatabaseError {
    let path: PathBuf = path.to_path_buf();
    // Primary result codes: https://www.sqlite.org/rescode.html
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok())
        .map(|extended| extended & 0xff);
    match code {
        Some(5 | 6) => OpenDatabaseError::Busy,
        Some(8 | 10 | 13 | 14) => OpenDatabaseError::FileUnusable { path, source: Box::new(error) },
        Some(26) => OpenDatabaseError::NotADatabase { path },
        _ => OpenDatabaseError::Failed { statement: "sqlite.open", source: Box::new(error) },
    }
}
