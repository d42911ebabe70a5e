//! `cargo xtask bench <name>`: a measurement in a release build, with a throw-away PostgreSQL beside it.

use crate::postgres::{Postgres, URL_VARIABLE};
use crate::workspace::{cargo_in_root, packages};
use crate::{Outcome, process, system};

/// The package that measures.
const PACKAGE: &str = "kaspi-auth-bench";

/// What is measured beside the Python service.
const BESIDE_THE_PEER: [&str; 4] = ["login-browser", "session-read", "gateway", "all"];

/// Runs the named measurement, passing the other arguments on.
pub fn run(args: &[String]) -> Outcome {
    if args.is_empty() {
        return Err(
            "Name a measurement: login-direct, login-browser, session-read, gateway, keys-rotate, scheduler, start-up, memory, all."
                .to_owned(),
        );
    }
    if !packages()?.iter().any(|package| package.name == PACKAGE) {
        return Err(format!("There is nothing to measure yet: the workspace has no package `{PACKAGE}`."));
    }
    system::ensure(&[&system::C_COMPILER, &system::POSTGRES])?;
    if args.first().is_some_and(|name| name == "login-browser") {
        system::wish(&system::BROWSER, "Without one, name a browser with --binary.");
    }
    if args.first().is_some_and(|name| BESIDE_THE_PEER.contains(&name.as_str())) {
        system::ensure(&[&system::PEER_PYTHON])?;
    }
    // What the measurements start is built the same way, before the clock runs.
    process::run(cargo_in_root().args([
        "build",
        "--release",
        "--package",
        "kaspi-auth",
        "--package",
        PACKAGE,
    ]))?;
    let server = Postgres::start()?;
    let mut command = cargo_in_root();
    command.args(["run", "--release", "--package", PACKAGE, "--"]).args(args);
    process::run(command.env(URL_VARIABLE, server.url()))
}
