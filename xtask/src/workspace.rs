//! Where the repository is, what packages it holds, and how its cargo is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{Outcome, process};

/// A package of the workspace, as `cargo metadata` tells it.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its manifest, relative to the root.
    pub manifest: PathBuf,
    /// What it imports, directly.
    pub dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The imported package's own name, whatever it is renamed to.
    pub name: String,
    /// Whether only tests, benches and examples see it.
    pub dev: bool,
}

/// The root of the repository: the folder above this package.
pub fn root() -> PathBuf {
    // cargo names the package's folder at run time too, so that a moved checkout is found where it is now.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// The cargo that started us, standing where we stand.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The cargo that started us, standing in the root.
pub fn cargo_in_root() -> Command {
    let mut command = cargo();
    command.current_dir(root());
    command
}

/// The packages of the workspace.
pub fn packages() -> Outcome<Vec<Package>> {
    let told = process::output(cargo_in_root().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let told: Value =
        serde_json::from_str(&told).map_err(|error| format!("cargo metadata is no JSON: {error}"))?;
    Ok(read_packages(&told, &root()))
}

/// Reads the packages out of what `cargo metadata` prints.
pub fn read_packages(metadata: &Value, root: &Path) -> Vec<Package> {
    list(&metadata["packages"]).map(|package| read_package(package, root)).collect()
}

fn read_package(package: &Value, root: &Path) -> Package {
    let manifest = Path::new(text(&package["manifest_path"]));
    Package {
        name: text(&package["name"]).to_owned(),
        manifest: manifest.strip_prefix(root).unwrap_or(manifest).to_path_buf(),
        dependencies: list(&package["dependencies"])
            .map(|dependency| Dependency {
                name: text(&dependency["name"]).to_owned(),
                dev: text(&dependency["kind"]) == "dev",
            })
            .collect(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
