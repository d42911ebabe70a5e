//! Tables of our own: rows of a key and up to three tokens, written only while they are as they were read.

use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::RepositoryError;
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};
use uuid::Uuid;

use super::{After, Finding, Page, Problem, Rekeyed, SqlDatabase, Verified, WRITTEN_AT_ONCE, count};
use crate::pool::{read, transaction, tx_write};
use crate::sealed::Sealer;
use crate::statements::rekey::{self as statements, Own};

/// How many sealed values a row has at most.
const VALUES: usize = 3;

/// A table.
pub(super) struct OwnTable<K> {
    pub(super) table: &'static str,
    columns: [&'static str; VALUES],
    statements: Own,
    /// Opens the value of a column.
    open: fn(&Sealer, &K, usize, &str) -> Result<(), Problem>,
}

pub(super) const LOGINS: OwnTable<Uuid> = OwnTable {
    table: "kaspi_auth_logins",
    columns: ["account", "secrets", "staged"],
    statements: statements::LOGINS,
    open: |sealer, id, column, token| match column {
        0 => sealer.open_account(LoginId(*id), token).map(drop).map_err(Problem::Sealed),
        1 => sealer.open_secrets(LoginId(*id), token).map(drop).map_err(Problem::Sealed),
        _ => sealer.open_staged(token).map_err(super::problem),
    },
};

pub(super) const DEVICES: OwnTable<Vec<u8>> = OwnTable {
    table: "kaspi_auth_devices",
    columns: ["sealed", "", ""],
    statements: statements::DEVICES,
    open: |sealer, key, _, token| sealer.open_device(key, token).map(drop).map_err(Problem::Sealed),
};

pub(super) const EGRESSES: OwnTable<Uuid> = OwnTable {
    table: "kaspi_auth_egresses",
    columns: ["password", "", ""],
    statements: statements::EGRESSES,
    open: |sealer, id, _, token| {
        sealer.open_proxy_password(EgressId(*id), token).map(drop).map_err(Problem::Sealed)
    },
};

pub(super) const EVIDENCE: OwnTable<Uuid> = OwnTable {
    table: "kaspi_auth_evidence",
    columns: ["sealed", "", ""],
    statements: statements::EVIDENCE,
    open: |sealer, id, _, token| sealer.open_evidence(LoginId(*id), token).map(drop).map_err(Problem::Sealed),
};

pub(super) const SETTINGS: OwnTable<String> = OwnTable {
    table: "kaspi_auth_settings",
    columns: ["value", "", ""],
    statements: statements::SETTINGS,
    open: |sealer, _, _, token| sealer.open_pepper(token).map_err(Problem::Sealed),
};

/// A column that names rows, in both databases.
pub(super) trait RowKey:
    Type<Postgres>
    + Type<Sqlite>
    + for<'q> Encode<'q, Postgres>
    + for<'q> Encode<'q, Sqlite>
    + for<'r> Decode<'r, Postgres>
    + for<'r> Decode<'r, Sqlite>
    + Clone
    + Default
    + Send
    + Sync
    + Unpin
    + 'static
{
    /// For people.
    fn told(&self) -> String;
    /// As a cursor.
    fn after(&self) -> After;
    /// From a cursor; before all where it stands nowhere.
    fn from(after: After) -> Self;
}

impl RowKey for Uuid {
    fn told(&self) -> String {
        self.to_string()
    }

    fn after(&self) -> After {
        After::Uuid(*self)
    }

    fn from(after: After) -> Self {
        if let After::Uuid(id) = after { id } else { Self::nil() }
    }
}

impl RowKey for Vec<u8> {
    fn told(&self) -> String {
        use std::fmt::Write as _;
        self.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn after(&self) -> After {
        After::Bytes(self.clone())
    }

    fn from(after: After) -> Self {
        if let After::Bytes(bytes) = after { bytes } else { Self::new() }
    }
}

impl RowKey for String {
    fn told(&self) -> String {
        self.clone()
    }

    fn after(&self) -> After {
        After::Text(self.clone())
    }

    fn from(after: After) -> Self {
        if let After::Text(text) = after { text } else { Self::new() }
    }
}

/// A row: its key and its tokens.
type Row<K> = (K, Option<String>, Option<String>, Option<String>);

/// A row as it is to be written.
struct Write<K> {
    key: K,
    was: [Option<String>; VALUES],
    is: [Option<String>; VALUES],
    mark: String,
    moved: bool,
}

impl SqlDatabase {
    pub(super) async fn own_behind<K>(
        &self,
        of: &OwnTable<K>,
        newest: &str,
    ) -> Result<(u64, u64), RepositoryError> {
        let rows = read!(&self.pool, of.statements.behind => (i64, i64), newest)?;
        let (behind, unmarked) = rows.into_iter().next().unwrap_or_default();
        Ok((count(behind), count(unmarked)))
    }

