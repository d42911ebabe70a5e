//! The throw-away PostgreSQL for real: it starts, answers, and leaves nothing behind however its holder ends.
//! Needs a PostgreSQL server's programs on the machine, and uses no running server.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A temporary folder that the server's user may enter, so that a test sees what was left in it.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(&self.0).unwrap().next().is_none()
    }

    fn xtask(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).env("TMPDIR", &self.0).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Ends the chore with the test, also with one that fails.
struct Chore(Child);

impl Drop for Chore {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "another process's end can only be polled")]
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "still not: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn port(url: &str) -> u16 {
    url.trim().rsplit_once(':').unwrap().1.split_once('/').unwrap().0.parse().unwrap()
}

#[test]
fn a_command_gets_the_url_of_a_server_that_is_gone_afterwards() {
    let temporary = Temporary::new("command");
    let output = temporary
        .xtask(&["postgres", "sh", "-c", "echo $KASPI_AUTH_TEST_POSTGRES_URL; ls $TMPDIR"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let (url, folder) = said.trim().split_once('\n').unwrap();
    assert!(url.starts_with("postgres://postgres@127.0.0.1:"), "{url}");
    assert!(folder.starts_with("kaspi-auth-postgres-"), "{folder}");
    assert!(TcpStream::connect(("127.0.0.1", port(url))).is_err(), "the server still listens");
    assert!(temporary.is_empty(), "the folder is still there");
}

#[test]
fn a_failing_command_fails_the_chore_and_the_server_goes_too() {
    let temporary = Temporary::new("failing");
    let status = temporary.xtask(&["postgres", "sh", "-c", "exit 7"]).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(temporary.is_empty(), "the folder is still there");
}

#[test]
fn a_server_stays_until_its_chore_is_killed_and_leaves_nothing() {
    let temporary = Temporary::new("killed");
    let mut chore = Chore(temporary.xtask(&["postgres"]).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(chore.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = port(&line);
    let start = Instant::now();
    eventually("a second passes", || {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "the server did not stay");
        start.elapsed() > Duration::from_secs(1)
    });

    chore.0.kill().unwrap();
    chore.0.wait().unwrap();
    eventually("the server is gone", || TcpStream::connect(("127.0.0.1", port)).is_err());
    eventually("the folder is gone", || temporary.is_empty());
}
