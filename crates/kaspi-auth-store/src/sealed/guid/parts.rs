//! The session's object out of parts of which any may be missing, as another installation had them.

use jiff::Timestamp;
use kaspi_auth_core::account::{Account, Method};
use kaspi_auth_core::session::{Cookie, StoredCredentials};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Guid, cookie_list};
use crate::sealed::SecretMap;
use crate::values::Instant;

/// What a taken-over session's object is made of.
pub(crate) struct GuidParts<'a> {
    pub(crate) cookies: &'a [Cookie],
    pub(crate) credentials: &'a StoredCredentials,
    pub(crate) code_verified: bool,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) method: Option<Method>,
}

impl GuidParts<'_> {
    /// The object with all keys of the predecessor's; what is not there is null.
    pub(crate) fn build(&self) -> Guid {
        let method = self.method.map(|method| match method {
            Method::Password => "password",
            Method::Phone => "phone",
        });
        let map = SecretMap::of([
            ("cookies", cookie_list(self.cookies)),
            ("authenticated_at", self.authenticated_at.map(|at| Instant(at).to_iso()).into()),
            ("sms_verified", self.code_verified.into()),
            ("auth_method", method.into()),
        ]);
        Guid { map }.with_credentials(self.credentials)
    }
}

impl Guid {
    /// Puts other credentials in.
    #[must_use]
    pub(crate) fn with_credentials(mut self, credentials: &StoredCredentials) -> Self {
        let phone = credentials.phone.as_deref().map(|phone| match Account::phone(phone) {
            Ok(Account::Phone(digits)) => digits,
            _ => phone.to_owned(),
        });
        let password = credentials.password.as_ref().map(ExposeSecret::expose_secret);
        let entries: [(&str, Value); 3] = [
            ("email", credentials.email.as_deref().into()),
            ("password", password.into()),
            ("phone", phone.into()),
        ];
        for (key, value) in entries {
            self.map.insert(key.to_owned(), value);
        }
        self
    }
}
