//! Who gets a place, and who is told that there is none.

use std::{sync::Arc, time::Duration};

use kaspi_auth_browser::{Ask, FarmError, FarmNews};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::harness::{Yard, ask};

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    let yard = Yard::ready(|settings, _| {
        settings.running_per_shard = Some(1);
        settings.queue_limit = 1;
    })
    .await;
    let running = yard.lease("one").await.unwrap();
    let (farm, waits) = (yard.farm.clone(), ask("one"));
    let waiting = tokio::spawn(async move { farm.lease(waits).await });
    yard.until("somebody waits", |figures| figures.queued == 1).await;
    let Err(FarmError::Full { retry_after }) = yard.lease("two").await else { panic!("not full") };
    assert!((Duration::from_secs(1)..=Duration::from_mins(1)).contains(&retry_after), "{retry_after:?}");
    assert_eq!(yard.farm.figures().queued, 1);
    assert_eq!(yard.news.count(|news| *news == FarmNews::Full), 1);
    drop(running);
    waiting.await.unwrap().unwrap();
    yard.end().await;
}

#[tokio::test]
async fn who_waits_too_long_is_told_and_gone_from_the_queue() {
    let yard = Yard::ready(|settings, _| settings.running_per_shard = Some(1)).await;
    let running = yard.lease("one").await.unwrap();
    let late = Ask { deadline: Instant::now() + Duration::from_millis(50), ..ask("two") };
    assert!(matches!(yard.farm.lease(late).await, Err(FarmError::Late)));
    drop(running);
    yard.lease("one").await.unwrap();
    assert_eq!(yard.farm.figures().queued, 0);
    yard.end().await;
}

#[tokio::test]
async fn who_gives_up_waiting_takes_no_place() {
    let yard = Yard::ready(|settings, _| settings.running_per_shard = Some(1)).await;
    let running = yard.lease("one").await.unwrap();
    let (farm, waits) = (yard.farm.clone(), ask("two"));
    let waiting = tokio::spawn(async move { farm.lease(waits).await });
    yard.until("somebody waits", |figures| figures.queued == 1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(running);
    yard.lease("one").await.unwrap();
    yard.until("nobody runs", |figures| figures.running == 0).await;
    yard.end().await;
}

#[tokio::test]
async fn a_tenant_with_many_logins_does_not_make_another_wait_for_all_of_them() {
    let yard = Yard::ready(|settings, _| settings.running_per_shard = Some(1)).await;
    let running = yard.lease("crowd").await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for (count, tenant) in ["crowd", "crowd", "crowd", "small"].into_iter().enumerate() {
        let (farm, order) = (yard.farm.clone(), order.clone());
        waiting.push(tokio::spawn(async move {
            let context = farm.lease(ask(tenant)).await.unwrap();
            order.lock().push(tenant);
            context.close().await;
        }));
        yard.until("one more waits", |figures| figures.queued == count + 1).await;
    }
    drop(running);
    for waiting in waiting {
        waiting.await.unwrap();
    }
    assert_eq!(*order.lock(), ["crowd", "small", "crowd", "crowd"]);
    yard.end().await;
}

#[tokio::test]
async fn a_stopped_farm_tells_those_who_wait_and_those_who_come() {
    let yard = Yard::ready(|settings, _| settings.running_per_shard = Some(1)).await;
    let mut running = yard.lease("one").await.unwrap();
    let (farm, waits) = (yard.farm.clone(), ask("two"));
    let waiting = tokio::spawn(async move { farm.lease(waits).await });
    yard.until("somebody waits", |figures| figures.queued == 1).await;
    yard.farm.stop(Duration::from_millis(100)).await;
    assert_eq!(waiting.await.unwrap().unwrap_err(), FarmError::Stopped);
    assert_eq!(yard.lease("one").await.unwrap_err(), FarmError::Stopped);
    assert_eq!(running.next().await.unwrap_err(), FarmError::Stopped);
    drop(running);
    yard.end().await;
}

#[tokio::test]
async fn a_farm_that_stops_lets_a_login_that_runs_finish() {
    let yard = Yard::ready(|_, _| {}).await;
    let mut running = yard.lease("one").await.unwrap();
    let farm = yard.farm.clone();
    let stopping = tokio::spawn(async move { farm.stop(crate::harness::PATIENCE).await });
    yard.until("the pool is closed", |figures| figures.warm == 0).await;
    crate::harness::sign_in(&mut running, "plain@sandbox.test").await;
    running.close().await;
    stopping.await.unwrap();
    yard.end().await;
}
