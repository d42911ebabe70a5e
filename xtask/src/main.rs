//! The project's chores. This file names them and hands over; each chore lives in its own file.
//!
//! It must stay quick to build: everybody who clones the repository compiles it before anything else, so it
//! takes nothing but a JSON reader, and imports none of our crates.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who runs it")]

mod bench;
mod ci;
mod demo;
mod postgres;
mod process;
mod promtool;
mod report;
mod selenium;
mod steps;
mod system;
mod test;
mod tidy;
mod tools;
mod wait;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo [--build-only] [option…]
    build the service and run its demo; options go to `kaspi-auth demo`
cargo xtask test [filter…]
    everything that must pass: tidy, format, clippy, all tests on both databases;
    with a filter or options of `cargo nextest run`, those tests only
cargo xtask tidy
    the rules of the house that the compiler cannot hold
cargo xtask bench <name> [option…]
    a measurement, in a release build: login-direct, login-browser, session-read,
    start-up, memory
cargo xtask ci <step>
    one step of the public checks: fmt, clippy, tidy, doc, deny, alerts,
    test
cargo xtask postgres [command…]
    start a throw-away PostgreSQL: print its URL and keep it until Ctrl-C, or run the
    command with KASPI_AUTH_TEST_POSTGRES_URL set and stop the server after it
";

/// What a chore answers: nothing, or a sentence for the person who ran it.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first() {
        Some((chore, rest)) => run(chore, rest),
        None => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &str, args: &[String]) -> Outcome {
    match chore {
        "demo" => demo::run(args),
        "test" => test::run(args),
        "tidy" => tidy::run(),
        "bench" => bench::run(args),
        "ci" => ci::run(args),
        "postgres" => postgres::run(args),
        postgres::KEEPER => postgres::keep(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("There is no chore `{other}`.\n\n{USAGE}")),
    }
}
