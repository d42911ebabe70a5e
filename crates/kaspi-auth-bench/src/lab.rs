//! A sandbox in this process, a database and the service in a process of its own. Ends only what it started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kaspi_sandbox::{AccountSpec, Options, Sandbox};
use sqlx::Connection;
use tempfile::TempDir;

use crate::load::Client;
use crate::tree;

/// Which database the service runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file in the lab's folder.
    Sqlite,
    /// A new database on the server that `cargo xtask bench` started.
    Postgres,
}

/// Everything that one measurement needs.
pub struct Lab {
    folder: TempDir,
    database: Database,
    database_url: String,
    key: String,
    /// The portal.
    pub sandbox: Sandbox,
    /// Where the service listens.
    pub addr: SocketAddr,
    /// Opens everything.
    pub api_key: String,
    service: Option<Child>,
    /// Settings of this measurement beside the usual ones.
    settings: Vec<(&'static str, String)>,
}

impl Lab {
    /// Starts the sandbox and the service on an empty database.
    pub async fn start(database: Database) -> Result<Self> {
        Self::start_with(database, Vec::new()).await
    }

    /// The same with further settings of the service, by their environment names.
    pub async fn start_with(database: Database, settings: Vec<(&'static str, String)>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() };
        let sandbox = Sandbox::start(options).await?;
        let database_url = match database {
            Database::Sqlite => format!("sqlite://{}", folder.path().join("bench.sqlite").display()),
            Database::Postgres => new_postgres("bench").await?,
        };
        let key = new_key()?;
        let mut lab = Self {
            folder,
            database,
            database_url,
            key,
            sandbox,
            addr: ([127, 0, 0, 1], 0).into(),
            api_key: String::new(),
            service: None,
            settings,
        };
        lab.api_key = lab.new_key("bench", &["--scope", "admin"])?;
        lab.start_service().await?;
        Ok(lab)
    }

    /// Starts the service; answers how long it took until it was ready.
    pub async fn start_service(&mut self) -> Result<Duration> {
        let ready = self.folder.path().join("ready");
        let _ = std::fs::remove_file(&ready);
        let mut command = self.command()?;
        command.args(["serve", "--ready-file"]).arg(&ready).stdin(Stdio::null());
        let started = Instant::now();
        self.service = Some(command.spawn()?);
        self.addr = address(&ready).await?;
        let mut client = Client::connect(self.addr, "").await?;
        let (status, _) = client.get("/readyz").await?;
        let took = started.elapsed();
        if status != 200 {
            bail!("/readyz says {status}");
        }
        Ok(took)
    }

    /// Ends the service as an operator would.
    pub fn stop_service(&mut self) -> Result<()> {
        if let Some(mut service) = self.service.take() {
            Command::new("kill").arg(service.id().to_string()).status()?;
            service.wait()?;
        }
        Ok(())
    }

    /// Which database it runs on.
    pub fn database(&self) -> Database {
        self.database
    }

    /// Resident memory of the service in MiB (`VmRSS`).
    pub fn resident_mib(&self) -> Result<f64> {
        tree::resident_mib(self.pid()?)
    }

    /// The service's process, which its browsers descend from.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.service.as_ref().context("the service runs")?.id())
    }

    /// The keys of the service, newest first, separated by commas.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The service's database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Replaces a setting from the next start on.
    pub fn set(&mut self, name: &'static str, value: &impl ToString) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_string()));
    }

    /// Makes a key that may do what `arguments` of `api-keys create` say.
    pub fn new_key(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let made = self
            .command()?
            .args(["api-keys", "create", "--name", name, "--json"])
            .args(arguments)
            .output()?;
        let made: serde_json::Value = serde_json::from_slice(&made.stdout)
            .with_context(|| format!("api-keys create: {}", String::from_utf8_lossy(&made.stderr)))?;
        Ok(made["key"].as_str().context("the new key")?.to_owned())
    }

    /// Puts a new key before the present one, from the next start on, and forgets those that were behind that.
    pub fn add_key(&mut self) -> Result<()> {
        let new = new_key()?;
        let present = self.key.split(',').next().unwrap_or_default();
        self.key = format!("{new},{present}");
        Ok(())
    }

