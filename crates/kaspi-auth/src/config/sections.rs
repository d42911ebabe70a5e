//! The sections of the configuration: one struct each, a default and an environment name for every field.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, hidden};

/// The real portal's domain.
const REAL: &str = "kaspi.kz";

pub(super) fn invalid(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { key, problem: problem.into() }
}

/// A list in a variable that cannot be read; says how it is written, without the value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UnfitList(pub(super) &'static str);

/// The HTTP API.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Server {
    /// Where to listen.
    #[config(env = "KASPI_AUTH__SERVER__LISTEN", default = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The longest a request may take, waits included, in seconds.
    #[config(env = "KASPI_AUTH__SERVER__REQUEST_TIMEOUT_SECONDS", default = 90)]
    pub request_timeout_seconds: u64,
    /// The largest body of a request, in bytes.
    #[config(env = "KASPI_AUTH__SERVER__BODY_LIMIT_BYTES", default = 65536)]
    pub body_limit_bytes: usize,
    /// How long a stopping service waits for running logins and requests, in seconds.
    #[config(env = "KASPI_AUTH__SERVER__SHUTDOWN_GRACE_SECONDS", default = 20)]
    pub shutdown_grace_seconds: u64,
}

impl Server {
    /// The longest that a call may wait for something to happen: a little less than the whole request may take.
    pub fn longest_wait(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds).mul_f32(0.7).min(Duration::from_mins(1))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=600).contains(&self.request_timeout_seconds) {
            return Err(invalid("server.request_timeout_seconds", "must be 1 to 600"));
        }
        if !(1024..=16 * 1024 * 1024).contains(&self.body_limit_bytes) {
            return Err(invalid("server.body_limit_bytes", "must be 1024 to 16777216"));
        }
        if self.shutdown_grace_seconds > 600 {
            return Err(invalid("server.shutdown_grace_seconds", "must be 0 to 600"));
        }
        Ok(())
    }
}

/// Where everything is kept.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Database {
    /// `sqlite://path` or `postgres://user:password@host:port/name`. The predecessor's `DATABASE_URL` and `POSTGRES_*` serve too.
    #[config(env = "KASPI_AUTH__DATABASE__URL", default = "sqlite://kaspi-auth-data/kaspi-auth.sqlite")]
    #[serde(serialize_with = "hidden::database")]
    pub url: SecretString,
    /// Connections to PostgreSQL, or readers of SQLite.
    #[config(env = "KASPI_AUTH__DATABASE__MAX_CONNECTIONS", default = 8)]
    pub max_connections: u32,
    /// Whether `serve` brings the schema up to date by itself; otherwise `kaspi-auth migrate` does.
    #[config(env = "KASPI_AUTH__DATABASE__MIGRATE_AT_START", default = true)]
    pub migrate_at_start: bool,
}

impl Database {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=1000).contains(&self.max_connections) {
            return Err(invalid("database.max_connections", "must be 1 to 1000"));
        }
        Ok(())
    }
}

/// The key that seals every secret.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Encryption {
    /// Fernet keys of 44 characters, newest first, separated by commas. Best left to the environment: the predecessor's
    /// `ENCRYPTION_KEY` serves too.
    #[config(env = "KASPI_AUTH__ENCRYPTION__KEY")]
    #[serde(serialize_with = "hidden::secret")]
    pub key: Option<SecretString>,
    /// A file that holds them instead. The predecessor's `ENCRYPTION_KEY_FILE` serves too.
    #[config(env = "KASPI_AUTH__ENCRYPTION__KEY_FILE")]
    pub key_file: Option<PathBuf>,
}

/// The Kaspi merchant cabinet.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Portal {
    /// The site's origin.
    #[config(env = "KASPI_AUTH__PORTAL__SITE_URL", default = "https://kaspi.kz")]
    pub site_url: Url,
    /// The login host's origin.
    #[config(env = "KASPI_AUTH__PORTAL__LOGIN_URL", default = "https://idmc.shop.kaspi.kz")]
    pub login_url: Url,
    /// The cabinet's origin.
    #[config(env = "KASPI_AUTH__PORTAL__CABINET_URL", default = "https://mc.shop.kaspi.kz")]
    pub cabinet_url: Url,
    /// The longest one exchange may take, in seconds.
    #[config(env = "KASPI_AUTH__PORTAL__TIMEOUT_SECONDS", default = 20)]
    pub timeout_seconds: u64,
    /// The longest a connection may take to open, in seconds.
    #[config(env = "KASPI_AUTH__PORTAL__CONNECT_TIMEOUT_SECONDS", default = 5)]
    pub connect_timeout_seconds: u64,
    /// A PEM file of certificate authorities to trust besides the system's: for the sandbox with `--tls`.
    #[config(env = "KASPI_AUTH__PORTAL__CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Failures in a row (no connection, no answer in time, 5xx) after which a host is left alone over that way out; 0: never.
    #[config(env = "KASPI_AUTH__PORTAL__BREAKER_FAILURES", default = 8)]
    pub breaker_failures: u32,
    /// How long it is left alone at first, in seconds; each failed trial doubles that, up to a minute or this, if it is longer.
    #[config(env = "KASPI_AUTH__PORTAL__BREAKER_PAUSE_SECONDS", default = 10)]
    pub breaker_pause_seconds: u64,
    /// The user agent that is sent; the engine's default where none is set.
    #[config(env = "KASPI_AUTH__PORTAL__USER_AGENT")]
    pub user_agent: Option<String>,
}

