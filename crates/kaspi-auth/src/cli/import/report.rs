//! What an import tells: a bar while it runs, a file with every row, a summary at its end. Must not tell a secret.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use kaspi_auth_core::import::Imported;
use kaspi_auth_core::session::Validity;
use serde_json::{Value, json};

use super::super::failure::{Failure, Outcome};
use super::super::output::{self, Paint};
use super::source::Source;
use crate::import::Row;

/// How many unreadable rows are told one by one where there is no report file.
const TOLD: u64 = 10;

/// What became of one row.
pub enum Fate {
    /// The database's answer and, where it was asked for, what the cabinet said of the session.
    Judged(Imported, Option<Validity>),
    /// A dry run: an earlier row of the same merchant would be taken, and this one be held against that.
    Repeated,
    /// It could not be read.
    Unreadable(String),
    /// The database would not have it.
    Refused(String),
}

/// Tells what becomes of rows.
pub struct Report {
    applies: bool,
    file: Option<(PathBuf, csv::Writer<File>)>,
    bar: Option<ProgressBar>,
    tally: Tally,
}

/// How many rows came to what.
#[derive(Default)]
struct Tally {
    rows: u64,
    judged: [u64; 6],
    repeated: u64,
    unreadable: u64,
    refused: u64,
    sessions: [u64; 3],
}

impl Report {
    /// Begins. A report file must not be there yet.
    pub fn new(applies: bool, file: Option<&Path>, source: &Source) -> Outcome<Self> {
        let file = file.map(begin).transpose()?;
        let bar = Paint::stderr().is_on().then(|| bar(source)).flatten();
        Ok(Self { applies, file, bar, tally: Tally::default() })
    }

    /// A row has come to its end.
    pub fn row(&mut self, row: &Row, fate: &Fate, source: &Source) -> Outcome<()> {
        self.tally.count(fate);
        let (outcome, code, why) = words(fate, self.applies);
        if let Some((path, writer)) = &mut self.file {
            let uid = row.merchant_uid.as_ref().map_or("", |uid| uid.as_str());
            let session = match fate {
                Fate::Judged(_, Some(validity)) => validity.as_str(),
                _ => "",
            };
            let written = writer.write_record([row.place.as_str(), uid, outcome, code, &why, session]);
            written.map_err(|error| unwritable(path, error))?;
        } else if matches!(fate, Fate::Unreadable(_) | Fate::Refused(_)) && self.tally.troubled() <= TOLD {
            self.note(&format!("{}: {why}", row.place));
        }
        if let Some(bar) = &self.bar {
            let (position, length) = source.position();
            bar.set_position(position);
            bar.set_length(length.unwrap_or(position).max(position));
        }
        Ok(())
    }

    /// Ends: everything is in the file, and the summary on stdout.
    pub fn end(mut self, finished: bool, as_json: bool) -> Outcome<u64> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if let Some((path, mut writer)) = self.file.take() {
            let kept = writer.flush().and_then(|()| writer.get_ref().sync_all());
            kept.map_err(|error| unwritable(&path, error))?;
        } else if self.tally.troubled() > TOLD {
            output::note(format_args!(
                "and {} rows more; --report FILE lists every row",
                self.tally.troubled() - TOLD
            ));
        }
        if as_json {
            output::json(&self.tally.json(self.applies, finished));
        } else {
            output::line(self.tally.words(self.applies));
        }
        Ok(self.tally.troubled())
    }

    fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }
}

/// The outcome, a stable word for it, and a sentence.
fn words(fate: &Fate, applies: bool) -> (&'static str, &'static str, String) {
    match fate {
        Fate::Judged(answer, _) => {
            let (taken, why) = match answer {
                Imported::Added => (true, "a store that was not here"),
                Imported::Updated => (true, "newer than what is here, or what was missing here"),
                Imported::SkippedOlder => (false, "nothing in it is newer than what is here"),
                Imported::SkippedSame => (false, "the same stands here already"),
                Imported::SkippedTaken => (false, "another user holds this store here"),
                Imported::SkippedEmpty => (false, "there is neither a session nor something to sign in with"),
            };
            let outcome = match (taken, applies) {
                (true, true) => "taken",
                (true, false) => "would_take",
                (false, _) => "skipped",
            };
            (outcome, answer.as_str(), why.to_owned())
        }
        Fate::Repeated => {
            let why = "an earlier row of the same merchant would be taken; with --apply this one is held against it";
            ("skipped", "repeated", why.to_owned())
        }
        Fate::Unreadable(why) => ("unreadable", "unreadable", why.clone()),
        Fate::Refused(why) => ("refused", "refused", why.clone()),
    }
}

