//! Rotation of keys: what is sealed under an older key than the newest, moving it there row by row, and opening all of it.
//!
//! | Table | sealed | its owner |
//! | --- | --- | --- |
//! | `kaspi_stores` | `guid` (plain in the oldest generation), `kaspi_email`, `kaspi_password` | the merchant |
//! | `kaspi_auth_logins` | `account`, `secrets`, `staged` | the login; of `staged` the merchant that it names |
//! | `kaspi_auth_devices` | `sealed` | the row's key |
//! | `kaspi_auth_egresses` | `password` | the egress |
//! | `kaspi_auth_evidence` | `sealed` | the login |
//! | `kaspi_auth_settings` | the pepper | the database |
//!
//! Each row has a mark that says which key it is sealed under; a trigger takes it away when a sealed value changes, whoever
//! changed it (migration 0009). Rows are written only as they were read: of two writers the other one counts. Content,
//! timestamps, generations and validity stay, so a rotated session is the same session. Must not tell a value.

mod own;
mod report;
mod stores;

use jiff::Timestamp;
use kaspi_auth_core::port::RepositoryError;
use uuid::Uuid;

use crate::database::SqlDatabase;
use crate::sealed::GuidError;
pub use report::{Finding, Problem, Rekeyed, RowsBehind, TableBehind, Verified};

/// The mark of a row that no key opens.
const NO_KEY: &str = "none";
/// The mark of a session that is not sealed.
const PLAIN: &str = "plain";
/// Rows that one transaction writes: others who write wait for no longer.
const WRITTEN_AT_ONCE: usize = 100;
/// Rows that are read at once at most, whatever is asked for.
const MOST: u32 = 5000;
/// Evidence has pictures in it: this many times fewer rows are read at once.
const BULKY: u32 = 50;

/// Which table a pass is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Stores,
    Logins,
    Devices,
    Egresses,
    Evidence,
    Settings,
}

/// The pepper last: without it the database does not open, so it is the last that an old key can be needed for.
const TABLES: [Table; 6] =
    [Table::Stores, Table::Logins, Table::Devices, Table::Egresses, Table::Evidence, Table::Settings];

/// The last row that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum After {
    Nothing,
    Text(String),
    Uuid(Uuid),
    Bytes(Vec<u8>),
}

/// How far a pass over all tables has come. Where to begin: [`RekeyCursor::default`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RekeyCursor {
    table: usize,
    after: After,
}

impl Default for RekeyCursor {
    fn default() -> Self {
        Self { table: 0, after: After::Nothing }
    }
}

impl RekeyCursor {
    /// Where to go on: after the last row of a page that was full, else at the next table.
    fn next(&self, last: Option<After>) -> Option<Self> {
        match last {
            Some(after) => Some(Self { table: self.table, after }),
            None => {
                (self.table + 1 < TABLES.len()).then(|| Self { table: self.table + 1, after: After::Nothing })
            }
        }
    }
}

/// What a page of rows came to.
struct Page {
    rekeyed: Rekeyed,
    /// The last row, when there may be more.
    last: Option<After>,
}

impl SqlDatabase {
    /// How many rows are not sealed under the newest key. Looked up by their marks; rows that have none, because they
    /// changed, are marked first, `look` of each table at most.
    ///
    /// # Errors
    /// The database's.
    pub async fn rows_behind(&self, look: u32) -> Result<RowsBehind, RepositoryError> {
        let newest = self.newest_key_id();
        let mut tables = Vec::new();
        for table in TABLES {
            self.mark(table, look.min(MOST)).await?;
            let (known, unmarked) = match table {
                Table::Stores => self.stores_behind(&newest).await?,
                Table::Logins => self.own_behind(&own::LOGINS, &newest).await?,
                Table::Devices => self.own_behind(&own::DEVICES, &newest).await?,
                Table::Egresses => self.own_behind(&own::EGRESSES, &newest).await?,
                Table::Evidence => self.own_behind(&own::EVIDENCE, &newest).await?,
                Table::Settings => self.own_behind(&own::SETTINGS, &newest).await?,
            };
            tables.push(TableBehind { table: table.name(), behind: known + unmarked, unmarked });
        }
        Ok(RowsBehind { tables })
    }

