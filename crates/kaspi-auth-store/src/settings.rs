//! What the adapter must be told: where the database is and how much it may take. Must not read the environment.

use std::path::PathBuf;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::error::OpenDatabaseError;

/// Where the database is, and how much it may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite://path`, `sqlite:path`, `postgres://…` or `postgresql://…`; a driver's name as in `postgresql+asyncpg://` is
    /// overlooked. Secret because of the password in it.
    pub url: SecretString,
    /// How many connections may be open at once. SQLite: one of them writes, up to 4 others read.
    pub max_connections: u32,
    /// Whether [`SqlDatabase::open`](crate::SqlDatabase::open) brings the schema up to date; if not, an older schema is an
    /// error.
    pub migrate: bool,
    /// How many bytes of sessions are kept in memory, sealed and opened ones together.
    pub cache_bytes: u64,
}

impl Settings {
    /// 10 connections, migrations at start, 32 MiB of sessions in memory.
    pub fn new(url: SecretString) -> Self {
        Self { url, max_connections: 10, migrate: true, cache_bytes: 32 * 1024 * 1024 }
    }

    /// Reads the URL.
    pub(crate) fn target(&self) -> Result<Target, OpenDatabaseError> {
        let url = self.url.expose_secret().trim();
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return sqlite(rest.strip_prefix("//").unwrap_or(rest));
        }
        match url.split_once("://") {
            Some((scheme, rest)) if matches!(scheme.split('+').next(), Some("postgres" | "postgresql")) => {
                // The parser's own words could quote the password.
                let options = PgConnectOptions::from_str(&format!("postgres://{rest}")).map_err(|_| {
                    OpenDatabaseError::BadUrl("the form is postgres://user:password@host:port/database")
                })?;
                Ok(Target::Postgres(Box::new(options)))
            }
            _ => Err(OpenDatabaseError::BadUrl("it begins with sqlite: or postgres://")),
        }
    }
}

/// Which database it is.
pub(crate) enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Box<PgConnectOptions>),
}

fn sqlite(path: &str) -> Result<Target, OpenDatabaseError> {
    if path.is_empty() || path.contains('?') {
        return Err(OpenDatabaseError::BadUrl("the form is sqlite://path/to/file, without options"));
    }
    if path.contains(":memory:") {
        return Err(OpenDatabaseError::BadUrl("SQLite needs a file: several connections share it"));
    }
    Ok(Target::Sqlite(PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, OpenDatabaseError> {
        Settings::new(url.to_owned().into()).target()
    }

    #[test]
    fn every_usual_spelling_of_a_url_is_read() {
        for (url, path) in [
            ("sqlite://a/b.sqlite", "a/b.sqlite"),
            ("sqlite:b.sqlite", "b.sqlite"),
            ("sqlite:///a/b", "/a/b"),
        ] {
            assert!(matches!(target(url), Ok(Target::Sqlite(read)) if read.as_os_str() == path), "{url}");
        }
        for url in ["postgres://u:p@h:1/d", "postgresql://h/d", "postgresql+asyncpg://u:p@h/d"] {
            assert!(matches!(target(url), Ok(Target::Postgres(_))), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_refused_without_showing_it() {
        for url in
            ["mysql://u:canary@h/d", "canary", "sqlite::memory:", "sqlite://", "postgres://u:canary@h:x/d"]
        {
            let error = target(url).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("canary"), "{url}");
        }
    }
}
