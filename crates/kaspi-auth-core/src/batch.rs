//! Many stores at once: validate or refresh, in the background, with progress.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{MerchantUid, UserId};

/// Names a batch. A UUID v7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub Uuid);

impl std::fmt::Display for BatchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What is done with each store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchKind {
    /// Look whether its session lives.
    Validate,
    /// Renew its session, as far as that goes without a person.
    Refresh,
}

impl BatchKind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Refresh => "refresh",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Validate, Self::Refresh].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Which stores.
#[derive(Debug, Clone)]
pub enum BatchStores {
    /// All active ones of the tenant's.
    All,
    /// These; those that are not the tenant's come out as `store_not_found`.
    These(Vec<MerchantUid>),
}

/// A batch and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Names it.
    pub id: BatchId,
    /// Whose stores: of one user, or of all.
    pub user_id: Option<UserId>,
    /// What is done.
    pub kind: BatchKind,
    /// How many stores.
    pub total: u32,
    /// How many are done, by result: `alive`, `dead`, `unknown`, `refreshed`, or an error's code.
    pub results: std::collections::BTreeMap<String, u32>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended; `None`: it goes on.
    pub ended_at: Option<Timestamp>,
}

impl Batch {
    /// How many stores are done.
    pub fn done(&self) -> u32 {
        self.results.values().sum()
    }
}

/// What came of one store of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// The store.
    pub merchant_uid: MerchantUid,
    /// As in [`Batch::results`]; `None`: not done yet.
    pub result: Option<String>,
    /// Why, in words.
    pub detail: String,
}
