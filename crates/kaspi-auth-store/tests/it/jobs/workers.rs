//! Jobs that are done, tried again, and given up.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::job::{JobFigures, JobState, NewJob};
use kaspi_auth_core::port::JobRepository as _;

use super::support::*;
use crate::support::*;

on_both!(
    a_job_is_done_and_says_when_and_by_whom,
    nothing_runs_before_its_time,
    a_failed_job_is_tried_again_after_its_pause,
    a_job_that_never_succeeds_is_given_up,
    a_panic_is_a_failure_and_harms_no_other_job,
    a_job_that_takes_too_long_is_dropped_and_tried_again,
    two_nodes_do_many_jobs_once_each,
    no_more_jobs_run_at_once_than_allowed,
    stopping_waits_for_what_runs,
    stopping_hands_back_what_does_not_end,
);

async fn a_job_is_done_and_says_when_and_by_whom(place: &Place) {
    let database = Arc::new(place.open().await);
    database.push_job(&keep("1")).await.unwrap();
    let notes = Notes::well();
    let workers = start(&database, &notes);
    until("it is done", async || count(&database, JobState::Done).await == 1).await;
    let job = jobs(&database, None).await.pop().unwrap();
    assert_eq!((job.attempt, job.error), (1, None));
    assert!(job.started_at.unwrap() <= job.ended_at.unwrap());
    assert!(job.worker.unwrap().starts_with("kaspi_auth-"));
    assert_eq!(notes.tries(), [("1".to_owned(), 1)]);
    workers.stop(Duration::from_secs(5)).await;
}

async fn nothing_runs_before_its_time(place: &Place) {
    let database = Arc::new(place.open().await);
    let at = Timestamp::now() + SignedDuration::from_secs(2);
    database.push_job(&NewJob { run_after: Some(at), ..keep("late") }).await.unwrap();
    database.push_job(&keep("now")).await.unwrap();
    let ran = Arc::new(std::sync::Mutex::new(None));
    let seen = Arc::clone(&ran);
    let notes = Notes::of(move |store, _| {
        if store == "late" {
            *seen.lock().unwrap() = Some(Timestamp::now());
        }
        async { Ok(()) }
    });
    let workers = start(&database, &notes);
    until("both are done", async || count(&database, JobState::Done).await == 2).await;
    assert!(ran.lock().unwrap().unwrap() >= at);
    workers.stop(Duration::from_secs(5)).await;
}

async fn a_failed_job_is_tried_again_after_its_pause(place: &Place) {
    let database = Arc::new(place.open().await);
    database.push_job(&keep("1")).await.unwrap();
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let notes = Notes::of(move |_, attempt| {
        seen.lock().unwrap().push(Timestamp::now());
        async move { if attempt < 3 { Err(failure(1100)) } else { Ok(()) } }
    });
    let workers = start(&database, &notes);
    until("the third try succeeds", async || count(&database, JobState::Done).await == 1).await;
    assert_eq!(notes.tries(), [("1".to_owned(), 1), ("1".to_owned(), 2), ("1".to_owned(), 3)]);
    let times = times.lock().unwrap().clone();
    for pair in times.windows(2) {
        assert!(pair[1] >= pair[0] + SignedDuration::from_millis(1100), "{times:?}");
    }
    let failed = jobs(&database, Some(JobState::Failed)).await;
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|job| job.error.as_deref() == Some("the portal is away")));
    workers.stop(Duration::from_secs(5)).await;
}

async fn a_job_that_never_succeeds_is_given_up(place: &Place) {
    let database = Arc::new(place.open().await);
    database.push_job(&keep("1")).await.unwrap();
    let notes = Notes::of(|_, _| async { Err(failure(0)) });
    let workers = start(&database, &notes);
    until("it is given up", async || count(&database, JobState::Killed).await == 1).await;
    assert_eq!(notes.tries().len(), 3);
    assert_eq!(database.job_figures().await.unwrap().killed, 1);
    let killed = jobs(&database, Some(JobState::Killed)).await.pop().unwrap();
    assert_eq!((killed.attempt, killed.error.as_deref()), (3, Some("the portal is away")));
    assert_eq!(count(&database, JobState::Pending).await, 0);
    workers.stop(Duration::from_secs(5)).await;
}

