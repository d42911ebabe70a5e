//! The Python service that this project replaces (`peer/`), in an environment of its own and processes of its own.
//! Ends only what it started.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::lab::Lab;
use crate::load::Client;
use crate::rows::Rows;

const SOURCE: &str = include_str!("../peer/peer.py");
const REQUIREMENTS: &str = include_str!("../peer/requirements.txt");
const NAMES: &str = include_str!("../peer/names/sitecustomize.py");
/// The variable that names the Python which makes the environment.
const PYTHON: &str = "KASPI_AUTH_BENCH_PYTHON";
/// How long a peer may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the peer uses its browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A browser for each login: none starts where nobody signs in.
    PerLogin,
    /// One context for all logins, and fixed waits: the generation that this project replaces.
    Pooled,
    /// A fresh context for each login, no sleeps: the best that its tools do without weakening isolation.
    Tuned,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::PerLogin => "per_login",
            Self::Pooled => "pooled",
            Self::Tuned => "tuned",
        }
    }
}

/// A Python with what the peer needs.
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Makes the environment below the build's folder, or takes the one that an earlier run has made.
    pub fn make() -> Result<Self> {
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(2).context("the build's folder")?;
        let environment = Self { folder: target.join("bench-peer") };
        let made = environment.folder.join("made-for");
        if fs::read_to_string(&made).is_ok_and(|text| text == REQUIREMENTS) {
            environment.place_sources()?;
            return Ok(environment);
        }
        let _ = fs::remove_dir_all(&environment.folder);
        let python = std::env::var_os(PYTHON).unwrap_or_else(|| "python3".into());
        run(Command::new(python).args(["-m", "venv"]).arg(environment.venv()))
            .context("a Python environment for the peer (on Debian: packages python3 and python3-venv)")?;
        environment.place_sources()?;
        run(Command::new(environment.python())
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(environment.folder.join("requirements.txt")))
        .context("the peer's packages: they come from the Python package index")?;
        fs::write(made, REQUIREMENTS)?;
        Ok(environment)
    }

    fn place_sources(&self) -> Result<()> {
        fs::create_dir_all(self.names())?;
        fs::write(self.folder.join("peer.py"), SOURCE)?;
        fs::write(self.folder.join("requirements.txt"), REQUIREMENTS)?;
        fs::write(self.names().join("sitecustomize.py"), NAMES)?;
        Ok(())
    }

    fn venv(&self) -> PathBuf {
        self.folder.join("venv")
    }

    fn python(&self) -> PathBuf {
        self.venv().join("bin").join("python")
    }

    fn names(&self) -> PathBuf {
        self.folder.join("names")
    }
}

/// What a peer is started with.
pub struct Start<'a> {
    /// How it uses its browser.
    pub mode: Mode,
    /// Which browser.
    pub browser: &'a Path,
    /// Its database.
    pub database_url: &'a str,
    /// Its Fernet key.
    pub key: &'a str,
    /// The portal's login host.
    pub login_url: &'a str,
    /// The portal's cabinet host.
    pub cabinet_url: &'a str,
}

/// A running peer.
pub struct Peer {
    process: Child,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Peer {
    /// Starts it and waits until it answers.
    pub async fn start(environment: &Environment, start: &Start<'_>) -> Result<Self> {
        let addr = free_address()?;
        let port = addr.port().to_string();
        let process = Command::new(environment.python())
            .args(["-m", "uvicorn", "peer:app", "--log-level", "warning", "--port", &port])
            .current_dir(&environment.folder)
            .env("PYTHONPATH", environment.names())
            .env("PEER_MODE", start.mode.name())
            .env("CHROMIUM", start.browser)
            .env("DATABASE_URL", start.database_url)
            .env("ENCRYPTION_KEY", start.key)
            .env("LOGIN_URL", start.login_url)
            .env("CABINET_URL", start.cabinet_url)
            .stdin(Stdio::null())
            .spawn()
            .context("the peer")?;
        let mut peer = Self { process, addr };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(mut client) = Client::connect(addr, "").await
                && client.get("/openapi.json").await.is_ok_and(|(status, _)| status == 200)
            {
                return Ok(peer);
            }
            if let Some(status) = peer.process.try_wait()? {
                bail!("the peer ended at once ({status}); the reason stands above");
            }
            ensure!(Instant::now() < deadline, "the peer did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts one that nobody signs in to, on the lab's own database: it reads the sessions that the service has stored there.
    pub async fn beside(environment: &Environment, lab: &Lab) -> Result<Self> {
        let origins = lab.sandbox.origins();
        let start = Start {
            mode: Mode::PerLogin,
            browser: Path::new("none"),
            database_url: lab.database_url(),
            key: lab.key(),
            login_url: &origins.login,
            cabinet_url: &origins.cabinet,
        };
        let peer = Self::start(environment, &start).await?;
        let mut rows = Rows::of(lab).await?;
        rows.write(
            "insert into peer_stores (merchant_id, name, guid) select merchant_id, name, guid from kaspi_stores",
        )
        .await?;
        Ok(peer)
    }

    /// Its process, which its browser descends from.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Asked first, so that it ends its browser.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            pause();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "another process's end can only be polled here")]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// An address that nobody listens on; another program could still take it before the peer does, which then says so.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
