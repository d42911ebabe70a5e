//! The key ring: seals with its newest key, opens with any, moves tokens to the newest.
//!
//! Compatible with Python's `MultiFernet`. Where the `fernet` crate differs from Python, the difference is undone here
//! and nowhere else. No clock: times are parameters.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::error::{KeyError, OpenError};
use crate::key::{Key, KeyBytes};
use crate::token::Token;

/// How far ahead of the reader's clock a token with a time to live may be stamped, in seconds: `_MAX_CLOCK_SKEW` in
/// Python's `cryptography` and the Fernet spec's "Verifying", step 2.
const MAX_CLOCK_SKEW: u64 = 60;

/// One or more Fernet keys, newest first. Never empty. `Debug` shows fingerprints only.
pub struct KeyRing {
    keys: Vec<Key>,
}

impl KeyRing {
    /// Reads one key (44 characters, the URL-safe base64 of 32 bytes) or several, comma separated, newest first.
    /// White space around a key is overlooked.
    ///
    /// # Errors
    ///
    /// [`KeyError`] names the entry of the list that is empty, has a wrong length, is not base64 or stands there
    /// twice. [`KeyError::Missing`] when there is nothing but white space.
    pub fn parse(text: &SecretString) -> Result<KeyRing, KeyError> {
        KeyRing::parse_exposed(text.expose_secret())
    }

    pub(crate) fn parse_exposed(text: &str) -> Result<KeyRing, KeyError> {
        if text.trim().is_empty() {
            return Err(KeyError::Missing);
        }
        let mut seen: Vec<KeyBytes> = Vec::new();
        let mut keys = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let entry_number = index + 1;
            let bytes = KeyBytes::read(entry, entry_number)?;
            if let Some(first) = seen.iter().position(|earlier| earlier.same_as(&bytes)) {
                return Err(KeyError::Duplicate { entry: entry_number, first: first + 1 });
            }
            keys.push(bytes.cipher().ok_or(KeyError::NotBase64 { entry: entry_number })?);
            seen.push(bytes);
        }
        Ok(KeyRing { keys })
    }

    /// A new key of 32 bytes from the operating system's random source, as 44 characters.
    pub fn generate_key() -> SecretString {
        SecretString::from(fernet::Fernet::generate_key())
    }

    /// Seals under the newest key and stamps the token with the given time, in seconds since the Unix epoch.
    pub fn seal(&self, plaintext: &[u8], unix_seconds: u64) -> String {
        self.newest().fernet.encrypt_at_time(plaintext, unix_seconds)
    }

    /// Opens with whichever key fits, of any age, and stamped in the future too: Python's `decrypt(token)`.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`], [`OpenError::Truncated`] or [`OpenError::NotAuthentic`].
    pub fn open(&self, token: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.unseal(&Token::read(token)?).map(|(_, plaintext)| plaintext)
    }

    /// Opens a token that is at most `ttl_seconds` old at `now_unix_seconds`, and at most 60 seconds in the future:
    /// Python's `decrypt_at_time(token, ttl, now)`. The time is looked at only once the HMAC has been found right.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`], and [`OpenError::TooOld`] or [`OpenError::TooNew`].
    pub fn open_with_ttl(
        &self,
        token: &str,
        ttl_seconds: u64,
        now_unix_seconds: u64,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let token = Token::read(token)?;
        let (_, plaintext) = self.unseal(&token)?;
        // Saturation says what Python's unbounded integers say: no u64 lies beyond either sum.
        if token.timestamp.saturating_add(ttl_seconds) < now_unix_seconds {
            return Err(OpenError::TooOld);
        }
        if now_unix_seconds.saturating_add(MAX_CLOCK_SKEW) < token.timestamp {
            return Err(OpenError::TooNew);
        }
        Ok(plaintext)
    }

    /// Seals the same content again under the newest key, with a new IV and the old timestamp, like
    /// `MultiFernet.rotate`.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`].
    pub fn rotate(&self, token: &str) -> Result<String, OpenError> {
        let token = Token::read(token)?;
        let (_, plaintext) = self.unseal(&token)?;
        Ok(self.seal(&plaintext, token.timestamp))
    }

    /// As [`KeyRing::rotate`]; `None` where the token is sealed under the newest key already.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`].
    pub fn rotate_if_older(&self, token: &str) -> Result<Option<String>, OpenError> {
        let token = Token::read(token)?;
        let (place, plaintext) = self.unseal(&token)?;
        Ok((place > 0).then(|| self.seal(&plaintext, token.timestamp)))
    }

    /// The place of the key that the token is sealed under, counted from 0, the newest.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`].
    pub fn place_of(&self, token: &str) -> Result<usize, OpenError> {
        self.unseal(&Token::read(token)?).map(|(place, _)| place)
    }

    /// Whether the token is sealed under the newest key, so that [`KeyRing::rotate`] would gain nothing.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`].
    pub fn is_newest(&self, token: &str) -> Result<bool, OpenError> {
        self.unseal(&Token::read(token)?).map(|(index, _)| index == 0)
    }

    /// When the token was sealed, in seconds since the Unix epoch, once the HMAC has been found right: Python's
    /// `extract_timestamp`.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`].
    pub fn timestamp(&self, token: &str) -> Result<u64, OpenError> {
        let token = Token::read(token)?;
        self.unseal(&token).map(|_| token.timestamp)
    }

    /// The first 12 hex digits of the SHA-256 of each key's text, newest first: enough to tell keys apart in a log,
    /// and nothing to open a token with.
    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.fingerprint.clone()).collect()
    }

    /// How many keys there are; at least 1.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Always false: a ring without keys cannot be built.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// `parse_exposed`, the only constructor, puts at least one key there.
    fn newest(&self) -> &Key {
        &self.keys[0]
    }

    /// The index of the key that fits, and the content.
    fn unseal(&self, token: &Token<'_>) -> Result<(usize, Zeroizing<Vec<u8>>), OpenError> {
        // Without a time to live, Python accepts any timestamp; the crate refuses one more than 60 seconds ahead of
        // the time it is given. At this time nothing is.
        const NOTHING_IS_AHEAD: u64 = u64::MAX - MAX_CLOCK_SKEW;
        self.keys
            .iter()
            .enumerate()
            .find_map(|(index, key)| {
                let plaintext = key.fernet.decrypt_at_time(token.text, None, NOTHING_IS_AHEAD).ok()?;
                Some((index, Zeroizing::new(plaintext)))
            })
            .ok_or(OpenError::NotAuthentic)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("keys", &self.len())
            .field("fingerprints", &self.fingerprints())
            .finish()
    }
}
