//! One key: its text checked the way Python checks it, its fingerprint, the cipher made of it.
//!
//! A key must never leave this file as text or bytes; only the cipher and the fingerprint do.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::KeyError;

/// 32 bytes in padded base64 (Fernet spec, "Key Format").
const KEY_CHARS: usize = 44;
const KEY_BYTES: usize = 32;

/// Python's `urlsafe_b64decode` overlooks bits left over in the last character, so a key that was made by hand may
/// carry some.
const LIKE_PYTHON: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A cipher and the name it goes by in logs.
pub(crate) struct Key {
    pub(crate) fernet: fernet::Fernet,
    pub(crate) fingerprint: String,
}

/// The bytes of a key, kept only as long as the list is being read.
pub(crate) struct KeyBytes(Zeroizing<[u8; KEY_BYTES]>);

impl KeyBytes {
    /// Reads entry number `entry` (from 1) of the list. Any text of 44 characters that Python's `Fernet` takes as a
    /// key is taken, the standard alphabet (`openssl rand -base64 32`) included.
    pub(crate) fn read(text: &str, entry: usize) -> Result<KeyBytes, KeyError> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            return Err(KeyError::EmptyEntry { entry });
        }
        if length != KEY_CHARS {
            return Err(KeyError::WrongLength { entry, length });
        }
        let mut url_safe = Zeroizing::new([0u8; KEY_CHARS]);
        if text.len() != KEY_CHARS {
            return Err(KeyError::NotBase64 { entry });
        }
        for (to, from) in url_safe.iter_mut().zip(text.bytes()) {
            *to = match from {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            };
        }
        // Not in place: `decode_slice` asks for room for three bytes in every four characters.
        let mut decoded = Zeroizing::new([0u8; KEY_CHARS / 4 * 3]);
        match LIKE_PYTHON.decode_slice(url_safe.as_slice(), &mut *decoded) {
            Ok(KEY_BYTES) => {}
            _ => return Err(KeyError::NotBase64 { entry }),
        }
        let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
        bytes.copy_from_slice(&decoded[..KEY_BYTES]);
        Ok(KeyBytes(bytes))
    }

    pub(crate) fn same_as(&self, other: &KeyBytes) -> bool {
        *self.0 == *other.0
    }

    /// The cipher; `None` only if the Fernet crate came to refuse 32 bytes.
    pub(crate) fn cipher(&self) -> Option<Key> {
        let text = Zeroizing::new(URL_SAFE.encode(self.0.as_slice()));
        let fernet = fernet::Fernet::new(&text)?;
        Some(Key { fernet, fingerprint: fingerprint(&text) })
    }
}

/// The first 12 hex digits of the SHA-256 of the key's 44 characters: what
/// `printf %s "$ENCRYPTION_KEY" | sha256sum | cut -c1-12` prints. A key is 256 random bits, so this betrays nothing.
fn fingerprint(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(6).fold(String::with_capacity(12), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
