//! `login` with a person at the terminal: a pseudo-terminal of util-linux's `script`, which every Debian has.

use std::process::Stdio;

use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::room::{DEADLINE, PASSWORD, PROGRAM, Room, eventually};

/// A program at a terminal.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    seen: String,
    read: usize,
    name: NamedTempFile,
}

impl Terminal {
    /// Runs a command line of a shell at a terminal.
    pub fn open(mut command: Command, line: &str) -> Self {
        let name = NamedTempFile::new().unwrap();
        let line = format!("tty > {}; {line}", name.path().display());
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (keys, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, keys, screen, seen: String::new(), read: 0, name }
    }

    /// Waits until the screen shows something that it did not show at the last call.
    pub async fn shows(&mut self, sign: &str) {
        let reading = async {
            let mut bytes = [0u8; 4096];
            loop {
                if let Some(at) = self.seen[self.read..].find(sign) {
                    self.read += at + sign.len();
                    return;
                }
                match self.screen.read(&mut bytes).await.unwrap() {
                    0 => panic!("{sign:?} was never shown: {}", self.seen),
                    count => self.seen.push_str(&String::from_utf8_lossy(&bytes[..count])),
                }
            }
        };
        let shown = tokio::time::timeout(DEADLINE, reading).await;
        assert!(shown.is_ok(), "{sign:?} is not shown: {}", self.seen);
    }

    /// Types a line.
    pub async fn types(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\r").as_bytes()).await.unwrap();
    }

    /// Types a password where it is asked for: once nothing that is typed is shown any more, which comes after the question.
    pub async fn types_unseen(&mut self, line: &str) {
        self.shows("not shown").await;
        let name = std::fs::read_to_string(self.name.path()).unwrap();
        eventually("the echo is off", || {
            let told = std::process::Command::new("stty").args(["-a", "-F", name.trim()]).output().unwrap();
            String::from_utf8_lossy(&told.stdout).split_whitespace().any(|word| word == "-echo").then_some(())
        })
        .await;
        self.types(line).await;
    }

    /// Presses a key with Ctrl.
    pub async fn control(&mut self, letter: char) {
        self.keys.write_all(&[letter as u8 & 0x1f]).await.unwrap();
    }

    /// What was shown, and the exit code.
    pub async fn end(mut self) -> (String, i32) {
        let reading = async {
            let mut rest = Vec::new();
            self.screen.read_to_end(&mut rest).await.unwrap();
            self.seen.push_str(&String::from_utf8_lossy(&rest));
            self.child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(DEADLINE, reading).await.unwrap();
        (self.seen, status.code().unwrap_or(-1))
    }
}

fn at_a_terminal(room: &Room, arguments: &str) -> Terminal {
    let mut command = Command::new("script");
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).current_dir(room.folder());
    command.env("KASPI_AUTH_CONFIG", room.path("kaspi-auth.toml"));
    Terminal::open(command, &format!("{PROGRAM} {arguments}"))
}

#[tokio::test]
async fn a_person_is_asked_for_account_password_and_code_until_it_fits() {
    let room = Room::new().await;
    let mut terminal = at_a_terminal(&room, "login");
    terminal.shows("E-mail or phone").await;
    terminal.types("nonsense").await;
    terminal.shows("neither an e-mail").await;
    terminal.types("always@sandbox.test").await;
    terminal.types_unseen(PASSWORD).await;
    terminal.shows("a***@sandbox.test").await;
    terminal.shows("Code: ").await;
    terminal.types("12").await;
    terminal.shows("4 to 8 letters or digits").await;
    terminal.types("r").await;
    terminal.shows("another mail can be asked for in").await;
    terminal.types("000000").await;
    terminal.shows("4 attempts are left").await;
    terminal.shows("Code: ").await;
    terminal.types(&room.newest_code("always@sandbox.test")).await;
    terminal.shows("signed in:").await;
    let (seen, code) = terminal.end().await;
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains(PASSWORD), "the password is not echoed: {seen}");
}

#[tokio::test]
async fn a_person_asks_for_another_code() {
    let room = Room::new().await;
    room.configure_also("[logins]\nresend_seconds = 0\n");
    let mut terminal = at_a_terminal(&room, "login --phone 77000000001");
    terminal.shows("Code: ").await;
    let first = room.newest_code("77000000001");
    terminal.types("r").await;
    terminal.shows("Code: ").await;
    assert_eq!(room.portal().counters().codes_sent.sms, 2);
    let second = room.newest_code("77000000001");
    assert_ne!(first, second);
    terminal.types(&second).await;
    terminal.shows("signed in:").await;
    assert_eq!(terminal.end().await.1, 0);
}

#[tokio::test]
async fn a_person_chooses_a_merchant_by_its_number() {
    let room = Room::new().await;
    let mut terminal = at_a_terminal(&room, "login --email several@sandbox.test");
    terminal.types_unseen(PASSWORD).await;
    terminal.shows("Which one").await;
    terminal.types("4").await;
    terminal.shows("a number from 1 to 3").await;
    terminal.types("3").await;
    terminal.shows("(SBX)").await;
    assert_eq!(terminal.end().await.1, 0);
}

#[tokio::test]
async fn ctrl_c_leaves_the_login_waiting_and_says_how_to_go_on() {
    let room = Room::new().await;
    let mut terminal = at_a_terminal(&room, "login --phone 77000000001");
    terminal.shows("Code: ").await;
    terminal.control('c').await;
    terminal.shows("--resume ").await;
    let (seen, code) = terminal.end().await;
    assert_eq!(code, 130, "{seen}");
    let goes_on = seen.split("--resume ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    let mut terminal = at_a_terminal(&room, &format!("login --resume {goes_on}"));
    terminal.shows("Code: ").await;
    terminal.types(&room.newest_code("77000000001")).await;
    terminal.shows("signed in:").await;
    assert_eq!(terminal.end().await.1, 0);
}