impl Portal {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let origins = [
            ("portal.site_url", &self.site_url),
            ("portal.login_url", &self.login_url),
            ("portal.cabinet_url", &self.cabinet_url),
        ];
        for (key, url) in origins {
            // First: what comes after quotes the address.
            if !url.username().is_empty() || url.password().is_some() {
                return Err(invalid(key, "an origin holds no credentials"));
            }
            if !matches!(url.scheme(), "https" | "http")
                || url.host_str().is_none()
                || url.path() != "/"
                || url.query().is_some()
                || url.fragment().is_some()
            {
                return Err(invalid(key, "is not an origin; write it as https://host or http://host:port"));
            }
            if url.scheme() == "http" && is_kaspi(url) {
                return Err(invalid(
                    key,
                    format!(
                        "{url} would carry passwords and cookies in clear; the real portal is spoken to by https alone"
                    ),
                ));
            }
        }
        if !(1..=120).contains(&self.timeout_seconds) || !(1..=120).contains(&self.connect_timeout_seconds) {
            return Err(invalid("portal.timeout_seconds", "timeouts must be 1 to 120"));
        }
        if self.breaker_failures > 1000 || !(1..=600).contains(&self.breaker_pause_seconds) {
            return Err(invalid(
                "portal.breaker_failures",
                "must be 0 to 1000, and portal.breaker_pause_seconds 1 to 600",
            ));
        }
        Ok(())
    }
}

/// Whether the address is one of the real portal's, and not a sandbox's.
fn is_kaspi(url: &Url) -> bool {
    // The dot at the end of a complete name changes nothing.
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    host.strip_suffix(REAL).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// How logins run.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Logins {
    /// What drives a login of which nobody has said: `direct` (HTTP), `browser`, or `auto`: direct first, a browser where the portal
    /// answers with a wall.
    #[config(env = "KASPI_AUTH__LOGINS__ENGINE", default = "auto")]
    pub engine: kaspi_auth_core::login::EngineChoice,
    /// Logins that talk to the portal at once; the rest wait in order. Those that wait for a code do not count.
    #[config(env = "KASPI_AUTH__LOGINS__MAX_RUNNING", default = 64)]
    pub max_running: usize,
    /// Logins that may wait for their turn; more are refused as `overloaded`.
    #[config(env = "KASPI_AUTH__LOGINS__MAX_QUEUED", default = 1024)]
    pub max_queued: usize,
    /// From the start to the end of a login, in minutes.
    #[config(env = "KASPI_AUTH__LOGINS__EXPIRES_MINUTES", default = 20)]
    pub expires_minutes: i64,
    /// From a question to its answer, in minutes.
    #[config(env = "KASPI_AUTH__LOGINS__INPUT_MINUTES", default = 10)]
    pub input_minutes: i64,
    /// Between two codes, in seconds.
    #[config(env = "KASPI_AUTH__LOGINS__RESEND_SECONDS", default = 60)]
    pub resend_seconds: i64,
    /// Wrong codes that are sent on to the portal.
    #[config(env = "KASPI_AUTH__LOGINS__CODE_ATTEMPTS", default = 5)]
    pub code_attempts: u32,
    /// How long the record of an ended login is kept, in days.
    #[config(env = "KASPI_AUTH__LOGINS__KEEP_DAYS", default = 30)]
    pub keep_days: i64,
}

impl Logins {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=10_000).contains(&self.max_running) {
            return Err(invalid("logins.max_running", "must be 1 to 10000"));
        }
        if self.max_queued > 100_000 {
            return Err(invalid("logins.max_queued", "must be 0 to 100000"));
        }
        if !(1..=24 * 60).contains(&self.expires_minutes)
            || !(1..=self.expires_minutes).contains(&self.input_minutes)
        {
            return Err(invalid(
                "logins.expires_minutes",
                "must be 1 to 1440, and logins.input_minutes no longer",
            ));
        }
        if !(0..=3600).contains(&self.resend_seconds) || !(1..=20).contains(&self.code_attempts) {
            return Err(invalid(
                "logins.resend_seconds",
                "must be 0 to 3600, and logins.code_attempts 1 to 20",
            ));
        }
        if !(1..=3650).contains(&self.keep_days) {
            return Err(invalid("logins.keep_days", "must be 1 to 3650"));
        }
        Ok(())
    }

    /// The limits as the rules take them.
    pub fn limits(&self) -> kaspi_auth_core::login::Limits {
        kaspi_auth_core::login::Limits {
            login: jiff::SignedDuration::from_mins(self.expires_minutes),
            input: jiff::SignedDuration::from_mins(self.input_minutes),
            resend: jiff::SignedDuration::from_secs(self.resend_seconds),
            attempts: self.code_attempts,
        }
    }
}

