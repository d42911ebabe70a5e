//! How a store's calls of the cabinet through the gateway went, added up. Holds neither a path nor a caller: who called what is the audit log's.

use jiff::{SignedDuration, Timestamp};

use crate::id::MerchantUid;

/// Calls of one store that came to the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// The store.
    pub merchant_uid: MerchantUid,
    /// What they came to: a class of the cabinet's status (`2xx` …), or the code of an error of ours.
    pub outcome: String,
    /// How many there were.
    pub times: u64,
    /// How long all of them took together, the cabinet's time included, each until its answer began.
    pub took: SignedDuration,
    /// How long the slowest took.
    pub slowest: SignedDuration,
    /// When the first ended.
    pub first_at: Timestamp,
    /// When the last ended.
    pub last_at: Timestamp,
}

impl Calls {
    /// One call.
    pub fn one(uid: &MerchantUid, outcome: &str, took: SignedDuration, at: Timestamp) -> Self {
        Self {
            merchant_uid: uid.clone(),
            outcome: outcome.to_owned(),
            times: 1,
            took,
            slowest: took,
            first_at: at,
            last_at: at,
        }
    }

    /// Adds others of the same store and outcome.
    pub fn add(&mut self, others: &Self) {
        self.times = self.times.saturating_add(others.times);
        self.took = self.took.saturating_add(others.took);
        self.slowest = self.slowest.max(others.slowest);
        self.first_at = self.first_at.min(others.first_at);
        self.last_at = self.last_at.max(others.last_at);
    }

    /// How long one took on average.
    pub fn mean(&self) -> SignedDuration {
        let micros = self.took.as_micros() / i128::from(self.times.max(1));
        SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_add_up() {
        let uid = MerchantUid::parse("17").unwrap();
        let call = |millis, second| {
            let at = Timestamp::from_second(second).unwrap();
            Calls::one(&uid, "2xx", SignedDuration::from_millis(millis), at)
        };
        let mut all = call(30, 5);
        all.add(&call(10, 9));
        all.add(&call(50, 1));
        assert_eq!((all.times, all.mean().as_millis(), all.slowest.as_millis()), (3, 30, 50));
        assert_eq!((all.first_at.as_second(), all.last_at.as_second()), (1, 9));
    }
}
