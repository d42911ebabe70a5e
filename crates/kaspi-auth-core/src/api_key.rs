//! Keys of the services that call us: scopes, and what is shown of a key. Must not hold the key itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::UserId;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Start, answer and cancel logins; refresh sessions.
    #[serde(rename = "logins:write")]
    LoginsWrite,
    /// Read stores and logins.
    #[serde(rename = "stores:read")]
    StoresRead,
    /// Change and delete stores.
    #[serde(rename = "stores:write")]
    StoresWrite,
    /// Read live sessions: cookies in clear.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Everything, and the keys themselves.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All scopes, weakest first.
    pub const ALL: [Self; 5] =
        [Self::StoresRead, Self::StoresWrite, Self::LoginsWrite, Self::SessionsRead, Self::Admin];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoginsWrite => "logins:write",
            Self::StoresRead => "stores:read",
            Self::StoresWrite => "stores:write",
            Self::SessionsRead => "sessions:read",
            Self::Admin => "admin",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// What is shown of a key after its creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part of the key, which also names it.
    pub id: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// The first characters, for recognising it.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Bound to one user's stores, or to all.
    pub user_id: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked; it opens nothing since.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether the key may do what `scope` says. `admin` may do everything.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|held| *held == scope || *held == Scope::Admin)
    }
}

/// A key with the digest that proves it: the SHA-256 of its secret part.
#[derive(Debug, Clone)]
pub struct HeldApiKey {
    /// What is shown.
    pub key: ApiKey,
    /// SHA-256 of the secret part; the secret has 256 random bits, so a plain digest cannot be searched.
    pub digest: [u8; 32],
}
