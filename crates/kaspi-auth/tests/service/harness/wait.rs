//! Waiting for a condition, with a deadline that fails the test. The only place of these tests that sleeps.

use std::time::{Duration, Instant};

/// Far longer than anything takes, on a loaded machine too; shorter than the runner's own limit.
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer. `what` says what was waited for when there is none in time.
#[track_caller]
pub fn eventually<T, F>(what: &str, ask: F) -> impl Future<Output = T>
where
    F: AsyncFnMut() -> Option<T>,
{
    let place = std::panic::Location::caller();
    let what = what.to_owned();
    poll(ask, what, place)
}

/// Waits until a condition holds.
#[track_caller]
pub fn until<F>(what: &str, mut holds: F) -> impl Future<Output = ()>
where
    F: FnMut() -> bool,
{
    let place = std::panic::Location::caller();
    let what = what.to_owned();
    poll(async move || holds().then_some(()), what, place)
}

async fn poll<T, F>(mut ask: F, what: String, place: &std::panic::Location<'_>) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{place}: waited in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
