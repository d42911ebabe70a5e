//! Nodes that die, tasks that kill their workers, databases that go away.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::job::JobState;
use kaspi_auth_core::port::JobRepository as _;

use super::support::*;
use crate::support::*;

on_both!(
    a_dead_nodes_job_is_run_by_another,
    a_worker_that_fails_is_replaced_and_what_it_began_goes_on,
    a_node_that_lives_keeps_a_long_job,
    a_job_over_which_workers_die_is_given_up,
    a_job_of_a_newer_release_is_left_to_its_nodes_and_harms_no_other,
    a_job_that_no_release_knows_is_given_up_after_a_day,
);

async fn a_dead_nodes_job_is_run_by_another(place: &Place) {
    let (first, second) = (Arc::new(place.open().await), Arc::new(place.open().await));
    let stuck = Notes::of(|_, _| std::future::pending());
    let dying = start(&first, &stuck);
    first.push_job(&keep("1")).await.unwrap();
    until("it runs", async || stuck.tries().len() == 1).await;
    drop(dying);
    let notes = Notes::well();
    let workers = start(&second, &notes);
    until("another does it", async || count(&second, JobState::Done).await == 1).await;
    assert_eq!(notes.tries(), [("1".to_owned(), 1)], "it did not fail: this is still the first try");
    workers.stop(Duration::from_secs(5)).await;
}

async fn a_node_that_lives_keeps_a_long_job(place: &Place) {
    let (first, second) = (Arc::new(place.open().await), Arc::new(place.open().await));
    // As many as may run at once, and longer than it takes to count as dead.
    let long = Notes::of(|_, _| async {
        let pending = std::future::pending::<()>();
        tokio::time::timeout(Duration::from_secs(9), pending).await.unwrap_err();
        Ok(())
    });
    let others = Notes::well();
    let working = start(&first, &long);
    for number in 0..4 {
        first.push_job(&keep(&format!("M{number}"))).await.unwrap();
    }
    until("all run", async || long.tries().len() == 4).await;
    let waiting = start(&second, &others);
    until("all are done", async || count(&second, JobState::Done).await == 4).await;
    assert_eq!(others.tries(), []);
    for node in [working, waiting] {
        node.stop(Duration::from_secs(5)).await;
    }
}

async fn a_job_over_which_workers_die_is_given_up(place: &Place) {
    let database = Arc::new(place.open().await);
    database.push_job(&keep("1")).await.unwrap();
    let jobs_table = if place.is_sqlite() { "Jobs" } else { "apalis.jobs" };
    // As the library leaves it behind when a third worker has died over it.
    place.sql(&format!("update {jobs_table} set attempts = 3")).await;
    let notes = Notes::well();
    let workers = start(&database, &notes);
    until("it is given up", async || count(&database, JobState::Killed).await == 1).await;
    assert_eq!(notes.tries(), []);
    let killed = jobs(&database, Some(JobState::Killed)).await.pop().unwrap();
    assert_eq!(killed.error.as_deref(), Some("3 workers died while they ran it"));
    workers.stop(Duration::from_secs(5)).await;
}

/// Makes the one job in the queue this task.
async fn rewrite(place: &Place, task: &str) {
    if place.is_sqlite() {
        place.sql(&format!("update Jobs set job = cast('{task}' as blob), run_at = 0")).await;
    } else {
        let sql =
            format!("update apalis.jobs set job = convert_to('{task}', 'UTF8'), run_at = to_timestamp(0)");
        place.sql(&sql).await;
    }
}

/// The one task in the queue, as it stands there.
async fn task(place: &Place) -> String {
    let sql = if place.is_sqlite() {
        "select cast(job as text) from Jobs"
    } else {
        "select convert_from(job, 'UTF8') from apalis.jobs"
    };
    place.text(sql).await.unwrap()
}

