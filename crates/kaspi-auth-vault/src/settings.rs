//! The key ring of a deployment: from `ENCRYPTION_KEY` or from the file that `ENCRYPTION_KEY_FILE` names.
//!
//! The only file of the crate that does IO. It must not read the environment: the caller passes both values.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::ring::KeyRing;

/// Hundreds of keys. A larger file is some other file.
const MAX_FILE_BYTES: usize = 32 * 1024;

impl KeyRing {
    /// From the values of `ENCRYPTION_KEY` and `ENCRYPTION_KEY_FILE`. A blank value counts as unset, because that is
    /// how container files pass on a variable that nobody set. The file holds what the variable would hold; a
    /// newline at its end is overlooked.
    ///
    /// # Errors
    ///
    /// [`KeyError::BothSet`], [`KeyError::Missing`], one of the `File…` errors, or those of [`KeyRing::parse`].
    pub fn from_settings(key: Option<&SecretString>, file: Option<&Path>) -> Result<KeyRing, KeyError> {
        let key = key.filter(|text| !text.expose_secret().trim().is_empty());
        let file = file.filter(|path| !path.as_os_str().is_empty());
        match (key, file) {
            (Some(_), Some(_)) => Err(KeyError::BothSet),
            (None, None) => Err(KeyError::Missing),
            (Some(text), None) => KeyRing::parse(text),
            (None, Some(path)) => from_file(path),
        }
    }
}

fn from_file(path: &Path) -> Result<KeyRing, KeyError> {
    let bytes = read(path).map_err(|source| KeyError::FileUnreadable { path: path.to_path_buf(), source })?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(KeyError::FileNotKeys { path: path.to_path_buf() });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::FileNotKeys { path: path.to_path_buf() })?;
    if text.trim().is_empty() {
        return Err(KeyError::FileEmpty { path: path.to_path_buf() });
    }
    KeyRing::parse_exposed(text)
}

/// At most one byte over the limit. The room is taken at once: a buffer that grew would leave copies of the keys.
fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let limit = MAX_FILE_BYTES + 1;
    let mut bytes = Zeroizing::new(vec![0u8; limit]);
    let mut file = File::open(path)?.take(limit as u64);
    let mut filled = 0;
    while filled < limit {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
