//! Which key of the ring a value is sealed under, and moving it to the newest one. What is inside is not looked at.

use kaspi_auth_vault::{Envelope, OpenError, Pepper};

use super::{Guid, GuidError, Sealer};

impl Sealer {
    /// The fingerprints of the ring, newest first.
    pub(crate) fn key_ids(&self) -> Vec<String> {
        self.ring.fingerprints()
    }

    /// The place of the key that a token is sealed under; 0: the newest.
    pub(crate) fn key_place(&self, token: &str) -> Result<usize, OpenError> {
        self.ring.place_of(token)
    }

    /// The same content under the newest key, with its old timestamp; `None` when it is sealed under that already.
    pub(crate) fn renew(&self, token: &str) -> Result<Option<String>, OpenError> {
        self.ring.rotate_if_older(token)
    }

    /// Whether the pepper opens.
    pub(crate) fn open_pepper(&self, token: &str) -> Result<(), OpenError> {
        Pepper::open(&self.ring, token).map(drop)
    }

    /// Whether a session opens that lies beside its login, whose row does not tell the merchant: the one that it names.
    pub(crate) fn open_staged(&self, token: &str) -> Result<(), GuidError> {
        let opened = Envelope::MERCHANT.open_named(&self.ring, token).map_err(GuidError::Sealed)?;
        Guid::of(opened).cookies().map(drop)
    }
}
