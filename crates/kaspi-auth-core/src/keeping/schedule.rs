//! When a store is looked at, and whether it is then probed or refreshed. Pure.

use jiff::{SignedDuration, Timestamp};

use super::{CLOCKS_DIFFER, Estimate, Policy};
use crate::id::MerchantUid;
use crate::session::Validity;

/// Where a store's session stands, as the schedule sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// What the last look said.
    pub validity: Validity,
    /// When the portal let us in; `None`: another program's session.
    pub authenticated_at: Option<Timestamp>,
    /// When it was last looked at, or when a consumer last reported of it.
    pub checked_at: Option<Timestamp>,
    /// When a consumer last used it.
    pub used_at: Option<Timestamp>,
    /// How long it is believed to live.
    pub estimate: Estimate,
    /// Failures in a row for the network's or the portal's sake.
    pub failures: u32,
    /// Whether a refresh without a person is possible.
    pub can_refresh: bool,
    /// 0 to 1, of the store and its session: spreads stores over time. See [`spread_of`].
    pub spread: f64,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Renew it.
    Refresh,
    /// Look whether it lives.
    Probe,
    /// Nothing yet.
    Nothing,
}

/// What is to be done with a session now.
pub fn what_is_due(standing: &Standing, policy: &Policy, now: Timestamp) -> Due {
    if standing.can_refresh
        && (standing.validity == Validity::Dead || refresh_at(standing).is_some_and(|at| at <= now))
    {
        return Due::Refresh;
    }
    if standing.validity == Validity::Dead {
        return Due::Nothing;
    }
    if probe_at(standing, policy, now) <= now { Due::Probe } else { Due::Nothing }
}

/// When to look next, after something was done at `now`.
pub fn next_look(standing: &Standing, policy: &Policy, now: Timestamp) -> Timestamp {
    if standing.failures > 0 {
        return now + pause(standing, policy);
    }
    if standing.validity == Validity::Dead {
        // Not to be mended now: what stands in the way may pass.
        return now + policy.longest_pause.min(policy.longest_look);
    }
    let probe = probe_at(standing, policy, now);
    let at = match refresh_at(standing).filter(|_| standing.can_refresh) {
        Some(refresh) => refresh.min(probe),
        None => probe,
    };
    at.max(now + policy.first_pause.min(policy.shortest_look))
}

/// A session is renewed at 70 to 90 % of the life that it is believed to have: spread, and before its end.
fn refresh_at(standing: &Standing) -> Option<Timestamp> {
    let signed_in = standing.authenticated_at?;
    signed_in.checked_add(scaled(standing.estimate.lifetime, 0.7 + 0.2 * standing.spread)).ok()
}

/// Used sessions are looked at often, as their life is short; idle ones seldom.
fn probe_at(standing: &Standing, policy: &Policy, now: Timestamp) -> Timestamp {
    // A look of times to come tells nothing.
    let Some(checked) = standing.checked_at.filter(|at| *at <= now + CLOCKS_DIFFER) else { return now };
    let used = standing.used_at.is_some_and(|used| used.duration_until(now) <= policy.in_use);
    let share = if used { 24.0 } else { 4.0 };
    let interval =
        scaled(standing.estimate.lifetime, 1.0 / share).clamp(policy.shortest_look, policy.longest_look);
    checked.checked_add(scaled(interval, 0.9 + 0.2 * standing.spread)).unwrap_or(now)
}

/// Doubled with each failure, up to the longest; then half of it to all of it.
fn pause(standing: &Standing, policy: &Policy) -> SignedDuration {
    let doubled = policy.first_pause.saturating_mul(1 << standing.failures.saturating_sub(1).min(16));
    scaled(doubled.min(policy.longest_pause), 0.5 + 0.5 * standing.spread)
}

fn scaled(span: SignedDuration, by: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(span.as_secs_f64() * by).unwrap_or(span)
}

