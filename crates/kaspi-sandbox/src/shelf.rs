//! A bounded, sharded map from a secret value to what it stands for. When a shard is full the oldest entry goes.
//! It must not call back into anything while a shard is locked, and knows nothing of time.

use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

const SHARDS: usize = 32;

/// The map. Values are cloned out: keep them small, or behind an `Arc`.
pub(crate) struct Shelf<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    per_shard: usize,
    hasher: RandomState,
}

struct Shard<V> {
    entries: HashMap<Arc<str>, (u64, V)>,
    order: VecDeque<(u64, Arc<str>)>,
    next: u64,
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), next: 0 }
    }
}

impl<V> Shard<V> {
    fn is_current(&self, number: u64, key: &str) -> bool {
        self.entries.get(key).is_some_and(|(current, _)| *current == number)
    }

    fn make_room(&mut self, limit: usize) {
        while let Some((number, key)) = self.order.front() {
            let current = self.is_current(*number, key);
            if current && self.entries.len() < limit {
                break;
            }
            let Some((_, key)) = self.order.pop_front() else { break };
            if current {
                self.entries.remove(&key);
            }
        }
        if self.order.len() > limit.saturating_mul(2) {
            let order = std::mem::take(&mut self.order);
            self.order = order.into_iter().filter(|(number, key)| self.is_current(*number, key)).collect();
        }
    }
}

impl<V: Clone> Shelf<V> {
    /// A map that holds about `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            per_shard: (capacity / SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "any part of the hash will do")]
    fn shard(&self, key: &str) -> &Mutex<Shard<V>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    /// Puts a value, in place of an earlier one of the same key.
    pub(crate) fn put(&self, key: &str, value: V) {
        let mut shard = self.shard(key).lock();
        shard.make_room(self.per_shard);
        let key: Arc<str> = Arc::from(key);
        let number = shard.next;
        shard.next += 1;
        shard.order.push_back((number, Arc::clone(&key)));
        shard.entries.insert(key, (number, value));
    }

    /// A copy of the value.
    pub(crate) fn get(&self, key: &str) -> Option<V> {
        self.shard(key).lock().entries.get(key).map(|(_, value)| value.clone())
    }

    /// Takes the value away: of two callers only one gets it.
    pub(crate) fn take(&self, key: &str) -> Option<V> {
        self.shard(key).lock().entries.remove(key).map(|(_, value)| value)
    }

    /// Copies of all values, in no order.
    pub(crate) fn values(&self) -> Vec<V> {
        self.shards
            .iter()
            .flat_map(|shard| {
                shard.lock().entries.values().map(|(_, value)| value.clone()).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock() = Shard::default();
        }
    }

    /// How many entries there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().entries.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_shelf_drops_the_oldest() {
        let shelf = Shelf::new(SHARDS * 4);
        for number in 0..10_000 {
            shelf.put(&format!("key-{number}"), number);
        }
        assert!(shelf.len() <= SHARDS * 4);
        assert_eq!(shelf.get("key-9999"), Some(9_999));
        assert_eq!(shelf.get("key-0"), None);
    }

    #[test]
    fn a_value_is_taken_once() {
        let shelf = Shelf::new(100);
        shelf.put("key", 1);
        assert_eq!(shelf.take("key"), Some(1));
        assert_eq!(shelf.take("key"), None);
    }

    #[test]
    fn taken_entries_leave_no_trace_behind() {
        let shelf = Shelf::new(SHARDS);
        for number in 0..10_000 {
            let key = format!("key-{number}");
            shelf.put(&key, number);
            shelf.take(&key);
        }
        assert_eq!(shelf.len(), 0);
        let traces: usize = shelf.shards.iter().map(|shard| shard.lock().order.len()).sum();
        assert!(traces <= SHARDS, "{traces} traces");
    }

    #[test]
    fn a_value_put_again_is_young_again() {
        let shelf = Shelf::new(SHARDS * 100);
        shelf.put("kept", 0);
        for number in 0..50_000 {
            shelf.put(&format!("key-{number}"), number);
            if number % 10 == 0 {
                shelf.put("kept", number);
            }
        }
        assert_eq!(shelf.get("kept"), Some(49_990));
    }
}
