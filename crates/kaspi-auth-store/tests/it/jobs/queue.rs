//! What goes into the queue, what operators see of it, and what is forgotten.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::job::{Job, JobFigures, JobFilter, JobState, NewJob, Sweep};
use kaspi_auth_core::port::JobRepository as _;

use super::support::*;
use crate::support::*;

on_both!(
    a_key_is_taken_once,
    the_figures_tell_what_waits_from_what_is_planned,
    jobs_are_listed_newest_first_by_state_and_kind,
    of_many_stores_those_that_are_due_are_pushed,
    two_nodes_at_once_push_no_store_twice,
    a_store_that_is_due_at_once_is_pushed_each_time,
    what_ended_is_pruned_and_its_key_is_free_again,
);

async fn a_key_is_taken_once(place: &Place) {
    let database = place.open().await;
    assert!(database.push_job(&keep("17")).await.unwrap());
    assert!(!database.push_job(&keep("17")).await.unwrap());
    assert_eq!(jobs(&database, None).await.len(), 1);
}

async fn the_figures_tell_what_waits_from_what_is_planned(place: &Place) {
    let database = place.open().await;
    assert_eq!(database.job_figures().await.unwrap(), JobFigures::default());
    let before = Timestamp::now() - SignedDuration::from_secs(1);
    database.push_job(&keep("1")).await.unwrap();
    let late = Some(Timestamp::now() + SignedDuration::from_hours(1));
    database.push_job(&NewJob { run_after: late, ..keep("2") }).await.unwrap();
    let figures = database.job_figures().await.unwrap();
    assert_eq!((figures.waiting, figures.scheduled, figures.running, figures.killed), (1, 1, 0, 0));
    assert!(figures.oldest_waiting.unwrap() >= before);
    assert!(figures.oldest_waiting.unwrap() <= Timestamp::now());
}

async fn jobs_are_listed_newest_first_by_state_and_kind(place: &Place) {
    let database = place.open().await;
    for store in ["1", "2", "3"] {
        // Ids are in the order of milliseconds.
        let then = Timestamp::now();
        eventually("time goes on", async || Timestamp::now().as_millisecond() > then.as_millisecond() + 1)
            .await;
        database.push_job(&keep(store)).await.unwrap();
    }
    let sweep = Job::Sweep { sweep: Sweep::Pruning };
    let sweep = NewJob { job: sweep, key: "sweep:pruning:1".to_owned(), run_after: None };
    database.push_job(&sweep).await.unwrap();
    let list = async |state, kind: Option<&str>, limit| {
        let filter = JobFilter { state, kind: kind.map(str::to_owned), limit };
        let listed = database.list_jobs(&filter).await.unwrap();
        listed.iter().map(|job| store_of(&job.job)).collect::<Vec<_>>()
    };
    assert_eq!(list(None, Some("keep"), 10).await, ["3", "2", "1"]);
    assert_eq!(list(Some(JobState::Pending), Some("keep"), 2).await, ["3", "2"]);
    assert_eq!(list(None, Some("sweep"), 10).await, ["sweep"]);
    assert_eq!(list(Some(JobState::Done), None, 10).await, [""; 0]);
    let first = jobs(&database, None).await.pop().unwrap();
    assert_eq!((first.attempt, first.state), (1, JobState::Pending));
    assert_eq!((first.worker, first.error, first.ended_at), (None, None, None));
}

/// Fills in `count` stores that are due in an hour, and says that those named are due.
async fn stores(place: &Place, count: u32, due: &[&str]) {
    let numbers = if place.is_sqlite() {
        format!("with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) ")
    } else {
        format!("with n as (select i from generate_series(1, {count}) as i) ")
    };
    let later = later(3600).as_microsecond();
    place
        .sql(&format!(
            "{numbers} insert into kaspi_auth_keeping (merchant_id, due_at)
                       select 'M' || cast(i as text), {later} from n"
        ))
        .await;
    for uid in due {
        let at = now().as_microsecond();
        place.sql(&format!("update kaspi_auth_keeping set due_at = {at} where merchant_id = '{uid}'")).await;
    }
}

async fn of_many_stores_those_that_are_due_are_pushed(place: &Place) {
    let database = place.open().await;
    stores(place, 10_000, &["M7", "M4711", "M9999"]).await;
    assert_eq!(database.push_due_stores(later(-1), later(900), 500).await.unwrap(), 0);
    assert_eq!(database.push_due_stores(later(1), later(900), 2).await.unwrap(), 2);
    assert_eq!(database.push_due_stores(later(1), later(900), 500).await.unwrap(), 1);
    assert_eq!(database.push_due_stores(later(1), later(900), 500).await.unwrap(), 0);
    let mut pushed: Vec<_> = jobs(&database, None).await.iter().map(|job| store_of(&job.job)).collect();
    pushed.sort();
    assert_eq!(pushed, ["M4711", "M7", "M9999"]);
    // A job that is lost does not lose the store.
    assert_eq!(database.push_due_stores(later(901), later(1800), 500).await.unwrap(), 3);
}

async fn two_nodes_at_once_push_no_store_twice(place: &Place) {
    let (first, second) = (Arc::new(place.open().await), Arc::new(place.open().await));
    stores(place, 300, &[]).await;
    let at = later(3601);
    let pushing: Vec<_> = (0..12)
        .map(|turn| {
            let database = Arc::clone(if turn % 2 == 0 { &first } else { &second });
            tokio::spawn(async move {
                let mut pushed = 0;
                loop {
                    match database.push_due_stores(at, at + SignedDuration::from_mins(15), 40).await.unwrap()
                    {
                        0 => return pushed,
                        some => pushed += some,
                    }
                }
            })
        })
        .collect();
    let mut pushed = 0;
    for one in pushing {
        pushed += one.await.unwrap();
    }
    assert_eq!(pushed, 300);
    assert_eq!(jobs(&first, None).await.len(), 300);
}

async fn a_store_that_is_due_at_once_is_pushed_each_time(place: &Place) {
    let database = place.open().await;
    stores(place, 1, &[]).await;
    for turn in 1..=3 {
        place.sql("update kaspi_auth_keeping set due_at = 0").await;
        assert_eq!(database.push_due_stores(later(turn), later(900 + turn), 10).await.unwrap(), 1);
    }
    assert_eq!(jobs(&database, None).await.len(), 3);
}

async fn what_ended_is_pruned_and_its_key_is_free_again(place: &Place) {
    let database = Arc::new(place.open().await);
    database.push_job(&keep("1")).await.unwrap();
    let workers = start(&database, &Notes::well());
    until("it is done", async || count(&database, JobState::Done).await == 1).await;
    workers.stop(std::time::Duration::from_secs(5)).await;
    let late = Some(Timestamp::now() + SignedDuration::from_hours(1));
    database.push_job(&NewJob { run_after: late, ..keep("2") }).await.unwrap();
    let hour = SignedDuration::from_hours(1);
    assert_eq!(database.prune_jobs(Timestamp::now() - hour, 10).await.unwrap(), 0);
    assert!(!database.push_job(&keep("1")).await.unwrap());
    assert_eq!(database.prune_jobs(Timestamp::now() + hour, 10).await.unwrap(), 1);
    assert!(database.push_job(&keep("1")).await.unwrap());
    let workers = if place.is_sqlite() { "Workers" } else { "apalis.workers" };
    let left = place.text(&format!("select cast(count(*) as text) from {workers}")).await;
    assert_eq!(left.as_deref(), Some("0"), "nothing names the worker any more");
}
