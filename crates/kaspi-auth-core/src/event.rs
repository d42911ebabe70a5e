//! Things that an operator should hear of, in the order in which they happened. Holds no secret, no account, no page.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::egress::EgressId;

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Happening {
    /// An account moved to another egress because its own cannot be used.
    #[serde(rename = "egress.replaced")]
    EgressReplaced {
        /// The account, starred.
        account: String,
        /// From which.
        from: EgressId,
        /// To which.
        to: EgressId,
        /// Why.
        reason: String,
    },
    /// An egress rests after blocks.
    #[serde(rename = "egress.resting")]
    EgressResting {
        /// Which.
        egress: EgressId,
        /// Its name.
        name: String,
        /// Until when.
        until: Timestamp,
    },
    /// A step of the portal looks otherwise than ever before.
    #[serde(rename = "portal.changed")]
    PortalChanged {
        /// Which step.
        step: String,
        /// The new shape: names of fields and keys, paths.
        shape: String,
        /// A shape that was known before.
        before: String,
    },
}

impl Happening {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::EgressReplaced { .. } => "egress.replaced",
            Self::EgressResting { .. } => "egress.resting",
            Self::PortalChanged { .. } => "portal.changed",
        }
    }
}

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Counts up: the cursor of a reader.
    pub sequence: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub happening: Happening,
}
