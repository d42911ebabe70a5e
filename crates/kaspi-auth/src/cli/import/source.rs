//! Where an import reads from: a file, stdin, or another installation's database. Must not write anywhere.

use std::path::Path;
use std::sync::Arc;

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::Clock as _;
use kaspi_auth_store::{ForeignRow, ForeignSource, ForeignStores, found_from_json};
use kaspi_auth_vault::KeyRing;
use secrecy::ExposeSecret as _;

use super::super::failure::{Failure, Outcome};
use super::Args;
use crate::config::{self, Config};
use crate::import::{Format, OpenError, Opener, Row, Rows, Settings};
use crate::process::SystemClock;
use crate::wiring::{self, StartError};

/// Rows of another database that are asked for at once.
const PAGE: u32 = 200;
/// The schemes of a PostgreSQL database, as libraries spell them.
const POSTGRES: [&str; 2] = ["postgres", "postgresql"];

/// What is read.
pub enum Source {
    /// A file or stdin.
    File(Box<Rows>),
    /// Another installation's table.
    Database(Box<Pages>),
}

/// A table, page by page.
pub struct Pages {
    stores: ForeignStores,
    page: std::vec::IntoIter<(String, Row)>,
    read: u64,
    /// The row that was handed out last, and the last one of which all is done.
    handed: Option<String>,
    done: Option<String>,
}

impl Source {
    /// Opens what the command line names.
    pub async fn open(args: &Args, config: &Config) -> Outcome<Self> {
        let keys = keys(args, config)?;
        if is_database(args.from.expose_secret()) {
            return Self::database(args, config, keys).await;
        }
        if args.table.is_some() || args.after.is_some() {
            return Err(Failure::usage("--table and --after are for a source that is a database"));
        }
        let settings = settings(args, config, keys);
        let from = args.from.expose_secret();
        let rows = if from == "-" {
            Rows::read(std::io::stdin(), None, &settings)
        } else {
            Rows::open(Path::new(from), &settings)
        };
        rows.map(|rows| Self::File(Box::new(rows))).map_err(unusable)
    }

    async fn database(args: &Args, config: &Config, keys: Arc<KeyRing>) -> Outcome<Self> {
        if args.format.is_some() || args.merchant_uid.is_some() {
            return Err(Failure::usage("--format and --merchant-uid are for a source that is a file"));
        }
        let url = config::database_url(args.from.clone());
        let same = url.expose_secret() == config.database.url.expose_secret();
        if same && args.table.as_deref().is_none_or(|table| table == "kaspi_stores") {
            return Err(Failure::usage("the source is the service's own database")
                .hint("its table is adopted as it stands: `kaspi-auth migrate`"));
        }
        let source =
            ForeignSource { url, table: args.table.clone(), keys: Some(keys), after: args.after.clone() };
        let stores = ForeignStores::open(source).await.map_err(|error| {
            Failure::new("the source database cannot be read").because(StartError::from(error))
        })?;
        let page = Vec::new().into_iter();
        Ok(Self::Database(Box::new(Pages { stores, page, read: 0, handed: None, done: None })))
    }

    /// The row that was handed out last has come to its end.
    pub fn row_is_done(&mut self) {
        if let Self::Database(pages) = self {
            pages.done.clone_from(&pages.handed);
        }
    }

    /// Behind which row another run can go on; files are read from their beginning.
    pub fn done(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Database(pages) => pages.done.as_deref(),
        }
    }

    /// The next row.
    pub async fn next(&mut self) -> Outcome<Option<Row>> {
        match self {
            Self::File(rows) => rows.next().transpose().map_err(|error| {
                Failure::new("the source cannot be read on").because(error).hint(super::GO_ON)
            }),
            Self::Database(pages) => pages.next().await,
        }
    }

    /// How far it is read, and of how much, in bytes of a file or rows of a table.
    pub fn position(&self) -> (u64, Option<u64>) {
        match self {
            Self::File(rows) => (rows.consumed(), rows.length()),
            Self::Database(pages) => (pages.read, Some(pages.stores.total())),
        }
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Database(_) => "a table in PostgreSQL",
            Self::File(rows) => match rows.format() {
                Format::Json => "JSON rows",
                Format::Cookies => "a browser's cookies as JSON",
                Format::Netscape => "a cookie file",
                Format::Csv => "a table as CSV",
            },
        }
    }

    /// Lets go of it.
    pub async fn close(self) {
        if let Self::Database(pages) = self {
            pages.stores.close().await;
        }
    }
}

