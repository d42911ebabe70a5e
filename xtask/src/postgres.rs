//! A throw-away PostgreSQL: a server of our own in a temporary folder on a free port of the loopback.
//!
//! It never touches a server that happens to run. A keeper, a second process of this program, owns the server and
//! the folder; we hold the keeper's standard input. When that closes, because we are done, failed, were interrupted
//! or killed, the keeper stops the server and removes the folder.

mod keeper;
mod ready;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

pub use keeper::{keep, programs};

use crate::{Outcome, process, system};

/// The hidden chore that the keeper runs as.
pub const KEEPER: &str = "keep-postgres";

/// Where tests look for a server. They make their own databases in it.
pub const URL_VARIABLE: &str = "KASPI_AUTH_TEST_POSTGRES_URL";

/// A running server; dropping it stops the server and removes its folder.
pub struct Postgres {
    keeper: Child,
    /// Held apart from the child, whose `wait` would close it.
    lifeline: Option<ChildStdin>,
    url: String,
}

impl Postgres {
    /// Starts a server and waits until it takes connections.
    pub fn start() -> Outcome<Self> {
        use std::os::unix::process::CommandExt;
        let mut keeper = Command::new(own_program()?)
            .arg(KEEPER)
            // A group of its own: Ctrl-C must not reach the keeper before its work is done.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the keeper of PostgreSQL: {error}"))?;
        let lifeline = keeper.stdin.take();
        let mut url = String::new();
        if let Some(stdout) = keeper.stdout.take() {
            let _ = BufReader::new(stdout).read_line(&mut url);
        }
        let server = Self { keeper, lifeline, url: url.trim().to_owned() };
        if server.url.is_empty() {
            return Err("PostgreSQL did not start; the reason stands above.".to_owned());
        }
        Ok(server)
    }

    /// The superuser's URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.keeper.wait();
    }
}

/// `cargo xtask postgres`: a server for a developer's loop.
pub fn run(args: &[String]) -> Outcome {
    system::ensure(&[&system::POSTGRES])?;
    let mut server = Postgres::start()?;
    let Some((program, rest)) = args.split_first() else {
        println!("{URL_VARIABLE}={}", server.url());
        let _ = server.keeper.wait();
        return Err("PostgreSQL ended by itself; the reason stands above.".to_owned());
    };
    process::run(Command::new(program).args(rest).env(URL_VARIABLE, server.url()))
}

fn own_program() -> Outcome<PathBuf> {
    // On Linux this name stays good when cargo has meanwhile replaced our file by a newer build.
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() {
        return Ok(own);
    }
    std::env::current_exe().map_err(|error| format!("cannot find this program's own file: {error}"))
}
