//! `kaspi-auth keys`: make encryption keys, and tell which ones are configured.

use std::path::PathBuf;

use kaspi_auth_vault::KeyRing;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::{files, output};
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
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        matches!(self, Self::Check { json: true })
    }
}

/// Runs it.
pub fn run(command: &Command, global: &Global) -> Outcome {
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
    }
    Ok(Exit::Done)
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
