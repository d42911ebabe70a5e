//! Files that the configuration names: where they are and who may read them. Must not read what they hold.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::failure::{Failure, Outcome};
use crate::config;

/// The database's file, when it is one.
pub fn sqlite(database: &config::Database) -> Option<PathBuf> {
    let path = database.url.expose_secret().strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// Makes the database file's own folder if only that is missing. A longer path that is not there is rather misspelt.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(database: &config::Database) -> Outcome<()> {
    let Some(file) = sqlite(database) else { return Ok(()) };
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    if folder.exists() {
        return Ok(());
    }
    std::fs::DirBuilder::new().mode(0o700).create(folder).map_err(|error| {
        Failure::new(format!("the database's folder {} cannot be made", folder.display()))
            .because(error)
            .hint("make it, or name another file in database.url (KASPI_AUTH__DATABASE__URL)")
    })
}

/// Who besides the owner may do what with a file, in words; `None` when nobody, or when it cannot be told.
pub fn open_to_others(file: &Path) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.mode();
    (mode & 0o077 != 0).then(|| {
        let whom = if mode & 0o007 != 0 { "everybody on this machine" } else { "its group" };
        format!("{} is open to {whom} (mode {:03o})", file.display(), mode & 0o777)
    })
}

/// Writes a secret to a file that was not there, for this user alone.
///
/// # Errors
/// The file is there already, and is left as it is; or it cannot be written.
pub fn write_new(file: &Path, secret: &SecretString) -> Outcome<()> {
    let line = SecretString::from(format!("{}\n", secret.expose_secret()));
    let hint = "name another file: what was sealed with a key is lost with it";
    write_new_bytes(file, line.expose_secret().as_bytes(), hint)
}

/// Writes something to a file that was not there, for this user alone. `hint`: what to do when there is one.
///
/// # Errors
/// As [`write_new`].
pub fn write_new_bytes(file: &Path, bytes: &[u8], hint: &str) -> Outcome<()> {
    let failed =
        |error: io::Error| Failure::new(format!("{} cannot be written", file.display())).because(error);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut opened = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(format!("{} is there already, and is not overwritten", file.display())).hint(hint)
        }
        _ => failed(error),
    })?;
    let written = opened.write_all(bytes).and_then(|()| opened.sync_all());
    written.map_err(|error| {
        // Half of it is of no use; what could not be written says why.
        let _ = std::fs::remove_file(file);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn database(url: &str) -> config::Database {
        config::Database { url: url.to_owned().into(), max_connections: 1, migrate_at_start: true }
    }

    #[test]
    fn only_the_last_folder_is_made() {
        let root = tempfile::tempdir().unwrap();
        let url = |path: &str| format!("sqlite://{}/{path}", root.path().display());
        make_folder(&database(&url("data/x.sqlite"))).unwrap();
        assert!(root.path().join("data").is_dir());
        assert!(make_folder(&database(&url("a/b/x.sqlite"))).is_err());
        make_folder(&database("x.sqlite")).unwrap();
        make_folder(&database("postgres://h/d")).unwrap();
    }

    #[test]
    fn a_file_that_others_may_read_is_told() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("key");
        std::fs::write(&file, "x").unwrap();
        let with = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            open_to_others(&file)
        };
        assert_eq!(with(0o600), None);
        assert!(with(0o640).unwrap().contains("its group (mode 640)"));
        assert!(with(0o644).unwrap().contains("everybody"));
        assert_eq!(open_to_others(&root.path().join("none")), None);
    }
}