async fn a_panic_is_a_failure_and_harms_no_other_job(place: &Place) {
    let database = Arc::new(place.open().await);
    let notes = Notes::of(|store, _| async move {
        assert_ne!(store, "bad", "canary-secret");
        Ok(())
    });
    let workers = start(&database, &notes);
    database.push_job(&keep("bad")).await.unwrap();
    database.push_job(&keep("good")).await.unwrap();
    until("it is given up", async || count(&database, JobState::Killed).await == 1).await;
    until("the other is done", async || count(&database, JobState::Done).await == 1).await;
    let killed = jobs(&database, Some(JobState::Killed)).await.pop().unwrap();
    assert_eq!(killed.error.as_deref(), Some("it panicked"));
    assert_eq!(notes.counts()["bad"], 3);
    workers.stop(Duration::from_secs(5)).await;
}

async fn a_job_that_takes_too_long_is_dropped_and_tried_again(place: &Place) {
    let database = Arc::new(place.open().await);
    database.push_job(&keep("1")).await.unwrap();
    let notes = Notes::of(|_, attempt| async move {
        if attempt == 1 {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    let short = kaspi_auth_store::WorkerSettings { timeout: Duration::from_millis(200), ..settings() };
    let workers = start_with(&database, &notes, short);
    until("the second try succeeds", async || count(&database, JobState::Done).await == 1).await;
    let failed = jobs(&database, Some(JobState::Failed)).await.pop().unwrap();
    assert_eq!(failed.error.as_deref(), Some("it took too long"));
    workers.stop(Duration::from_secs(5)).await;
}

async fn two_nodes_do_many_jobs_once_each(place: &Place) {
    let (first, second) = (Arc::new(place.open().await), Arc::new(place.open().await));
    let notes = Notes::well();
    let both = [start(&first, &notes), start(&second, &notes)];
    for number in 0..500 {
        assert!(first.push_job(&keep(&format!("M{number}"))).await.unwrap());
    }
    until("all are done", async || first.job_figures().await.unwrap() == JobFigures::default()).await;
    assert_eq!(count(&first, JobState::Done).await, 500);
    let counts = notes.counts();
    assert_eq!(counts.len(), 500);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let mut by: Vec<_> = jobs(&first, None).await.into_iter().filter_map(|job| job.worker).collect();
    by.sort();
    by.dedup();
    assert_eq!(by.len(), 2, "both took part: {by:?}");
    for node in both {
        node.stop(Duration::from_secs(5)).await;
    }
}

async fn no_more_jobs_run_at_once_than_allowed(place: &Place) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let database = Arc::new(place.open().await);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = (Arc::clone(&now), Arc::clone(&most));
    let notes = Notes::of(move |_, _| {
        let (now, most) = (Arc::clone(&seen.0), Arc::clone(&seen.1));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>()).await.unwrap_err();
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    for number in 0..20 {
        database.push_job(&keep(&format!("M{number}"))).await.unwrap();
    }
    let workers = start(&database, &notes);
    until("all are done", async || count(&database, JobState::Done).await == 20).await;
    assert!((2..=4).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    workers.stop(Duration::from_secs(5)).await;
}

async fn stopping_waits_for_what_runs(place: &Place) {
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
    let stopping = tokio::spawn(workers.stop(Duration::from_secs(30)));
    gate.add_permits(1);
    stopping.await.unwrap();
    assert_eq!(count(&database, JobState::Done).await, 1);
    assert_eq!(count(&database, JobState::Running).await, 0);
}

async fn stopping_hands_back_what_does_not_end(place: &Place) {
    let (first, second) = (Arc::new(place.open().await), Arc::new(place.open().await));
    let stuck = Notes::of(|_, _| std::future::pending());
    let workers = start(&first, &stuck);
    first.push_job(&keep("1")).await.unwrap();
    until("it runs", async || stuck.tries().len() == 1).await;
    workers.stop(Duration::from_millis(50)).await;
    assert_eq!(count(&first, JobState::Running).await, 0);
    let notes = Notes::well();
    let before = Timestamp::now();
    let workers = start(&second, &notes);
    until("another does it", async || count(&second, JobState::Done).await == 1).await;
    assert!(
        Timestamp::now() < before + SignedDuration::from_secs(5),
        "nobody waited for the first to count as dead"
    );
    workers.stop(Duration::from_secs(5)).await;
}
