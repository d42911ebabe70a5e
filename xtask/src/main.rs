//! The project's chores. This file names them and hands over; each chore lives in its own file.
//!
//! It must stay quick to build: everybody who clones the repository compiles it before anything else, so it
//! takes nothing from the network but a JSON reader, and imports none of our crates.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who runs it")]

mod postgres;
mod process;
mod system;
mod wait;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask postgres [command…]     start a throw-away PostgreSQL: print its URL and keep it until Ctrl-C, or
                                    run the command with KASPI_AUTH_TEST_POSTGRES_URL set, then stop it
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
        "postgres" => postgres::run(args),
        postgres::KEEPER => postgres::keep(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("There is no chore `{other}`.\n\n{USAGE}")),
    }
}
