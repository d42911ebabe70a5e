//! Contexts that wait for a person.

use std::time::Duration;

use kaspi_auth_browser::{FarmError, FarmNews};
use tokio::time::Instant;

use crate::harness::{Yard, shows, sign_in, soon};

#[tokio::test]
async fn a_held_context_gives_its_place_to_others_and_goes_on_later() {
    let yard = Yard::ready(|settings, _| settings.running_per_shard = Some(1)).await;
    let mut held = yard.lease("one").await.unwrap();
    held.hold(soon());
    let other = yard.lease("two").await.unwrap();
    assert_eq!((yard.farm.figures().running, yard.farm.figures().held), (1, 1));
    let late = held.resume(Instant::now() + Duration::from_millis(50)).await;
    assert_eq!(late, Err(FarmError::Late));
    let (resumed, ()) = tokio::join!(held.resume(soon()), async { drop(other) });
    resumed.unwrap();
    assert_eq!((yard.farm.figures().running, yard.farm.figures().held), (1, 0));
    sign_in(&mut held, "plain@sandbox.test").await;
    drop(held);
    yard.until("nobody runs", |figures| figures.running == 0).await;
    yard.end().await;
}

#[tokio::test]
async fn who_resumes_goes_ahead_of_new_logins() {
    let yard = Yard::ready(|settings, _| settings.running_per_shard = Some(1)).await;
    let mut held = yard.lease("one").await.unwrap();
    held.hold(soon());
    let running = yard.lease("two").await.unwrap();
    let (farm, waits) = (yard.farm.clone(), crate::harness::ask("three"));
    let waiting = tokio::spawn(async move { farm.lease(waits).await });
    yard.until("somebody waits", |figures| figures.queued == 1).await;
    let (resumed, ()) = tokio::join!(held.resume(soon()), async {
        yard.until("two wait", |figures| figures.queued == 2).await;
        drop(running);
    });
    resumed.unwrap();
    assert!(!waiting.is_finished());
    drop(held);
    waiting.await.unwrap().unwrap();
    yard.end().await;
}

#[tokio::test]
async fn over_the_cap_the_oldest_is_closed_and_its_owner_told() {
    let yard = Yard::ready(|settings, _| settings.held_limit = 2).await;
    let mut held = Vec::new();
    for tenant in ["one", "two", "three"] {
        let mut context = yard.lease(tenant).await.unwrap();
        context.hold(soon());
        held.push(context);
    }
    assert_eq!(held[0].next().await.unwrap_err(), FarmError::Evicted);
    assert_eq!(held[0].resume(soon()).await, Err(FarmError::Evicted));
    assert_eq!(held[0].call("function () {}", &[]).await, Err(FarmError::Evicted));
    assert_eq!((held[1].fate(), held[2].fate(), yard.farm.figures().held), (None, None, 2));
    assert_eq!(yard.news.count(|news| *news == FarmNews::Evicted), 1);
    drop(held);
    yard.end().await;
}

#[tokio::test]
async fn a_held_context_ends_when_its_time_is_over() {
    let yard = Yard::ready(|_, _| {}).await;
    let mut held = yard.lease("one").await.unwrap();
    held.hold(Instant::now() + Duration::from_millis(100));
    assert_eq!(held.next().await.unwrap_err(), FarmError::Expired);
    assert_eq!(yard.farm.figures().held, 0);
    drop(held);
    yard.end().await;
}

#[tokio::test]
async fn a_held_context_still_tells_what_happens_in_it() {
    let yard = Yard::ready(|_, _| {}).await;
    let mut held = yard.lease("one").await.unwrap();
    held.hold(soon());
    let fill = [serde_json::json!("#user_email_field"), serde_json::json!("plain@sandbox.test")];
    held.call(crate::harness::FILL, &fill).await.unwrap();
    shows(&mut held, "password").await;
    drop(held);
    yard.end().await;
}
