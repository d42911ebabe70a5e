//! The service's database from beside it: statements that read the same for both kinds. Every text in them is ours.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use sqlx::{PgConnection, SqliteConnection};

use crate::lab::{Database, Lab};

/// A connection of our own.
pub enum Rows {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Rows {
    /// Connects to the lab's database.
    pub async fn of(lab: &Lab) -> Result<Self> {
        Ok(match lab.database() {
            Database::Sqlite => Self::Sqlite(SqliteConnection::connect(lab.database_url()).await?),
            Database::Postgres => Self::Postgres(PgConnection::connect(lab.database_url()).await?),
        })
    }

    /// Writes; how many rows.
    pub async fn write(&mut self, statement: impl Into<String>) -> Result<u64> {
        let statement = AssertSqlSafe(statement.into());
        Ok(match self {
            Self::Sqlite(connection) => connection.execute(statement).await?.rows_affected(),
            Self::Postgres(connection) => connection.execute(statement).await?.rows_affected(),
        })
    }

    /// Reads the first row, of which every column is a text.
    pub async fn texts<const COLUMNS: usize>(
        &mut self,
        statement: impl Into<String>,
    ) -> Result<[String; COLUMNS]> {
        let statement = AssertSqlSafe(statement.into());
        let mut texts = Vec::with_capacity(COLUMNS);
        match self {
            Self::Sqlite(connection) => {
                let row = connection.fetch_one(statement).await?;
                for column in 0..COLUMNS {
                    texts.push(row.try_get::<String, _>(column)?);
                }
            }
            Self::Postgres(connection) => {
                let row = connection.fetch_one(statement).await?;
                for column in 0..COLUMNS {
                    texts.push(row.try_get::<String, _>(column)?);
                }
            }
        }
        texts.try_into().ok().context("the columns")
    }

    /// Reads one number.
    pub async fn number(&mut self, expression: &str) -> Result<i64> {
        let [text] = self.texts(format!("select cast(({expression}) as text)")).await?;
        Ok(text.parse()?)
    }
}
