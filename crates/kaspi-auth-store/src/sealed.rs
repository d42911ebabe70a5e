//! What is sealed and what is digested: the only place where secrets of a row become text.
//!
//! Every sealed value names its owner inside ([`Envelope`](kaspi_auth_vault::Envelope)), so that a value copied into another
//! row does not open there.

mod device;
mod digest;
mod effects;
mod egress;
mod evidence;
mod guid;
mod keys;
mod login;
mod map;
mod tokens;

use std::sync::Arc;

use jiff::Timestamp;
use kaspi_auth_vault::{Fingerprinter, KeyRing};

pub(crate) use guid::{Encrypted, Guid, GuidError, GuidParts, NewGuid, StoredGuid, open_with};
pub(crate) use map::SecretMap;

/// The key ring and the pepper of this database.
#[derive(Debug, Clone)]
pub(crate) struct Sealer {
    ring: Arc<KeyRing>,
    fingerprints: Fingerprinter,
}

impl Sealer {
    pub(crate) fn new(ring: Arc<KeyRing>, fingerprints: Fingerprinter) -> Self {
        Self { ring, fingerprints }
    }
}

/// The time as Fernet stamps it; nothing here is older than 1970.
pub(crate) fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}
