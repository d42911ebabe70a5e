//! Ways out to the portal: directly or through a proxy. Must not print a proxy's credentials.

mod health;
mod proxy;

use std::fmt;

pub use health::{Health, RestPolicy, Sign};
use jiff::Timestamp;
pub use proxy::{InvalidProxy, Proxy, ProxyScheme};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rate::Budget;

/// Names an egress. The nil UUID is the built-in direct one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EgressId(pub Uuid);

impl EgressId {
    /// The built-in direct way out.
    pub const DIRECT: Self = Self(Uuid::nil());
}

impl fmt::Display for EgressId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which way.
#[derive(Debug, Clone)]
pub enum Way {
    /// This machine's own address.
    Direct,
    /// Through a proxy.
    Proxy(Proxy),
}

/// An egress, ready for use. Equal `id` and `revision` mean the same way: clients and warm contexts may be kept by them.
#[derive(Debug, Clone)]
pub struct Route {
    /// Which egress.
    pub id: EgressId,
    /// Counts its changes.
    pub revision: i64,
    /// The way.
    pub way: Way,
}

impl Route {
    /// The built-in direct way out.
    pub fn direct() -> Self {
        Self { id: EgressId::DIRECT, revision: 0, way: Way::Direct }
    }
}

/// A way out as an installation keeps it.
#[derive(Debug, Clone)]
pub struct Egress {
    /// Which.
    pub id: EgressId,
    /// What operators call it; unique.
    pub name: String,
    /// Counts its changes by hand.
    pub revision: i64,
    /// The way.
    pub way: Way,
    /// Switched off ones are not used.
    pub enabled: bool,
    /// Stands in the configuration and is changed there.
    pub managed: bool,
    /// How many logins it takes, across nodes.
    pub budget: Budget,
    /// How it fares.
    pub health: Health,
    /// How many accounts are pinned to it.
    pub pinned: u64,
    /// When it was last checked by hand or before its first use.
    pub checked_at: Option<Timestamp>,
    /// What that check said; `None`: it was well.
    pub check_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Egress {
    /// The way, ready for use.
    pub fn route(&self) -> Route {
        Route { id: self.id, revision: self.revision, way: self.way.clone() }
    }

    /// Switched on, proven and not resting. A proxy is proven once its check was well; the direct way needs no proof.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        let proven =
            matches!(self.way, Way::Direct) || (self.checked_at.is_some() && self.check_error.is_none());
        self.enabled && proven && !self.health.is_resting(now)
    }
}
