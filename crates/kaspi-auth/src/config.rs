//! What can be set: a TOML file, the predecessor's variables over it, and `KASPI_AUTH__SECTION__KEY` over both.
//!
//! Unknown keys are refused, in the file and in the environment: a misspelt setting must not be silently without effect.
//! Nothing here shows a secret: [`shown`] is the one way to print a configuration.

mod browser;
mod egress;
mod environment;
mod file;
mod gateway;
mod hidden;
mod keeping;
mod rates;
mod sections;
pub mod shown;
mod telemetry;

use std::path::{Path, PathBuf};

pub use browser::{Browser, BrowserMode, GridBrowser, RemoteBrowser};
use confique::{Config as _, Layer as _};
pub use egress::{ConfiguredProxy, Egress, proxy};
pub(crate) use environment::database_url;
pub use gateway::Gateway;
pub use keeping::Keeping;
pub use rates::{Evidence, Rates};
pub use sections::{Auth, Database, Encryption, Log, LogFormat, Logins, Portal, Server};
pub use telemetry::Telemetry;

type Layer = <Config as confique::Config>::Layer;

/// The configuration of kaspi-auth. What is commented out here has the value that is shown.
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
    /// Real browsers, for logins that need one.
    #[config(nested)]
    pub browser: Browser,
    /// Ways out to the portal beside the direct one. More can be added over the API.
    #[config(nested)]
    pub egress: Egress,
    /// How fast logins go towards the portal, all nodes together. Zero is no limit.
    #[config(nested)]
    pub rates: Rates,
    /// How sessions are kept alive.
    #[config(nested)]
    pub keeping: Keeping,
    /// Services' own calls of the cabinet.
    #[config(nested)]
    pub gateway: Gateway,
    /// What is kept for finding out why a login failed, and how changes of the portal are noticed.
    #[config(nested)]
    pub evidence: Evidence,
    /// Who may call besides the holders of API keys: bearers of a JWT whose `sub` is the `user_id`.
    #[config(nested)]
    pub auth: Auth,
    /// What is logged.
    #[config(nested)]
    pub log: Log,
    /// Traces over OTLP.
    #[config(nested)]
    pub telemetry: Telemetry,
}

/// A configuration that cannot be used, and what to mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named is not there.
    #[error("the configuration file {0} does not exist")]
    FileMissing(PathBuf),
    /// A value or key that does not fit.
    #[error("the configuration cannot be read from {place}: {problem}")]
    Unreadable {
        /// The file, or the environment.
        place: String,
        /// Where in it, and how; without the value.
        problem: String,
    },
    /// A variable that no setting has.
    #[error("the environment variable {0} is no setting; `kaspi-auth config template` lists them all")]
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
        environment::refuse_unknown(&Self::META, std::env::vars_os().map(|(name, _)| name))?;
        let mut layers = vec![
            Layer::from_env().map_err(|error| unreadable(&error))?,
            environment::predecessor(|name| std::env::var(name).ok()),
        ];
        layers.extend(file.map(file::read).transpose()?);
        Self::of(layers)
    }

    /// Every setting with its meaning, its variable and its default, as a file to start from.
    pub fn template() -> String {
        confique::toml::template::<Self>(confique::toml::FormatOptions::default())
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// The first setting that cannot be right.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.server.check()?;
        self.database.check()?;
        self.portal.check()?;
        self.logins.check()?;
        self.browser.check()?;
        self.egress.check()?;
        self.rates.check()?;
        self.gateway.check()?;
        self.keeping.check()?;
        self.evidence.check()?;
        self.auth.check()?;
        self.log.check()?;
        self.telemetry.check()
    }

    /// Merges layers, strongest first, over the defaults.
    fn of(layers: Vec<Layer>) -> Result<Self, ConfigError> {
        let merged = layers.into_iter().map(Some).fold(None, |stronger: Option<Layer>, layer| {
            let Some(mut layer) = layer else { return stronger };
            drop_blanks(&mut layer);
            Some(match stronger {
                None => layer,
                Some(stronger) => {
                    // The key and the file that holds it are one setting in two forms: a stronger layer replaces both.
                    if stronger.encryption.key.is_some() || stronger.encryption.key_file.is_some() {
                        layer.encryption.key = None;
                        layer.encryption.key_file = None;
                    }
                    stronger.with_fallback(layer)
                }
            })
        });
        let merged = merged.unwrap_or_else(Layer::empty).with_fallback(Layer::default_values());
        let mut config = Self::from_layer(merged).map_err(|error| unreadable(&error))?;
        config.database.url = environment::database_url(config.database.url);
        config.check()?;
        Ok(config)
    }
}

