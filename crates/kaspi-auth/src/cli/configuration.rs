//! `kaspi-auth config`: check it, show it without its secrets, print a file to start from.

use std::collections::BTreeMap;

use super::Global;
use super::failure::{Exit, Outcome};
use super::output;
use crate::config::{Config, shown};

/// What to do with the configuration.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say whether the configuration can be used.
    Check,
    /// Print what counts in the end, and where each value comes from. Secrets are not shown.
    Show {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a file with every setting, its meaning, its variable and its default, all commented out.
    Template,
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        matches!(self, Self::Show { json: true })
    }
}

/// Runs it.
pub fn run(command: &Command, global: &Global) -> Outcome {
    match command {
        Command::Check => {
            Config::load(global.file())?;
            let origin = global.file().map_or_else(
                || "environment and defaults; no file is named".to_owned(),
                |file| format!("{} and environment", file.display()),
            );
            output::line(format_args!("the configuration is good ({origin})"));
        }
        Command::Show { json } => {
            let config = Config::load(global.file())?;
            let settings = shown::settings(&config, global.file());
            if *json {
                let mut sections: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
                for setting in &settings {
                    sections.entry(setting.section).or_default().insert(setting.key, setting);
                }
                output::pretty(&sections);
            } else {
                output::line(shown::toml(&settings).trim_end());
            }
        }
        Command::Template => output::line(Config::template().trim_end()),
    }
    Ok(Exit::Done)
}
