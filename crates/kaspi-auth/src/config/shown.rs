//! A configuration for people to read: every setting with its value and where it comes from. Must not show a secret:
//! values come through `Serialize`, which stars them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use confique::Config as _;
use confique::meta::FieldKind;
use serde_json::Value;

use super::{Config, environment};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The file.
    File,
    /// This variable, or these.
    Environment(&'static str),
}

/// One setting.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Setting {
    /// Its section.
    #[serde(skip)]
    pub section: &'static str,
    /// Its name in the section.
    #[serde(skip)]
    pub key: &'static str,
    /// Its value; `null` when it is not set and has no default.
    pub value: Value,
    /// Where the value comes from.
    pub source: Source,
}

/// Every setting of `config`, which was read with `file`.
pub fn settings(config: &Config, file: Option<&Path>) -> Vec<Setting> {
    let values = serde_json::to_value(config).unwrap_or_default();
    let in_file = file.map(keys_of).unwrap_or_default();
    let mut settings = Vec::new();
    for section in Config::META.fields {
        let FieldKind::Nested { meta } = section.kind else { continue };
        for field in meta.fields {
            let FieldKind::Leaf { env, .. } = field.kind else { continue };
            let (section, key) = (section.name, field.name);
            let variable = env.filter(|name| std::env::var(name).is_ok_and(|value| !value.trim().is_empty()));
            let value = values[section][key].clone();
            let source = match variable.or_else(|| environment::predecessors_name(section, key)) {
                Some(name) if !value.is_null() => Source::Environment(name),
                _ if in_file.contains(&(section.to_owned(), key.to_owned())) => Source::File,
                _ => Source::Default,
            };
            settings.push(Setting { section, key, value, source });
        }
    }
    settings
}

/// The settings as TOML, each with a word on its origin. What is not set is commented out.
pub fn toml(settings: &[Setting]) -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in settings {
        if setting.section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            section = setting.section;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{gap}[{section}]");
        }
        let origin = match setting.source {
            Source::Default => "",
            Source::File => "  # from the file",
            Source::Environment(name) => &format!("  # from {name}"),
        };
        let _ = match &setting.value {
            Value::Null => writeln!(text, "# {} is not set", setting.key),
            // Lists may hold tables, which JSON writes otherwise.
            Value::Array(list) => {
                let list: toml::Value = toml::Value::try_from(list).unwrap_or(toml::Value::Array(Vec::new()));
                writeln!(text, "{} = {list}{origin}", setting.key)
            }
            // JSON's strings, numbers and truths are TOML's as well.
            value => writeln!(text, "{} = {value}{origin}", setting.key),
        };
    }
    text
}

/// The settings that a file names. The file has been read before: what cannot be read names none.
fn keys_of(file: &Path) -> BTreeSet<(String, String)> {
    let table: toml::Table =
        std::fs::read_to_string(file).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    let sections = table.into_iter().filter_map(|(section, value)| match value {
        toml::Value::Table(keys) => Some((section, keys)),
        _ => None,
    });
    sections
        .flat_map(|(section, keys)| keys.into_iter().map(move |(key, _)| (section.clone(), key)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_configuration_holds_no_secret_and_reads_as_toml() {
        let mut config = Config::of(Vec::new()).unwrap();
        config.database.url = "postgres://user:canary-1@host/name".to_owned().into();
        config.encryption.key = Some("canary-2".to_owned().into());
        config.auth.jwt_secret = Some("canary-3".to_owned().into());
        config.auth.jwks_url = Some("https://user:canary-4@host/?code=canary-5".parse().unwrap());
        let text = toml(&settings(&config, None));
        assert!(!text.contains("canary"), "{text}");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["database"]["url"].as_str(), Some("postgres://user:***@host/name"));
        assert_eq!(table["server"]["listen"].as_str(), Some("127.0.0.1:8080"));
        assert_eq!(table["database"]["migrate_at_start"].as_bool(), Some(true));
    }

    #[test]
    fn what_the_file_says_is_told_from_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "[logins]\nmax_running = 64\n").unwrap();
        let config = Config::of(vec![super::super::file::read(&path).unwrap()]).unwrap();
        let settings = settings(&config, Some(&path));
        let source = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap().source;
        assert_eq!((source("max_running"), source("max_queued")), (Source::File, Source::Default));
    }
}
