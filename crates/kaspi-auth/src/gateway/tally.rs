//! Adds up how the stores' calls went until that is written down. Must not grow without end, and must not make a call wait for the database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::calls::Calls;
use kaspi_auth_core::error::Result;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::records::Records;
use parking_lot::Mutex;

/// Stores and outcomes that are held; of what comes on top only the metrics know.
const HELD: usize = 50_000;
/// Rows that are written in one transaction.
const BATCH: usize = 500;

/// What was counted since it was last written down.
pub(super) struct Tally {
    records: Arc<Records>,
    held: Mutex<Held>,
}

/// By the store and what the calls came to.
#[derive(Default)]
struct Held(HashMap<(MerchantUid, &'static str), Calls>);

impl Held {
    fn put(&mut self, outcome: &'static str, calls: Calls) {
        let known = self.0.len();
        match self.0.entry((calls.merchant_uid.clone(), outcome)) {
            Entry::Occupied(mut there) => there.get_mut().add(&calls),
            Entry::Vacant(place) if known < HELD => drop(place.insert(calls)),
            Entry::Vacant(_) => {}
        }
    }
}

impl Tally {
    /// With nothing counted.
    pub(super) fn new(records: Arc<Records>) -> Self {
        Self { records, held: Mutex::default() }
    }

    /// Counts a call. `outcome`: a class of status, or a code of ours.
    pub(super) fn count(
        &self,
        uid: &MerchantUid,
        outcome: &'static str,
        took: SignedDuration,
        at: Timestamp,
    ) {
        self.held.lock().put(outcome, Calls::one(uid, outcome, took, at));
    }

    /// Writes down what was counted. What cannot be written now is kept.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn flush(&self) -> Result<()> {
        let taken = std::mem::take(&mut *self.held.lock());
        let mut left = taken.0.into_iter().peekable();
        while left.peek().is_some() {
            let (outcomes, some): (Vec<_>, Vec<_>) =
                left.by_ref().take(BATCH).map(|((_, outcome), calls)| (outcome, calls)).unzip();
            if let Err(error) = self.records.add_calls(&some).await {
                let rest = left.map(|((_, outcome), calls)| (outcome, calls));
                let mut held = self.held.lock();
                outcomes
                    .into_iter()
                    .zip(some)
                    .chain(rest)
                    .for_each(|(outcome, calls)| held.put(outcome, calls));
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_what_is_known_counts_on() {
        let mut held = Held::default();
        let at = Timestamp::from_second(5).unwrap();
        for number in (1..=HELD + 10).chain([1]) {
            let uid = MerchantUid::parse(&number.to_string()).unwrap();
            held.put("2xx", Calls::one(&uid, "2xx", SignedDuration::from_millis(3), at));
        }
        let times: u64 = held.0.values().map(|calls| calls.times).sum();
        assert_eq!((held.0.len(), times), (HELD, HELD as u64 + 1));
    }
}
