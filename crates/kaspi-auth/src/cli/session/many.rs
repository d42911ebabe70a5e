//! `session validate --all`, `session refresh --all`: a batch as the API begins it. A command has no workers, so it does the parts itself; those of a
//! service beside it may do some too.

use std::pin::pin;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use kaspi_auth_core::Code;
use kaspi_auth_core::batch::{Batch, BatchId, BatchItem, BatchKind, BatchStores};
use kaspi_auth_core::batches::Batches;
use kaspi_auth_core::tenant::Tenant;
use serde::Serialize;

use super::super::failure::{Exit, Failure, Outcome, exit_of};
use super::super::opened::Opened;
use super::super::output::{self, Paint};
use super::super::{signals, table};
use crate::http::model::{BatchStoreView, BatchView};

/// How often a person sees how far it is.
const LOOK: Duration = Duration::from_millis(200);
/// How many stores are read at once.
const PAGE: u32 = 500;

/// What is printed for a program.
#[derive(Serialize)]
struct Ended {
    #[serde(flatten)]
    batch: BatchView,
    /// Every store with what came of it.
    stores: Vec<BatchStoreView>,
}

/// Does it with every store that is switched on.
pub async fn run(opened: &Opened, kind: BatchKind, as_json: bool) -> Outcome {
    let stop =
        signals::stop().map_err(|error| Failure::new("signals cannot be listened to").because(error))?;
    let batches = opened.service().batches.as_ref();
    let action = match kind {
        BatchKind::Validate => "session validate --all",
        BatchKind::Refresh => "session refresh --all",
    };
    let begun = batches.begin(&Tenant::All, kind, BatchStores::All).await.map_err(Failure::from);
    let id = begun.as_ref().ok().map(|batch| batch.id.to_string());
    // Once it has begun, a service beside us may carry it out whatever becomes of this process.
    opened.audit(action, None, id.as_deref(), &begun).await;
    let batch = begun?;
    let bar = bar(&batch, as_json);
    let ended = tokio::select! {
        ended = carry_out(batches, batch.id, &bar) => ended,
        () = stop.cancelled() => Err(Failure::interrupted("the rest is left undone")
            .hint("a running service goes on with it")),
    };
    bar.finish_and_clear();
    let batch = ended?;
    let stores = stores(batches, batch.id).await?;
    let exit = exit_for(&batch);
    if as_json {
        let stores = stores.iter().map(Into::into).collect();
        output::json(&Ended { batch: (&batch).into(), stores });
    } else {
        tell(&batch, &stores);
    }
    Ok(exit)
}

/// Does one part after the other, and shows how far it is.
async fn carry_out(batches: &Batches, id: BatchId, bar: &ProgressBar) -> Outcome<Batch> {
    let mut working = pin!(async {
        for part in 0.. {
            if batches.get(&Tenant::All, id).await?.ended_at.is_some() {
                break;
            }
            batches.do_part(id, part).await?;
        }
        Ok::<_, kaspi_auth_core::Error>(())
    });
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            done = &mut working => {
                done?;
                return Ok(batches.get(&Tenant::All, id).await?);
            }
            _ = look.tick(), if !bar.is_hidden() => show(bar, &batches.get(&Tenant::All, id).await?),
        }
    }
}

async fn stores(batches: &Batches, id: BatchId) -> Outcome<Vec<BatchItem>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = batches.items(&Tenant::All, id, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.merchant_uid.clone());
        all.extend(page);
    }
}

fn bar(batch: &Batch, as_json: bool) -> ProgressBar {
    if as_json || !Paint::stderr().is_on() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(batch.total.into());
    if let Ok(style) =
        ProgressStyle::with_template("{wide_bar:.cyan} {pos} of {len} {elapsed:.dim} left {eta:.dim}  {msg}")
    {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, batch: &Batch) {
    bar.set_position(batch.done().into());
    let counts: Vec<_> = batch.results.iter().map(|(result, stores)| format!("{result} {stores}")).collect();
    bar.set_message(counts.join(", "));
}

fn tell(batch: &Batch, stores: &[BatchItem]) {
    if batch.total == 0 {
        output::note("there are no stores that are switched on");
        return;
    }
    let counts: Vec<_> =
        batch.results.iter().map(|(result, stores)| [result.clone(), stores.to_string()]).collect();
    output::line(table::layout(["RESULT", "STORES"], &counts));
    let trouble: Vec<_> = stores.iter().filter(|store| !is_good(store.result.as_deref())).map(row).collect();
    if !trouble.is_empty() {
        output::line("");
        output::line(table::layout(["MERCHANT", "RESULT", "WHY"], &trouble));
    }
}

fn row(store: &BatchItem) -> [String; 3] {
    // The portal's words may be in it.
    let why = store.detail.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    [store.merchant_uid.to_string(), store.result.clone().unwrap_or_else(|| "-".to_owned()), why]
}

fn is_good(result: Option<&str>) -> bool {
    matches!(result, Some("alive" | "refreshed"))
}

/// A person first, then what fails again, then what may pass.
fn exit_for(batch: &Batch) -> Exit {
    let exits: Vec<_> = batch.results.keys().map(|result| exit_of_result(result)).collect();
    [Exit::NeedsPerson, Exit::Failed, Exit::Later]
        .into_iter()
        .find(|exit| exits.contains(exit))
        .unwrap_or(Exit::Done)
}

fn exit_of_result(result: &str) -> Exit {
    match result {
        "dead" => Exit::NeedsPerson,
        "unknown" => Exit::Later,
        good if is_good(Some(good)) => Exit::Done,
        code => match Code::parse(code) {
            Some(
                Code::SessionExpired
                | Code::SessionNotFound
                | Code::InvalidCredentials
                | Code::CodeRequired
                | Code::AccountMismatch,
            ) => Exit::NeedsPerson,
            Some(code) => exit_of(code),
            None => Exit::Failed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(results: &[&str]) -> Exit {
        exit_for(&Batch {
            id: BatchId(uuid::Uuid::nil()),
            user_id: None,
            kind: BatchKind::Refresh,
            total: 0,
            results: results.iter().map(|result| ((*result).to_owned(), 1)).collect(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            ended_at: None,
        })
    }

    #[test]
    fn the_exit_code_is_that_of_the_store_that_needs_most() {
        assert_eq!(exit(&[]), Exit::Done);
        assert_eq!(exit(&["alive", "refreshed"]), Exit::Done);
        assert_eq!(exit(&["alive", "unknown"]), Exit::Later);
        assert_eq!(exit(&["portal_unavailable", "refreshed"]), Exit::Later);
        assert_eq!(exit(&["portal_unavailable", "store_not_found"]), Exit::Failed);
        assert_eq!(exit(&["store_not_found", "credentials_missing"]), Exit::NeedsPerson);
        assert_eq!(exit(&["dead", "unknown"]), Exit::NeedsPerson);
    }
}
