//! The sealed parts of a login, bound to its id: the account, which stays, and the secrets, which end with it.

use jiff::Timestamp;
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::{Continuation, LoginSecrets};
use kaspi_auth_vault::{Envelope, Legacy, OpenError, OpenedJson};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Sealer, SecretMap, effects, seconds};

const LOGIN: Envelope = Envelope::new("login_id");

impl Sealer {
    /// Seals the account.
    pub(crate) fn seal_account(&self, id: LoginId, account: &Account, at: Timestamp) -> String {
        LOGIN.seal_for(&self.ring, &id.to_string(), &account_map(account), seconds(at))
    }

    /// Opens the account.
    pub(crate) fn open_account(&self, id: LoginId, token: &str) -> Result<Account, OpenError> {
        account_of(&LOGIN.open_for(&self.ring, &id.to_string(), token, Legacy::Refuse)?)
    }

    /// Seals the secrets.
    pub(crate) fn seal_secrets(&self, id: LoginId, secrets: &LoginSecrets, at: Timestamp) -> String {
        let mut map = account_map(secrets.credentials.account());
        if let Some(password) = secrets.credentials.secret() {
            map.insert("password".to_owned(), Value::from(password.expose_secret()));
        }
        if let Some(continuation) = &secrets.continuation {
            map.insert("continuation".to_owned(), Value::from(continuation.0.expose_secret()));
        }
        if !secrets.forwarded.is_empty() {
            map.insert("forwarded".to_owned(), effects::to_value(&secrets.forwarded));
        }
        LOGIN.seal_for(&self.ring, &id.to_string(), &map, seconds(at))
    }

    /// Opens the secrets.
    pub(crate) fn open_secrets(&self, id: LoginId, token: &str) -> Result<LoginSecrets, OpenError> {
        let opened = LOGIN.open_for(&self.ring, &id.to_string(), token, Legacy::Refuse)?;
        let account = account_of(&opened)?;
        let credentials = match opened.text("password") {
            Some(password) => Credentials::Password { account, password: password.to_owned().into() },
            None => Credentials::Phone { account },
        };
        let continuation = opened.text("continuation").map(|text| Continuation(text.to_owned().into()));
        let forwarded = effects::from_value(opened.get("forwarded"));
        Ok(LoginSecrets { credentials, continuation, forwarded })
    }
}

fn account_map(account: &Account) -> SecretMap {
    let (key, text) = match account {
        Account::Email(address) => ("email", address),
        Account::Phone(digits) => ("phone", digits),
    };
    SecretMap::of([(key, Value::from(text.as_str()))])
}

fn account_of(opened: &OpenedJson) -> Result<Account, OpenError> {
    match (opened.text("email"), opened.text("phone")) {
        (Some(address), None) => Ok(Account::Email(address.to_owned())),
        (None, Some(digits)) => Account::phone(digits).map_err(|_| OpenError::NotJson),
        _ => Err(OpenError::NotJson),
    }
}
