//! The system's clock and random ids: the only place of the service that asks for them directly.

use jiff::Timestamp;
use kaspi_auth_core::port::{Clock, Ids};
use uuid::Uuid;

/// The system's clock, in whole microseconds: what databases keep, so that a time reads the same before and after.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.round(jiff::Unit::Microsecond).unwrap_or(now)
    }
}

/// Ids that sort by their time.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidV7;

impl Ids for UuidV7 {
    #[expect(clippy::disallowed_methods, reason = "this is the Ids port")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
