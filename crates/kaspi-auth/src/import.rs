//! Stores on their way in from files: tables as CSV or JSON, and cookies as browsers and their extensions export them.
//!
//! A file is read as it comes, row by row: its size does not matter, a row's does ([`LONGEST_ROW`]). What cannot be read is one
//! [`Row`] that says where and why; it must never quote what it read, because anything in these files may be a secret.
//! Must not know what becomes of a store: that is the store port's.

mod cookies;
mod delimited;
mod elements;
mod json;
mod lines;
mod netscape;
mod rows;
mod sniff;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::import::FoundStore;
use serde_json::Value;

use self::cookies::Jar;
use self::rows::Reader;

/// Bytes of one row. The longest that a predecessor wrote has a few dozen KiB of cookies.
pub const LONGEST_ROW: usize = 1024 * 1024;
/// Bytes of a document that is one store: a browser's state may hold what pages keep beside their cookies.
const LONGEST_DOCUMENT: usize = 8 * LONGEST_ROW;

/// A store that was found, or what stands in its place.
pub struct Row {
    /// Where: a line of the file, an entry of a list.
    pub place: String,
    /// Whose, where that much could be read.
    pub merchant_uid: Option<MerchantUid>,
    /// What, or why not.
    pub found: Result<Box<FoundStore>, String>,
}

/// Reads a row in the table's shape. What goes wrong is told without a value.
pub type Opener = Arc<dyn Fn(Value) -> Result<FoundStore, String> + Send + Sync>;

/// How a file is read.
#[derive(Clone)]
pub struct Settings {
    /// What it is; by its content when left out.
    pub format: Option<Format>,
    /// Whose cookies they are, for files that do not say it.
    pub merchant_uid: Option<MerchantUid>,
    /// The portal's hosts: cookies of others are left behind.
    pub hosts: Vec<String>,
    /// The cabinet's host: without a cookie for it there is no session.
    pub cabinet_host: String,
    /// Cookies that have ended by then are left behind.
    pub now: Timestamp,
    /// Reads a row in the table's shape.
    pub opener: Opener,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Rows of the table as a JSON list, as one object a line, as Django's `dumpdata`; or one object with cookies in it, such as
    /// Playwright's storage state.
    Json,
    /// A JSON list of cookies, as browser extensions export it.
    Cookies,
    /// A cookie file, as curl, wget and yt-dlp read it (cookies.txt).
    Netscape,
    /// A table with the names of its columns in the first line.
    Csv,
}

/// Why a file cannot be begun with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system does not let us.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// It is nothing that is understood.
    #[error("{0}")]
    Unfit(String),
}

/// A file that is being read.
pub struct Rows {
    source: Box<dyn Iterator<Item = io::Result<Row>> + Send>,
    format: Format,
    length: Option<u64>,
    read: Arc<AtomicU64>,
}

impl Rows {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read, or is nothing that is understood.
    pub fn open(path: &Path, settings: &Settings) -> Result<Self, OpenError> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(OpenError::Unfit("it is a folder".to_owned()));
        }
        Self::read(file, about.is_file().then_some(about.len()), settings)
    }

    /// Reads from something that may go on for ever.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn read(
        source: impl Read + Send + 'static,
        length: Option<u64>,
        settings: &Settings,
    ) -> Result<Self, OpenError> {
        let read = Arc::new(AtomicU64::new(0));
        let mut source = Counted { source, read: Arc::clone(&read) };
        let mut beginning = Vec::new();
        (&mut source).take(LONGEST_ROW as u64 + 1).read_to_end(&mut beginning)?;
        let format = match settings.format {
            Some(format) => format,
            None => sniff::format(&beginning).map_err(|why| OpenError::Unfit(why.to_owned()))?,
        };
        let whole: Whole = Box::new(BufReader::new(Cursor::new(beginning).chain(source)));
        let reader = Reader::new(settings);
        let jar = Jar::new(settings);
        let rows: Box<dyn Iterator<Item = io::Result<Row>> + Send> = match format {
            Format::Json => json::rows(whole, reader)?,
            Format::Cookies => Box::new(std::iter::once_with(move || json::cookies(whole, jar, &reader))),
            Format::Netscape => Box::new(std::iter::once_with(move || netscape::read(whole, jar, &reader))),
            Format::Csv => {
                Box::new(delimited::rows(whole, reader)?.map_err(|why| OpenError::Unfit(why.to_owned()))?)
            }
        };
        Ok(Self { source: rows, format, length, read })
    }

    /// What it is taken for.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its size in bytes, where it is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// How many bytes have been read.
    pub fn consumed(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Iterator for Rows {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.source.next()
    }
}

/// All of a file, from its beginning.
type Whole = Box<dyn BufRead + Send>;

/// Counts what goes through.
struct Counted<R> {
    source: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