/// Who may call besides the holders of API keys: bearers of a JWT whose `sub` is the `user_id`.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Auth {
    /// A secret for HS256, at least 32 bytes.
    #[config(env = "KASPI_AUTH__AUTH__JWT_SECRET")]
    #[serde(serialize_with = "hidden::secret")]
    pub jwt_secret: Option<SecretString>,
    /// A JSON Web Key Set (RFC 7517) to fetch the public keys from.
    #[config(env = "KASPI_AUTH__AUTH__JWKS_URL")]
    #[serde(serialize_with = "hidden::address")]
    pub jwks_url: Option<Url>,
    /// A JSON Web Key Set in a file.
    #[config(env = "KASPI_AUTH__AUTH__JWKS_FILE")]
    pub jwks_file: Option<PathBuf>,
    /// The `iss` that a token must have.
    #[config(env = "KASPI_AUTH__AUTH__JWT_ISSUER")]
    pub jwt_issuer: Option<String>,
    /// The `aud` that a token must have.
    #[config(env = "KASPI_AUTH__AUTH__JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,
}

impl Auth {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let ways = [self.jwt_secret.is_some(), self.jwks_url.is_some(), self.jwks_file.is_some()];
        if ways.iter().filter(|set| **set).count() > 1 {
            return Err(invalid("auth", "set one of jwt_secret, jwks_url and jwks_file, not several"));
        }
        if self.jwt_secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < 32) {
            return Err(invalid("auth.jwt_secret", "must have at least 32 bytes (RFC 7518, 3.2)"));
        }
        Ok(())
    }
}

/// What is logged.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Log {
    /// `pretty` for people, `json` for collectors.
    #[config(env = "KASPI_AUTH__LOG__FORMAT", default = "pretty")]
    pub format: LogFormat,
    /// Directives as in `info,kaspi_auth=debug`.
    #[config(env = "KASPI_AUTH__LOG__FILTER", default = "info")]
    pub filter: String,
}

impl Log {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match tracing_subscriber::EnvFilter::builder().parse(&self.filter) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(invalid("log.filter", format!("{error}; write it as in `info,kaspi_auth=debug`")))
            }
        }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line for people.
    Pretty,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn portal_at(url: &str) -> Result<(), ConfigError> {
        let mut config = Config::of(Vec::new()).unwrap();
        config.portal.cabinet_url = url.parse().unwrap();
        config.check()
    }

    #[test]
    fn the_real_portal_is_spoken_to_by_https_alone() {
        for url in [
            "http://kaspi.kz",
            "http://mc.shop.kaspi.kz",
            "http://MC.Shop.Kaspi.KZ:8080",
            "http://kaspi.kz.",
            "http://new.kaspi.kz.:80",
        ] {
            let refused = portal_at(url).unwrap_err().to_string();
            assert!(refused.starts_with("portal.cabinet_url") && refused.contains("https"), "{refused}");
        }
        for url in [
            "https://mc.shop.kaspi.kz",
            "http://mc.shop.kaspi.localhost:4010",
            "http://127.0.0.1:4010",
            "http://notkaspi.kz",
            "http://kaspi.kz.example",
        ] {
            portal_at(url).unwrap();
        }
    }

    #[test]
    fn an_origin_with_a_password_is_refused_without_showing_it() {
        for url in ["https://user:canary@host/path", "https://host/?key=canary", "https://host/#canary"] {
            let refused = portal_at(url).unwrap_err().to_string();
            assert!(!refused.contains("canary"), "{refused}");
        }
    }

    #[test]
    fn graces_and_queues_have_bounds() {
        let with = |grace, queued| {
            let mut config = Config::of(Vec::new()).unwrap();
            config.server.shutdown_grace_seconds = grace;
            config.logins.max_queued = queued;
            config.check()
        };
        with(0, 0).unwrap();
        with(600, 100_000).unwrap();
        assert!(with(601, 0).unwrap_err().to_string().contains("server.shutdown_grace_seconds"));
        assert!(with(0, 100_001).unwrap_err().to_string().contains("logins.max_queued"));
    }
}
