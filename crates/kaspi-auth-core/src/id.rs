//! Identifiers as types of their own, parsed once. Must not make new ids: the [`Ids`](crate::port::Ids) port does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One attempt to sign in. A UUID v7, so that newer logins sort later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginId(pub Uuid);

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LoginId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// A process of this service; logins that run are leased to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub Uuid);

/// A text that is not an identifier of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub &'static str);

/// The portal's id of a merchant: mostly 6-8 digits, older shops have a short letter code (CONTRACT, section 4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MerchantUid(String);

impl MerchantUid {
    /// Accepts 1 to 64 characters out of letters, digits, `_`, `-`.
    ///
    /// # Errors
    /// Anything else: such an id could not stand in a path or a table of the portal's.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(text.to_owned()))
            .ok_or(InvalidId("a merchant uid has 1 to 64 letters, digits, '_' or '-'"))
    }

    /// The id as the portal writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MerchantUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MerchantUid {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<MerchantUid> for String {
    fn from(uid: MerchantUid) -> Self {
        uid.0
    }
}

/// Who holds a store in the company's own terms: the predecessor's `user_id`, the `sub` of a JWT.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// Accepts 1 to 255 printable characters.
    ///
    /// # Errors
    /// Empty, longer, or with control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned())).ok_or(InvalidId("a user_id has 1 to 255 printable characters"))
    }

    /// The id as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merchant_uids_are_digits_or_short_letter_codes() {
        for good in ["17234567", "KSP", "a_b-1"] {
            assert_eq!(MerchantUid::parse(good).map(|uid| uid.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "../etc", "a b", "1'--", "ё", &"9".repeat(65)] {
            assert!(MerchantUid::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn user_ids_are_any_short_printable_text() {
        assert!(UserId::parse("auth0|5f7c").is_ok());
        for bad in ["", "a\nb", &"u".repeat(256)] {
            assert!(UserId::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
