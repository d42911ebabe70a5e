//! Time, ids, waiting and running: what a process gives to the rules.

use jiff::Timestamp;
use uuid::Uuid;

use super::BoxFuture;
use crate::id::LoginId;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Makes ids.
pub trait Ids: Send + Sync {
    /// A new UUID v7.
    fn uuid(&self) -> Uuid;
}

/// Tells waiters that a login has changed, on this node or another.
pub trait LoginChanges: Send + Sync {
    /// From now on, changes of `id` wake the subscription.
    fn subscribe(&self, id: LoginId) -> Box<dyn Subscription>;
    /// Wakes the subscribers of `id`.
    fn publish(&self, id: LoginId);
}

/// A wait for changes of one login.
pub trait Subscription: Send {
    /// Returns when the login has changed since the last call, or at `until`, whichever comes first.
    fn changed(&mut self, until: Timestamp) -> BoxFuture<'_, ()>;
}

/// Runs logins in the background: calls [`Logins::drive`](crate::logins::Logins::drive).
pub trait LoginRunner: Send + Sync {
    /// Runs the login soon. A login that runs already is not run twice.
    fn run(&self, id: LoginId);
}
