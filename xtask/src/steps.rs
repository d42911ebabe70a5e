//! The building blocks that `test` and `ci` share: each is one thing that passes or fails.

use crate::workspace::{cargo_in_root, root};
use crate::{Outcome, process};

/// Every source is formatted.
pub fn format() -> Outcome {
    process::run(cargo_in_root().args(["fmt", "--all", "--check"]))
        .map_err(|failure| format!("{failure}; run `cargo fmt --all`"))
}

/// No warning of the compiler or of clippy, in tests and benches too.
pub fn clippy() -> Outcome {
    process::run(cargo_in_root().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The documentation builds, and its links lead somewhere.
pub fn documentation() -> Outcome {
    let mut command = cargo_in_root();
    command.args(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Licences, banned and doubled crates, and where crates come from. Needs cargo-deny.
pub fn deny() -> Outcome {
    if process::find(&["cargo-deny"]).is_none() {
        return Err(
            "Missing: cargo-deny. Run `cargo install --locked cargo-deny`, then try again.".to_owned()
        );
    }
    process::run(cargo_in_root().args(["deny", "check", "licenses", "bans", "sources"]))
}

/// The examples in documentation comments, when there are any.
pub fn documentation_tests() -> Outcome {
    if !has_documentation_tests() {
        return Ok(());
    }
    process::run(cargo_in_root().args(["test", "--doc", "--workspace"]))
}

fn has_documentation_tests() -> bool {
    crate::tidy::rust_sources(&root()).iter().any(|source| has_example(&source.text))
}

fn has_example(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| line.starts_with("/// ```") || line.starts_with("//! ```"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_fence_in_a_documentation_comment() {
        assert!(has_example("/// Adds.\n    /// ```\n    /// one();\n"));
        assert!(!has_example("/// Adds.\nlet text = \"```\";\n"));
    }
}
