//! What can be set: a TOML file, `KASPI_AUTH__SECTION__KEY` variables over it, and the predecessor's variables between.
//!
//! Unknown keys are refused, in the file and in the environment: a misspelt setting must not be silently without effect.

mod environment;
mod sections;

use std::path::{Path, PathBuf};

use confique::Config as _;
pub use sections::{Auth, Database, Encryption, Log, LogFormat, Logins, Portal, Server};

/// The whole configuration.
#[derive(confique::Config, Debug, Clone, serde::Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Config {
    /// The HTTP API.
    #[config(nested)]
    pub server: Server,
    /// Where everything is kept.
    #[config(nested)]
    pub database: Database,
    /// The key that seals every secret.
    #[config(nested)]
    pub encryption: Encryption,
    /// The Kaspi merchant cabinet.
    #[config(nested)]
    pub portal: Portal,
    /// How logins run.
    #[config(nested)]
    pub logins: Logins,
    /// Who may call.
    #[config(nested)]
    pub auth: Auth,
    /// What is logged.
    #[config(nested)]
    pub log: Log,
}

/// A configuration that cannot be used, and what to mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named is not there.
    #[error("the configuration file {0} does not exist")]
    FileMissing(PathBuf),
    /// A value or key that does not fit.
    #[error("the configuration cannot be read: {0:#}")]
    Unreadable(#[source] confique::Error),
    /// A variable that no setting has.
    #[error("the environment variable {0} is no setting; see `kaspi-auth config show` for the names")]
    UnknownVariable(String),
    /// A value that reads well and cannot be right.
    #[error("{key}: {problem}")]
    Invalid {
        /// The setting.
        key: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

impl Config {
    /// Reads the configuration: environment over the predecessor's variables over `file` over the defaults.
    ///
    /// # Errors
    /// A missing or malformed file, an unknown key or variable, a value out of its range.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        environment::refuse_unknown(&Self::META)?;
        let mut builder = Self::builder().env().preloaded(environment::predecessor());
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::FileMissing(file.to_owned()));
            }
            builder = builder.file(file);
        }
        let config = builder.load().map_err(ConfigError::Unreadable)?;
        config.check()?;
        Ok(config)
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// The first setting that cannot be right.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.server.check()?;
        self.portal.check()?;
        self.logins.check()?;
        self.auth.check()
    }
}
