//! The column `guid`: the session, in every shape that the predecessor's generations left behind.
//!
//! Written is one shape only: `{"encrypted": "<Fernet token>"}`. Keys of the sealed object that are not ours stay.

mod parts;

use jiff::Timestamp;
use kaspi_auth_core::account::{Account, Credentials, Method};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::session::Cookie;
use kaspi_auth_vault::{Envelope, KeyRing, Legacy, OpenError, OpenedJson};
pub(crate) use parts::GuidParts;
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Sealer, SecretMap, seconds};
use crate::values::Instant;

/// What stands in the column.
pub(crate) enum StoredGuid {
    /// A Fernet token.
    Sealed(String),
    /// The oldest generation: the object itself, unsealed.
    Plain(SecretMap),
}

/// What a new session's object is made of.
pub(crate) struct NewGuid<'a> {
    pub(crate) cookies: &'a [Cookie],
    pub(crate) credentials: &'a Credentials,
    pub(crate) store_password: bool,
    pub(crate) code_verified: bool,
    pub(crate) authenticated_at: Timestamp,
}

/// Why a session cannot be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GuidError {
    /// It does not open, or is another merchant's.
    Sealed(OpenError),
    /// It is none of the known shapes. What it is instead is not said: it may hold a secret.
    Shape(&'static str),
}

/// The shape that is written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Encrypted {
    encrypted: String,
}

impl Encrypted {
    /// The shape around a token that was sealed before.
    pub(crate) fn of(token: String) -> Self {
        Self { encrypted: token }
    }

    /// The token.
    pub(crate) fn token(&self) -> &str {
        &self.encrypted
    }
}

impl StoredGuid {
    /// Reads the column's text; `None` when there is no session in it.
    pub(crate) fn read(text: &str) -> Result<Option<Self>, GuidError> {
        if let Ok(Encrypted { encrypted }) = serde_json::from_str(text) {
            return Ok(Some(Self::Sealed(encrypted)));
        }
        let value = serde_json::from_str(text).map_err(|_| GuidError::Shape("not JSON"))?;
        Self::from_value(value)
    }

    /// Of a value that came from elsewhere: a text may hold what the column would.
    pub(crate) fn of(value: &Value) -> Result<Option<Self>, GuidError> {
        match value {
            Value::String(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Self::read(text),
            value => Self::from_value(value.clone()),
        }
    }

    fn from_value(value: Value) -> Result<Option<Self>, GuidError> {
        match value {
            Value::Null => Ok(None),
            Value::Object(map) if map.is_empty() => Ok(None),
            Value::Object(map) => match map.get("encrypted") {
                Some(Value::String(token)) => Ok(Some(Self::Sealed(token.clone()))),
                Some(_) => Err(GuidError::Shape("\"encrypted\" is not a text")),
                None => Ok(Some(Self::Plain(SecretMap(map)))),
            },
            Value::String(text) if text.trim().is_empty() => Ok(None),
            // A JSON text or a bare token, as one generation stored it.
            Value::String(text) => match serde_json::from_str(&text) {
                Ok(Value::String(_)) => Err(GuidError::Shape("a text within a text")),
                Ok(inner) => Self::from_value(inner),
                Err(_) => Ok(Some(Self::Sealed(text))),
            },
            _ => Err(GuidError::Shape("neither an object nor a text")),
        }
    }
}

/// An opened session. Does not print; wiped when dropped.
pub(crate) struct Guid {
    map: SecretMap,
}

impl Guid {
    /// What a token held, once its owner has been looked at.
    pub(crate) fn of(opened: OpenedJson) -> Self {
        Self { map: SecretMap(opened.into_map()) }
    }

    /// An object that was never sealed, if it is no other merchant's.
    pub(crate) fn plain(uid: &MerchantUid, map: SecretMap) -> Result<Self, GuidError> {
        match map.get(Envelope::MERCHANT.subject_key()) {
            None | Some(Value::Null) => Ok(Self { map }),
            Some(Value::String(owner)) if owner == uid.as_str() => Ok(Self { map }),
            Some(Value::Number(owner)) if owner.to_string() == uid.as_str() => Ok(Self { map }),
            Some(_) => Err(GuidError::Sealed(OpenError::WrongSubject)),
        }
    }

    /// The cookies. Shapes: a list of cookie objects, the same as a JSON text, or an object of names and values.
    pub(crate) fn cookies(&self) -> Result<Vec<Cookie>, GuidError> {
        const SHAPE: GuidError = GuidError::Shape("\"cookies\" is not a list of cookies");
        fn of(value: &Value) -> Result<Vec<Cookie>, GuidError> {
            match value {
                Value::Array(_) => Vec::<Cookie>::deserialize(value).map_err(|_| SHAPE),
                Value::Object(pairs) => pairs
                    .iter()
                    .map(|(name, value)| {
                        Cookie::deserialize(serde_json::json!({ "name": name, "value": value }))
                            .map_err(|_| SHAPE)
                    })
                    .collect(),
                Value::String(text) => of(&serde_json::from_str(text).map_err(|_| SHAPE)?),
                Value::Null => Ok(Vec::new()),
                _ => Err(SHAPE),
            }
        }
        self.map.get("cookies").map_or(Ok(Vec::new()), of)
    }

