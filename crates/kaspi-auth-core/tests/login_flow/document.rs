//! Writes `docs/login-flow.md` out of what `step` does: the diagram and the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use kaspi_auth_core::login::LoginState;

use crate::events;
use crate::samples::Wish;
use crate::walk::{Pair, every_pair};

/// Where the page is.
pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/login-flow.md")
}

/// The whole page.
pub fn page() -> String {
    let plain = every_pair(Wish::Ask);
    let mut page = String::from(INTRODUCTION);
    page.push_str(&diagram(&plain));
    page.push_str(READING);
    page.push_str(&legend());
    page.push_str("\n## Every state and every event\n");
    for rows in plain.chunk_by(|a, b| a.state == b.state) {
        page.push_str(&table(rows[0].state, rows));
    }
    page.push_str(WISHES);
    for wish in Wish::ALL.into_iter().filter(|wish| *wish != Wish::Ask) {
        page.push_str(&differences(wish, &plain));
    }
    page
}

const INTRODUCTION: &str = "\
# The login flow

Generated from `crates/kaspi-auth-core/src/login/step.rs` by the table test beside it. After a change of the flow:
`UPDATE_DOCS=1 cargo test -p kaspi-auth-core --test login_flow`.

A login is changed by one pure function: record, event and time in; the new record and the effects to carry out come back. The
record is stored before its effects are carried out.

";

const READING: &str = "\
An arrow from the frame holds for every state in it. Awaiting states wait for the caller and need no node; in the others a node
is at work.

## Events

Times are minutes and seconds since the login was asked for. In the tables below the question was asked at 01:00: another code
may be had from 02:00, an answer is taken until 11:00, and the login ends at 20:00. An event without a moment happens at 03:00.

";

const WISHES: &str = "
## Where more is said of the login

The tables above are for a caller who named no merchant and wants to be asked, and for a login that may be driven by anything and
is driven directly. For the others these pairs come out differently, and no others.
";

/// The diagram: arrows by the names of states, labelled with the events.
fn diagram(pairs: &[Pair]) -> String {
    let mut arrows: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut under_way = BTreeSet::new();
    for pair in pairs {
        let from = &pair.before.state;
        if !from.is_terminal() {
            under_way.insert(from.name());
        }
        if let Ok(step) = &pair.stepped {
            arrows.entry((from.name(), step.login.state.name())).or_default().insert(pair.variant);
        }
    }
    let common = lift(&mut arrows, &under_way);
    let ended = |name: &&&str| !under_way.contains(**name);
    let mut text = String::from(
        "```mermaid\nstateDiagram-v2\n    state \"under way\" as under_way {\n        [*] --> queued\n",
    );
    // In the order of the flow, not of the alphabet.
    for from in LoginState::NAMES {
        for to in LoginState::NAMES.iter().filter(|to| !ended(to)) {
            write_arrow(&mut text, "        ", from, to, arrows.get(&(*from, *to)));
        }
    }
    text.push_str("    }\n");
    for to in LoginState::NAMES.iter().filter(ended) {
        write_arrow(&mut text, "    ", "under_way", to, common.get(to));
        for from in LoginState::NAMES {
            write_arrow(&mut text, "    ", from, to, arrows.get(&(*from, *to)));
        }
        let _ = writeln!(text, "    {to} --> [*]");
    }
    text.push_str("```\n\n");
    text
}

/// Takes out the arrows that every state under way has, and answers them by where they lead.
fn lift<'a>(
    arrows: &mut BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
    under_way: &BTreeSet<&'a str>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut common: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for to in LoginState::NAMES {
        let everywhere = under_way
            .iter()
            .map(|from| arrows.get(&(*from, *to)).cloned().unwrap_or_default())
            .reduce(|a, b| &a & &b)
            .unwrap_or_default();
        for ((_, _), events) in arrows.iter_mut().filter(|((_, end), _)| end == to) {
            events.retain(|event| !everywhere.contains(event));
        }
        common.insert(to, everywhere);
    }
    common
}

fn write_arrow(text: &mut String, indent: &str, from: &str, to: &str, events: Option<&BTreeSet<&str>>) {
    let Some(events) = events.filter(|events| !events.is_empty()) else { return };
    let label: Vec<_> = events.iter().copied().collect();
    let _ = writeln!(text, "{indent}{from} --> {to}: {}", label.join(" / "));
}

fn legend() -> String {
    let mut text = String::from("| Event | What happens |\n|---|---|\n");
    for sample in events::samples() {
        let _ = writeln!(text, "| `{}` | {} |", sample.name, sample.meaning);
    }
    text
}

/// One state: what it takes, and in one line each what it does not.
fn table(state: &str, rows: &[Pair]) -> String {
    let mut text = format!("\n### {state}\n\n");
    let (refused, taken): (Vec<_>, Vec<_>) = rows.iter().partition(|pair| pair.stepped.is_err());
    if !taken.is_empty() {
        text.push_str("| Event | New state, what it learns, [effects] |\n|---|---|\n");
        for pair in taken {
            let _ = writeln!(text, "| `{}` | {} |", pair.event, pair.outcome);
        }
        text.push('\n');
    }
    let mut errors: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pair in refused {
        errors.entry(&pair.outcome).or_default().push(format!("`{}`", pair.event));
    }
    for (error, events) in errors {
        let refusal = error.strip_prefix("error: ").unwrap_or(error);
        let _ = writeln!(text, "- **{refusal}**: {}", events.join(", "));
    }
    text
}

fn differences(wish: Wish, plain: &[Pair]) -> String {
    let mut text = format!(
        "\n### {}\n\n{}.\n\n| State | Event | New state, what it learns, [effects] |\n|---|---|---|\n",
        wish.name(),
        wish.meaning()
    );
    for (pair, asks) in every_pair(wish).iter().zip(plain) {
        if pair.outcome != asks.outcome {
            let _ = writeln!(text, "| {} | `{}` | {} |", pair.state, pair.event, pair.outcome);
        }
    }
    text
}
