//! The keeper: makes the cluster, runs the server as its child, and clears both away when its standard input ends.
//!
//! PostgreSQL refuses to run as root; as root the server runs as the system's user `postgres` (or `nobody`). The
//! kernel stops the server when the keeper itself is killed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::ready;
use crate::{Outcome, process, system, wait};

/// How long a server may take until it takes connections.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long a server may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// The folder with `initdb` and `postgres`: of `PATH`, or the newest of Debian's.
pub fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    std::env::split_paths(&path)
        .chain(debian.into_iter().map(|(_, folder)| folder))
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// The keeper's whole life: start, print the URL, wait for the end of standard input, clear away.
pub fn keep() -> Outcome {
    let programs = programs().ok_or("there are no programs of a PostgreSQL server on this machine")?;
    let account = Account::choose()?;
    let home = Home::create(&account)?;
    account.initdb(&programs, &home)?;
    let mut server = Server::start(&programs, &account, &home)?;

    println!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    std::io::stdout().flush().map_err(|error| format!("nobody reads the URL: {error}"))?;

    let (sender, end_of_input) = channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(sender);
    });
    loop {
        if let Err(RecvTimeoutError::Disconnected) = end_of_input.recv_timeout(Duration::from_millis(200)) {
            return Ok(());
        }
        if let Ok(Some(status)) = server.process.try_wait() {
            return Err(format!("PostgreSQL ended by itself ({status}):\n{}", home.last_words()));
        }
    }
}

/// The user that the server runs as; `None` when we are not root and it runs as ourselves.
struct Account(Option<Ids>);

struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    fn choose() -> Outcome<Self> {
        if !system::is_root() {
            return Ok(Self(None));
        }
        let number = |flag: &str, name: &str| system::user_id(&[flag, name])?.parse().ok();
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Some(Ids { user: number("-u", name)?, group: number("-g", name)? }))
            .map(|ids| Self(Some(ids)))
            .ok_or_else(|| "PostgreSQL refuses to run as root, and there is no user `postgres`".to_owned())
    }

    /// A command that runs as this account, and that dies with us.
    fn command(&self, program: &Path) -> Outcome<Command> {
        let setpriv = process::find(&["setpriv"]);
        let mut command = match (&self.0, setpriv) {
            (Some(ids), Some(setpriv)) => {
                let mut command = Command::new(setpriv);
                command.args([format!("--reuid={}", ids.user), format!("--regid={}", ids.group)]);
                command.args(["--clear-groups", "--pdeathsig", "INT", "--"]).arg(program);
                command
            }
            (None, Some(setpriv)) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "INT", "--"]).arg(program);
                command
            }
            (None, None) => Command::new(program),
            (Some(_), None) => {
                return Err(
                    "as root, PostgreSQL needs `setpriv` (Debian: util-linux) to drop privileges".into()
                );
            }
        };
        let foreign = std::env::vars_os().map(|(name, _)| name).filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with("PG") || name.starts_with("LC_") || name == "LANG"
        });
        for name in foreign {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null());
        Ok(command)
    }

    fn may_enter(&self, folder: &Path) -> bool {
        self.command(Path::new("/bin/sh")).is_ok_and(|mut command| {
            command.args(["-c", "cd \"$0\""]).arg(folder).stderr(Stdio::null());
            process::run(&mut command).is_ok()
        })
    }

    fn initdb(&self, programs: &Path, home: &Home) -> Outcome {
        let mut command = self.command(&programs.join("initdb"))?;
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        command.arg("--pgdata").arg(home.data()).current_dir(&home.0);
        process::output(&mut command).map(drop)
    }
}

/// The server's folder; it goes when the keeper goes.
struct Home(PathBuf);

impl Home {
    fn create(account: &Account) -> Outcome<Self> {
        use std::os::unix::fs::DirBuilderExt;
        // A TMPDIR below another user's home may be closed to the server's user.
        let temporary = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")]
            .into_iter()
            .find(|folder| account.may_enter(folder))
            .ok_or("no temporary folder is open to the user that PostgreSQL runs as")?;
        let folder = temporary.join(format!("kaspi-auth-postgres-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let home = Self(folder);
        if let Some(ids) = &account.0 {
            std::os::unix::fs::chown(&home.0, Some(ids.user), Some(ids.group))
                .map_err(|error| format!("cannot give {} away: {error}", home.0.display()))?;
        }
        Ok(home)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(programs: &Path, account: &Account, home: &Home) -> Outcome<Self> {
        for _ in 0..5 {
            if let Some(server) = Self::try_start(programs, account, home)? {
                return Ok(server);
            }
        }
        Err(format!("PostgreSQL does not start:\n{}", home.last_words()))
    }

    /// `None` when the server ended at once: somebody took the port between our look and its start, say.
    fn try_start(programs: &Path, account: &Account, home: &Home) -> Outcome<Option<Self>> {
        let port = free_port()?;
        let log = std::fs::File::create(home.log()).map_err(|error| format!("no log file: {error}"))?;
        let errors = log.try_clone().map_err(|error| format!("no log file: {error}"))?;
        let mut command = account.command(&programs.join("postgres"))?;
        command.arg("-D").arg(home.data());
        for setting in [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            // Connections come over TCP alone: a socket file's path may be too long for the kernel.
            "unix_socket_directories=".to_owned(),
            "max_connections=200".to_owned(),
            "fsync=off".to_owned(),
            "full_page_writes=off".to_owned(),
            "synchronous_commit=off".to_owned(),
        ] {
            command.args(["-c", &setting]);
        }
        command.current_dir(&home.0).stdout(log).stderr(errors);
        let process = command.spawn().map_err(|error| process::cannot_start(&command, &error))?;
        let mut server = Self { process, port };
        let alive = wait::until(START_LIMIT, || {
            if matches!(server.process.try_wait(), Ok(Some(_))) {
                return Some(false);
            }
            ready::takes_connections(port).then_some(true)
        });
        match alive {
            Some(true) => Ok(Some(server)),
            Some(false) => Ok(None),
            None => {
                let limit = START_LIMIT.as_secs();
                Err(format!("PostgreSQL takes no connections after {limit} s:\n{}", home.last_words()))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        // SIGINT asks for a fast shutdown; the standard library itself knows only how to kill.
        let ask = format!("kill -INT {}", self.process.id());
        let _ = process::run(Command::new("/bin/sh").args(["-c", &ask]).stderr(Stdio::null()));
        if wait::until(STOP_LIMIT, || self.process.try_wait().ok().flatten()).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn free_port() -> Outcome<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port on the loopback: {error}"))
}
