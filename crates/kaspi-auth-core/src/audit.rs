//! Who read or changed what: append-only. Holds no secret.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::MerchantUid;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// A service, by its API key: the key's public part.
    ApiKey(String),
    /// A user, by a JWT.
    User(String),
    /// Somebody at the command line: the operating system's user.
    CommandLine(String),
    /// Nobody that is known: the call was refused.
    Anonymous,
}

impl Actor {
    /// The stable name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "api_key",
            Self::User(_) => "user",
            Self::CommandLine(_) => "command_line",
            Self::Anonymous => "anonymous",
        }
    }

    /// Who it is, within the kind; empty for nobody.
    pub fn id(&self) -> &str {
        match self {
            Self::ApiKey(id) | Self::User(id) | Self::CommandLine(id) => id,
            Self::Anonymous => "",
        }
    }

    /// From the two columns.
    pub fn from_parts(kind: &str, id: String) -> Option<Self> {
        match kind {
            "api_key" => Some(Self::ApiKey(id)),
            "user" => Some(Self::User(id)),
            "command_line" => Some(Self::CommandLine(id)),
            "anonymous" => Some(Self::Anonymous),
            _ => None,
        }
    }
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// When; the last time where it was done `times` times.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What: the operation's stable name, as in the API's description (`get_session`) or the command's (`keys rotate`).
    pub action: String,
    /// The store that it was about.
    pub store: Option<MerchantUid>,
    /// What else it was about: an id of a login, a key, an egress.
    pub subject: Option<String>,
    /// `ok`, or the error's code.
    pub result: String,
    /// How often: reads of the same thing by the same actor within a short time are one entry.
    pub times: u64,
    /// The (last) request.
    pub request_id: Option<String>,
}

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Counts up: the cursor of a reader.
    pub sequence: i64,
    /// What was done.
    pub what: NewAudit,
}

/// Which entries to list. Newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only those about this store.
    pub store: Option<MerchantUid>,
    /// Only those of this actor.
    pub actor: Option<Actor>,
    /// Only this action.
    pub action: Option<String>,
    /// Only those before this one: the cursor of the page before.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}
