//! A clock that runs as the real one and can be moved forward. Must not go backward or stand still: long polls wait in
//! real time.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::port::Clock;

/// The real time in whole microseconds, as the service takes it, plus what a test added.
#[derive(Debug, Default)]
pub struct TestClock {
    ahead_millis: AtomicI64,
}

impl TestClock {
    /// Moves the time forward.
    pub fn advance(&self, by: SignedDuration) {
        self.ahead_millis.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now().round(jiff::Unit::Microsecond).unwrap();
        now + SignedDuration::from_millis(self.ahead_millis.load(Ordering::SeqCst))
    }
}
