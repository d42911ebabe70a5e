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
    /// Send requests to the cabinet through the gateway, to the paths that the key allows.
    #[serde(rename = "cabinet:call")]
    CabinetCall,
    /// Everything, and the keys themselves.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All scopes, weakest first.
    pub const ALL: [Self; 6] = [
        Self::StoresRead,
        Self::StoresWrite,
        Self::LoginsWrite,
        Self::SessionsRead,
        Self::CabinetCall,
        Self::Admin,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoginsWrite => "logins:write",
            Self::StoresRead => "stores:read",
            Self::StoresWrite => "stores:write",
            Self::SessionsRead => "sessions:read",
            Self::CabinetCall => "cabinet:call",
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
    /// Which paths of the cabinet it may call through the gateway. Each is `/path` or `METHOD /path`; a last `*` stands for anything.
    /// None: no path.
    pub cabinet_paths: Vec<String>,
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
    /// Whether the key may call this path of the cabinet with this method. `path` is as it will be sent: without dots that lead upwards and without
    /// encoded slashes, which whoever asks has refused before.
    pub fn allows_path(&self, method: &str, path: &str) -> bool {
        self.cabinet_paths.iter().any(|pattern| {
            let (only, pattern) = match pattern.split_once(' ') {
                Some((only, pattern)) => (Some(only), pattern),
                None => (None, pattern.as_str()),
            };
            let fits = match pattern.strip_suffix('*') {
                Some(beginning) => path.starts_with(beginning),
                None => path == pattern,
            };
            fits && only.is_none_or(|only| only == method)
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_calls_the_paths_that_it_names_and_no_other() {
        let key = |paths: &[&str]| ApiKey {
            id: "k".to_owned(),
            name: "k".to_owned(),
            prefix: "ka_k".to_owned(),
            scopes: vec![Scope::CabinetCall],
            cabinet_paths: paths.iter().map(|&path| path.to_owned()).collect(),
            user_id: None,
            created_at: Timestamp::UNIX_EPOCH,
            last_used_at: None,
            revoked_at: None,
        };
        assert!(!key(&[]).allows_path("GET", "/s/m"));
        assert!(key(&["/bff/*"]).allows_path("POST", "/bff/offer-view/list"));
        assert!(!key(&["/bff/*"]).allows_path("GET", "/bfff"));
        assert!(key(&["GET /s/m"]).allows_path("GET", "/s/m"));
        assert!(!key(&["GET /s/m"]).allows_path("POST", "/s/m"));
        assert!(!key(&["GET /s/m"]).allows_path("GET", "/s/mm"));
        assert!(key(&["/*"]).allows_path("DELETE", "/anything"));
    }
}
