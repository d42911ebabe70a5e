//! The built binary as a process of its own, for what only a process can show: crashes, signals, starts that fail.
//! Ends only what it started.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use kaspi_auth::wiring::Service;
use kaspi_auth_core::api_key::Scope;
use kaspi_sandbox::{AccountSpec, Control, Sandbox};
use secrecy::ExposeSecret as _;

use super::client::Client;
use super::database::{Database, Kind};
use super::wait::eventually;
use super::world::{settings, start_sandbox};

/// A portal and a database for processes.
pub struct Rig {
    pub database: Database,
    pub portal: Control,
    sandbox: Sandbox,
    api_key: String,
    started: AtomicUsize,
}

/// A running `kaspi-auth serve`.
pub struct Process {
    child: Child,
    pub client: Client,
    log: PathBuf,
}

/// How a process ended that was to end.
pub struct Ended {
    pub status: ExitStatus,
    pub log: String,
}

impl Rig {
    /// A portal and a migrated database with an API key in it.
    pub async fn new(kind: Kind) -> Self {
        let mut rig = Self::empty(kind).await;
        let service = Service::start(&settings(&rig.sandbox, rig.database.url())).await.unwrap();
        let (_, text) = service.api_keys.create("test", &[Scope::Admin], None, &[]).await.unwrap();
        text.expose_secret().clone_into(&mut rig.api_key);
        let database = std::sync::Arc::clone(&service.database);
        service.stop(std::time::Duration::from_secs(5)).await;
        database.close().await;
        rig
    }

    /// A portal and a database that nobody has touched.
    pub async fn empty(kind: Kind) -> Self {
        let database = Database::new(kind).await;
        let sandbox = start_sandbox().await;
        Self {
            database,
            portal: sandbox.control(),
            sandbox,
            api_key: String::new(),
            started: AtomicUsize::new(0),
        }
    }

    /// Adds an account and answers its e-mail.
    pub fn account(&self, account: AccountSpec) -> String {
        let email = account.email.clone().unwrap();
        self.portal.add_account(account);
        email
    }

    /// The code that was sent last.
    pub fn code(&self, to: &str) -> String {
        self.portal.inbox(Some(to)).pop().and_then(|message| message.code).unwrap()
    }

    /// Ends the leases of logins that nobody drives any more, in place of waiting for it.
    pub async fn end_leases(&self) {
        let sql = "update kaspi_auth_logins set lease_until = 1 where lease_until is not null";
        self.database.execute(sql).await;
    }

    /// `kaspi-auth` with these arguments, in an environment that holds nothing but this rig.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let origins = self.sandbox.origins();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspi-auth"));
        command
            .args(arguments)
            .env_clear()
            .current_dir(self.database.folder())
            .env("ENCRYPTION_KEY", super::encryption_key())
            .env("KASPI_AUTH__DATABASE__URL", self.database.url())
            .env("KASPI_AUTH__DATABASE__MAX_CONNECTIONS", "4")
            .env("KASPI_AUTH__PORTAL__SITE_URL", origins.site)
            .env("KASPI_AUTH__PORTAL__LOGIN_URL", origins.login)
            .env("KASPI_AUTH__PORTAL__CABINET_URL", origins.cabinet)
            .env("KASPI_AUTH__BROWSER__MODE", "off")
            .env("KASPI_AUTH__SERVER__LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Starts the service and waits until it is ready.
    pub async fn serve(&self) -> Process {
        self.serve_with(|command| command).await
    }

    /// As [`Rig::serve`], with a changed command.
    pub async fn serve_with(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> Process {
        let (mut child, ready, log) = self.spawn(change);
        let address = eventually("the service is ready", async || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "the service ended: {ended:?}\n{}", read(&log));
            std::fs::read_to_string(&ready).ok().filter(|text| text.ends_with('\n'))
        });
        let base = format!("http://{}", address.await.trim());
        Process { child, client: Client::new(base).with(&self.api_key), log }
    }

    /// Starts the service and waits until it has ended by itself.
    pub async fn refuse(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> Ended {
        let (mut child, _, log) = self.spawn(change);
        let status = eventually("the service refuses to start", async || child.try_wait().unwrap()).await;
        Ended { status, log: read(&log) }
    }

    fn spawn(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> (Child, PathBuf, PathBuf) {
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        let place = |what: &str| self.database.folder().join(format!("{what}-{number}"));
        let (ready, log) = (place("ready"), place("log"));
        let mut command = self.command(&["serve", "--ready-file"]);
        command.arg(&ready).env("KASPI_AUTH__LOG__FILTER", "debug").stderr(File::create(&log).unwrap());
        change(&mut command);
        (command.spawn().unwrap(), ready, log)
    }
}

impl Process {
    /// `kill -9`, and waits until it is gone.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        read(&self.log)
    }

    /// `SIGTERM`; answers how it ended.
    pub async fn terminate(mut self) -> Ended {
        self.signal("TERM");
        let status = eventually("the service has stopped", async || self.child.try_wait().unwrap()).await;
        Ended { status, log: read(&self.log) }
    }

    /// `SIGSTOP`: it is there, and does nothing.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// `SIGCONT`.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let told = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ours, by its handle; already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
}
