//! A room for one test: a folder with a configuration and a key, an emulated portal, and the program called in it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_vault::KeyRing;
use kaspi_sandbox::{Control, Options, Sandbox};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_kaspi-auth");
/// The password of every story account.
pub const PASSWORD: &str = kaspi_sandbox::DEFAULT_PASSWORD;
/// Longer than anything here takes: what hangs fails with a name.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// A room.
pub struct Room {
    folder: TempDir,
    sandbox: Arc<Sandbox>,
}

/// What a call of the program came to.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What it answered.
    pub stdout: String,
    /// What else it said.
    pub stderr: String,
}

impl Ran {
    /// The call went well.
    pub fn good(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// The call ended with this code.
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// The answer is one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer is one JSON value a line; the last one.
    pub fn last_json(&self) -> Value {
        serde_json::from_str(self.stdout.lines().last().unwrap()).unwrap()
    }

    /// Stderr is one JSON object that tells an error.
    pub fn error(&self) -> Value {
        let told: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        told["error"].clone()
    }
}

impl Room {
    /// A room with a portal, a key and a configuration that names both. There is no database yet.
    pub async fn new() -> Self {
        let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() };
        Self::at(Arc::new(Sandbox::start(options).await.unwrap()))
    }

    /// Another installation at the same portal: its folder, its key and its database are its own.
    pub fn beside(other: &Self) -> Self {
        Self::at(Arc::clone(&other.sandbox))
    }

    fn at(sandbox: Arc<Sandbox>) -> Self {
        let room = Self { folder: tempfile::tempdir().unwrap(), sandbox };
        std::fs::write(room.path("key"), KeyRing::generate_key().expose_secret()).unwrap();
        let portal = room.sandbox.origins();
        room.configure(&format!(
            "[database]\nurl = \"sqlite://{}\"\n[encryption]\nkey_file = \"{}\"\n\
             [portal]\nsite_url = \"{}\"\nlogin_url = \"{}\"\ncabinet_url = \"{}\"\n",
            room.path("db.sqlite").display(),
            room.path("key").display(),
            portal.site,
            portal.login,
            portal.cabinet,
        ));
        room
    }

    /// Another configuration from now on.
    pub fn configure(&self, toml: &str) {
        std::fs::write(self.path("kaspi-auth.toml"), toml).unwrap();
    }

    /// Adds to the configuration.
    pub fn configure_also(&self, toml: &str) {
        let file = self.path("kaspi-auth.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{text}\n{toml}")).unwrap();
    }

    /// A file of the room.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The room's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The strings behind the portal.
    pub fn portal(&self) -> Control {
        self.sandbox.control()
    }

    /// Where the portal listens.
    pub fn portal_address(&self) -> std::net::SocketAddr {
        self.sandbox.addr()
    }

    /// The address of the portal's login host.
    pub fn portal_login(&self) -> String {
        self.sandbox.origins().login
    }

    /// The code of the newest message to somebody.
    pub fn newest_code(&self, to: &str) -> String {
        self.portal().inbox(Some(to)).pop().unwrap().code.unwrap()
    }

    /// A call of the program in the room, with nothing of the tester's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.folder(), arguments);
        command.env("KASPI_AUTH_CONFIG", self.path("kaspi-auth.toml"));
        // Most commands are tried without browsers; tests about them say so.
        command.env("KASPI_AUTH__BROWSER__MODE", "off");
        command
    }

    /// Calls the program and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments), "").await
    }

    /// Calls the program with something on its stdin.
    pub async fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        finish(self.command(arguments), stdin).await
    }

    /// Signs a story account in by password.
    pub async fn sign_in(&self, name: &str) {
        let email = format!("{name}@sandbox.test");
        self.run_with(&["login", "--email", &email, "--password-stdin"], PASSWORD).await.good();
    }
}

/// A call of the program in a folder, with nothing of the tester's environment and no configuration.
pub fn bare(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).env_clear().kill_on_drop(true);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Runs a command to its end.
pub async fn finish(mut command: Command, stdin: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A program that does not read its stdin has closed it.
    let _ = input.write_all(stdin.as_bytes()).await;
    drop(input);
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A program that runs on.
pub struct Running {
    child: Child,
    /// Its stdin.
    pub stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    told: Vec<String>,
    stderr: tokio::task::JoinHandle<String>,
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = tokio::spawn(whole(child.stderr.take().unwrap()));
        Self { child, stdin, stdout, told: Vec::new(), stderr }
    }

    /// Reads its stdout up to the line that holds `sign`; that line.
    pub async fn until(&mut self, sign: &str) -> String {
        let reading = async {
            while let Some(line) = self.stdout.next_line().await.unwrap() {
                self.told.push(line.clone());
                if line.contains(sign) {
                    return line;
                }
            }
            panic!("{sign:?} was never told: {:#?}", self.told)
        };
        tokio::time::timeout(DEADLINE, reading).await.unwrap_or_else(|_| panic!("{sign:?} is not told"))
    }

    /// What it told up to now.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// Sends a signal.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; the rest of stdout is read.
    pub async fn end(mut self) -> Ran {
        drop(self.stdin);
        let waiting = async {
            while let Some(line) = self.stdout.next_line().await.unwrap() {
                self.told.push(line);
            }
            self.child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(DEADLINE, waiting).await.unwrap();
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: self.told.join("\n"),
            stderr: self.stderr.await.unwrap(),
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(self) -> Ran {
        self.signal("TERM").await;
        self.end().await
    }
}

async fn whole(mut from: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut from, &mut text).await.unwrap();
    text
}

/// Waits until a condition holds.
pub async fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let polling = async {
        let mut beat = tokio::time::interval(Duration::from_millis(10));
        loop {
            beat.tick().await;
            if let Some(value) = condition() {
                return value;
            }
        }
    };
    tokio::time::timeout(DEADLINE, polling).await.unwrap_or_else(|_| panic!("never: {what}"))
}