/// Where a store stands among all, 0 to 1: the same for the same session, another for its next one. FNV-1a.
pub fn spread_of(merchant: &MerchantUid, turn: i64) -> f64 {
    let bytes = merchant.as_str().bytes().chain(turn.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The upper bits are the better mixed ones.
    let mixed = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let share = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::super::Basis;
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(hours: i64) -> Timestamp {
        let begin: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        begin + SignedDuration::from_hours(hours)
    }

    fn fresh() -> Standing {
        let lifetime = SignedDuration::from_hours(24);
        Standing {
            validity: Validity::Alive,
            authenticated_at: Some(at(0)),
            checked_at: Some(at(0)),
            used_at: None,
            estimate: Estimate { lifetime, basis: Basis::Default, deaths: 0, observed: 0 },
            failures: 0,
            can_refresh: true,
            spread: 0.5,
        }
    }

    #[test]
    fn a_session_is_renewed_before_its_end_and_not_at_the_same_moment_as_others() {
        let policy = Policy::default();
        let due = |spread: f64, hours| {
            let checked_at = Some(at(hours));
            what_is_due(&Standing { checked_at, spread, ..fresh() }, &policy, at(hours)) == Due::Refresh
        };
        assert!(!due(0.0, 16) && due(0.0, 17));
        assert!(!due(1.0, 21) && due(1.0, 22));
    }

    #[test]
    fn used_sessions_are_looked_at_more_often_than_idle_ones() {
        let policy = Policy::default();
        let idle = next_look(&fresh(), &policy, at(0));
        let used = next_look(&Standing { used_at: Some(at(0)), ..fresh() }, &policy, at(0));
        assert_eq!((used, idle), (at(1), at(6)));
    }

    #[test]
    fn a_dead_session_is_renewed_at_once_where_that_is_possible() {
        let policy = Policy::default();
        let dead = Standing { validity: Validity::Dead, ..fresh() };
        assert_eq!(what_is_due(&dead, &policy, at(1)), Due::Refresh);
        let hopeless = Standing { can_refresh: false, ..dead };
        assert_eq!(what_is_due(&hopeless, &policy, at(1)), Due::Nothing);
        assert!(next_look(&hopeless, &policy, at(1)) > at(1));
    }

    #[test]
    fn failures_wait_longer_each_time_but_not_for_ever() {
        let policy = Policy::default();
        let wait =
            |failures| at(0).duration_until(next_look(&Standing { failures, ..fresh() }, &policy, at(0)));
        assert!(wait(1) < wait(2) && wait(2) < wait(5));
        assert!(wait(30) <= policy.longest_pause);
    }

    #[test]
    fn another_programs_session_is_looked_at_and_never_called_old() {
        let policy = Policy::default();
        let foreign = Standing { authenticated_at: None, checked_at: None, ..fresh() };
        assert_eq!(what_is_due(&foreign, &policy, at(1000)), Due::Probe);
        let looked_at = Standing { checked_at: Some(at(1000)), ..foreign };
        assert_eq!(what_is_due(&looked_at, &policy, at(1000)), Due::Nothing);
    }

    #[test]
    fn a_look_of_times_to_come_is_no_look() {
        let policy = Policy::default();
        // The clock was two days ahead and has been set back.
        let ahead = Standing { authenticated_at: Some(at(48)), checked_at: Some(at(48)), ..fresh() };
        assert_eq!(what_is_due(&ahead, &policy, at(0)), Due::Probe);
        assert!(next_look(&ahead, &policy, at(0)) < at(1), "it does not wait for those times");
        let looked_at = Standing { checked_at: Some(at(0)), ..ahead };
        assert_eq!(what_is_due(&looked_at, &policy, at(0)), Due::Nothing);
        assert!(next_look(&looked_at, &policy, at(0)) <= at(7), "and is looked at as any other from then on");
        // Another node's clock is a little ahead.
        let soon = at(0) + SignedDuration::from_secs(10);
        assert_eq!(
            what_is_due(&Standing { checked_at: Some(soon), ..fresh() }, &policy, at(0)),
            Due::Nothing
        );
    }

    #[test]
    fn after_a_leap_ahead_every_store_is_due_once_and_then_at_its_own_time() {
        let policy = Policy::default();
        assert_eq!(what_is_due(&fresh(), &policy, at(24 * 365)), Due::Refresh);
        let renewed = at(24 * 365);
        let next = |spread: f64| {
            let standing =
                Standing { authenticated_at: Some(renewed), checked_at: Some(renewed), spread, ..fresh() };
            next_look(&standing, &policy, renewed)
        };
        assert!(next(0.0) > renewed + HOUR);
        assert!(next(1.0) > next(0.0) + HOUR / 2, "they part again");
    }

    #[test]
    fn the_next_look_is_never_now() {
        let policy = Policy::default();
        let overdue = Standing { checked_at: Some(at(0)), authenticated_at: Some(at(0)), ..fresh() };
        assert!(next_look(&overdue, &policy, at(500)) > at(500));
        assert!(at(500).duration_until(next_look(&overdue, &policy, at(500))) < HOUR);
    }

    #[test]
    fn stores_are_spread_evenly() {
        let mut buckets = [0; 10];
        for number in 0..10_000 {
            let spread = spread_of(&MerchantUid::parse(&format!("3{number:06}")).unwrap(), 1);
            assert!((0.0..1.0).contains(&spread));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
            let bucket = (spread * 10.0) as usize;
            buckets[bucket] += 1;
        }
        assert!(buckets.iter().all(|count| (850..1150).contains(count)), "{buckets:?}");
    }
}