    /// A text of the object; an empty one is none.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether the login needed a code.
    pub(crate) fn code_verified(&self) -> bool {
        self.map.get("sms_verified").and_then(Value::as_bool).unwrap_or(false)
    }

    /// When the portal let us in.
    pub(crate) fn authenticated_at(&self) -> Option<Timestamp> {
        self.text("authenticated_at").and_then(|text| Instant::parse(text).ok()).map(|instant| instant.0)
    }

    /// How the account signed in, where the object tells.
    pub(crate) fn method(&self) -> Option<Method> {
        match self.text("auth_method") {
            Some("password" | "email") => Some(Method::Password),
            Some("phone" | "sms") => Some(Method::Phone),
            _ if self.text("email").is_some() => Some(Method::Password),
            _ if self.text("phone").is_some() => Some(Method::Phone),
            _ => None,
        }
    }

    /// The account that signed in, where the object tells.
    pub(crate) fn account(&self) -> Option<Account> {
        match (self.text("email"), self.text("phone")) {
            (Some(email), _) => Account::email(email).ok(),
            (None, Some(phone)) => Account::phone(phone).ok(),
            (None, None) => None,
        }
    }

    /// The password, where one is kept.
    pub(crate) fn password(&self) -> Option<SecretString> {
        self.text("password").map(|text| text.to_owned().into())
    }

    /// Puts other cookies in, and the time of a new session.
    #[must_use]
    pub(crate) fn with_session(mut self, cookies: &[Cookie], authenticated_at: Option<Timestamp>) -> Self {
        self.map.insert("cookies".to_owned(), cookie_list(cookies));
        if let Some(at) = authenticated_at {
            self.map.insert("authenticated_at".to_owned(), Instant(at).to_iso().into());
        }
        self
    }

    /// Takes the password out.
    #[must_use]
    pub(crate) fn without_password(mut self) -> Self {
        self.map.insert("password".to_owned(), Value::Null);
        self
    }
}

impl NewGuid<'_> {
    /// The object with all keys of the predecessor's; what is not there is null.
    pub(crate) fn build(&self) -> Guid {
        let account = self.credentials.account();
        let (email, phone, method) = match account {
            Account::Email(address) => (Some(address.as_str()), None, "password"),
            Account::Phone(digits) => (None, Some(digits.as_str()), "phone"),
        };
        let password = self.credentials.secret().filter(|_| self.store_password);
        let map = SecretMap::of([
            ("cookies", cookie_list(self.cookies)),
            ("email", email.into()),
            ("password", password.map(ExposeSecret::expose_secret).into()),
            ("phone", phone.into()),
            ("authenticated_at", Instant(self.authenticated_at).to_iso().into()),
            ("sms_verified", self.code_verified.into()),
            ("auth_method", method.into()),
        ]);
        Guid { map }
    }
}

impl Sealer {
    /// Opens a session of `uid`. Only a row that kaspi-auth did not write may leave the merchant's name out.
    pub(crate) fn open_guid(
        &self,
        uid: &MerchantUid,
        stored: StoredGuid,
        ours: bool,
    ) -> Result<Guid, GuidError> {
        open_with(&self.ring, uid, stored, ours)
    }

    /// As [`open_guid`](Self::open_guid), of a token.
    pub(crate) fn open_guid_token(
        &self,
        uid: &MerchantUid,
        token: &str,
        ours: bool,
    ) -> Result<Guid, GuidError> {
        self.open_guid(uid, StoredGuid::Sealed(token.to_owned()), ours)
    }

    /// Seals a session for `uid`, as the column holds it.
    pub(crate) fn seal_guid(&self, uid: &MerchantUid, guid: &Guid, at: Timestamp) -> Encrypted {
        Encrypted { encrypted: Envelope::MERCHANT.seal_for(&self.ring, uid.as_str(), &guid.map, seconds(at)) }
    }
}

/// As [`Sealer::open_guid`], with any ring.
pub(crate) fn open_with(
    ring: &KeyRing,
    uid: &MerchantUid,
    stored: StoredGuid,
    ours: bool,
) -> Result<Guid, GuidError> {
    match stored {
        StoredGuid::Sealed(token) => {
            let legacy = if ours { Legacy::Refuse } else { Legacy::Accept };
            Envelope::MERCHANT
                .open_for(ring, uid.as_str(), &token, legacy)
                .map(Guid::of)
                .map_err(GuidError::Sealed)
        }
        StoredGuid::Plain(map) => Guid::plain(uid, map),
    }
}

fn cookie_list(cookies: &[Cookie]) -> Value {
    // Cannot fail: texts, numbers and booleans under text keys. A NaN expiry becomes null.
    serde_json::to_value(cookies).unwrap_or_default()
}
