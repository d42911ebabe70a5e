//! What happened to a store, in its order: logins, refreshes, looks, reports. Holds no secret and no account in clear.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::id::{LoginId, MerchantUid};
use crate::keeping::{Origin, Rung};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A login ended.
    Login,
    /// A refresh ended.
    Refresh,
    /// The cabinet was asked whether the session lives.
    Probe,
    /// A consumer told how a call went, or a call through the gateway did.
    Report,
    /// The session was taken over by an import. One that another program has written shows as a look at it.
    Import,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 5] = [Self::Login, Self::Refresh, Self::Probe, Self::Report, Self::Import];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Probe => "probe",
            Self::Report => "report",
            Self::Import => "import",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == text)
    }
}

/// Where the store stood: the session's validity, and whether a person must act. `alive`, `dead`, `unknown`, `needs_reauth`, `none`.
pub type Status = String;

/// An entry to append. One that says the same as the store's newest entry (act, origin, statuses, generation, code, reason) is counted there instead.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// The store.
    pub merchant_uid: MerchantUid,
    /// When it ended.
    pub at: Timestamp,
    /// What was done.
    pub act: Act,
    /// Who set it going.
    pub origin: Origin,
    /// The rung of a refresh.
    pub rung: Option<Rung>,
    /// Where the store stood before.
    pub before: Status,
    /// Where it stood after.
    pub after: Status,
    /// The session's generation after.
    pub generation: i64,
    /// How long it took.
    pub took: SignedDuration,
    /// What it failed with.
    pub code: Option<Code>,
    /// Why, in words; may be empty.
    pub reason: String,
    /// The login that did it.
    pub login: Option<LoginId>,
}

/// A stored entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Counts up: the cursor of a reader.
    pub sequence: i64,
    /// When the like of it was first seen in a row; equal to `what.at` when it was seen once.
    pub first_at: Timestamp,
    /// How often in a row.
    pub times: u32,
    /// The newest of them.
    pub what: NewEntry,
}