    /// Marks rows that have no mark.
    pub(super) async fn mark_own<K: RowKey>(
        &self,
        of: &OwnTable<K>,
        limit: u32,
    ) -> Result<(), RepositoryError> {
        if limit == 0 {
            return Ok(());
        }
        let rows = read!(&self.pool, of.statements.unmarked => Row<K>, i64::from(limit))?;
        let marked = rows.into_iter().map(|(key, first, second, third)| {
            let was = [first, second, third];
            let mark = self.mark_of(was.iter().flatten().map(String::as_str));
            Write { key, is: was.clone(), was, mark, moved: false }
        });
        self.write_own(of, marked.collect()).await.map(drop)
    }

    pub(super) async fn rekey_own<K: RowKey>(
        &self,
        of: &OwnTable<K>,
        after: After,
        batch: u32,
    ) -> Result<Page, RepositoryError> {
        let newest = self.newest_key_id();
        let rows = read!(&self.pool, of.statements.older => Row<K>, K::from(after), newest.as_str(), i64::from(batch))?;
        let full = u32::try_from(rows.len()).is_ok_and(|read| read == batch);
        let last = rows.last().filter(|_| full).map(|row| row.0.after());
        let mut findings = Vec::new();
        let mut writes = Vec::new();
        for (key, first, second, third) in rows {
            let before = findings.len();
            let was = [first, second, third];
            let mut is = was.clone();
            let mut moved = false;
            for (column, value) in is.iter_mut().enumerate() {
                let Some(token) = value.as_deref() else { continue };
                match self.sealer.renew(token) {
                    Ok(None) => {}
                    Ok(renewed) => {
                        moved = true;
                        *value = renewed;
                    }
                    Err(error) => findings.push(of.finding(&key, column, Problem::Sealed(error))),
                }
            }
            let mark = if findings.len() > before { super::NO_KEY.to_owned() } else { newest.clone() };
            writes.push(Write { key, was, is, mark, moved });
        }
        let rekeyed = self.write_own(of, writes).await?;
        Ok(Page { rekeyed: Rekeyed { findings, ..rekeyed }, last })
    }

    pub(super) async fn verify_own<K: RowKey>(
        &self,
        of: &OwnTable<K>,
        after: After,
        batch: u32,
    ) -> Result<(Verified, Option<After>), RepositoryError> {
        let rows = read!(&self.pool, of.statements.each => Row<K>, K::from(after), i64::from(batch))?;
        let full = u32::try_from(rows.len()).is_ok_and(|read| read == batch);
        let last = rows.last().filter(|_| full).map(|row| row.0.after());
        let mut verified = Verified::default();
        for (key, first, second, third) in &rows {
            verified.rows += 1;
            for (column, token) in [first, second, third].into_iter().enumerate() {
                let Some(token) = token.as_deref() else { continue };
                match (of.open)(&self.sealer, key, column, token) {
                    Ok(()) => verified.values += 1,
                    Err(problem) => verified.findings.push(of.finding(key, column, problem)),
                }
            }
        }
        Ok((verified, last))
    }

    /// Each row as it was read, or not at all.
    async fn write_own<K: RowKey>(
        &self,
        of: &OwnTable<K>,
        writes: Vec<Write<K>>,
    ) -> Result<Rekeyed, RepositoryError> {
        let mut done = Rekeyed::default();
        for some in writes.chunks(WRITTEN_AT_ONCE) {
            let written = transaction!(&self.pool, |tx| {
                let mut written = Vec::with_capacity(some.len());
                for write in some {
                    let ([first, second, third], was) = (&write.is, &write.was);
                    written.push(tx_write!(
                        tx,
                        of.statements.write,
                        write.key.clone(),
                        first.as_deref(),
                        second.as_deref(),
                        third.as_deref(),
                        write.mark.as_str(),
                        was[0].as_deref(),
                        was[1].as_deref(),
                        was[2].as_deref(),
                    )?);
                }
                written
            });
            for (write, rows) in some.iter().zip(written) {
                match (rows, write.moved, write.mark == super::NO_KEY) {
                    (0, _, _) => done.overtaken += 1,
                    (_, true, _) => done.moved += 1,
                    (_, false, false) => done.found_newest += 1,
                    (_, false, true) => {}
                }
            }
        }
        Ok(done)
    }
}

impl<K: RowKey> OwnTable<K> {
    fn finding(&self, key: &K, column: usize, problem: Problem) -> Finding {
        Finding { table: self.table, column: self.columns[column], row: key.told(), problem }
    }
}
