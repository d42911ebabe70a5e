//! The stores of another installation's PostgreSQL database, read page by page in the order of its rows' ids. Must not write
//! there, and must not let one row that cannot be read stop the others.

mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::import::FoundStore;
use kaspi_auth_vault::KeyRing;
use secrecy::SecretString;
use serde_json::{Map, Value};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row as _};

use crate::error::OpenDatabaseError;
use crate::found::{FoundError, found_from_json};
use crate::open::postgres::failure;
use crate::settings::{Settings, Target};
use table::{COLUMNS, TEXT, Table};

/// How long the server may take to answer the first time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Nothing is written there, and nothing waits there for long.
const READ_ONLY: &str = "set transaction isolation level read committed, read only";
const LIMITS: &str = "set local statement_timeout = '30s'; set local lock_timeout = '5s'";
/// The most rows of a page: each may hold some 100 kB.
const PAGE: u32 = 500;

/// Where other stores are.
#[derive(Clone)]
pub struct ForeignSource {
    /// `postgres://…`
    pub url: SecretString,
    /// The table, with its schema where the search path does not find it; `None`: `kaspi_stores`.
    pub table: Option<String>,
    /// What opens what is sealed there.
    pub keys: Option<Arc<KeyRing>>,
    /// To go on behind this row: the [`key`](ForeignRow::key) of one that an earlier run has come to.
    pub after: Option<String>,
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Its merchant id; where that is none, the row's own id.
    pub row: String,
    /// Why.
    pub why: FoundError,
}

/// A row.
#[derive(Debug, Clone)]
pub struct ForeignRow {
    /// What the table tells it by: another run can go on behind it.
    pub key: String,
    /// The store, or why there is none.
    pub found: Result<FoundStore, UnreadableRow>,
}

/// The stores of another installation.
pub struct ForeignStores {
    connection: PgConnection,
    table: Table,
    keys: Option<Arc<KeyRing>>,
    total: u64,
    cursor: Option<String>,
}

impl ForeignStores {
    /// Connects and looks at the table.
    ///
    /// # Errors
    /// A URL that is none of PostgreSQL's, a server that does not answer or refuses, a table that is not there or holds no
    /// stores.
    pub async fn open(source: ForeignSource) -> Result<Self, OpenDatabaseError> {
        let options = options(source.url)?;
        let mut connection = match tokio::time::timeout(PATIENCE, options.connect()).await {
            Ok(connected) => connected.map_err(failure)?,
            Err(elapsed) => return Err(OpenDatabaseError::Unreachable { source: Box::new(elapsed) }),
        };
        let name = source.table.as_deref().unwrap_or("kaspi_stores");
        let mut transaction = begin(&mut connection).await?;
        let table = Table::find(&mut transaction, name).await?;
        let (total,): (i64,) = sqlx::query_as(AssertSqlSafe(table.count_sql(source.after.is_some())))
            .bind(source.after.as_deref())
            .fetch_one(&mut *transaction)
            .await
            .map_err(failure)?;
        transaction.commit().await.map_err(failure)?;
        let total = u64::try_from(total).unwrap_or(0);
        Ok(Self { connection, table, keys: source.keys, total, cursor: source.after })
    }

    /// How many rows there were to read at the beginning.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The next rows, at most `limit` and at most 500; none: that was all. Each page is a short transaction of its own, so that
    /// a long run holds nothing there.
    ///
    /// # Errors
    /// The server's. The page may be asked for again.
    pub async fn next_page(&mut self, limit: u32) -> Result<Vec<ForeignRow>, OpenDatabaseError> {
        let sql = self.table.page_sql(self.cursor.is_some());
        let mut transaction = begin(&mut self.connection).await?;
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(self.cursor.as_deref())
            .bind(i64::from(limit.clamp(1, PAGE)))
            .fetch_all(&mut *transaction)
            .await
            .map_err(failure)?;
        transaction.commit().await.map_err(failure)?;
        let mut page = Vec::with_capacity(rows.len());
        for row in rows {
            let key: String = row.try_get(0).map_err(failure)?;
            let found = read(&row, &key, self.keys.as_deref())?;
            page.push(ForeignRow { key, found });
        }
        if let Some(last) = page.last() {
            self.cursor = Some(last.key.clone());
        }
        Ok(page)
    }

    /// Closes the connection.
    pub async fn close(self) {
        // The server notices a connection that ends otherwise, too.
        let _ = self.connection.close().await;
    }
}

impl fmt::Debug for ForeignSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignSource").field("table", &self.table).finish_non_exhaustive()
    }
}

impl fmt::Debug for ForeignStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignStores").field("total", &self.total).finish_non_exhaustive()
    }
}

fn options(url: SecretString) -> Result<PgConnectOptions, OpenDatabaseError> {
    match Settings::new(url).target()? {
        Target::Postgres(options) => Ok(options.application_name("kaspi-auth").disable_statement_logging()),
        Target::Sqlite(_) => Err(OpenDatabaseError::BadUrl("other installations are read from postgres://")),
    }
}

async fn begin(
    connection: &mut PgConnection,
) -> Result<sqlx::Transaction<'_, sqlx::Postgres>, OpenDatabaseError> {
    let mut transaction = connection.begin().await.map_err(failure)?;
    for sql in [READ_ONLY, LIMITS] {
        sqlx::raw_sql(sql).execute(&mut *transaction).await.map_err(failure)?;
    }
    Ok(transaction)
}

/// One row: its key, then the columns in their order, each as a text or null.
fn read(
    row: &PgRow,
    key: &str,
    keys: Option<&KeyRing>,
) -> Result<Result<FoundStore, UnreadableRow>, OpenDatabaseError> {
    let mut map = Map::new();
    let mut oversized = None;
    for (index, column) in COLUMNS.iter().enumerate() {
        let text: Option<String> = row.try_get(index + 1).map_err(failure)?;
        let Some(text) = text else { continue };
        if text.chars().nth(TEXT).is_some() {
            oversized = Some(FoundError::Shape { field: column.name, what: "it is too long" });
        }
        let value = if column.is_json {
            // A text that is no JSON may be a bare token.
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        } else {
            Value::String(text)
        };
        map.insert(column.name.to_owned(), value);
    }
    let merchant =
        map.get("merchant_id").and_then(Value::as_str).and_then(|text| MerchantUid::parse(text.trim()).ok());
    let found = match oversized {
        Some(why) => Err(why),
        None => found_from_json(Value::Object(map), keys),
    };
    Ok(found.map_err(|why| UnreadableRow {
        row: merchant.map_or_else(|| format!("id {key}"), |uid| uid.to_string()),
        why,
    }))
}
