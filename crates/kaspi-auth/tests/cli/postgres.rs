//! The commands on PostgreSQL, found by the predecessor's variables in the spelling of its libraries.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Command;
use url::Url;

use crate::room::{PASSWORD, Ran, Room, finish};

/// Where a server for tests is.
const SERVER: &str = "KASPI_AUTH_TEST_POSTGRES_URL";

/// A new database on the tests' server.
pub struct Database {
    server: Url,
    name: String,
}

impl Database {
    /// Makes one. Each of a test's has another tag.
    pub async fn new(tag: &str) -> Self {
        let server = std::env::var(SERVER).unwrap_or_else(|_| {
            panic!(
                "{SERVER} is not set: run `cargo xtask test`, or `cargo xtask postgres` for a server by hand"
            )
        });
        let database =
            Self { server: server.parse().unwrap(), name: format!("cli_{}_{tag}", std::process::id()) };
        database.execute(format!("drop database if exists {}", database.name)).await;
        database.execute(format!("create database {}", database.name)).await;
        database
    }

    /// As SQLAlchemy writes it.
    pub fn sqlalchemy_url(&self) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url.set_query(None);
        url.as_str().replacen(url.scheme(), "postgresql+asyncpg", 1)
    }

    /// Runs statements in it.
    pub async fn fill(&self, sql: String) {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        let mut connection = PgConnection::connect(url.as_str()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }

    async fn execute(&self, sql: String) {
        let mut connection = PgConnection::connect(self.server.as_str()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }

    /// Takes it away.
    pub async fn drop(self) {
        self.execute(format!("drop database {} with (force)", self.name)).await;
    }
}

#[tokio::test]
async fn every_command_works_on_the_predecessors_database_url() {
    let room = Room::new().await;
    let database = Database::new("own").await;
    let run = async |arguments: &[&str], stdin: &str| -> Ran {
        let mut command: Command = room.command(arguments);
        command.env("DATABASE_URL", database.sqlalchemy_url());
        finish(command, stdin).await
    };
    let before = run(&["doctor", "--offline", "--json"], "").await.good();
    assert!(before.stdout.contains("older than this program"), "{before:?}");
    assert_eq!(run(&["migrate", "--json"], "").await.good().json()["did"], "migrated");
    assert_eq!(run(&["migrate", "--json"], "").await.good().json()["did"], "nothing");

    run(&["login", "--email", "plain@sandbox.test", "--password-stdin"], PASSWORD).await.good();
    let stores = run(&["stores", "list", "--json"], "").await.good().json();
    assert_eq!(stores["stores"][0]["merchant_uid"], "30000001");
    run(&["session", "validate", "30000001"], "").await.good();
    let sound = run(&["doctor", "--json"], "").await.good();
    assert!(sound.stdout.contains("takes writes"), "{sound:?}");
    assert!(!room.path("db.sqlite").exists(), "the file's database was not touched");
    database.drop().await;
}
