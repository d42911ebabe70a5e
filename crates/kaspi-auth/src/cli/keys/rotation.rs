//! `keys status` and `keys rotate`. What is done stays done: the rows themselves say how far a rotation has come.

use indicatif::ProgressBar;
use kaspi_auth_core::port::Clock as _;
use kaspi_auth_store::{Finding, RekeyCursor, RowsBehind, SqlDatabase};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::failure::{Exit, Failure, Outcome};
use super::super::{Global, output, signals, table};
use super::{bar, findings_json, open, stopped, tell, write_down};
use crate::process::SystemClock;

/// Rows whose key is looked up before they are counted.
const LOOK: u32 = 5000;
/// Passes over the tables: a row that somebody wrote meanwhile is moved by the next one.
const PASSES: u32 = 5;

/// How far the database is.
pub async fn status(global: &Global, as_json: bool) -> Outcome {
    let database = open(global).await?;
    let behind = database.rows_behind(LOOK).await.map_err(stopped);
    write_down(&database, "keys status", &behind).await;
    let keys = database.key_fingerprints();
    database.close().await;
    let behind = behind?;
    if as_json {
        let tables: serde_json::Map<_, _> = behind
            .tables
            .iter()
            .map(|one| (one.table.to_owned(), json!({ "behind": one.behind, "unknown": one.unmarked })))
            .collect();
        output::json(&json!({ "fingerprints": keys, "rows_behind": behind.total(), "tables": tables }));
    } else {
        for (place, fingerprint) in keys.iter().enumerate() {
            let role = if place == 0 { "seals and opens" } else { "opens" };
            output::line(format_args!("{fingerprint}  {role}"));
        }
        let rows: Vec<_> = behind
            .tables
            .iter()
            .map(|one| [one.table.to_owned(), one.behind.to_string(), one.unmarked.to_string()])
            .collect();
        output::line(table::layout(["TABLE", "BEHIND", "NOT LOOKED AT"], &rows));
        output::line(format_args!("rows behind: {}", behind.total()));
    }
    Ok(Exit::Done)
}

/// What a rotation came to.
#[derive(Default)]
struct Done {
    moved: u64,
    findings: Vec<Finding>,
    interrupted: bool,
}

/// Moves everything to the newest key.
pub async fn rotate(global: &Global, batch: u32, as_json: bool) -> Outcome {
    let database = open(global).await?;
    let keys = database.key_fingerprints();
    let stop =
        signals::stop().map_err(|error| Failure::new("signals cannot be listened to").because(error))?;
    // Before the first row: a process that is killed in the middle writes no word about its end.
    write_down(&database, "keys rotate: begun", &Ok(())).await;
    let rotated = rotate_all(&database, batch, as_json, keys.len() == 1, &stop).await;
    let done = rotated.and_then(|(done, left)| told(&keys, &done, &left, as_json));
    write_down(&database, "keys rotate", &done).await;
    database.close().await;
    done
}

/// Tells how a rotation ended.
fn told(keys: &[String], done: &Done, left: &RowsBehind, as_json: bool) -> Outcome {
    let old = keys.get(1..).unwrap_or_default();
    if as_json {
        output::json(&json!({
            "rows_behind": left.total(),
            "moved": done.moved,
            "fingerprint": keys.first(),
            "old_fingerprints": old,
            "findings": findings_json(&done.findings),
            "interrupted": done.interrupted,
        }));
    }
    if done.interrupted {
        return Err(
            Failure::interrupted("interrupted; what was done is done").hint("the same command goes on")
        );
    }
    if left.total() == 0 {
        if !as_json {
            output::line(format_args!("rows sealed anew: {}", done.moved));
            output::line(said_at_the_end(old));
        }
        return Ok(Exit::Done);
    }
    if !as_json {
        tell(&done.findings);
    }
    Err(if done.findings.is_empty() {
        Failure::new(format!("rows behind: {}; others wrote them under another key meanwhile", left.total()))
            .ending(Exit::Later)
            .hint("put the new key first on every node and in every other program, restart them, and rotate again")
    } else {
        Failure::new(format!("rows behind: {}; no configured key opens some of them", left.total()))
            .hint("add the key that sealed them at the end of ENCRYPTION_KEY and rotate again; `keys verify` tells all")
    })
}

/// Passes over the tables until nothing is behind, nothing more can be done, or somebody asks to stop.
async fn rotate_all(
    database: &SqlDatabase,
    batch: u32,
    as_json: bool,
    is_only_key: bool,
    stop: &CancellationToken,
) -> Outcome<(Done, RowsBehind)> {
    let before = database.rows_behind(LOOK).await.map_err(stopped)?;
    if is_only_key && before.total() == 0 {
        return Err(Failure::usage(
            "there is one key, and every row is sealed under it: there is nothing to rotate to",
        )
        .hint(
            "make a new key, put it before the present one, comma separated, restart every node, then rotate",
        ));
    }
    let bar = bar(Some(before.total()), as_json);
    let mut done = Done::default();
    let mut left = before;
    for _ in 0..PASSES {
        let overtaken = pass(database, batch, &bar, stop, &mut done).await?;
        left = database.rows_behind(0).await.map_err(stopped)?;
        let moving_would_help = overtaken > 0 || done.findings.is_empty();
        if left.total() == 0 || done.interrupted || !moving_would_help {
            break;
        }
    }
    bar.finish_and_clear();
    Ok((done, left))
}

/// One pass; how many rows somebody wrote meanwhile.
async fn pass(
    database: &SqlDatabase,
    batch: u32,
    bar: &ProgressBar,
    stop: &CancellationToken,
    done: &mut Done,
) -> Outcome<u64> {
    done.findings.clear();
    let mut overtaken = 0;
    let mut cursor = Some(RekeyCursor::default());
    while let Some(at) = cursor {
        if stop.is_cancelled() {
            done.interrupted = true;
            break;
        }
        let part = database.rekey(&at, batch, SystemClock.now()).await.map_err(stopped)?;
        bar.inc(part.moved + part.found_newest);
        done.moved += part.moved;
        done.findings.extend(part.findings);
        overtaken += part.overtaken;
        cursor = part.next;
    }
    Ok(overtaken)
}

fn said_at_the_end(old: &[String]) -> String {
    match old {
        [] => "rows behind: 0".to_owned(),
        [one] => format!("rows behind: 0; the old key {one} can be taken out of ENCRYPTION_KEY now"),
        several => {
            format!(
                "rows behind: 0; the old keys {} can be taken out of ENCRYPTION_KEY now",
                several.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_names_the_keys_that_can_go() {
        assert_eq!(said_at_the_end(&[]), "rows behind: 0");
        let one = said_at_the_end(&["abc".to_owned()]);
        assert_eq!(one, "rows behind: 0; the old key abc can be taken out of ENCRYPTION_KEY now");
        assert!(said_at_the_end(&["abc".to_owned(), "def".to_owned()]).contains("keys abc, def can"));
    }
}
