//! Events in the database. One of a later release, which this one cannot read, is left out.

use jiff::Timestamp;
use kaspi_auth_core::event::{Happening, StoredEvent};
use kaspi_auth_core::port::{Answered, EventRepository, RepositoryError};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::{read, transaction, tx_write, write};
use crate::statements::events as statements;
use crate::statements::settings::LOCK;
use crate::values::from_micros;

const TABLE: &str = "kaspi_auth_events";
/// The row that is locked by who appends.
const LOCKED: &str = "events";

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
struct EventRow {
    sequence: i64,
    at: i64,
    r#type: String,
    data: String,
}

impl EventRepository for SqlDatabase {
    fn append_event<'a>(&'a self, happening: &'a Happening, at: Timestamp) -> Answered<'a, ()> {
        Box::pin(async move {
            let name = happening.name();
            let told = serde_json::to_value(happening)
                .map_err(|error| failure::corrupt(TABLE, "data", &name, error))?;
            let data = told.get("data").unwrap_or(&Value::Null).to_string();
            transaction!(&self.pool, |tx| {
                tx_write!(tx, LOCK, LOCKED)?;
                tx_write!(tx, statements::APPEND, at.as_microsecond(), name, data)?;
            });
            Ok(())
        })
    }

    fn list_events(&self, after: i64, limit: u32) -> Answered<'_, Vec<StoredEvent>> {
        Box::pin(self.list_after(after, limit as usize))
    }

    fn prune_events(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(
            async move { write!(&self.pool, statements::PRUNE, before.as_microsecond(), i64::from(limit)) },
        )
    }
}

impl SqlDatabase {
    /// A page that holds nothing readable is no end: the next one is read with it.
    async fn list_after(&self, mut after: i64, limit: usize) -> Result<Vec<StoredEvent>, RepositoryError> {
        let mut events = Vec::new();
        while events.len() < limit {
            let wanted = limit - events.len();
            let rows = read!(
                &self.pool, statements::LIST => EventRow, after, i64::try_from(wanted).unwrap_or(i64::MAX),
            )?;
            let is_last = rows.len() < wanted;
            after = rows.last().map_or(after, |row| row.sequence);
            events.extend(rows.into_iter().filter_map(EventRow::event));
            if is_last {
                break;
            }
        }
        Ok(events)
    }
}

impl EventRow {
    fn event(self) -> Option<StoredEvent> {
        let data: Value = serde_json::from_str(&self.data).ok()?;
        let happening = Happening::deserialize(json!({ "type": self.r#type, "data": data })).ok()?;
        Some(StoredEvent { sequence: self.sequence, at: from_micros(self.at), happening })
    }
}
