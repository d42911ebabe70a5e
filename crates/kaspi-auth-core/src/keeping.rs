//! Keeping sessions alive: how long they live, when to look at them, when and how to renew them, and when to leave them alone.
//!
//! Pure rules and values; the use cases are [`refreshes`](crate::refreshes), [`sessions`](crate::sessions) and
//! [`keeper`](crate::keeper). Must not do IO.

mod attempt;
mod breaker;
mod ladder;
mod lifetime;
mod policy;
mod schedule;

pub use attempt::{Attempt, AttemptBudget, AttemptKind, AttemptRequest, QuietHours};
pub use breaker::{Breaker, BreakerPolicy, CountedFailure, Freeze, signature_of};
use jiff::{SignedDuration, Timestamp};
pub use ladder::{CanRefresh, Facts, RefreshReason, Rung, can_refresh};
pub use lifetime::{Basis, Estimate, Observation, estimate};
pub use policy::Policy;
pub use schedule::{Due, Standing, next_look, spread_of, what_is_due};
use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::id::{MerchantUid, NodeId};

/// By how much clocks of one installation's nodes may differ. A time that lies further ahead was written by a clock that has been set back since: it is
/// no time to wait for.
pub const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Whether `at` is at most `span` away from `now`, before or after it.
pub(crate) fn is_near(at: Timestamp, now: Timestamp, span: SignedDuration) -> bool {
    at.duration_until(now).abs() <= span
}

/// Who set something going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person or a service that waits for the answer and can be asked.
    Caller,
    /// The service by itself: nobody is there to be asked (ARCHITECTURE, 3.7).
    Automatic,
}

impl Origin {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Automatic => "automatic",
        }
    }
}

/// The right to refresh a store's session: one holder at a time over all nodes. Its writes are fenced by the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshLease {
    /// Who holds it.
    pub node: NodeId,
    /// Counts the leases of the store: a write under an older one is refused.
    pub epoch: i64,
}

/// What came of asking for the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseAsked {
    /// It is the caller's.
    Granted(RefreshLease),
    /// Another holds it until then, if it does not extend it; or had it until this moment.
    Held {
        /// Of the lease that is held.
        epoch: i64,
        /// When it is free by itself.
        until: Timestamp,
    },
}

/// What the last refresh of a store came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshOutcome {
    /// Which lease it was done under.
    pub epoch: i64,
    /// When it ended.
    pub at: Timestamp,
    /// The last rung that was tried.
    pub rung: Option<Rung>,
    /// Why it failed; `None`: a new session is stored.
    pub code: Option<Code>,
    /// What happened, in words; empty when it went well.
    pub detail: String,
    /// From when a further try makes sense, where that is known.
    pub retry_at: Option<Timestamp>,
}

/// What is known of keeping a store's session alive, beside the session itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Keeping {
    /// The store.
    pub merchant_uid: MerchantUid,
    /// When it is looked at next; `None`: not by itself.
    pub due_at: Option<Timestamp>,
    /// When a consumer last asked for the session or used it, to some minutes.
    pub used_at: Option<Timestamp>,
    /// Looks and refreshes in a row that failed for the network's or the portal's sake: what back-off grows with.
    pub failures: u32,
    /// What the last refresh came to.
    pub outcome: Option<RefreshOutcome>,
    /// The running refresh: its epoch, and until when its holder has said to live.
    pub lease: Option<(RefreshLease, Timestamp)>,
}
