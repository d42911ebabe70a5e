//! What running the service needs of the database beside logins and stores: ways out, rates, nodes, evidence, shapes, events.

use jiff::Timestamp;

use super::Answered;
use crate::account::Account;
use crate::egress::{Egress, EgressId, Health};
use crate::event::{Happening, StoredEvent};
use crate::evidence::Evidence;
use crate::id::{LoginId, NodeId};
use crate::rate::Budget;
use crate::tenant::Tenant;

/// Ways out. Proxy passwords are sealed.
pub trait EgressRepository: Send + Sync {
    /// All of them, by name, with the number of accounts that are pinned to each. The built-in direct one is always there.
    fn list_egresses(&self) -> Answered<'_, Vec<Egress>>;

    /// One of them.
    fn find_egress(&self, id: EgressId) -> Answered<'_, Option<Egress>>;

    /// All of them, and the one that the account is pinned to: what the choice for a login needs, in one read.
    fn egresses_for<'a>(&'a self, account: &'a Account) -> Answered<'a, (Vec<Egress>, Option<EgressId>)>;

    /// Stores a new one. `Conflict`: the name is taken.
    fn insert_egress<'a>(&'a self, egress: &'a Egress) -> Answered<'a, ()>;

    /// Stores a change by hand: name, way, switch, budget, check; counts the revision up from `egress.revision`, which must be the stored
    /// one. `Conflict`: it is not, or the name is taken.
    fn update_egress<'a>(&'a self, egress: &'a Egress) -> Answered<'a, ()>;

    /// Deletes one; whether there was one. The pins to it stay: they tell that an account moves at its next login, and from where.
    fn delete_egress(&self, id: EgressId) -> Answered<'_, bool>;

    /// Stores how it fares. Does not count as a change by hand.
    fn note_health(&self, id: EgressId, health: Health, now: Timestamp) -> Answered<'_, ()>;

    /// Stores what a check said.
    fn note_check<'a>(&'a self, id: EgressId, error: Option<&'a str>, now: Timestamp) -> Answered<'a, ()>;
}

/// A place among the logins that are with the portal.
#[derive(Debug, Clone, Copy)]
pub struct SlotRequest {
    /// For which login; asked again, its own place is granted again and costs nothing.
    pub login: LoginId,
    /// On which way.
    pub egress: EgressId,
    /// The time.
    pub now: Timestamp,
    /// When the place is free again by itself, should its node die.
    pub until: Timestamp,
    /// Of all ways together.
    pub portal: Budget,
    /// Of this way.
    pub way: Budget,
}

/// What came of asking for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Go.
    Granted,
    /// From then on there may be one; `None`: when another login has ended.
    Wait(Option<Timestamp>),
}

/// Rates towards the portal, shared by all nodes.
pub trait RateRepository: Send + Sync {
    /// Asks for a place, atomically against all nodes: the rates by the generic cell rate algorithm, the places by counting those whose
    /// time is not over. What is not granted costs nothing.
    fn acquire_slot(&self, request: SlotRequest) -> Answered<'_, Slot>;

    /// Asks for one exchange under a budget of its own, such as looks at sessions: by the rate alone, without a place. What is not
    /// granted costs nothing.
    fn acquire_permit(&self, key: &'static str, budget: Budget, now: Timestamp) -> Answered<'_, Slot>;

    /// Gives the place back. A login's end and its wait for a person do so by themselves.
    fn release_slot(&self, login: LoginId) -> Answered<'_, ()>;
}

/// Nodes, and the logins that only they can go on with.
pub trait NodeRepository: Send + Sync {
    /// The node lives.
    fn beat(&self, node: NodeId, now: Timestamp) -> Answered<'_, ()>;

    /// The node has gone in order.
    fn forget_node(&self, node: NodeId) -> Answered<'_, ()>;

    /// How many nodes beside this one were seen since.
    fn count_other_nodes(&self, node: NodeId, seen_since: Timestamp) -> Answered<'_, u32>;

    /// Logins that wait for a person while their holder was last seen before `seen_before` or never.
    fn orphaned_logins(&self, seen_before: Timestamp, limit: u32) -> Answered<'_, Vec<LoginId>>;

    /// Logins that wait for a person and are held by this node.
    fn held_logins(&self, node: NodeId, limit: u32) -> Answered<'_, Vec<LoginId>>;
}

/// Evidence, sealed.
pub trait EvidenceRepository: Send + Sync {
    /// Keeps evidence of a login; the newest replaces an older one.
    fn keep_evidence<'a>(
        &'a self,
        id: LoginId,
        evidence: &'a Evidence,
        expires_at: Timestamp,
    ) -> Answered<'a, ()>;

    /// The evidence of a login of the tenant's that is not over at `now`.
    fn find_evidence<'a>(
        &'a self,
        tenant: &'a Tenant,
        id: LoginId,
        now: Timestamp,
    ) -> Answered<'a, Option<Evidence>>;

    /// Deletes evidence whose time is over, at most `limit`.
    fn prune_evidence(&self, now: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// Whether a shape was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It was.
    Known,
    /// It is the first of its step: the measure for those to come.
    First,
    /// It is new, and this is one that was known.
    New {
        /// The last known one.
        before: String,
    },
}

/// Shapes of the portal's steps.
pub trait ShapeRepository: Send + Sync {
    /// Notes that a step had this shape. Of several nodes that see a new one at the same moment, one is told that it is new.
    fn see_shape<'a>(&'a self, step: &'a str, shape: &'a str, now: Timestamp) -> Answered<'a, Seen>;
}

/// Events, in their order.
pub trait EventRepository: Send + Sync {
    /// Appends one.
    fn append_event<'a>(&'a self, happening: &'a Happening, at: Timestamp) -> Answered<'a, ()>;

    /// Those after a cursor, oldest first.
    fn list_events(&self, after: i64, limit: u32) -> Answered<'_, Vec<StoredEvent>>;

    /// Deletes those before `before`, at most `limit`.
    fn prune_events(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}
