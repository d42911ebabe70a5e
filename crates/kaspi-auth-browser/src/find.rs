//! Where the browser's program is. Looks at names and at `PATH`, and starts nothing.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The usual names, the leanest first.
const NAMES: [&str; 6] = [
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// The browser's program: the configured one, that of `$CHROMIUM`, or the first with a usual name on `PATH`.
///
/// One that was named but is not there is not replaced by another.
pub fn find_browser(configured: Option<&Path>) -> Option<PathBuf> {
    let named = configured.map(Path::to_path_buf).or_else(|| {
        let value = env::var_os("CHROMIUM")?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    });
    match named {
        Some(named) => on_path(&named),
        None => NAMES.iter().find_map(|name| on_path(Path::new(name))),
    }
}

/// A path stands for itself; a bare name is looked up.
fn on_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_path_buf());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_program_that_is_not_there_is_not_replaced() {
        assert_eq!(find_browser(Some(Path::new("/nowhere/chromium"))), None);
    }

    #[test]
    fn a_bare_name_is_looked_up() {
        let found = find_browser(Some(Path::new("sh"))).unwrap();
        assert!(found.is_absolute() && found.ends_with("sh"), "{found:?}");
    }
}
