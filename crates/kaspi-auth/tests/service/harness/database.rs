//! A database of its own for each test: a file in a temporary folder, or a new database on the tests' PostgreSQL.
//! Dropping it takes it away. Must not touch a database that it did not make.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// Where a server for tests is.
const SERVER: &str = "KASPI_AUTH_TEST_POSTGRES_URL";

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database.
pub struct Database {
    folder: TempDir,
    url: String,
    made: Option<Made>,
}

/// A database that was made on a server.
struct Made {
    server: String,
    name: String,
}

impl Database {
    /// Makes one.
    pub async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        match kind {
            Kind::Sqlite => {
                let url = format!("sqlite://{}", file(folder.path()).display());
                Self { folder, url, made: None }
            }
            Kind::Postgres => {
                let server = std::env::var(SERVER).unwrap_or_else(|_| {
                    panic!("{SERVER} is not set: run `cargo xtask test`, or `cargo xtask postgres` for a server by hand")
                });
                let name = new_name();
                let mut connection = PgConnection::connect(&server).await.unwrap();
                execute(&mut connection, format!("create database {name}")).await;
                let url = with_name(&server, &name);
                Self { folder, url, made: Some(Made { server, name }) }
            }
        }
    }

    /// What the service is told.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        if self.made.is_some() { Kind::Postgres } else { Kind::Sqlite }
    }

    /// A folder for the test's own files; it goes with the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a statement past the service.
    pub async fn execute(&self, sql: &str) {
        if self.made.is_some() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            execute(&mut connection, sql.to_owned()).await;
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        }
    }

    /// As [`Database::execute`], for what the database itself may refuse.
    pub async fn try_execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.made.is_some() {
            let mut connection = PgConnection::connect(&self.url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        }
    }

    /// The first column of every row, as text; nulls are left out.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let rows: Vec<(Option<String>,)> = if self.made.is_some() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        };
        rows.into_iter().filter_map(|(text,)| text).collect()
    }

    /// How many rows there are.
    pub async fn count(&self, from: &str) -> u64 {
        let counted = self.texts(&format!("select cast(count(*) as text) from {from}")).await;
        counted[0].parse().unwrap()
    }

    /// Everything that is stored, byte for byte: the file with its companions, or each row of each table as text.
    pub async fn bytes(&self) -> Vec<u8> {
        if self.made.is_none() {
            let names =
                ["", "-wal", "-shm"].map(|end| format!("{}{end}", file(self.folder.path()).display()));
            return names.iter().filter_map(|name| std::fs::read(name).ok()).flatten().collect();
        }
        let tables = "select format('%I.%I', schemaname, tablename) from pg_tables
                      where schemaname not in ('pg_catalog', 'information_schema')";
        let mut all = Vec::new();
        for table in self.texts(tables).await {
            for row in self.texts(&format!("select t::text from {table} t")).await {
                all.extend_from_slice(row.as_bytes());
                all.push(b'\n');
            }
        }
        all
    }

    /// Files in the folder that the database did not make.
    pub fn strangers(&self) -> Vec<PathBuf> {
        let own = file(self.folder.path());
        let own = own.file_name().unwrap().to_string_lossy().into_owned();
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with(&own)).collect()
    }
}

impl Drop for Database {
    /// A runtime of its own: this runs where a test has failed, too.
    fn drop(&mut self) {
        let Some(Made { server, name }) = self.made.take() else { return };
        let clearing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await.unwrap();
                execute(&mut connection, format!("drop database if exists {name} with (force)")).await;
            });
        });
        let cleared = clearing.join().is_ok();
        assert!(cleared || std::thread::panicking(), "the test's database could not be dropped");
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("kaspi-auth.sqlite")
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
fn new_name() -> String {
    format!("service_{}", uuid::Uuid::new_v4().simple())
}

/// The server's URL with another database in it.
fn with_name(server: &str, name: &str) -> String {
    let mut url: reqwest::Url = server.parse().unwrap();
    url.set_path(&format!("/{name}"));
    url.to_string()
}
