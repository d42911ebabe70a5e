//! The environment's side of the configuration: the predecessor's names, and the refusal of unknown ones of ours.

use std::ffi::OsString;

use confique::Layer as _;
use confique::meta::{FieldKind, Meta};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ConfigError, Layer};

/// What every variable of ours starts with.
const PREFIX: &str = "KASPI_AUTH__";

/// Where a PostgreSQL is when only its user or its database is named.
const SAME_MACHINE: &str = "localhost";

/// What the predecessor's variables say: `ENCRYPTION_KEY` or `ENCRYPTION_KEY_FILE`; `DATABASE_URL`, or `POSTGRES_HOST`,
/// `_PORT`, `_USER`, `_PASSWORD`, `_DB`.
pub(super) fn predecessor(get: impl Fn(&str) -> Option<String>) -> Layer {
    let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
    let mut layer = Layer::empty();
    layer.encryption.key = get("ENCRYPTION_KEY").map(Into::into);
    layer.encryption.key_file = get("ENCRYPTION_KEY_FILE").map(Into::into);
    layer.database.url = get("DATABASE_URL").or_else(|| postgres_url(get)).map(Into::into);
    layer
}

/// The predecessor's variable that sets `section.key`, when the environment has it.
pub(super) fn predecessors_name(section: &str, key: &str) -> Option<&'static str> {
    let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
    match (section, key) {
        ("encryption", "key") => set("ENCRYPTION_KEY").then_some("ENCRYPTION_KEY"),
        ("encryption", "key_file") => set("ENCRYPTION_KEY_FILE").then_some("ENCRYPTION_KEY_FILE"),
        ("database", "url") if set("DATABASE_URL") => Some("DATABASE_URL"),
        ("database", "url") => ["POSTGRES_HOST", "POSTGRES_DB", "POSTGRES_USER"]
            .into_iter()
            .any(set)
            .then_some("POSTGRES_HOST, POSTGRES_PORT, POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB"),
        _ => None,
    }
}

/// A database URL in our spelling: `postgresql://` and SQLAlchemy's `postgresql+asyncpg://` are `postgres://`, and its
/// `ssl=` is `sslmode=`.
pub(crate) fn database_url(url: SecretString) -> SecretString {
    let text = url.expose_secret().trim();
    let Some((scheme, rest)) = text.split_once("://") else { return url };
    let (scheme, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    if !matches!(scheme, "postgres" | "postgresql") {
        return url;
    }
    let rest = match rest.split_once('?') {
        Some((place, query)) => {
            let query: Vec<_> = query
                .split('&')
                .map(|pair| {
                    pair.strip_prefix("ssl=")
                        .map_or_else(|| pair.to_owned(), |mode| format!("sslmode={mode}"))
                })
                .collect();
            format!("{place}?{}", query.join("&"))
        }
        None => rest.to_owned(),
    };
    format!("postgres://{rest}").into()
}

fn postgres_url(get: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (host, user, name) = (get("POSTGRES_HOST"), get("POSTGRES_USER"), get("POSTGRES_DB"));
    if host.is_none() && user.is_none() && name.is_none() {
        return None;
    }
    let mut url = Url::parse("postgres://localhost/").ok()?;
    url.set_host(Some(host.as_deref().unwrap_or(SAME_MACHINE))).ok()?;
    url.set_port(get("POSTGRES_PORT").and_then(|port| port.parse().ok())).ok()?;
    let user = user.unwrap_or_else(|| "postgres".to_owned());
    url.set_username(&user).ok()?;
    url.set_password(get("POSTGRES_PASSWORD").as_deref()).ok()?;
    // As PostgreSQL's own clients have it: the database is named like its user.
    url.set_path(&name.unwrap_or(user));
    Some(url.into())
}

/// Refuses variables with our prefix that no setting has.
pub(super) fn refuse_unknown(
    meta: &Meta,
    variables: impl Iterator<Item = OsString>,
) -> Result<(), ConfigError> {
    let mut known = Vec::new();
    collect(meta, &mut known);
    for name in variables {
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && !known.contains(&&*name) {
            return Err(ConfigError::UnknownVariable(name.into_owned()));
        }
    }
    Ok(())
}

fn collect(meta: &Meta, known: &mut Vec<&'static str>) {
    for field in meta.fields {
        match &field.kind {
            FieldKind::Nested { meta } => collect(meta, known),
            FieldKind::Leaf { env, .. } => known.extend(*env),
        }
    }
}

#[cfg(test)]
mod tests {
    use confique::Config as _;

    use super::*;
    use crate::config::Config;

    fn from(variables: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_predecessors_postgres_variables_make_a_url() {
        let url = postgres_url(from(&[
            ("POSTGRES_HOST", "db"),
            ("POSTGRES_PORT", "5433"),
            ("POSTGRES_USER", "kaspi"),
            ("POSTGRES_PASSWORD", "p@ss/word"),
            ("POSTGRES_DB", "stores"),
        ]));
        assert_eq!(url.as_deref(), Some("postgres://kaspi:p%40ss%2Fword@db:5433/stores"));
        assert_eq!(postgres_url(from(&[])), None);
        let half = postgres_url(from(&[("POSTGRES_USER", "kaspi"), ("POSTGRES_PASSWORD", "x")]));
        assert_eq!(half.as_deref(), Some("postgres://kaspi:x@localhost/kaspi"));
    }

    #[test]
    fn urls_of_other_libraries_are_understood() {
        for (theirs, ours) in [
            ("postgresql://u:p@h/d", "postgres://u:p@h/d"),
            ("postgresql+asyncpg://u:p@h/d?ssl=require&x=1", "postgres://u:p@h/d?sslmode=require&x=1"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("sqlite://some/file", "sqlite://some/file"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(database_url(theirs.to_owned().into()).expose_secret(), ours);
        }
    }

    #[test]
    fn a_database_url_counts_more_than_its_parts() {
        let layer = predecessor(from(&[("DATABASE_URL", "postgresql://h/d"), ("POSTGRES_HOST", "other")]));
        assert_eq!(layer.database.url.unwrap().expose_secret(), "postgresql://h/d");
    }

    #[test]
    fn every_setting_has_a_variable_and_no_other_is_let_in() {
        for section in Config::META.fields {
            let FieldKind::Nested { meta } = section.kind else { panic!("{} stands alone", section.name) };
            for field in meta.fields {
                let wanted = format!("{PREFIX}{}__{}", section.name, field.name).to_uppercase();
                let FieldKind::Leaf { env, .. } = field.kind else {
                    panic!("{} is nested twice", field.name)
                };
                assert_eq!(env, Some(&*wanted));
            }
        }
        let refused = |name: &str| refuse_unknown(&Config::META, [OsString::from(name)].into_iter()).is_err();
        assert!(refused("KASPI_AUTH__SERVER__LISEN") && refused("KASPI_AUTH__"));
        assert!(!refused("KASPI_AUTH__SERVER__LISTEN") && !refused("KASPI_AUTH_CONFIG") && !refused("PATH"));
    }
}
