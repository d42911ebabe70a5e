//! The login flow: every state against every event, by a table written by hand; and what holds for any sequence of events.
#![expect(clippy::unwrap_used, reason = "samples are fine by construction")]

mod document;
mod events;
mod outcome;
mod properties;
mod samples;
mod states;
mod table;
mod walk;

use std::collections::BTreeSet;

use kaspi_auth_core::login::{Login, LoginState};
use samples::Wish;
use walk::{every_pair, read};

#[test]
fn every_state_takes_every_event_as_the_table_says() {
    let expected = read(table::ASKS);
    let mut wrong = Vec::new();
    let mut met = BTreeSet::new();
    for pair in every_pair(Wish::Ask) {
        let key = (pair.state, pair.event);
        met.insert(key);
        let row = expected.get(&key).copied().unwrap_or("no row");
        if row != pair.outcome {
            wrong.push(format!("{} | {}\n  table: {row}\n  step:  {}", pair.state, pair.event, pair.outcome));
        }
    }
    wrong.extend(
        expected.keys().filter(|key| !met.contains(*key)).map(|key| format!("no such pair: {key:?}")),
    );
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_wish_changes_what_its_table_says_and_nothing_else() {
    let plain = every_pair(Wish::Ask);
    for (wish, text) in [
        (Wish::Listed, table::WANTS_LISTED),
        (Wish::Unlisted, table::WANTS_UNLISTED),
        (Wish::First, table::TAKES_FIRST),
        (Wish::Direct, table::WANTS_DIRECT),
        (Wish::Browser, table::HELD_BY_A_BROWSER),
    ] {
        let expected = read(text);
        let mut met = 0;
        for (pair, asks) in every_pair(wish).iter().zip(&plain) {
            let row = expected.get(&(pair.state, pair.event));
            met += usize::from(row.is_some());
            let row = row.copied().unwrap_or(&asks.outcome);
            assert_eq!(row, pair.outcome, "{}: {} | {}", wish.name(), pair.state, pair.event);
        }
        assert_eq!(met, expected.len(), "{}: a row names a pair that is not there", wish.name());
    }
}

#[test]
fn every_state_every_challenge_and_every_event_has_a_sample() {
    let samples = states::samples();
    let states: BTreeSet<_> = samples.iter().map(|(_, state)| states::state_variant(state)).collect();
    assert_eq!(states, states::STATES.iter().copied().collect());
    let asked = samples.iter().filter_map(|(_, state)| match state {
        LoginState::Awaiting { challenge } => Some(states::challenge_variant(challenge)),
        _ => None,
    });
    assert_eq!(asked.collect::<BTreeSet<_>>(), states::CHALLENGES.iter().copied().collect());
    let names: BTreeSet<_> = samples.iter().map(|(_, state)| state.name()).collect();
    assert_eq!(names, LoginState::NAMES.iter().copied().collect(), "LoginState::NAMES is complete");
    let events: BTreeSet<_> =
        events::samples().iter().map(|sample| events::event_variant(&sample.event)).collect();
    assert_eq!(events, events::EVENTS.iter().copied().collect());
}

#[test]
fn a_step_changes_nothing_but_what_the_tables_show() {
    for wish in Wish::ALL {
        for pair in every_pair(wish) {
            let Ok(step) = pair.stepped else { continue };
            let Login { state, driver, holder, code_verified, wanted, updated_at, .. } = step.login.clone();
            let expected = Login { state, driver, holder, code_verified, wanted, updated_at, ..pair.before };
            assert_eq!(step.login, expected, "{} | {}", pair.state, pair.event);
        }
    }
}

#[test]
fn the_page_in_the_documentation_is_up_to_date() {
    let (path, page) = (document::path(), document::page());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/login-flow.md is not what the flow does now; write it again with\n\
         UPDATE_DOCS=1 cargo test -p kaspi-auth-core --test login_flow"
    );
}
