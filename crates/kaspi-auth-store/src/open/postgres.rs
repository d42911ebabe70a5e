//! Opening a PostgreSQL database: a pool, the type of the adopted table's `user_id`, and a connection that listens.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::Opened;
use crate::changes::{self, Ears};
use crate::error::OpenDatabaseError;
use crate::migrations;
use crate::pool::Pool;
use crate::settings::Settings;
use crate::values::UserColumn;

/// How long a call waits for a free connection, and the first connection for the server.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that rested for longer is asked whether it still lives, before it is used.
const RESTED: Duration = Duration::from_secs(5);

/// The type of `kaspi_stores.user_id`; of a domain, the type under it.
const USER_COLUMN: &str = "select format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null)
       from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = 'kaspi_stores'::regclass and a.attname = 'user_id'";

pub(crate) async fn open(
    options: PgConnectOptions,
    settings: &Settings,
) -> Result<Opened, OpenDatabaseError> {
    let named = options.get_application_name().is_some();
    let options = if named { options } else { options.application_name("kaspi-auth") };
    let options = options.disable_statement_logging();

    let mut first = match tokio::time::timeout(PATIENCE, options.connect()).await {
        Ok(connected) => connected.map_err(failure)?,
        Err(elapsed) => return Err(OpenDatabaseError::Unreachable { source: Box::new(elapsed) }),
    };
    let prepared = prepare(&mut first, settings.migrate).await;
    // In any case: an advisory lock may hang on it.
    let _ = first.close().await;
    let users = prepared?;

    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections.max(1))
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for < RESTED {
                    return Ok(true);
                }
                connection.ping().await.map(|()| true)
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(failure)?;
    let listener = changes::listen(&options).await.map_err(failure)?;
    Ok(Opened { pool: Pool::Postgres(pool), users, ears: Ears::Postgres(Box::new((listener, options))) })
}

async fn prepare(connection: &mut PgConnection, migrate: bool) -> Result<UserColumn, OpenDatabaseError> {
    if migrate {
        migrations::run_postgres(connection).await?;
    } else {
        migrations::check_postgres(connection).await?;
    }
    let (name,): (String,) = sqlx::query_as(USER_COLUMN).fetch_one(connection).await.map_err(failure)?;
    UserColumn::from_type_name(&name).ok_or_else(|| {
        OpenDatabaseError::Adoption(format!(
            "kaspi_stores.user_id is of type {name}; known are uuid, smallint, integer, bigint, text, varchar and char"
        ))
    })
}

/// What an error at opening means.
pub(crate) fn failure(error: sqlx::Error) -> OpenDatabaseError {
    match error {
        sqlx::Error::Database(said) => {
            // Classes: connection exception, invalid authorization, no such database, too many connections, privilege.
            let code = said.code().unwrap_or_default().into_owned();
            let refused = code.starts_with("28") || matches!(code.as_str(), "3D000" | "42501" | "53300");
            if refused {
                return OpenDatabaseError::Refused { message: said.message().to_owned() };
            }
            if code.starts_with("08") || code.starts_with("57P") {
                return OpenDatabaseError::Unreachable { source: said };
            }
            OpenDatabaseError::Failed { statement: "postgres.open", source: said }
        }
        error @ (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut) => {
            OpenDatabaseError::Unreachable { source: Box::new(error) }
        }
        error => OpenDatabaseError::Failed { statement: "postgres.open", source: Box::new(error) },
    }
}
