//! `kaspi-auth migrate`: brings the database's schema up to date and says what that took. Several may run at once.

use kaspi_auth_core::port::Clock as _;
use kaspi_auth_store::{OpenDatabaseError, Settings, SqlDatabase};
use serde_json::json;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::{files, output};
use crate::process::SystemClock;
use crate::wiring::{self, StartError};

/// How it is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let settings = wiring::database_settings(&config.database);
    let new = files::sqlite(&config.database).is_some_and(|file| !file.exists());
    files::make_folder(&config.database)?;
    let was = if new { Before::Missing } else { before(&settings, &config.encryption).await };
    SqlDatabase::migrate(&settings).await.map_err(|error| Failure::from(StartError::from(error)))?;
    let (did, words) = match was {
        Before::Missing => ("created", "the database is made, and its schema is up to date"),
        Before::Older => ("migrated", "the schema is brought up to date"),
        Before::Current => ("nothing", "the schema was up to date already"),
        Before::Unknown => ("unknown", "the schema is up to date"),
    };
    if args.json {
        output::json(&json!({ "did": did }));
    } else {
        output::line(words);
    }
    Ok(Exit::Done)
}

/// How the schema was.
enum Before {
    Missing,
    Older,
    Current,
    Unknown,
}

/// Looks without changing. A migration needs no key; without one there is no telling how it was.
async fn before(settings: &Settings, encryption: &crate::config::Encryption) -> Before {
    let Ok(ring) = wiring::key_ring(encryption) else { return Before::Unknown };
    let looking = Settings { migrate: false, ..settings.clone() };
    match SqlDatabase::open(&looking, ring, SystemClock.now()).await {
        Ok(database) => {
            database.close().await;
            Before::Current
        }
        Err(OpenDatabaseError::WrongKey { .. }) => Before::Current,
        Err(OpenDatabaseError::NotMigrated) => Before::Older,
        // What is wrong is the migration's to tell.
        Err(_) => Before::Unknown,
    }
}
