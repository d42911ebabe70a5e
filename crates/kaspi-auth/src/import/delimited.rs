//! Tables as text: CSV as PostgreSQL's `\copy … csv header`, spreadsheets and scripts write it. The first line names the columns;
//! columns that are not known are passed over.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::rows::Reader;
use super::{LONGEST_ROW, Row, Whole};

/// Room for what has been read ahead of a row.
const AHEAD: usize = 64 * 1024;
/// More columns than any table has.
const MOST_COLUMNS: usize = 500;

/// The columns that are read, by every name that they go by.
const COLUMNS: [(&str, &str); 27] = [
    ("merchant_id", "merchant_id"),
    ("merchant_uid", "merchant_id"),
    ("merchant", "merchant_id"),
    ("uid", "merchant_id"),
    ("email", "email"),
    ("e-mail", "email"),
    ("login", "email"),
    ("kaspi_email", "kaspi_email"),
    ("password", "password"),
    ("kaspi_password", "kaspi_password"),
    ("phone", "phone"),
    ("kaspi_phone", "phone"),
    ("user_id", "user_id"),
    ("user", "user_id"),
    ("name", "name"),
    ("shop_name", "name"),
    ("shop", "name"),
    ("guid", "guid"),
    ("cookies", "cookies"),
    ("store_points", "store_points"),
    ("is_active", "is_active"),
    ("needs_reauth", "needs_reauth"),
    ("reauth_reason", "reauth_reason"),
    ("authenticated_at", "authenticated_at"),
    ("sms_verified", "sms_verified"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
];

/// What parts a header's names, when they are a header's; the row's own columns in its order.
pub fn header(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    // The spreadsheets of this part of the world part by semicolons.
    [b',', b';', b'\t'].into_iter().find(|delimiter| {
        let names: Vec<_> = line.split(|byte| byte == delimiter).map(known).collect();
        let names = || names.iter().flatten();
        // A merchant or an account, and something besides it.
        names().any(|name| matches!(*name, "merchant_id" | "email" | "kaspi_email" | "phone"))
            && names().count() >= 2
    })
}

fn known(name: &[u8]) -> Option<&'static str> {
    let name = std::str::from_utf8(name).ok()?.trim().trim_matches('"').trim().to_ascii_lowercase();
    COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, column)| *column)
}

/// The rows of a file.
pub fn rows(mut source: Whole, reader: Reader) -> io::Result<Result<Table, &'static str>> {
    let buffer = source.fill_buf()?;
    let mark = if buffer.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let first = buffer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(delimiter) = header(first.trim_ascii_end()) else {
        return Ok(Err(
            "the first line of a table names its columns: merchant_id, and email, password, phone or guid",
        ));
    };
    // Where lines end as Windows ends them, the crate counts a line only once it reads on.
    let behind = u64::from(first.ends_with(b"\r"));
    source.consume(mark);
    let since = Arc::new(AtomicUsize::new(0));
    let bounded = Bounded { source, since: Arc::clone(&since) };
    let mut table = ReaderBuilder::new().delimiter(delimiter).flexible(false).from_reader(bounded);
    let columns: Vec<_> = match table.byte_headers() {
        Ok(names) => names.iter().map(known).collect(),
        Err(_) => return Ok(Err("the names of the columns cannot be read")),
    };
    let mut seen = Vec::new();
    for column in columns.iter().flatten() {
        if seen.contains(column) {
            return Ok(Err("two columns have the same name, or names of the same meaning"));
        }
        seen.push(column);
    }
    if columns.len() > MOST_COLUMNS {
        return Ok(Err("there are more columns than any table has"));
    }
    Ok(Ok(Table { records: table, columns, reader, since, behind, ended: false }))
}

/// A table that is being read.
pub struct Table {
    records: csv::Reader<Bounded>,
    columns: Vec<Option<&'static str>>,
    reader: Reader,
    since: Arc<AtomicUsize>,
    behind: u64,
    ended: bool,
}

impl Iterator for Table {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut record = ByteRecord::new();
        let (line, behind) = (self.records.position().line() + self.behind, self.behind);
        let place = |record: &ByteRecord| {
            format!("line {}", record.position().map_or(line, |position| position.line() + behind))
        };
        self.since.store(0, Ordering::Relaxed);
        match self.records.read_byte_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let place = place(&record);
                Some(Ok(match object(&self.columns, &record) {
                    Ok(map) => self.reader.row(place, Value::Object(map)),
                    Err(why) => self.reader.unreadable(place, why),
                }))
            }
            Err(error) if matches!(error.kind(), csv::ErrorKind::UnequalLengths { .. }) => {
                let why = "it has not as many cells as there are columns";
                Some(Ok(self.reader.unreadable(place(&record), why)))
            }
            Err(error) => {
                self.ended = true;
                Some(self.stopped(error, line))
            }
        }
    }
}

impl Table {
    fn stopped(&self, error: csv::Error, line: u64) -> io::Result<Row> {
        match error.into_kind() {
            csv::ErrorKind::Io(error) if is_too_long(&error) => {
                let why = "it is longer than 1 MiB; a quote that is not closed? Nothing after it is read";
                Ok(self.reader.unreadable(format!("line {line}"), why))
            }
            csv::ErrorKind::Io(error) => Err(error),
            _ => Ok(self.reader.unreadable(format!("line {line}"), "it cannot be read, nor what follows")),
        }
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<TooLong>()).is_some()
}

/// The cells by their columns, as the table's own types have them.
fn object(columns: &[Option<&'static str>], record: &ByteRecord) -> Result<Map<String, Value>, &'static str> {
    let mut map = Map::new();
    for (column, cell) in columns.iter().zip(record) {
        let Some(column) = column else { continue };
        let cell =
            std::str::from_utf8(cell).map_err(|_| "it is not UTF-8; save the table as \"CSV UTF-8\"")?;
        // PostgreSQL's null, in CSV and in its own format.
        if cell.is_empty() || cell == "\\N" {
            continue;
        }
        let value = match *column {
            "guid" | "cookies" | "store_points" => {
                serde_json::from_str(cell).unwrap_or_else(|_| Value::from(cell))
            }
            _ => Value::from(cell),
        };
        map.insert((*column).to_owned(), value);
    }
    Ok(map)
}

/// Refuses to read on when one row takes more than a row may.
pub struct Bounded {
    source: Whole,
    since: Arc<AtomicUsize>,
}

#[derive(Debug, thiserror::Error)]
#[error("a row is too long")]
struct TooLong;

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.load(Ordering::Relaxed) > LONGEST_ROW + AHEAD {
            return Err(io::Error::other(TooLong));
        }
        let count = self.source.read(buffer)?;
        self.since.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}
