//! Everything that looks random, from one seed: the same seed and the same calls give the same codes and ids.
//! It must not take randomness from the system: nothing here protects anything real.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Characters of a mailed code: none that a person mistakes for another.
const CODE_ALPHABET: &[u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// The seeded source.
#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    ids: Mutex<ChaCha8Rng>,
}

impl Chance {
    /// A source that repeats itself for the same seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, ids: Mutex::new(ChaCha8Rng::seed_from_u64(seed)) }
    }

    /// Starts the sequence of ids again.
    pub(crate) fn reset(&self) {
        *self.ids.lock() = ChaCha8Rng::seed_from_u64(self.seed);
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.ids.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// An id shaped like a version 4 UUID.
    pub(crate) fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// 32 bytes in unpadded base64url: 43 characters, a valid PKCE verifier.
    pub(crate) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// 16 bytes in hexadecimal: 32 characters.
    pub(crate) fn hex(&self) -> String {
        self.bytes::<16>().iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// A number below `limit` from the sequence of ids.
    pub(crate) fn below(&self, limit: u32) -> u32 {
        self.ids.lock().random_range(0..limit.max(1))
    }

    /// A sequence of its own for a name and a count, so that concurrent callers do not disturb each other.
    pub(crate) fn sequence(&self, name: &str, count: u64) -> ChaCha8Rng {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(count.to_le_bytes());
        hash.update(name.as_bytes());
        ChaCha8Rng::from_seed(hash.finalize().into())
    }

    /// The `count`th mailed code for an address: 6 characters (CONTRACT 6).
    pub(crate) fn mail_code(&self, to: &str, count: u64) -> String {
        let mut sequence = self.sequence(to, count);
        (0..6).map(|_| char::from(CODE_ALPHABET[sequence.random_range(0..CODE_ALPHABET.len())])).collect()
    }

    /// The `count`th SMS code for a phone, of so many digits (CONTRACT 8.11).
    pub(crate) fn sms_code(&self, to: &str, count: u64, digits: u32) -> String {
        let number = self.sequence(to, count).random_range(0..10_u32.pow(digits));
        format!("{number:0width$}", width = digits as usize)
    }
}