impl Pages {
    async fn next(&mut self) -> Outcome<Option<Row>> {
        if self.page.len() == 0 {
            let page = self.stores.next_page(PAGE).await.map_err(|error| {
                Failure::new("the source database cannot be read on")
                    .because(StartError::from(error))
                    .hint(super::GO_ON)
            })?;
            let rows = page.into_iter().map(|row| (row.key.clone(), row_of(row)));
            self.page = rows.collect::<Vec<_>>().into_iter();
        }
        let Some((key, row)) = self.page.next() else { return Ok(None) };
        self.read += 1;
        self.handed = Some(key);
        Ok(Some(row))
    }
}

fn row_of(row: ForeignRow) -> Row {
    let place = format!("id {}", row.key);
    match row.found {
        Ok(found) => {
            Row { place, merchant_uid: Some(found.merchant_uid.clone()), found: Ok(Box::new(found)) }
        }
        Err(unreadable) => Row {
            place,
            merchant_uid: MerchantUid::parse(&unreadable.row).ok(),
            found: Err(unreadable.why.to_string()),
        },
    }
}

/// Whether the source is a database's address.
fn is_database(from: &str) -> bool {
    let scheme = from.trim().split_once("://").map(|(scheme, _)| scheme.split('+').next().unwrap_or(scheme));
    scheme.is_some_and(|scheme| POSTGRES.contains(&scheme))
}

/// The keys that the source was sealed with: those that are named, or else our own.
fn keys(args: &Args, config: &Config) -> Outcome<Arc<KeyRing>> {
    let named = args.source_key.as_ref().filter(|key| !key.expose_secret().trim().is_empty());
    if named.is_none() && args.source_key_file.is_none() {
        return wiring::key_ring(&config.encryption).map_err(|error| Failure::from(StartError::from(error)));
    }
    KeyRing::from_settings(named, args.source_key_file.as_deref()).map(Arc::new).map_err(|error| {
        Failure::usage("the source's key cannot be used")
            .because(error)
            .hint("it is the ENCRYPTION_KEY of the installation that is left behind")
    })
}

fn settings(args: &Args, config: &Config, keys: Arc<KeyRing>) -> Settings {
    let portal = &config.portal;
    let host = |url: &url::Url| url.host_str().unwrap_or_default().to_owned();
    let hosts = [&portal.site_url, &portal.login_url, &portal.cabinet_url].map(host);
    let opener: Opener =
        Arc::new(move |row| found_from_json(row, Some(&keys)).map_err(|why| why.to_string()));
    Settings {
        format: args.format,
        merchant_uid: args.merchant_uid.clone(),
        cabinet_host: host(&portal.cabinet_url),
        hosts: hosts.to_vec(),
        now: SystemClock.now(),
        opener,
    }
}

fn unusable(error: OpenError) -> Failure {
    match error {
        OpenError::Unfit(why) => Failure::usage(format!("the source cannot be imported: {why}")),
        OpenError::Io(error) => Failure::usage("the source cannot be read")
            .because(error)
            .hint("--from takes a file, - for stdin, or postgres://…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_told_from_a_file() {
        for url in ["postgres://h/d", "postgresql://h/d", "postgresql+asyncpg://u:p@h/d", " postgres://h/d"] {
            assert!(is_database(url), "{url}");
        }
        for file in ["-", "stores.csv", "/a/postgres", "./postgres:x", "sqlite://x", "http://x"] {
            assert!(!is_database(file), "{file}");
        }
    }
}
