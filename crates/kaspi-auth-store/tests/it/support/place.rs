//! Where a test's database is: a file in a folder of its own, or a database of its own on the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kaspi_auth_store::{OpenDatabaseError, Settings, SqlDatabase};
use kaspi_auth_vault::KeyRing;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::{now, ring};

/// A place that is gone when it is dropped.
pub struct Place {
    url: String,
    folder: Option<tempfile::TempDir>,
    database: Option<String>,
}

/// The superuser's URL of the server.
pub fn admin_url() -> String {
    std::env::var("KASPI_AUTH_TEST_POSTGRES_URL").expect(
        "KASPI_AUTH_TEST_POSTGRES_URL must name a PostgreSQL server: run the tests with `cargo xtask test`, or start one with \
         `cargo xtask postgres`",
    )
}

impl Place {
    /// An empty folder with the name of a file that is not there yet.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
        Self { url, folder: Some(folder), database: None }
    }

    /// An empty database.
    pub async fn postgres() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let admin = admin_url();
        let name = format!("store_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&admin).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
        let (server, _) = admin.rsplit_once('/').unwrap();
        Self { url: format!("{server}/{name}"), folder: None, database: Some(name) }
    }

    /// Opens it with the tests' key.
    pub async fn open(&self) -> SqlDatabase {
        self.try_open().await.unwrap()
    }

    /// Opens it with these keys, newest first.
    pub async fn open_with(&self, keys: &[&str]) -> Result<SqlDatabase, OpenDatabaseError> {
        let ring = KeyRing::parse(&keys.join(",").into()).unwrap();
        SqlDatabase::open(&self.settings(), Arc::new(ring), now()).await
    }

    /// As [`open`](Self::open), for where that fails.
    pub async fn try_open(&self) -> Result<SqlDatabase, OpenDatabaseError> {
        SqlDatabase::open(&self.settings(), Arc::new(ring()), now()).await
    }

    /// The settings that name it.
    pub fn settings(&self) -> Settings {
        Settings { max_connections: 6, ..Settings::new(self.url.clone().into()) }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is a file.
    pub fn is_sqlite(&self) -> bool {
        self.folder.is_some()
    }

    /// The file's folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Runs SQL as another program would, beside the adapter.
    pub async fn sql(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&format!("{}?mode=rwc", self.url)).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// One text that a query answers; null is none.
    pub async fn text(&self, sql: &str) -> Option<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(name) = self.database.take() else { return };
        // A thread of its own: a runtime cannot block inside a runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&admin_url()).await.unwrap();
                let drop = format!("drop database {name} with (force)");
                sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
            });
        });
        let _ = dropped.join();
    }
}
