//! `cargo xtask demo`: from a fresh clone to a running demo.
//!
//! It brings what the build needs, builds, and then becomes the demo: signals and the exit code are the demo's own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::workspace::cargo;
use crate::{Outcome, process, system, workspace};

/// Builds and runs `kaspi-auth demo`, passing the arguments on; with `--build-only` it stops after the build.
pub fn run(args: &[String]) -> Outcome {
    use std::os::unix::process::CommandExt;
    system::ensure(&[&system::C_COMPILER])?;
    system::wish(&system::BROWSER, "The demo goes on without a browser: logins are driven by HTTP alone.");
    eprintln!("building kaspi-auth; the first time takes some minutes");
    let program = build()?;
    if args.iter().any(|arg| arg == "--build-only") {
        println!("{}", program.display());
        return Ok(());
    }
    let mut command = Command::new(&program);
    command.arg("demo").args(args);
    let error = command.exec();
    Err(process::cannot_start(&command, &error))
}

/// Builds the binary and answers where cargo put it, whatever target folder it is set to.
fn build() -> Outcome<PathBuf> {
    let mut command = cargo();
    command.arg("build").arg("--manifest-path").arg(workspace::root().join("Cargo.toml"));
    command.args(["--profile", "demo", "--package", "kaspi-auth", "--bin", "kaspi-auth"]);
    command.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| process::cannot_start(&command, &error))?;
    process::check(&command, output.status)?;
    executable(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| "cargo built kaspi-auth but does not say where".to_owned())
}

/// The executable among cargo's messages, one JSON object a line.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "kaspi-auth")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"kaspi_auth_core"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"kaspi-auth"},"executable":"target/demo/kaspi-auth"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(executable(messages), Some(PathBuf::from("target/demo/kaspi-auth")));
        assert_eq!(executable(""), None);
    }
}
