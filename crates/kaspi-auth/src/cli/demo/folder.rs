//! The demo's folder: one demo at a time, a key for trials, and a configuration for other commands.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kaspi_auth_store::OpenDatabaseError;
use kaspi_auth_vault::KeyRing;
use kaspi_sandbox::Origins;
use secrecy::ExposeSecret as _;
use url::Url;

use super::super::failure::{Failure, Outcome};
use crate::config::Config;
use crate::wiring::StartError;

/// An open folder. It is free for another demo once this is dropped.
pub struct Folder {
    path: PathBuf,
    absolute: PathBuf,
    own_key: std::cell::Cell<bool>,
    _lock: File,
}

impl Folder {
    /// Opens or makes the folder and holds it.
    ///
    /// # Errors
    /// It cannot be made or written in, or another demo holds it.
    pub fn open(path: &Path) -> Outcome<Self> {
        let unusable = |error: io::Error| {
            let hint = "choose a folder that you may write in, with --data DIR";
            Failure::new(format!("the folder {} cannot be used", path.display())).because(error).hint(hint)
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let lock = hold(&path.join("demo.lock"), path).map_err(|refused| match refused {
            Refused::Held(failure) => failure,
            Refused::Unusable(error) => unusable(error),
        })?;
        let absolute = path.canonicalize().map_err(unusable)?;
        Ok(Self { path: path.to_owned(), absolute, own_key: std::cell::Cell::new(false), _lock: lock })
    }

    /// The folder as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the key is the demo's own, and not one that was configured.
    pub fn has_own_key(&self) -> bool {
        self.own_key.get()
    }

    /// The configuration file for other commands, as it can be named from where the demo was started.
    pub fn configuration_file(&self) -> PathBuf {
        self.path.join("demo.toml")
    }

    /// The demo's configuration: this folder's database, the emulated portal, a configured key or one of its own; also
    /// written to the folder for other commands.
    ///
    /// # Errors
    /// The folder cannot be written in.
    pub fn configure(&self, mut config: Config, portal: &Origins) -> Outcome<Config> {
        let origin = |text: &str| {
            Url::parse(text)
                .map_err(|error| Failure::new("the emulated portal has no address").because(error))
        };
        config.portal.site_url = origin(&portal.site)?;
        config.portal.login_url = origin(&portal.login)?;
        config.portal.cabinet_url = origin(&portal.cabinet)?;
        config.portal.ca_file = None;
        config.database.url = self.database_url().into();
        config.database.migrate_at_start = true;
        self.own_key.set(config.encryption.key.is_none() && config.encryption.key_file.is_none());
        if self.has_own_key() {
            config.encryption.key_file = Some(self.key_file()?);
        }
        let file = self.absolute.join("demo.toml");
        std::fs::write(&file, self.for_others(&config))
            .map_err(|error| Failure::new(format!("{} cannot be written", file.display())).because(error))?;
        Ok(config)
    }

    /// A wrong key is most often another key than last time.
    pub fn explain(&self, error: StartError) -> Failure {
        let hint = format!(
            "this folder's data was made under another key: unset ENCRYPTION_KEY or set the former one, or start anew with \
             another --data folder than {}",
            self.path.display()
        );
        match &error {
            StartError::Database(OpenDatabaseError::WrongKey { .. }) => Failure::from(error).hint(hint),
            _ => Failure::from(error),
        }
    }

    fn database_url(&self) -> String {
        format!("sqlite://{}", self.absolute.join("demo.sqlite").display())
    }

    /// The key of former starts, or a new one that only this user can read.
    fn key_file(&self) -> Outcome<PathBuf> {
        let file = self.absolute.join("demo.key");
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        let written = match made {
            Ok(mut opened) => {
                opened.write_all(format!("{}\n", KeyRing::generate_key().expose_secret()).as_bytes())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => Ok(file),
            Err(error) => Err(Failure::new(format!("{} cannot be written", file.display())).because(error)),
        }
    }

    fn for_others(&self, config: &Config) -> String {
        let text = |text: &str| toml::Value::from(text).to_string();
        let key = match &config.encryption.key_file {
            Some(file) => format!("key_file = {}", text(&file.display().to_string())),
            None => "# the key is the one of ENCRYPTION_KEY".to_owned(),
        };
        format!(
            "# Written by `kaspi-auth demo` at each start, for other commands: kaspi-auth --config <this file> …\n\
             [database]\nurl = {}\n\n[encryption]\n{key}\n\n[portal]\nsite_url = {}\nlogin_url = {}\ncabinet_url = {}\n",
            text(&self.database_url()),
            text(config.portal.site_url.as_str()),
            text(config.portal.login_url.as_str()),
            text(config.portal.cabinet_url.as_str()),
        )
    }
}

enum Refused {
    Held(Failure),
    Unusable(io::Error),
}

/// Locks the file; the lock ends with the process, however it ends.
fn hold(file: &Path, folder: &Path) -> Result<File, Refused> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file);
    let mut lock = opened.map_err(Refused::Unusable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it is only a help.
            let _ = lock.read_to_string(&mut holder);
            let what = format!("another demo runs in {} (process {})", folder.display(), holder.trim());
            return Err(Refused::Held(
                Failure::new(what).hint("end it with Ctrl-C, or choose another folder with --data DIR"),
            ));
        }
        Err(TryLockError::Error(error)) => return Err(Refused::Unusable(error)),
    }
    let mut note = || {
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())
    };
    note().map_err(Refused::Unusable)?;
    Ok(lock)
}
