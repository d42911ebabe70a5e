//! Who may import whom: the table of docs/ARCHITECTURE.md, held against `cargo metadata`.

use super::{Source, Violation};
use crate::workspace::Package;

/// One crate's row.
struct Layer {
    name: &'static str,
    /// Which of ours it may import.
    imports: &'static [&'static str],
    /// Which of ours its tests may import beside.
    tests: &'static [&'static str],
    /// The only crates of others that it may import; `None` when it is free, but for [`RESERVED`].
    foreign: Option<&'static [&'static str]>,
}

const CORE: &str = "kaspi-auth-core";
const VAULT: &str = "kaspi-auth-vault";
const STORE: &str = "kaspi-auth-store";
const BROWSER: &str = "kaspi-auth-browser";
const PORTAL: &str = "kaspi-auth-portal";
const WEBHOOK: &str = "kaspi-auth-webhook";
const SANDBOX: &str = "kaspi-sandbox";
const BINARY: &str = "kaspi-auth";
const BENCH: &str = "kaspi-auth-bench";

/// The layers, lowest first. A row for a crate that is not there yet matches nothing.
const LAYERS: &[Layer] = &[
    // No IO: values, errors, addresses, secrets, ids and one time crate.
    Layer {
        name: CORE,
        imports: &[],
        tests: &[],
        foreign: Some(&["jiff", "secrecy", "serde", "serde_json", "thiserror", "url", "uuid"]),
    },
    Layer { name: VAULT, imports: &[], tests: &[], foreign: None },
    // It shares nothing with us, so it cannot share our bugs.
    Layer { name: SANDBOX, imports: &[], tests: &[], foreign: None },
    Layer { name: BROWSER, imports: &[CORE], tests: &[SANDBOX], foreign: None },
    Layer { name: PORTAL, imports: &[CORE, BROWSER], tests: &[SANDBOX], foreign: None },
    Layer { name: STORE, imports: &[CORE, VAULT], tests: &[], foreign: None },
    Layer { name: WEBHOOK, imports: &[CORE], tests: &[], foreign: None },
    Layer {
        name: BINARY,
        imports: &[CORE, VAULT, SANDBOX, BROWSER, PORTAL, STORE, WEBHOOK],
        tests: &[],
        foreign: None,
    },
    Layer {
        name: BENCH,
        imports: &[CORE, VAULT, SANDBOX, BROWSER, PORTAL, STORE, WEBHOOK, BINARY],
        tests: &[],
        foreign: None,
    },
    // Compiled before everything else.
    Layer { name: "xtask", imports: &[], tests: &[], foreign: Some(&["serde_json"]) },
];

/// A crate of others, who alone may import it outside tests, and why.
struct Reserved {
    name: &'static str,
    by: &'static [&'static str],
    why: &'static str,
}

const RESERVED: &[Reserved] = &[
    // The measurements make a database of their own to measure on.
    Reserved { name: "sqlx", by: &[STORE, BENCH], why: "SQL lives in one place" },
    Reserved { name: "fernet", by: &[VAULT], why: "the cipher lives in one place" },
    Reserved {
        name: "reqwest",
        // The binary is a client of its own API (`login`, `demo`, `doctor`) and fetches the keys of JWTs; the browser
        // farm speaks to a Selenium Grid.
        by: &[PORTAL, BROWSER, WEBHOOK, BINARY, BENCH],
        why: "each way out of the service has one door",
    },
    Reserved { name: "axum", by: &[BINARY, SANDBOX], why: "HTTP is served at the edge" },
    Reserved { name: "clap", by: &[BINARY, SANDBOX, BENCH], why: "the command line is the edge's" },
    Reserved { name: "tokio-tungstenite", by: &[BROWSER], why: "the browser's socket has one owner" },
    Reserved { name: "command-fds", by: &[BROWSER], why: "the browser's pipe has one owner" },
    Reserved { name: "tokio-socks", by: &[BROWSER], why: "HTTP clients speak SOCKS themselves" },
];

/// Holds every package's imports against the tables.
pub fn check(packages: &[Package], sources: &[Source]) -> Vec<Violation> {
    let ours: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    packages.iter().flat_map(|package| check_package(package, &ours, sources)).collect()
}

fn check_package(package: &Package, ours: &[&str], sources: &[Source]) -> Vec<Violation> {
    let manifest = package.manifest.to_string_lossy();
    let violation = |name: &str, what: String| {
        Violation::new(&manifest, line_of(sources, &manifest, name).unwrap_or(1), what)
    };
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == package.name) else {
        let what = format!(
            "{} has no row in the table of layers; add one in xtask/src/tidy/layers.rs",
            package.name
        );
        return vec![violation(&package.name, what)];
    };
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let complaint = if ours.contains(&name) {
            let allowed = layer.imports.contains(&name) || (dependency.dev && layer.tests.contains(&name));
            (!allowed).then(|| not_ours(layer, name, dependency.dev))
        } else if dependency.dev {
            None
        } else {
            not_foreign(layer, name)
        };
        found.extend(complaint.map(|what| violation(name, what)));
    }
    found
}