    /// Moves the next rows to the newest key, about `batch` of them. A row that somebody changes meanwhile is left to a later
    /// pass. Can be given up and begun again at any time.
    ///
    /// # Errors
    /// The database's. What cannot be opened is no error: it is among the findings.
    pub async fn rekey(
        &self,
        cursor: &RekeyCursor,
        batch: u32,
        now: Timestamp,
    ) -> Result<Rekeyed, RepositoryError> {
        let batch = batch.clamp(1, MOST);
        let after = cursor.after.clone();
        let page = match TABLES[cursor.table] {
            Table::Stores => self.rekey_stores(after, batch, now).await,
            Table::Logins => self.rekey_own(&own::LOGINS, after, batch).await,
            Table::Devices => self.rekey_own(&own::DEVICES, after, batch).await,
            Table::Egresses => self.rekey_own(&own::EGRESSES, after, batch).await,
            Table::Evidence => self.rekey_own(&own::EVIDENCE, after, bulky(batch)).await,
            Table::Settings => self.rekey_own(&own::SETTINGS, after, batch).await,
        }?;
        Ok(Rekeyed { next: cursor.next(page.last), ..page.rekeyed })
    }

    /// Opens every sealed value of the next rows, about `batch` of them, for the owner that its row names. Changes nothing.
    ///
    /// # Errors
    /// The database's. What cannot be opened is no error: it is among the findings.
    pub async fn verify(&self, cursor: &RekeyCursor, batch: u32) -> Result<Verified, RepositoryError> {
        let batch = batch.clamp(1, MOST);
        let after = cursor.after.clone();
        let (verified, last) = match TABLES[cursor.table] {
            Table::Stores => self.verify_stores(after, batch).await,
            Table::Logins => self.verify_own(&own::LOGINS, after, batch).await,
            Table::Devices => self.verify_own(&own::DEVICES, after, batch).await,
            Table::Egresses => self.verify_own(&own::EGRESSES, after, batch).await,
            Table::Evidence => self.verify_own(&own::EVIDENCE, after, bulky(batch)).await,
            Table::Settings => self.verify_own(&own::SETTINGS, after, batch).await,
        }?;
        Ok(Verified { next: cursor.next(last), ..verified })
    }

    /// The fingerprints of the keys, newest first.
    pub fn key_fingerprints(&self) -> Vec<String> {
        self.sealer.key_ids()
    }

    async fn mark(&self, table: Table, look: u32) -> Result<(), RepositoryError> {
        match table {
            Table::Stores => self.mark_stores(look).await,
            Table::Logins => self.mark_own(&own::LOGINS, look).await,
            Table::Devices => self.mark_own(&own::DEVICES, look).await,
            Table::Egresses => self.mark_own(&own::EGRESSES, look).await,
            Table::Evidence => self.mark_own(&own::EVIDENCE, bulky(look)).await,
            Table::Settings => self.mark_own(&own::SETTINGS, look).await,
        }
    }

    fn newest_key_id(&self) -> String {
        self.sealer.key_ids().into_iter().next().unwrap_or_default()
    }

    /// The mark of a row that has these tokens: the oldest key's.
    fn mark_of<'a>(&self, tokens: impl Iterator<Item = &'a str>) -> String {
        let mut oldest = 0;
        for token in tokens {
            match self.sealer.key_place(token) {
                Ok(place) => oldest = oldest.max(place),
                Err(_) => return NO_KEY.to_owned(),
            }
        }
        self.sealer.key_ids().into_iter().nth(oldest).unwrap_or_default()
    }
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Stores => stores::TABLE,
            Self::Logins => own::LOGINS.table,
            Self::Devices => own::DEVICES.table,
            Self::Egresses => own::EGRESSES.table,
            Self::Evidence => own::EVIDENCE.table,
            Self::Settings => own::SETTINGS.table,
        }
    }
}

fn bulky(batch: u32) -> u32 {
    (batch / BULKY).max(1)
}

fn problem(error: GuidError) -> Problem {
    match error {
        GuidError::Sealed(error) => Problem::Sealed(error),
        GuidError::Shape(what) => Problem::Shape(what),
    }
}

/// A count, which is never below zero.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
