//! Walks every pair of a state and an event, and reads the tables of what is expected.

use std::collections::BTreeMap;

use kaspi_auth_core::login::{Limits, Login, Step, StepError, step};

use crate::outcome::describe;
use crate::samples::{Wish, login};
use crate::{events, states};

/// One pair, and what came of it.
pub struct Pair {
    /// The state's name in the tables.
    pub state: &'static str,
    /// The event's name in the tables.
    pub event: &'static str,
    /// The event's variant.
    pub variant: &'static str,
    /// The login before.
    pub before: Login,
    /// What `step` said.
    pub stepped: Result<Step, StepError>,
    /// The same in one line.
    pub outcome: String,
}

/// Every pair, for a caller with this wish.
pub fn every_pair(wish: Wish) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (state, value) in states::samples() {
        for sample in events::samples() {
            let before = login(value.clone(), wish);
            let variant = events::event_variant(&sample.event);
            let stepped = step(&before, sample.event, sample.now, &Limits::default());
            let outcome = describe(&before, &stepped);
            pairs.push(Pair { state, event: sample.name, variant, before, stepped, outcome });
        }
    }
    pairs
}

/// A table as written: the outcome by state and event.
pub type Expected<'a> = BTreeMap<(&'a str, &'a str), &'a str>;

/// Reads a table: a line without indent names the states of a block (`a; b`), an indented one the events and their outcome
/// (`event event -> outcome`); a list of events may go over several lines.
pub fn read(table: &str) -> Expected<'_> {
    let mut expected = Expected::new();
    let (mut states, mut events) = (Vec::new(), Vec::new());
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        if !line.starts_with(' ') {
            assert!(events.is_empty(), "events without an outcome before {line:?}");
            states = line.split("; ").collect();
            continue;
        }
        let (names, outcome) = line.split_once(" -> ").map_or((line, None), |(a, b)| (a, Some(b.trim())));
        events.extend(names.split_whitespace());
        let Some(outcome) = outcome else { continue };
        for event in events.drain(..) {
            for state in &states {
                let twice = expected.insert((*state, event), outcome);
                assert!(twice.is_none(), "two rows for {state} | {event}");
            }
        }
    }
    expected
}
