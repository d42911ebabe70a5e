//! `cargo xtask tidy`: the rules of the house that the compiler cannot hold.
//!
//! Each check is a function from texts to violations, so that its tests show it failing without touching a disk.
//! A new rule: a file in `tidy/`, one line in [`violations`], and a test that shows it fail.

mod layers;
mod lexer;
mod links;
mod migrations;
mod problems;
mod sources;
mod tree;
mod words;

use std::path::Path;

pub use tree::Source;

use crate::{Outcome, workspace};

/// One broken rule, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    file: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Checks the whole repository.
pub fn run() -> Outcome {
    let root = workspace::root();
    let sources = tree::read(&root)?;
    let found = violations(&sources, &workspace::packages()?);
    if found.is_empty() {
        return Ok(());
    }
    for violation in &found {
        println!("{violation}");
    }
    Err(format!("{} broken rules of the house", found.len()))
}

/// The Rust sources of the repository; none when it cannot be read.
pub fn rust_sources(root: &Path) -> Vec<Source> {
    let all = tree::read(root).unwrap_or_default();
    all.into_iter().filter(|source| source.has_ending("rs")).collect()
}

fn violations(sources: &[Source], packages: &[workspace::Package]) -> Vec<Violation> {
    let mut found = layers::check(packages, sources);
    found.extend(sources::check(sources));
    found.extend(words::check(sources));
    found.extend(migrations::check(sources));
    found.extend(problems::check(sources));
    found.extend(links::check(sources));
    found.sort();
    found.dedup();
    found
}
