//! `cargo xtask test`: everything that must pass, cheapest first, on both databases.
//!
//! It brings what the machine lacks, starts a PostgreSQL of its own, and shows the runner's own summary last.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};

use crate::postgres::{Postgres, URL_VARIABLE};
use crate::report::Report;
use crate::workspace::cargo_in_root;
use crate::{Outcome, process, promtool, selenium, steps, system, tidy};

/// All steps, or with arguments only the tests that they choose.
pub fn run(args: &[String]) -> Outcome {
    let mut report = Report::new();
    let mut summary = None;
    let outcome = if args.is_empty() {
        everything(&mut report, &mut summary)
    } else {
        chosen(&mut report, args, &mut summary)
    };
    eprint!("{}", report.table());
    if let Some(summary) = summary {
        eprintln!("{summary}");
    }
    outcome
}

fn everything(report: &mut Report, summary: &mut Option<String>) -> Outcome {
    report.step("tidy", tidy::run)?;
    report.step("format", steps::format)?;
    report.step("what the machine needs", needs)?;
    report.step("rules of the alerts", promtool::alerts)?;
    report.step("clippy", steps::clippy)?;
    report.step("compile the tests", || Runner::choose().compile())?;
    report.step("documentation tests", steps::documentation_tests)?;
    tests(report, &[], summary)
}

fn chosen(report: &mut Report, args: &[String], summary: &mut Option<String>) -> Outcome {
    report.step("what the machine needs", needs)?;
    tests(report, args, summary)
}

fn needs() -> Outcome {
    system::ensure(&[&system::POSTGRES, &system::BROWSERS, &system::PYTHON, &system::JAVA, &system::NPM])?;
    selenium::ensure()
}

fn tests(report: &mut Report, args: &[String], summary: &mut Option<String>) -> Outcome {
    let server = report.step("start PostgreSQL", Postgres::start)?;
    let outcome = report.step("tests", || Runner::choose().run(args, &server, summary));
    report.step("stop PostgreSQL", || {
        drop(server);
        Ok(())
    })?;
    outcome
}

/// Who runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn choose() -> Self {
        if process::find(&["cargo-nextest"]).is_some() { Self::Nextest } else { Self::Cargo }
    }

    fn command(self, args: &[String]) -> Command {
        let mut command = cargo_in_root();
        match self {
            Self::Nextest => command.args(["nextest", "run"]),
            Self::Cargo => command.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]),
        };
        if !args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package")) {
            command.arg("--workspace");
        }
        command.args(args).stdin(Stdio::null());
        command
    }

    fn compile(self) -> Outcome {
        process::run(self.command(&[]).arg("--no-run"))
    }

    fn run(self, args: &[String], server: &Postgres, summary: &mut Option<String>) -> Outcome {
        let mut command = self.command(args);
        same_everywhere(&mut command);
        command.env(URL_VARIABLE, server.url());
        command.envs(system::python().map(|program| (system::PYTHON_VARIABLE, program)));
        command.envs(selenium::jar().map(|jar| (selenium::VARIABLE, jar)));
        for (name, program) in system::browser_programs() {
            command.env(name, program);
        }
        let mut tally = Tally::default();
        let status = self.watch(&mut command, |line| tally.read(line))?;
        *summary = tally.summary();
        process::check(&command, status)
    }

    /// Runs the tests and shows what the runner says while it says it: nextest on standard error, cargo on output.
    fn watch(self, command: &mut Command, mut read: impl FnMut(&str)) -> Outcome<std::process::ExitStatus> {
        let colours = if std::io::stderr().is_terminal() { "always" } else { "never" };
        command.env("CARGO_TERM_COLOR", colours);
        match self {
            Self::Nextest => command.stderr(Stdio::piped()),
            Self::Cargo => command.stdout(Stdio::piped()),
        };
        let mut child = command.spawn().map_err(|error| process::cannot_start(command, &error))?;
        let said: Option<Box<dyn std::io::Read>> = match self {
            Self::Nextest => child.stderr.take().map(|pipe| Box::new(pipe) as _),
            Self::Cargo => child.stdout.take().map(|pipe| Box::new(pipe) as _),
        };
        let mut lines = BufReader::new(said.ok_or("the test runner has no output")?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            eprint!("{text}");
            read(&text);
            line.clear();
        }
        child.wait().map_err(|error| format!("the test runner is lost: {error}"))
    }
}

/// Takes away what a developer's shell may say to the service itself: tests see the same environment everywhere.
fn same_everywhere(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["KASPI_AUTH", "ENCRYPTION_KEY", "DATABASE_URL", "POSTGRES_"];
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// What the runner's own words say about how many tests ran.
#[derive(Default)]
struct Tally {
    nextest: Option<String>,
    cargo: Option<(u32, u32, u32)>,
}

impl Tally {
    fn read(&mut self, line: &str) {
        let plain = without_colours(line);
        let words = plain.trim();
        if words.starts_with("Summary [") {
            self.nextest = Some(plain.trim_end().to_owned());
        } else if let Some(result) = words.strip_prefix("test result: ") {
            let (passed, failed, ignored) = self.cargo.get_or_insert_default();
            *passed += number_before(result, " passed");
            *failed += number_before(result, " failed");
            *ignored += number_before(result, " ignored");
        }
    }

    fn summary(self) -> Option<String> {
        self.nextest.or_else(|| {
            let (passed, failed, ignored) = self.cargo?;
            let run = passed + failed;
            Some(format!("     Summary {run} tests run: {passed} passed, {failed} failed, {ignored} skipped"))
        })
    }
}

fn number_before(text: &str, word: &str) -> u32 {
    let before = text.split(word).next().unwrap_or_default();
    before
        .rsplit(|sign: char| !sign.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        if sign == '\u{1b}' {
            signs.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(sign);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_whole_workspace_is_tested_unless_a_package_is_named() {
        assert_eq!(words(&Runner::Nextest.command(&[])), ["nextest", "run", "--workspace"]);
        let args = ["-p".to_owned(), "kaspi-auth-store".to_owned()];
        assert_eq!(words(&Runner::Nextest.command(&args)), ["nextest", "run", "-p", "kaspi-auth-store"]);
    }

    #[test]
    fn the_summary_of_nextest_is_kept_without_its_colours() {
        let mut tally = Tally::default();
        tally.read("        PASS [   0.8s] a test\n");
        tally.read("\u{1b}[32;1m     Summary\u{1b}[0m [   1.6s] 8 tests run: 8 passed, 0 skipped\n");
        assert_eq!(tally.summary().unwrap(), "     Summary [   1.6s] 8 tests run: 8 passed, 0 skipped");
    }

    #[test]
    fn the_results_of_cargo_test_are_added_up() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n");
        tally.read("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n");
        assert_eq!(tally.summary().unwrap().trim(), "Summary 17 tests run: 15 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn no_words_give_no_summary() {
        assert_eq!(Tally::default().summary(), None);
    }
}
