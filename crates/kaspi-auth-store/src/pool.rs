//! The two kinds of connection pool and the macros that run one statement on either. Outside of this file, of `open/` and
//! of `changes/`, nobody may ask which database it is.

mod connections;

use sqlx::PgPool;
use sqlx::sqlite::SqliteConnectOptions;

pub(crate) use connections::Connections;

use crate::statements::{Pair, Statement};

/// Open connections.
#[derive(Debug)]
pub(crate) enum Pool {
    /// One connection that writes and several that only read.
    Sqlite {
        /// One, so that writers queue here and not in SQLite.
        writer: Connections,
        /// Read-only.
        readers: Connections,
        /// How the writer was opened.
        options: Box<SqliteConnectOptions>,
    },
    /// Connections that do both.
    Postgres(PgPool),
}

impl Pool {
    /// How many connections are open, idle, and waited for.
    pub(crate) fn figures(&self) -> (usize, usize, Option<usize>) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                let (writer, readers) = (writer.figures(), readers.figures());
                (writer.0 + readers.0, writer.1 + readers.1, Some(writer.2 + readers.2))
            }
            // sqlx does not tell who waits.
            Self::Postgres(pool) => {
                (usize::try_from(pool.size()).unwrap_or(usize::MAX), pool.num_idle(), None)
            }
        }
    }

    /// The text of this kind of database, of a statement on the queue's tables.
    pub(crate) fn pick(&self, pair: Pair) -> Statement {
        match self {
            Self::Sqlite { .. } => pair.sqlite,
            Self::Postgres(_) => pair.postgres,
        }
    }

    /// Closes all connections; SQLite folds its log into the file.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Reads rows: `read!(pool, STATEMENT => Row, bind, …)` is `Result<Vec<Row>, RepositoryError>`.
macro_rules! read {
    ($pool:expr, $statement:expr => $row:ty $(, $bind:expr)* $(,)?) => {{
        let statement: $crate::statements::Statement = $statement;
        let query = statement.sql;
        match $pool {
            $crate::pool::Pool::Sqlite { readers, .. } => {
                match readers.get().await {
                    Ok(mut connection) => {
                        sqlx::query_as::<_, $row>(query)$(.bind($bind))*.fetch_all(&mut *connection).await
                    }
                    Err(error) => Err(error),
                }
            }
            $crate::pool::Pool::Postgres(pool) => {
                sqlx::query_as::<_, $row>(query)$(.bind($bind))*.fetch_all(pool).await
            }
        }
        .map_err(|error| $crate::failure::of(statement, error))
    }};
}

/// Runs one writing statement that answers rows, as a transaction of its own. All rows are taken: SQLite commits a statement
/// when it has been read to its end.
macro_rules! write_returning {
    ($pool:expr, $statement:expr => $row:ty $(, $bind:expr)* $(,)?) => {{
        let statement: $crate::statements::Statement = $statement;
        let query = statement.sql;
        match $pool {
            $crate::pool::Pool::Sqlite { writer, .. } => {
                match writer.get().await {
                    Ok(mut connection) => {
                        sqlx::query_as::<_, $row>(query)$(.bind($bind))*.fetch_all(&mut *connection).await
                    }
                    Err(error) => Err(error),
                }
            }
            $crate::pool::Pool::Postgres(pool) => {
                sqlx::query_as::<_, $row>(query)$(.bind($bind))*.fetch_all(pool).await
            }
        }
        .map_err(|error| $crate::failure::of(statement, error))
    }};
}

/// Runs one writing statement as a transaction of its own and answers how many rows it touched.
macro_rules! write {
    ($pool:expr, $statement:expr $(, $bind:expr)* $(,)?) => {{
        let statement: $crate::statements::Statement = $statement;
        let query = statement.sql;
        match $pool {
            $crate::pool::Pool::Sqlite { writer, .. } => {
                match writer.get().await {
                    Ok(mut connection) => sqlx::query(query)$(.bind($bind))*
                        .execute(&mut *connection)
                        .await
                        .map(|done| done.rows_affected()),
                    Err(error) => Err(error),
                }
            }
            $crate::pool::Pool::Postgres(pool) => {
                sqlx::query(query)$(.bind($bind))*.execute(pool).await.map(|done| done.rows_affected())
            }
        }
        .map_err(|error| $crate::failure::of(statement, error))
    }};
}

/// Runs the block in a transaction that takes the write lock at its beginning, and commits it. Leaving the block early (`?`,
/// `return`) rolls back.
macro_rules! transaction {
    ($pool:expr, |$tx:ident| $body:block) => {
        match $pool {
            $crate::pool::Pool::Sqlite { writer, .. } => {
                let mut connection = writer
                    .get()
                    .await
                    .map_err(|error| $crate::failure::of($crate::statements::BEGIN, error))?;
                let mut $tx = sqlx::Connection::begin_with(&mut *connection, "BEGIN IMMEDIATE")
                    .await
                    .map_err(|error| $crate::failure::of($crate::statements::BEGIN, error))?;
                let done = $body;
                $tx.commit().await.map_err(|error| $crate::failure::of($crate::statements::COMMIT, error))?;
                done
            }
            $crate::pool::Pool::Postgres(pool) => {
                let mut $tx = pool
                    .begin()
                    .await
                    .map_err(|error| $crate::failure::of($crate::statements::BEGIN, error))?;
                let done = $body;
                $tx.commit().await.map_err(|error| $crate::failure::of($crate::statements::COMMIT, error))?;
                done
            }
        }
    };
}

/// Runs a statement inside [`transaction!`] and answers how many rows it touched.
macro_rules! tx_write {
    ($tx:ident, $statement:expr $(, $bind:expr)* $(,)?) => {{
        let statement: $crate::statements::Statement = $statement;
        sqlx::query(statement.sql)$(.bind($bind))*.execute(&mut *$tx).await
            .map(|done| done.rows_affected())
            .map_err(|error| $crate::failure::of(statement, error))
    }};
}

/// Runs a statement that answers rows inside [`transaction!`].
macro_rules! tx_rows {
    ($tx:ident, $statement:expr => $row:ty $(, $bind:expr)* $(,)?) => {{
        let statement: $crate::statements::Statement = $statement;
        sqlx::query_as::<_, $row>(statement.sql)$(.bind($bind))*.fetch_all(&mut *$tx).await
            .map_err(|error| $crate::failure::of(statement, error))
    }};
}

pub(crate) use {read, transaction, tx_rows, tx_write, write, write_returning};
