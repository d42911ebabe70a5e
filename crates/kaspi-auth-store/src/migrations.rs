//! The schema's history: embedded, run behind a lock, told apart from that of a newer or an altered program. The queue's
//! library brings a history of its own for its tables, which runs first. Must not touch a row beyond what the migrations do.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{PgConnection, SqliteConnection};

use crate::error::OpenDatabaseError;
use crate::open::{postgres, sqlite};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Not in the table that it would take by itself: that is the default of every program that uses sqlx.
static SQLITE_QUEUE: LazyLock<Migrator> = LazyLock::new(|| Migrator {
    table_name: Cow::Borrowed("_kaspi_auth_queue_migrations"),
    ..SqliteStorage::migrations()
});
/// In the library's own schema, with its tables.
static POSTGRES_QUEUE: LazyLock<Migrator> = LazyLock::new(PostgresStorage::migrations);

/// Brings a file up to date. The lock is the write lock: one transaction around all of it.
pub(crate) async fn run_sqlite(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), OpenDatabaseError> {
    use sqlx::Connection as _;
    let failed = |error| sqlite::failure(error, path);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for migrator in [&*SQLITE_QUEUE, &SQLITE] {
        migrator.run_direct(None, &mut *transaction, false).await.map_err(|error| explain(error, failed))?;
    }
    transaction.commit().await.map_err(failed)
}

/// Brings a server's database up to date. The lock is an advisory one, held by this connection: close it afterwards, whatever
/// came out.
pub(crate) async fn run_postgres(connection: &mut PgConnection) -> Result<(), OpenDatabaseError> {
    for migrator in [&*POSTGRES_QUEUE, &POSTGRES] {
        migrator
            .run_direct(None, &mut *connection, false)
            .await
            .map_err(|error| explain(error, postgres::failure))?;
    }
    Ok(())
}

/// Whether a file is up to date.
pub(crate) async fn check_sqlite(connection: &mut SqliteConnection) -> Result<(), OpenDatabaseError> {
    check(&SQLITE, connection).await?;
    check(&SQLITE_QUEUE, connection).await
}

/// Whether a server's database is up to date.
pub(crate) async fn check_postgres(connection: &mut PgConnection) -> Result<(), OpenDatabaseError> {
    check(&POSTGRES, connection).await?;
    check(&POSTGRES_QUEUE, connection).await
}

async fn check<C: Migrate>(migrator: &Migrator, connection: &mut C) -> Result<(), OpenDatabaseError> {
    // No such table: nothing has run.
    let Ok(applied) = connection.list_applied_migrations(&migrator.table_name).await else {
        return Err(OpenDatabaseError::NotMigrated);
    };
    for one in &applied {
        match migrator.iter().find(|known| known.version == one.version) {
            None => return Err(OpenDatabaseError::Newer { version: one.version }),
            Some(known) if known.checksum != one.checksum => {
                return Err(OpenDatabaseError::Altered { version: one.version });
            }
            Some(_) => {}
        }
    }
    if migrator.iter().all(|known| applied.iter().any(|one| one.version == known.version)) {
        Ok(())
    } else {
        Err(OpenDatabaseError::NotMigrated)
    }
}

fn explain(error: MigrateError, failed: impl Fn(sqlx::Error) -> OpenDatabaseError) -> OpenDatabaseError {
    match error {
        MigrateError::VersionMissing(version) => OpenDatabaseError::Newer { version },
        MigrateError::VersionMismatch(version) => OpenDatabaseError::Altered { version },
        MigrateError::ExecuteMigration(error, version) => match advice(&error) {
            Some(advice) => OpenDatabaseError::Adoption(advice),
            None if is_refusal(&error) => failed(error),
            None => OpenDatabaseError::Migration { version, source: Box::new(error) },
        },
        MigrateError::Execute(error) => failed(error),
        other => OpenDatabaseError::Failed { statement: "migrations", source: Box::new(other) },
    }
}

/// The words that a migration raised on purpose (KA001 …): they say what to do.
fn advice(error: &sqlx::Error) -> Option<String> {
    let said = error.as_database_error()?;
    said.code()?.starts_with("KA").then(|| said.message().to_owned())
}

/// Not the owner of an adopted table (42501).
fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some("42501")
}