fn unreadable(error: &confique::Error) -> ConfigError {
    let problem = hidden::without_value(&format!("{error:#}"));
    ConfigError::Unreadable { place: "the environment".to_owned(), problem }
}

/// Container files pass variables on that nobody set, as empty ones: those count as not set.
fn drop_blanks(layer: &mut Layer) {
    use secrecy::{ExposeSecret, SecretString};
    let said = |secret: &SecretString| !secret.expose_secret().trim().is_empty();
    let named = |path: &PathBuf| !path.as_os_str().is_empty();
    let written = |text: &String| !text.trim().is_empty();
    let (encryption, portal, auth) = (&mut layer.encryption, &mut layer.portal, &mut layer.auth);
    layer.database.url = layer.database.url.take().filter(said);
    encryption.key = encryption.key.take().filter(said);
    encryption.key_file = encryption.key_file.take().filter(named);
    portal.ca_file = portal.ca_file.take().filter(named);
    portal.user_agent = portal.user_agent.take().filter(written);
    auth.jwt_secret = auth.jwt_secret.take().filter(said);
    auth.jwks_file = auth.jwks_file.take().filter(named);
    auth.jwt_issuer = auth.jwt_issuer.take().filter(written);
    auth.jwt_audience = auth.jwt_audience.take().filter(written);
    layer.browser.binary = layer.browser.binary.take().filter(named);
    layer.browser.recipe_file = layer.browser.recipe_file.take().filter(named);
    let (browser, egress) = (&mut layer.browser, &mut layer.egress);
    browser.arguments = browser.arguments.take().filter(|list| !list.is_empty());
    browser.remote = browser.remote.take().filter(|list| !list.is_empty());
    browser.grid = browser.grid.take().filter(|list| !list.is_empty());
    egress.proxies = egress.proxies.take().filter(|list| !list.is_empty());
    layer.log.filter = layer.log.filter.take().filter(written);
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn file(text: &str) -> Result<Layer, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kaspi-auth.conf");
        std::fs::write(&path, text).unwrap();
        super::file::read(&path)
    }

    fn predecessor(variables: &'static [(&str, &str)]) -> Layer {
        environment::predecessor(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_alone_are_a_good_configuration() {
        let config = Config::of(Vec::new()).unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.portal.login_url.as_str(), "https://idmc.shop.kaspi.kz/");
    }

    #[test]
    fn a_misspelt_key_of_the_file_is_refused_by_name() {
        for text in
            ["[server]\nlisen = \"127.0.0.1:1\"\n", "[sever]\nlisten = \"127.0.0.1:1\"\n", "listen = 1\n"]
        {
            let shown = file(text).err().unwrap().to_string();
            assert!(shown.contains("unknown field") && shown.contains("line "), "{shown}");
        }
    }

    #[test]
    fn a_variable_that_is_empty_hides_nothing() {
        let config = Config::of(vec![
            predecessor(&[("ENCRYPTION_KEY", ""), ("DATABASE_URL", " ")]),
            file("[encryption]\nkey_file = \"key\"\n[database]\nurl = \"sqlite://x\"\n").unwrap(),
        ]);
        let config = config.unwrap();
        assert_eq!(config.encryption.key_file, Some(PathBuf::from("key")));
        assert_eq!(config.database.url.expose_secret(), "sqlite://x");
    }

    #[test]
    fn a_key_in_the_environment_replaces_the_key_file_of_the_configuration() {
        let config = Config::of(vec![
            predecessor(&[("ENCRYPTION_KEY", "from-environment")]),
            file("[encryption]\nkey_file = \"key\"\n").unwrap(),
        ]);
        let config = config.unwrap();
        assert!(config.encryption.key.is_some() && config.encryption.key_file.is_none());
    }

    #[test]
    fn the_template_is_a_good_file_once_its_settings_are_let_in() {
        let text = Config::template();
        let let_in: Vec<_> = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') && !setting.trim_end().ends_with('=') => setting,
                _ => line,
            })
            .collect();
        let config = Config::of(vec![file(&let_in.join("\n")).unwrap()]).unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
        assert!(text.contains("`KASPI_AUTH__PORTAL__SITE_URL`"));
    }
}
