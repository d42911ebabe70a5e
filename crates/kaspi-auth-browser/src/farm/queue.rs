//! Who waits, and whose turn it is: tenants take turns, and each tenant's own stand in line. Knows no browser.

use std::collections::{HashMap, VecDeque};

/// A queue in which tenants take turns.
pub struct Queue<T> {
    /// Whose turn it is, first the next. Each has somebody in line.
    turns: VecDeque<String>,
    lines: HashMap<String, VecDeque<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { turns: VecDeque::new(), lines: HashMap::new() }
    }
}

impl<T> Queue<T> {
    /// Stands at the end of the tenant's line.
    pub fn push(&mut self, tenant: &str, waiter: T) {
        let line = self.lines.entry(tenant.to_owned()).or_default();
        if line.is_empty() {
            self.turns.push_back(tenant.to_owned());
        }
        line.push_back(waiter);
    }

    /// Takes the next for whom there is something: the first of each tenant's line is asked, in turn. Whoever does not
    /// get anything keeps the turn.
    pub fn serve<G>(&mut self, mut serve: impl FnMut(&T) -> Option<G>) -> Option<(T, G)> {
        for turn in 0..self.turns.len() {
            let Some(line) = self.lines.get_mut(&self.turns[turn]) else { continue };
            let Some(granted) = line.front().and_then(&mut serve) else { continue };
            let Some(waiter) = line.pop_front() else { continue };
            let left = !line.is_empty();
            if let Some(tenant) = self.turns.remove(turn) {
                if left {
                    self.turns.push_back(tenant);
                } else {
                    self.lines.remove(&tenant);
                }
            }
            return Some((waiter, granted));
        }
        None
    }

    /// Forgets those who are not to wait any longer.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for line in self.lines.values_mut() {
            line.retain(&mut keep);
        }
        self.lines.retain(|_, line| !line.is_empty());
        let lines = &self.lines;
        self.turns.retain(|tenant| lines.contains_key(tenant));
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lines.values().map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(queue: &mut Queue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.serve(|_| Some(())).map(|(waiter, ())| waiter)).collect()
    }

    #[test]
    fn tenants_take_turns_however_many_they_bring() {
        let mut queue = Queue::default();
        for waiter in ["a1", "a2", "a3", "a4"] {
            queue.push("a", waiter);
        }
        queue.push("b", "b1");
        queue.push("c", "c1");
        queue.push("b", "b2");
        assert_eq!(order(&mut queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_tenant_that_comes_late_is_served_after_one_of_the_crowd() {
        let mut queue = Queue::default();
        for waiter in ["a1", "a2", "a3"] {
            queue.push("a", waiter);
        }
        assert_eq!(queue.serve(|_| Some(())).map(|(waiter, ())| waiter), Some("a1"));
        queue.push("b", "b1");
        assert_eq!(order(&mut queue), ["a2", "b1", "a3"]);
    }

    #[test]
    fn one_for_whom_there_is_nothing_does_not_stop_the_others_and_keeps_the_turn() {
        let mut queue = Queue::default();
        queue.push("a", "a1");
        queue.push("b", "b1");
        assert_eq!(
            queue.serve(|waiter| (*waiter != "a1").then_some(())).map(|(waiter, ())| waiter),
            Some("b1")
        );
        queue.push("b", "b2");
        assert_eq!(order(&mut queue), ["a1", "b2"]);
    }

    #[test]
    fn those_who_left_are_forgotten() {
        let mut queue = Queue::default();
        for waiter in ["a1", "a2"] {
            queue.push("a", waiter);
        }
        queue.push("b", "b1");
        queue.retain(|waiter| *waiter != "b1" && *waiter != "a1");
        assert_eq!((queue.len(), order(&mut queue)), (1, vec!["a2"]));
    }
}
