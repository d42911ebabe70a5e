//! The system's clock and random ids: the only place of the service that asks for them directly.

use jiff::Timestamp;
use kaspi_auth_core::port::{Clock, Ids};
use uuid::Uuid;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
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
