//! How a way out fares with the portal: a score, and a rest after blocks. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What a login or a check showed of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The portal answered as it should.
    Passed,
    /// The portal put a wall up.
    Blocked,
    /// Nothing came through.
    Unreachable,
}

/// When a way out is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestPolicy {
    /// So many blocks in a row are taken for the way's fault and not the account's.
    pub blocks: u32,
    /// The first rest; each further one is twice as long.
    pub first: SignedDuration,
    /// The longest rest.
    pub longest: SignedDuration,
}

impl Default for RestPolicy {
    /// 5 blocks, 1 min, 30 min.
    fn default() -> Self {
        Self { blocks: 5, first: SignedDuration::from_mins(1), longest: SignedDuration::from_mins(30) }
    }
}

/// How a way out fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// 0 to 100: every sign moves it by its weight.
    pub score: u8,
    /// Blocks since the portal last answered as it should.
    pub blocks: u32,
    /// Rests since then.
    pub rests: u32,
    /// Until when it rests.
    pub rest_until: Option<Timestamp>,
}

impl Default for Health {
    fn default() -> Self {
        Self { score: 100, blocks: 0, rests: 0, rest_until: None }
    }
}

impl Health {
    /// Nothing speaks against it: a good sign would change nothing.
    pub fn is_perfect(&self) -> bool {
        *self == Self::default()
    }

    /// Left alone at `now`.
    pub fn is_resting(&self, now: Timestamp) -> bool {
        self.rest_until.is_some_and(|until| now < until)
    }

    /// The health after a sign.
    #[must_use]
    pub fn after(self, sign: Sign, now: Timestamp, policy: &RestPolicy) -> Self {
        match sign {
            Sign::Passed => {
                Self { score: self.score.saturating_add(10).min(100), blocks: 0, rests: 0, rest_until: None }
            }
            Sign::Unreachable => Self { score: self.score.saturating_sub(10), ..self },
            Sign::Blocked => {
                let blocked = Self { score: self.score.saturating_sub(20), blocks: self.blocks + 1, ..self };
                // One account's wall is not yet the way's; after a rest, a single further block is. What was under way when a rest
                // began meets the same wall and makes it no longer.
                if (blocked.blocks < policy.blocks && blocked.rests == 0) || self.is_resting(now) {
                    return blocked;
                }
                let factor = 1_i32 << blocked.rests.min(16);
                let rest =
                    policy.first.checked_mul(factor).map_or(policy.longest, |rest| rest.min(policy.longest));
                let rest_until = now.checked_add(rest).ok();
                Self { rests: blocked.rests + 1, rest_until, ..blocked }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_single_wall_is_the_accounts_and_a_row_of_them_is_the_ways() {
        let policy = RestPolicy::default();
        let mut health = Health::default();
        for _ in 0..4 {
            health = health.after(Sign::Blocked, at(0), &policy);
            assert!(!health.is_resting(at(0)));
        }
        health = health.after(Sign::Blocked, at(0), &policy);
        assert!(health.is_resting(at(59)) && !health.is_resting(at(60)));
    }

    #[test]
    fn each_further_block_doubles_the_rest_up_to_the_longest_and_a_pass_ends_it() {
        let policy = RestPolicy { blocks: 1, ..RestPolicy::default() };
        let (mut health, mut now) = (Health::default(), 0);
        for minutes in [1, 2, 4, 8, 16, 30, 30] {
            health = health.after(Sign::Blocked, at(now), &policy);
            now += minutes * 60;
            assert_eq!(health.rest_until, Some(at(now)));
        }
        health = health.after(Sign::Passed, at(0), &policy);
        assert!(!health.is_resting(at(0)) && health.blocks == 0 && health.score == 10);
    }

    #[test]
    fn a_block_that_comes_in_during_a_rest_makes_it_no_longer() {
        let policy = RestPolicy::default();
        let health = (0..10).fold(Health::default(), |health, _| health.after(Sign::Blocked, at(0), &policy));
        assert_eq!((health.rests, health.rest_until, health.score), (1, Some(at(60)), 0));
    }
}