fn not_ours(layer: &Layer, name: &str, dev: bool) -> String {
    let place = if dev { " in its tests" } else { "" };
    let allowed = if layer.imports.is_empty() { "none of ours".to_owned() } else { layer.imports.join(", ") };
    format!(
        "{} may not import {name}{place} (it may: {allowed}); move what needs it to a crate above",
        layer.name
    )
}

fn not_foreign(layer: &Layer, name: &str) -> Option<String> {
    if let Some(reserved) = RESERVED.iter().find(|reserved| reserved.name == name)
        && !reserved.by.contains(&layer.name)
    {
        let by = reserved.by.join(", ");
        return Some(format!("only {by} may import {name}: {}; go through it", reserved.why));
    }
    let allowed = layer.foreign?;
    let known = allowed.contains(&name);
    (!known).then(|| {
        let allowed = allowed.join(", ");
        format!("{} may import nothing but {allowed}; put what needs {name} behind a port", layer.name)
    })
}

fn line_of(sources: &[Source], manifest: &str, name: &str) -> Option<usize> {
    let source = sources.iter().find(|source| source.path == manifest)?;
    source.lines().find_map(|(number, line)| {
        let key = line.split(['=', '.', ' ']).next()?.trim_matches('"');
        (key == name).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workspace::read_packages;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Vec<Package> {
        let dependencies: Vec<_> =
            dependencies.iter().map(|(name, kind)| json!({"name": name, "kind": kind})).collect();
        let packages = json!([
            {"name": name, "manifest_path": format!("/r/crates/{name}/Cargo.toml"), "dependencies": dependencies},
            {"name": "kaspi-sandbox", "manifest_path": "/r/crates/kaspi-sandbox/Cargo.toml", "dependencies": []},
            {"name": "kaspi-auth-store", "manifest_path": "/r/crates/kaspi-auth-store/Cargo.toml", "dependencies": []},
        ]);
        read_packages(&json!({ "packages": packages }), std::path::Path::new("/r"))
    }

    fn complaints(name: &str, dependencies: &[(&str, Option<&str>)]) -> Vec<String> {
        check(&package(name, dependencies), &[]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_import_that_the_table_allows_passes() {
        assert_eq!(
            complaints("kaspi-auth-portal", &[("reqwest", None), ("url", None)]),
            Vec::<String>::new()
        );
        assert_eq!(complaints("kaspi-auth-portal", &[("kaspi-sandbox", Some("dev"))]), Vec::<String>::new());
        assert_eq!(
            complaints("kaspi-auth", &[("kaspi-sandbox", None), ("axum", None)]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_import_against_the_direction_is_reported_with_its_manifest() {
        let found = complaints("kaspi-auth-vault", &[("kaspi-auth-store", None)]);
        assert!(
            found[0].starts_with("crates/kaspi-auth-vault/Cargo.toml:1: kaspi-auth-vault may not import"),
            "{found:?}"
        );
    }

    #[test]
    fn what_tests_may_import_the_crate_itself_may_not() {
        assert_eq!(complaints("kaspi-auth-portal", &[("kaspi-sandbox", None)]).len(), 1);
        assert_eq!(complaints("kaspi-auth-webhook", &[("kaspi-sandbox", Some("dev"))]).len(), 1);
    }

    #[test]
    fn core_takes_nothing_that_is_not_listed() {
        for name in ["tokio", "axum", "sqlx", "reqwest", "anything-else"] {
            assert_eq!(complaints("kaspi-auth-core", &[(name, None)]).len(), 1, "{name}");
        }
        assert_eq!(complaints("kaspi-auth-core", &[("proptest", Some("dev"))]), Vec::<String>::new());
    }

    #[test]
    fn a_reserved_crate_is_refused_elsewhere_also_in_build_scripts() {
        assert_eq!(complaints("kaspi-auth", &[("sqlx", None)]).len(), 1);
        assert_eq!(complaints("kaspi-auth", &[("fernet", Some("build"))]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_reported() {
        let found = complaints("kaspi-auth-extra", &[]);
        assert!(found[0].contains("has no row"), "{found:?}");
    }

    #[test]
    fn the_line_is_that_of_the_import() {
        let manifest = Source::of(
            "crates/kaspi-auth/Cargo.toml",
            "[dependencies]\nurl = \"2\"\nsqlx = { workspace = true }\n",
        );
        let found = check(&package("kaspi-auth", &[("sqlx", None)]), &[manifest]);
        assert!(found[0].to_string().starts_with("crates/kaspi-auth/Cargo.toml:3: only"), "{found:?}");
    }
}