    /// Adds `count` accounts with a merchant each and answers their e-mail addresses.
    pub fn accounts(&self, name: &str, count: usize) -> Vec<String> {
        let control = self.sandbox.control();
        (0..count)
            .map(|number| {
                let email = format!("{name}-{number}@bench.test");
                control.add_account(AccountSpec::email(&email).merchant(uid(name, number)));
                email
            })
            .collect()
    }

    /// The merchant uids of all stores.
    pub async fn uids(&self) -> Result<Vec<String>> {
        let mut client = Client::connect(self.addr, &self.api_key).await?;
        let (mut uids, mut cursor) = (Vec::new(), String::new());
        loop {
            let (_, body) = client.get(&format!("/v1/stores?limit=500{cursor}")).await?;
            let page: serde_json::Value = serde_json::from_slice(&body)?;
            let stores = page["stores"].as_array().context("stores")?;
            uids.extend(stores.iter().filter_map(|store| store["merchant_uid"].as_str()).map(str::to_owned));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(uids),
            }
        }
    }

    /// The program, as the service is started: the same keys, database and portal.
    pub fn command(&self) -> Result<Command> {
        let origins = self.sandbox.origins();
        let mut command = Command::new(binary()?);
        command
            .env_clear()
            .current_dir(self.folder.path())
            .env("ENCRYPTION_KEY", &self.key)
            .env("KASPI_AUTH__DATABASE__URL", &self.database_url)
            .env("KASPI_AUTH__PORTAL__SITE_URL", origins.site)
            .env("KASPI_AUTH__PORTAL__LOGIN_URL", origins.login)
            .env("KASPI_AUTH__PORTAL__CABINET_URL", origins.cabinet)
            .env("KASPI_AUTH__SERVER__LISTEN", "127.0.0.1:0")
            .env("KASPI_AUTH__LOG__FILTER", "warn")
            .env("KASPI_AUTH__LOGINS__MAX_RUNNING", "256")
            // The portal is ours: what spares the real one would be all that is measured.
            .env("KASPI_AUTH__RATES__LOGINS_PER_SECOND", "0")
            .env("KASPI_AUTH__RATES__IN_FLIGHT", "0")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        // Chromium's launcher is a script.
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        Ok(command)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(mut service) = self.service.take() {
            // Ours, by its handle; already ended is as good.
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

/// A merchant uid for each account: eight digits.
fn uid(name: &str, number: usize) -> String {
    let base: usize = name.bytes().map(usize::from).sum::<usize>() % 80;
    format!("{}", 10_000_000 + base * 1_000_000 + number)
}

/// A Fernet key of the program's making.
fn new_key() -> Result<String> {
    let made = Command::new(binary()?).args(["keys", "generate"]).output()?;
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

/// The release binary beside this one.
fn binary() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let binary = here.parent().context("a folder")?.join("kaspi-auth");
    if !binary.is_file() {
        bail!("{} is missing: run `cargo xtask bench`, which builds it", binary.display());
    }
    Ok(binary)
}

/// Waits until the service says where it listens.
async fn address(ready: &Path) -> Result<SocketAddr> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Ok(text) = std::fs::read_to_string(ready)
            && let Ok(addr) = text.trim().parse()
        {
            return Ok(addr);
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    bail!("the service did not become ready")
}

/// A new database on the server that `cargo xtask bench` started.
pub async fn new_postgres(prefix: &str) -> Result<String> {
    let server = std::env::var("KASPI_AUTH_TEST_POSTGRES_URL")
        .context("run `cargo xtask bench`: it starts PostgreSQL")?;
    let name = format!("{prefix}_{}", uuid::Uuid::from_u128(std::process::id().into()).simple());
    let mut connection = sqlx::PgConnection::connect(&server).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("drop database if exists {name} with (force)")))
        .execute(&mut connection)
        .await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
    let (base, options) =
        server.split_once('?').map_or((server.as_str(), None), |(base, rest)| (base, Some(rest)));
    let (root, _) = base.rsplit_once('/').context("a database URL")?;
    Ok(options.map_or_else(|| format!("{root}/{name}"), |rest| format!("{root}/{name}?{rest}")))
}
