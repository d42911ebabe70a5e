//! Where programs lie that the tests need and that are fetched once: `target/tools/`.

use std::path::PathBuf;

use crate::Outcome;
use crate::workspace::root;

/// The folder of fetched programs.
pub fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root().join(target).join("tools")
}

/// A folder that goes when it is done with.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Makes it, and those above it.
    pub fn make(path: PathBuf) -> Outcome<Self> {
        std::fs::create_dir_all(&path)
            .map_err(|error| format!("cannot make the folder {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
