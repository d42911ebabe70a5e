//! Reads the repository's text files. What is built, downloaded or hidden is no part of it.

use std::path::Path;

use crate::Outcome;

/// A file: where it is below the root, with `/` between the names, and what it says.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path below the root.
    pub path: String,
    /// Its text; empty for what is no text.
    pub text: String,
}

impl Source {
    /// Whether its name ends so (without the dot).
    pub fn has_ending(&self, ending: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == ending)
    }

    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether one of the folders above it has this name.
    pub fn is_below(&self, folder: &str) -> bool {
        let mut folders = self.path.split('/');
        folders.next_back();
        folders.any(|name| name == folder)
    }

    /// Its lines, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 4] = ["target", ".git", "node_modules", "kaspi-auth-data"];

/// Every file below the root, sorted.
pub fn read(root: &Path) -> Outcome<Vec<Source>> {
    let mut sources = Vec::new();
    visit(root, root, &mut sources)
        .map_err(|error| format!("cannot read the repository at {}: {error}", root.display()))?;
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

fn visit(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !FOREIGN.iter().any(|name| entry.file_name() == *name) {
                visit(root, &path, sources)?;
            }
        } else if kind.is_file() {
            let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            // A file that goes away while we look is somebody's temporary file.
            let Ok(bytes) = std::fs::read(&path) else { continue };
            sources.push(Source { path: below, text: String::from_utf8(bytes).unwrap_or_default() });
        }
    }
    Ok(())
}

#[cfg(test)]
impl Source {
    /// A fixture.
    pub fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}
