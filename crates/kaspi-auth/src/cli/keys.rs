//! `kaspi-auth keys`: make encryption keys, tell which ones are configured, move the database to the newest one (`rotation`), and
//! open everything (`verification`). Must not show a key or a value.

mod rotation;
mod verification;

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use kaspi_auth_core::port::{AuditRepository as _, Clock as _, RepositoryError};
use kaspi_auth_store::{Finding, SqlDatabase};
use kaspi_auth_vault::KeyRing;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::{audit, files, output};
use crate::process::{Chain, SystemClock};
use crate::wiring;

/// What to do with encryption keys.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a new key: in a file, for `ENCRYPTION_KEY_FILE`, or on stdout, for `ENCRYPTION_KEY`.
    Generate {
        /// Write it to this new file, which only this user can read, instead of stdout.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Tell the fingerprints of the configured keys, newest first. The keys are not shown.
    Check {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell the fingerprints, and how many rows of each table are not sealed under the newest key.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Seal every row under the newest key, while the service runs. Can be interrupted and begun again.
    Rotate {
        /// Rows that are read at once.
        #[arg(long, value_name = "ROWS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5000))]
        batch: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Open every sealed value for the owner that its row names, and change nothing: the drill after a restore.
    Verify {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        matches!(
            self,
            Self::Check { json: true }
                | Self::Status { json: true }
                | Self::Rotate { json: true, .. }
                | Self::Verify { json: true }
        )
    }
}

/// Runs it.
pub async fn run(command: &Command, global: &Global) -> Outcome {
    match command {
        Command::Generate { out: None } => output::line(KeyRing::generate_key().expose_secret()),
        Command::Generate { out: Some(file) } => {
            files::write_new(file, &KeyRing::generate_key())?;
            output::note(format_args!(
                "a new key is in {}, for this user alone; keep it apart from the database's backups",
                file.display()
            ));
        }
        Command::Check { json } => check(global, *json)?,
        Command::Status { json } => return rotation::status(global, *json).await,
        Command::Rotate { batch, json } => return rotation::rotate(global, *batch, *json).await,
        Command::Verify { json } => return verification::run(global, *json).await,
    }
    Ok(Exit::Done)
}

/// The database with the configured keys, without a service around it.
async fn open(global: &Global) -> Outcome<SqlDatabase> {
    let config = global.start(Loudness::Errors)?;
    let started = |error: wiring::StartError| Failure::from(error);
    let ring = wiring::key_ring(&config.encryption).map_err(|error| started(error.into()))?;
    super::files::make_folder(&config.database)?;
    let settings = wiring::database_settings(&config.database);
    SqlDatabase::open(&settings, ring, SystemClock.now()).await.map_err(|error| started(error.into()))
}

/// Writes what was done with the newest key into the audit log. That it cannot be written undoes nothing.
async fn write_down<T>(database: &SqlDatabase, action: &str, done: &Outcome<T>) {
    let keys = database.key_fingerprints();
    let entry = audit::entry(SystemClock.now(), action, None, keys.first().map(String::as_str), done);
    if let Err(error) = database.append_audit(&[entry]).await {
        tracing::error!(action, error = %Chain(&error), "it could not be written into the audit log");
    }
}

/// The database failed in the middle.
fn stopped(error: RepositoryError) -> Failure {
    Failure::new("the database failed; what was done is done, and the same command goes on").because(error)
}

/// Where values do not open, for people.
fn tell(findings: &[Finding]) {
    const MOST: usize = 50;
    for found in findings.iter().take(MOST) {
        output::note(format_args!(
            "{}.{} of row {}: {}",
            found.table, found.column, found.row, found.problem
        ));
    }
    if findings.len() > MOST {
        output::note(format_args!("and {} more; --json tells all", findings.len() - MOST));
    }
}

/// The same for programs.
fn findings_json(findings: &[Finding]) -> Vec<serde_json::Value> {
    let told = |found: &Finding| {
        json!({
            "table": found.table,
            "column": found.column,
            "row": found.row,
            "problem": found.problem.to_string(),
        })
    };
    findings.iter().map(told).collect()
}

/// A bar for a person who looks; nothing for a program.
fn bar(rows: Option<u64>, as_json: bool) -> ProgressBar {
    if as_json || !output::is_interactive() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match rows {
        Some(rows) => {
            (ProgressBar::new(rows), "{bar:40.cyan} {human_pos}/{human_len} rows, {per_sec}, {eta} left")
        }
        None => (ProgressBar::no_length(), "{spinner:.cyan} {human_pos} rows, {per_sec}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn check(global: &Global, as_json: bool) -> Outcome<()> {
    let config = global.start(Loudness::Errors)?;
    let ring = wiring::key_ring(&config.encryption)
        .map_err(|error| Failure::from(wiring::StartError::from(error)))?;
    let fingerprints = ring.fingerprints();
    if as_json {
        output::json(&json!({ "fingerprints": fingerprints }));
    } else {
        for (place, fingerprint) in fingerprints.iter().enumerate() {
            let role = if place == 0 { "seals and opens" } else { "opens" };
            output::line(format_args!("{fingerprint}  {role}"));
        }
    }
    Ok(())
}
