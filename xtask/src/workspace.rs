//! Where the repository is, and how its cargo is called.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository: the folder above this package.
pub fn root() -> PathBuf {
    // cargo names the package's folder at run time too, so that a moved checkout is found where it is now.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// The cargo that started us, standing in the root.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}