const ANSWERS: [Imported; 6] = [
    Imported::Added,
    Imported::Updated,
    Imported::SkippedSame,
    Imported::SkippedOlder,
    Imported::SkippedTaken,
    Imported::SkippedEmpty,
];
const VERDICTS: [Validity; 3] = [Validity::Alive, Validity::Dead, Validity::Unknown];

impl Tally {
    fn count(&mut self, fate: &Fate) {
        self.rows += 1;
        match fate {
            Fate::Judged(answer, validity) => {
                for (number, _) in self.judged.iter_mut().zip(ANSWERS).filter(|(_, known)| known == answer) {
                    *number += 1;
                }
                for (number, _) in
                    self.sessions.iter_mut().zip(VERDICTS).filter(|(_, known)| Some(*known) == *validity)
                {
                    *number += 1;
                }
            }
            Fate::Repeated => self.repeated += 1,
            Fate::Unreadable(_) => self.unreadable += 1,
            Fate::Refused(_) => self.refused += 1,
        }
    }

    fn troubled(&self) -> u64 {
        self.unreadable + self.refused
    }

    fn json(&self, applied: bool, finished: bool) -> Value {
        let answers: serde_json::Map<String, Value> = ANSWERS
            .iter()
            .zip(self.judged)
            .map(|(answer, number)| (answer.as_str().to_owned(), number.into()))
            .collect();
        let mut all = json!({
            "applied": applied, "finished": finished, "rows": self.rows, "unreadable": self.unreadable, "refused": self.refused,
            "repeated": self.repeated, "answers": answers,
        });
        if self.sessions.iter().any(|number| *number > 0) {
            all["sessions"] = VERDICTS
                .iter()
                .zip(self.sessions)
                .map(|(verdict, number)| (verdict.as_str().to_owned(), Value::from(number)))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        all
    }

    fn words(&self, applied: bool) -> String {
        let [added, updated, same, older, taken, empty] = self.judged;
        let verb = if applied { "taken" } else { "would be taken" };
        let mut parts = vec![format!(
            "{} rows: {} {verb} ({added} new, {updated} newer than here)",
            self.rows,
            added + updated
        )];
        let skipped = same + older + taken + empty + self.repeated;
        let reasons = listed(&[
            (same, "the same"),
            (older, "older"),
            (taken, "another user's"),
            (empty, "empty"),
            (self.repeated, "of a merchant of an earlier row"),
        ]);
        parts.push(if reasons.is_empty() {
            "0 skipped".to_owned()
        } else {
            format!("{skipped} skipped ({reasons})")
        });
        let [alive, dead, unknown] = self.sessions;
        let sessions = listed(&[(alive, "alive"), (dead, "dead"), (unknown, "not known")]);
        let troubled = listed(&[(self.unreadable, "unreadable"), (self.refused, "refused by the database")]);
        if !troubled.is_empty() {
            parts.push(troubled);
        }
        if !sessions.is_empty() {
            parts.push(format!("sessions: {sessions}"));
        }
        parts.join(", ")
    }
}

/// Those that are not zero.
fn listed(numbers: &[(u64, &str)]) -> String {
    let there = numbers.iter().filter(|(number, _)| *number > 0);
    there.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join(", ")
}

/// A new file, for this user alone: merchant ids are nobody else's business.
fn begin(path: &Path) -> Outcome<(PathBuf, csv::Writer<File>)> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} is there already, and is not overwritten", path.display()))
                .hint("name another file for the report")
        }
        _ => Failure::usage(format!("{} cannot be written", path.display())).because(error),
    })?;
    let mut writer = csv::Writer::from_writer(file);
    let heads = ["place", "merchant_id", "outcome", "code", "why", "session"];
    writer.write_record(heads).map_err(|error| unwritable(path, error))?;
    Ok((path.to_owned(), writer))
}

fn unwritable(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::new(format!("{} cannot be written on", path.display())).because(error).hint(super::GO_ON)
}

fn bar(source: &Source) -> Option<ProgressBar> {
    let (_, length) = source.position();
    let bar = match (source, length) {
        (_, None) => ProgressBar::new_spinner(),
        (_, Some(length)) => ProgressBar::new(length),
    };
    let template = match source {
        Source::Database(_) => "{bar:30.cyan} {pos}/{len} rows {elapsed:.dim} {eta:.dim}",
        Source::File(_) if length.is_some() => {
            "{bar:30.cyan} {bytes}/{total_bytes} {elapsed:.dim} {eta:.dim}"
        }
        Source::File(_) => "{spinner:.cyan} {bytes} {elapsed:.dim}",
    };
    bar.set_style(ProgressStyle::with_template(template).ok()?);
    Some(bar)
}
