//! Keyed fingerprints: the same account gives the same 32 bytes, and nobody without the pepper can try names against
//! them.
//!
//! A plain hash of a phone number is no protection (there are few phone numbers), hence the key. The pepper is made
//! once per database and kept there sealed; this file must not store it.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::ring::KeyRing;

const PEPPER_BYTES: usize = 32;
/// SHA-256 works on blocks of 64 bytes; HMAC fills a shorter key up with zeros (RFC 2104, section 2).
const HMAC_BLOCK_BYTES: usize = 64;

/// 32 secret bytes under which fingerprints are made. Does not print; wiped when dropped.
#[derive(Clone)]
pub struct Pepper(Zeroizing<[u8; PEPPER_BYTES]>);

impl Pepper {
    /// 32 bytes from the operating system's random source.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give; nothing sealed in that state would be safe.
    #[must_use]
    pub fn generate() -> Pepper {
        let mut bytes = Zeroizing::new([0u8; PEPPER_BYTES]);
        getrandom::fill(&mut *bytes).expect("the operating system gives random bytes");
        Pepper(bytes)
    }

    /// From bytes that were kept elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; PEPPER_BYTES]) -> Pepper {
        Pepper(Zeroizing::new(bytes))
    }

    /// Seals the pepper so that it can be kept in the database. The time is in seconds since the Unix epoch.
    pub fn seal(&self, ring: &KeyRing, unix_seconds: u64) -> String {
        ring.seal(&*self.0, unix_seconds)
    }

    /// Opens what [`Pepper::seal`] gave.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`]; [`OpenError::Malformed`] when the token holds something else than 32 bytes.
    pub fn open(ring: &KeyRing, token: &str) -> Result<Pepper, OpenError> {
        let plaintext = ring.open(token)?;
        let mut bytes = Zeroizing::new([0u8; PEPPER_BYTES]);
        if plaintext.len() != PEPPER_BYTES {
            return Err(OpenError::Malformed);
        }
        bytes.copy_from_slice(&plaintext);
        Ok(Pepper(bytes))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// Makes fingerprints under one pepper.
#[derive(Debug, Clone)]
pub struct Fingerprinter {
    pepper: Pepper,
}

impl Fingerprinter {
    /// Fingerprints under this pepper.
    #[must_use]
    pub fn new(pepper: Pepper) -> Fingerprinter {
        Fingerprinter { pepper }
    }

    /// HMAC-SHA256 under the pepper of the domain's length in bytes (8 bytes, big-endian), the domain, the value. The
    /// length keeps `("ab", "c")` and `("a", "bc")` apart. The caller normalises the value first (one spelling per
    /// account).
    #[must_use]
    pub fn mac(&self, domain: &str, value: &[u8]) -> [u8; 32] {
        let mut key = Zeroizing::new([0u8; HMAC_BLOCK_BYTES]);
        key[..PEPPER_BYTES].copy_from_slice(&*self.pepper.0);
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new((&*key).into());
        mac.update(&(domain.len() as u64).to_be_bytes());
        mac.update(domain.as_bytes());
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}
