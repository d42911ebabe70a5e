//! The sandbox's own clock: real time plus an offset that only moves forward.
//! It must not sleep, and nothing else in the crate may read the system's time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Milliseconds since the Unix epoch, on the sandbox's clock.
pub(crate) type Millis = u64;

/// Real time plus an offset.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: AtomicU64,
}

impl Clock {
    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else reads")]
    pub(crate) fn now(&self) -> Millis {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        millis(real).saturating_add(self.offset.load(Ordering::Relaxed))
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        let by = millis(by);
        let _ = self.offset.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |offset| {
            Some(offset.saturating_add(by).min(LATEST_OFFSET))
        });
    }

    /// Back to real time.
    pub(crate) fn reset(&self) {
        self.offset.store(0, Ordering::Relaxed);
    }
}

/// A thousand years: far enough for any test, near enough that no date overflows.
const LATEST_OFFSET: Millis = 1_000 * 365 * 24 * 3_600 * 1_000;

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 2)
}

/// A number of seconds in the clock's unit.
pub(crate) fn seconds(count: u64) -> Millis {
    count.saturating_mul(1_000)
}

/// As a date that prints in RFC 3339.
pub(crate) fn timestamp(at: Millis) -> jiff::Timestamp {
    i64::try_from(at)
        .ok()
        .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}
