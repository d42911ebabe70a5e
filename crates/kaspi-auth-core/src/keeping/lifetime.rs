//! How long sessions live, learned from those that died and those that still live (Kaplan–Meier).

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Deaths that an estimate needs before it counts.
const ENOUGH: usize = 3;
/// The estimate is the age that this share of sessions reached.
const SHARE: f64 = 0.8;

/// One session, as old as it was when it was last known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// Which session of the store: one observation a generation.
    pub generation: i64,
    /// Its age: from the sign-in to the last look.
    pub age: SignedDuration,
    /// Whether that was its death. A session that was replaced alive is censored.
    pub died: bool,
}

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Sessions of this store.
    Store,
    /// Sessions of all stores.
    Portal,
    /// The configured default: too little is known.
    Default,
}

impl Basis {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Portal => "portal",
            Self::Default => "default",
        }
    }
}

/// How long a session is believed to live.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From the sign-in.
    pub lifetime: SignedDuration,
    /// What it rests on.
    pub basis: Basis,
    /// How many sessions were seen to die.
    pub deaths: usize,
    /// How many sessions were seen at all.
    pub observed: usize,
}

/// The store's own curve where it has enough deaths, else the portal's, else the default. Sessions that outlived the default prolong it.
pub fn estimate(store: &[Observation], portal: &[Observation], default: SignedDuration) -> Estimate {
    for (basis, seen) in [(Basis::Store, store), (Basis::Portal, portal)] {
        let deaths = seen.iter().filter(|one| one.died).count();
        if deaths >= ENOUGH {
            return Estimate { lifetime: reached_by(seen, SHARE), basis, deaths, observed: seen.len() };
        }
    }
    // Nothing is known of deaths; that a session lived longer than the default is known.
    let oldest =
        store.iter().filter(|one| !one.died).map(|one| one.age).max().unwrap_or(SignedDuration::ZERO);
    let deaths = store.iter().filter(|one| one.died).count();
    Estimate { lifetime: default.max(oldest), basis: Basis::Default, deaths, observed: store.len() }
}

/// The age that `share` of the sessions reached: where the curve of survival falls below it.
fn reached_by(seen: &[Observation], share: f64) -> SignedDuration {
    let mut seen = seen.to_vec();
    // Of the same age, who died comes before who was only lost from sight.
    seen.sort_by_key(|one| (one.age, !one.died));
    let mut surviving = 1.0;
    let mut last = SignedDuration::ZERO;
    for (before, one) in seen.iter().enumerate() {
        if !one.died {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
        let at_risk = (seen.len() - before) as f64;
        surviving *= 1.0 - 1.0 / at_risk;
        last = one.age;
        // A curve that touches the share has not fallen below it.
        if surviving < share - 1e-9 {
            return one.age;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn died(hours: i64) -> Observation {
        Observation { generation: hours, age: SignedDuration::from_hours(hours), died: true }
    }

    fn lives(hours: i64) -> Observation {
        Observation { died: false, ..died(hours) }
    }

    #[test]
    fn without_deaths_the_default_counts_and_grows_with_what_outlived_it() {
        assert_eq!(
            estimate(&[], &[], DAY),
            Estimate { lifetime: DAY, basis: Basis::Default, deaths: 0, observed: 0 }
        );
        let estimate = estimate(&[lives(50), lives(10)], &[died(1)], DAY);
        assert_eq!((estimate.lifetime, estimate.basis), (SignedDuration::from_hours(50), Basis::Default));
    }

    #[test]
    fn the_stores_own_deaths_count_before_the_portals() {
        let portal: Vec<_> = (0..20).map(|_| died(12)).collect();
        let of_portal = estimate(&[died(3)], &portal, DAY);
        assert_eq!(
            (of_portal.lifetime, of_portal.basis, of_portal.deaths),
            (SignedDuration::from_hours(12), Basis::Portal, 20)
        );
        let of_store = estimate(&[died(3), died(3), died(3)], &portal, DAY);
        assert_eq!((of_store.lifetime, of_store.basis), (SignedDuration::from_hours(3), Basis::Store));
    }

    #[test]
    fn the_estimate_comes_before_most_deaths() {
        // Ten sessions that died after 1 to 10 hours: eight of them reached the third hour.
        let seen: Vec<_> = (1..=10).map(died).collect();
        assert_eq!(estimate(&seen, &[], DAY).lifetime, SignedDuration::from_hours(3));
    }

    #[test]
    fn who_was_lost_from_sight_alive_makes_the_estimate_longer() {
        let dead = [died(5), died(10), died(20)];
        let among_living: Vec<_> = dead.into_iter().chain((0..30).map(|_| lives(15))).collect();
        assert!(estimate(&among_living, &[], DAY).lifetime > estimate(&dead, &[], DAY).lifetime);
    }
}
