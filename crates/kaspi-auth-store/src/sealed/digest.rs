//! Keyed digests: an account, a device, a password and an answer are recognised without being stored.

use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::id::LoginId;
use secrecy::{ExposeSecret, SecretString};

use super::Sealer;

impl Sealer {
    /// One for each account.
    pub(crate) fn account_key(&self, account: &Account) -> Vec<u8> {
        self.fingerprints.mac("account", account.canonical().as_bytes()).to_vec()
    }

    /// One for each password of an account; `None` where a password plays no part.
    pub(crate) fn password_digest(&self, credentials: &Credentials) -> Option<Vec<u8>> {
        let password = credentials.secret()?;
        let mut value = self.account_key(credentials.account());
        value.extend_from_slice(password.expose_secret().as_bytes());
        let digest = self.fingerprints.mac("password", &value).to_vec();
        wipe(value);
        Some(digest)
    }

    /// One for each account of each user: devices are not shared between tenants.
    pub(crate) fn device_key(&self, user: Option<&str>, account: &Account) -> Vec<u8> {
        // As JSON, so that no user and account run into another pair.
        let value = serde_json::json!([user, account.canonical()]).to_string();
        self.fingerprints.mac("device", value.as_bytes()).to_vec()
    }

    /// One for each answer to a login.
    pub(crate) fn answer_digest(&self, login: LoginId, answer: &SecretString) -> Vec<u8> {
        let mut value = login.0.as_bytes().to_vec();
        value.extend_from_slice(answer.expose_secret().as_bytes());
        let digest = self.fingerprints.mac("answer", &value).to_vec();
        wipe(value);
        digest
    }

    /// A stable number for a store's id that is no UUID.
    pub(crate) fn store_id(&self, id: &str) -> [u8; 32] {
        self.fingerprints.mac("store id", id.as_bytes())
    }
}

/// Hands the bytes to a secret, which overwrites them.
fn wipe(bytes: Vec<u8>) {
    drop(secrecy::SecretSlice::from(bytes));
}
