//! promtool, which holds the rules of the alerts against their tests. It comes out of Debian's package `prometheus` without installing
//! that: the package would bring a server that starts with the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{self, Folder};
use crate::workspace::root;
use crate::{Outcome, process, system};

/// The variable that names another one.
const VARIABLE: &str = "KASPI_AUTH_TEST_PROMTOOL";

/// The rules, and the sentences that they are held against.
const RULES: &str = "deploy/prometheus/alerts.yml";
const TESTS: &str = "deploy/prometheus/alerts_test.yml";

/// The program: where the variable says, in `PATH`, or the one that was fetched.
fn program() -> Option<PathBuf> {
    let told = std::env::var_os(VARIABLE).map(PathBuf::from);
    told.into_iter().chain(process::find(&["promtool"])).chain([fetched()]).find(|file| file.is_file())
}

/// Fetches it unless it is there.
fn ensure() -> Outcome {
    if program().is_some() {
        return Ok(());
    }
    println!("fetching promtool");
    fetch(&fetched()).map_err(|failure| {
        format!(
            "Missing: promtool. It could not be fetched: {failure}\n\
             Or install Prometheus' package for your system, and name its promtool in {VARIABLE}."
        )
    })
}

/// The rules are well formed, and each fires when it should and only then.
pub fn alerts() -> Outcome {
    ensure()?;
    let program = program().ok_or("promtool is missing")?;
    let run = |args: &[&str]| process::output(Command::new(&program).args(args).current_dir(root()));
    run(&["check", "rules", RULES])?;
    run(&["test", "rules", TESTS]).map(drop)
}

fn fetched() -> PathBuf {
    tools::folder().join("promtool")
}

/// Fetches into a folder of its own, so that a program in its place is always whole. What comes is held by apt against the signed list
/// of the packages.
fn fetch(program: &Path) -> Outcome {
    if process::find(&["apt-get"]).is_none() {
        return Err("there is no apt-get on this system".to_owned());
    }
    let folder = Folder::make(tools::folder().join(format!("fetching-prometheus-{}", std::process::id())))?;
    let download = || {
        process::output(
            Command::new("apt-get").args(["download", "-qq", "prometheus"]).current_dir(&folder.0),
        )
    };
    if download().is_err() {
        // The lists of packages may be missing or older than the packages.
        system::refresh_lists();
        download()?;
    }
    let archive = std::fs::read_dir(&folder.0)
        .ok()
        .and_then(|files| {
            files.flatten().map(|file| file.path()).find(|file| file.extension().is_some_and(|e| e == "deb"))
        })
        .ok_or("apt-get brought no package")?;
    let inside = folder.0.join("package");
    process::output(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(&inside))?;
    std::fs::rename(inside.join("usr/bin/promtool"), program)
        .map_err(|error| format!("cannot write {}: {error}", program.display()))
}
