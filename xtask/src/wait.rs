//! Waiting for a condition, with a deadline. The only place of the chores that sleeps.

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer; `None` when the deadline passes without one.
pub fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() >= limit {
            return None;
        }
        pause(Duration::from_millis(25));
    }
}

#[expect(clippy::disallowed_methods, reason = "another process's readiness can only be polled")]
fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_the_wait_and_a_passed_deadline_gives_none() {
        let mut asked = 0;
        let answer = until(Duration::from_secs(5), || {
            asked += 1;
            (asked == 3).then_some("ready")
        });
        assert_eq!(answer, Some("ready"));
        assert_eq!(until(Duration::ZERO, || None::<()>), None);
    }
}
