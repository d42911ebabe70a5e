//! A session: the cookies that open the cabinet, with a generation and a validity. Must not print a cookie's value.

mod cookie;

pub use cookie::{Cookie, SameSite, cookie_header, same_cookies};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::account::Method;
use crate::egress::EgressId;
use crate::id::MerchantUid;
use crate::merchant::Merchant;

/// What the last look at a session said. `Unknown` changes nothing (ARCHITECTURE, 3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// The cabinet answered for the expected merchant.
    Alive,
    /// The cabinet refused the session.
    Dead,
    /// Not looked at yet, or the look told nothing.
    Unknown,
}

impl Validity {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// What an engine brings home from a login.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Every cookie of the login, of all three hosts, with all attributes.
    pub cookies: Vec<Cookie>,
    /// Whose cabinet it opens.
    pub merchant: Merchant,
    /// When the portal let us in.
    pub authenticated_at: Timestamp,
}

/// The stored session of a store, opened.
#[derive(Debug, Clone)]
pub struct Session {
    /// The merchant whose cabinet it opens; proven against the sealed text.
    pub merchant_uid: MerchantUid,
    /// Counts up with each new session of the store; 0 for a row of the predecessor's.
    pub generation: i64,
    /// Every cookie that the login left.
    pub cookies: Vec<Cookie>,
    /// How the account signed in.
    pub method: Option<Method>,
    /// When the portal let us in.
    pub authenticated_at: Option<Timestamp>,
    /// What the last look said.
    pub validity: Validity,
    /// When that look was.
    pub checked_at: Option<Timestamp>,
    /// Set when a person must sign in again.
    pub needs_reauth: bool,
    /// The way out that it was won on: the portal sees it come from nowhere else.
    pub egress: Option<EgressId>,
}

impl Session {
    /// The cookies that go to `host` and whose time is not over: what a consumer needs, and no more. Those of the login host,
    /// which could make new sessions, stay here.
    pub fn cookies_for(&self, host: &str, now: Timestamp) -> Vec<Cookie> {
        self.cookies.iter().filter(|cookie| cookie.goes_to(host) && !cookie.is_over(now)).cloned().collect()
    }
}

/// The credentials that a store keeps for signing in again. All parts may be missing.
#[derive(Debug, Clone, Default)]
pub struct StoredCredentials {
    /// The e-mail address.
    pub email: Option<String>,
    /// The password, unless it was to be left out.
    pub password: Option<SecretString>,
    /// The phone.
    pub phone: Option<String>,
    /// Whether the login that brought the session needed a code.
    pub code_verified: bool,
}

/// What a probe of the cabinet found.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The verdict, identity included: a session of another merchant is dead for this one.
    pub validity: Validity,
    /// Why, in words for an operator.
    pub reason: String,
    /// The session's cookies as they are after the probe: the cabinet renews them on the fly (CONTRACT, section 5).
    pub cookies: Vec<Cookie>,
    /// Whether the probe changed any cookie.
    pub renewed: bool,
    /// Whether it brought another value of the cabinet's session cookie, `mc-sid`: a new session, and so a new generation. Never with a
    /// dead one.
    pub replaced: bool,
    /// When to ask again, where the answer is unknown and somebody has named a time: the portal, or who leaves it alone while it is down.
    pub retry_at: Option<Timestamp>,
}
