//! The environment's side of the configuration: the predecessor's names, and the refusal of unknown ones of ours.

use confique::Layer as _;
use confique::meta::{FieldKind, LeafKind, Meta};
use url::Url;

use super::{Config, ConfigError};

type Partial = <Config as confique::Config>::Layer;

/// What every variable of ours starts with.
const PREFIX: &str = "KASPI_AUTH__";

/// Variables that are ours and no settings: the commands read them.
const OTHERS: &[&str] = &[];

/// What the predecessor's variables say: `DATABASE_URL`, or `POSTGRES_HOST`, `_PORT`, `_USER`, `_PASSWORD`, `_DB`.
pub(super) fn predecessor() -> Partial {
    let mut partial = Partial::empty();
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    partial.database.url = get("DATABASE_URL").or_else(|| postgres_url(get)).map(Into::into);
    partial
}

fn postgres_url(get: impl Fn(&str) -> Option<String>) -> Option<String> {
    let host = get("POSTGRES_HOST")?;
    let mut url = Url::parse("postgres://localhost/").ok()?;
    url.set_host(Some(&host)).ok()?;
    url.set_port(get("POSTGRES_PORT").and_then(|port| port.parse().ok())).ok()?;
    url.set_username(&get("POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned())).ok()?;
    url.set_password(get("POSTGRES_PASSWORD").as_deref()).ok()?;
    url.set_path(&get("POSTGRES_DB").unwrap_or_else(|| "postgres".to_owned()));
    Some(url.into())
}

/// Refuses variables with our prefix that no setting has.
pub(super) fn refuse_unknown(meta: &Meta) -> Result<(), ConfigError> {
    let mut known = Vec::new();
    collect(meta, &mut known);
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if name.starts_with(PREFIX) && !known.contains(&name) && !OTHERS.contains(&name) {
            return Err(ConfigError::UnknownVariable(name.to_owned()));
        }
    }
    Ok(())
}

fn collect(meta: &Meta, known: &mut Vec<&'static str>) {
    for field in meta.fields {
        match &field.kind {
            FieldKind::Nested { meta } => collect(meta, known),
            FieldKind::Leaf { env, kind: LeafKind::Required { .. } | LeafKind::Optional } => known.extend(*env),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_predecessors_postgres_variables_make_a_url() {
        let url = postgres_url(|name| {
            Some(match name {
                "POSTGRES_HOST" => "db".to_owned(),
                "POSTGRES_PORT" => "5433".to_owned(),
                "POSTGRES_USER" => "kaspi".to_owned(),
                "POSTGRES_PASSWORD" => "p@ss/word".to_owned(),
                "POSTGRES_DB" => "stores".to_owned(),
                _ => return None,
            })
        });
        assert_eq!(url.as_deref(), Some("postgres://kaspi:p%40ss%2Fword@db:5433/stores"));
        assert_eq!(postgres_url(|_| None), None);
    }

    #[test]
    fn every_setting_has_a_variable() {
        let mut known = Vec::new();
        collect(&<Config as confique::Config>::META, &mut known);
        assert!(known.contains(&"KASPI_AUTH__SERVER__LISTEN") && known.contains(&"ENCRYPTION_KEY"));
    }
}
