//! Stores of other installations, on their way in.

mod judge;

use std::fmt;

use jiff::Timestamp;
pub use judge::{Judgement, Present, judge};
use secrecy::SecretString;

use crate::id::{MerchantUid, UserId};
use crate::merchant::Points;
use crate::session::Cookie;

/// A store as it was found elsewhere. Any part may be missing.
#[derive(Clone)]
pub struct FoundStore {
    /// Whose.
    pub merchant_uid: MerchantUid,
    /// Who holds it there.
    pub user_id: Option<UserId>,
    /// The shop name.
    pub name: Option<String>,
    /// The points by name.
    pub points: Points,
    /// The session's cookies.
    pub cookies: Vec<Cookie>,
    /// The account's address.
    pub email: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// Its phone.
    pub phone: Option<String>,
    /// Whether the last login needed a code.
    pub code_verified: bool,
    /// When the portal let it in.
    pub authenticated_at: Option<Timestamp>,
    /// Whether it is switched on.
    pub is_active: bool,
    /// When it last changed there.
    pub updated_at: Option<Timestamp>,
}

/// Names whose it is and no more: an address and a phone are an account in clear.
impl fmt::Debug for FoundStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundStore").field("merchant_uid", &self.merchant_uid).finish_non_exhaustive()
    }
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// A new store.
    Added,
    /// A store that was older here.
    Updated,
    /// Nothing in it is newer than what is here.
    SkippedOlder,
    /// The same stands here already.
    SkippedSame,
    /// Another user holds the store here.
    SkippedTaken,
    /// There is neither a session nor credentials in it.
    SkippedEmpty,
}

impl Imported {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
            Self::SkippedOlder => "skipped_older",
            Self::SkippedSame => "skipped_same",
            Self::SkippedTaken => "skipped_taken",
            Self::SkippedEmpty => "skipped_empty",
        }
    }
}
