//! What comes round, on several nodes.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth_core::job::{Job, JobState, Sweep};
use kaspi_auth_core::port::JobRepository as _;
use kaspi_auth_store::{Cron, WorkerSettings};

use super::support::*;
use crate::support::*;

on_both!(two_nodes_run_each_tick_once, stores_that_are_due_are_kept, ticks_end_with_the_workers);

fn every_second() -> WorkerSettings {
    let cron = Cron {
        name: "lost_logins".to_owned(),
        every: Duration::from_secs(1),
        job: Job::Sweep { sweep: Sweep::LostLogins },
    };
    WorkerSettings { cron: vec![cron], ..settings() }
}

async fn two_nodes_run_each_tick_once(place: &Place) {
    let (first, second) = (Arc::new(place.open().await), Arc::new(place.open().await));
    let notes = Notes::well();
    let began = jiff::Timestamp::now();
    let both = [start_with(&first, &notes, every_second()), start_with(&second, &notes, every_second())];
    until("four ticks ran", async || count(&first, JobState::Done).await >= 4).await;
    for node in both {
        node.stop(Duration::from_secs(5)).await;
    }
    // One for each second that was touched, not one for each node.
    let listed = jobs(&first, None).await;
    let seconds = jiff::Timestamp::now().as_second() - began.as_second() + 1;
    assert!(listed.len() <= usize::try_from(seconds).unwrap(), "{seconds} seconds: {listed:?}");
    assert_eq!(notes.tries().len(), listed.iter().filter(|job| job.state == JobState::Done).count());
}

async fn stores_that_are_due_are_kept(place: &Place) {
    let database = Arc::new(place.open().await);
    place
        .sql(
            "insert into kaspi_auth_keeping (merchant_id, due_at) values ('17', 0), ('18', null), ('19', -1)",
        )
        .await;
    let notes = Notes::well();
    let due = WorkerSettings { due: Some(Duration::from_millis(50)), ..settings() };
    let workers = start_with(&database, &notes, due);
    until("both are kept", async || count(&database, JobState::Done).await == 2).await;
    workers.stop(Duration::from_secs(5)).await;
    assert_eq!(notes.counts().into_keys().collect::<Vec<_>>(), ["17", "19"]);
    // In a quarter of an hour they are due again.
    let soon = jiff::Timestamp::now() + SignedDuration::from_mins(14);
    assert_eq!(database.push_due_stores(soon, soon, 10).await.unwrap(), 0);
    let later = jiff::Timestamp::now() + SignedDuration::from_mins(16);
    assert_eq!(database.push_due_stores(later, later, 10).await.unwrap(), 2);
}

async fn ticks_end_with_the_workers(place: &Place) {
    let database = Arc::new(place.open().await);
    let notes = Notes::well();
    let workers = start_with(&database, &notes, every_second());
    until("one ran", async || count(&database, JobState::Done).await >= 1).await;
    workers.stop(Duration::from_secs(5)).await;
    let pushed = jobs(&database, None).await.len();
    let then = jiff::Timestamp::now();
    until("two ticks are over", async || jiff::Timestamp::now() > then + SignedDuration::from_secs(2)).await;
    assert_eq!(jobs(&database, None).await.len(), pushed);
}