async fn a_job_of_a_newer_release_is_left_to_its_nodes_and_harms_no_other(place: &Place) {
    let database = Arc::new(place.open().await);
    database.push_job(&keep("1")).await.unwrap();
    rewrite(place, r#"{"job":{"kind":"dance"},"key":"dance","attempt":1}"#).await;
    let notes = Notes::well();
    let workers = start(&database, &notes);
    until("it is postponed", async || task(place).await.contains(r#""postponed":1"#)).await;
    let figures = database.job_figures().await.unwrap();
    assert_eq!((figures.scheduled, figures.waiting, figures.running, figures.killed), (1, 0, 0, 0));
    // A node that knows it does it, as its first try.
    let known = r#"{"job":{"kind":"keep","store":"1"},"key":"keep:1","attempt":1,"postponed":1}"#;
    rewrite(place, known).await;
    until("it is done", async || count(&database, JobState::Done).await == 1).await;
    assert_eq!(notes.tries(), [("1".to_owned(), 1)]);
    database.push_job(&keep("2")).await.unwrap();
    until("the other is done", async || count(&database, JobState::Done).await == 2).await;
    workers.stop(Duration::from_secs(5)).await;
}

async fn a_job_that_no_release_knows_is_given_up_after_a_day(place: &Place) {
    let database = Arc::new(place.open().await);
    for unknown in [r#"{"job":{"kind":"dance"},"key":"dance","attempt":1,"postponed":5760}"#, "[]"] {
        database.push_job(&keep("1")).await.unwrap();
        rewrite(place, unknown).await;
        let workers = start(&database, &Notes::well());
        until("it is given up", async || database.job_figures().await.unwrap().killed == 1).await;
        workers.stop(Duration::from_secs(5)).await;
        place.sql(if place.is_sqlite() { "delete from Jobs" } else { "delete from apalis.jobs" }).await;
    }
}

async fn a_worker_that_fails_is_replaced_and_what_it_began_goes_on(place: &Place) {
    let database = Arc::new(place.open().await);
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let notes = Notes::of(move |_, _| {
        let waits = Arc::clone(&waits);
        async move {
            waits.acquire().await.unwrap().forget();
            Ok(())
        }
    });
    let workers = start(&database, &notes);
    database.push_job(&keep("1")).await.unwrap();
    until("it runs", async || notes.tries().len() == 1).await;
    // Its next heartbeat, or the next task that it wants, fails.
    let gone = if place.is_sqlite() {
        "pragma foreign_keys = off; delete from Workers"
    } else {
        "set session_replication_role = replica; delete from apalis.workers"
    };
    place.sql(gone).await;
    database.push_job(&keep("2")).await.unwrap();
    until("the next one runs", async || notes.tries().len() == 2).await;
    gate.add_permits(2);
    until("both are done", async || count(&database, JobState::Done).await == 2).await;
    assert_eq!(notes.counts().into_values().collect::<Vec<_>>(), [1, 1], "each once");
    let mut by: Vec<_> = jobs(&database, None).await.into_iter().filter_map(|job| job.worker).collect();
    by.sort();
    assert!(by[0].ends_with("-0") && by[1].ends_with("-1"), "{by:?}");
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cuts_all_connections_stops_neither_what_runs_nor_what_comes() {
    let place = Place::postgres().await;
    let database = Arc::new(place.open().await);
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let notes = Notes::of(move |_, _| {
        let waits = Arc::clone(&waits);
        async move {
            waits.acquire().await.unwrap().forget();
            Ok(())
        }
    });
    let workers = start(&database, &notes);
    database.push_job(&keep("1")).await.unwrap();
    until("it runs", async || notes.tries().len() == 1).await;
    for _ in 0..3 {
        place
            .sql(
                "select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid()",
            )
            .await;
        let ping = async || kaspi_auth_core::port::Database::ping(&*database).await.is_ok();
        until("the database answers", ping).await;
    }
    gate.add_permits(2);
    until("the job is put in", async || database.push_job(&keep("2")).await.is_ok()).await;
    until("both are done", async || count(&database, JobState::Done).await == 2).await;
    assert_eq!(notes.counts().into_values().collect::<Vec<_>>(), [1, 1], "each once");
    workers.stop(Duration::from_secs(5)).await;
}
