//! Warm pages: how many there are, how old they get, and when their browser retires.

use std::{fs, time::Duration};

use kaspi_auth_browser::{FarmNews, RecycleReason};
use kaspi_auth_core::egress::EgressId;

use crate::harness::{self, Yard, local, page, shows, sign_in};

fn opened(news: &FarmNews) -> bool {
    matches!(news, FarmNews::ContextOpened { .. })
}

#[tokio::test]
async fn the_pool_is_filled_again_behind_the_logins() {
    let yard = Yard::ready(|settings, _| settings.min_warm = 2).await;
    for _ in 0..6 {
        yard.warm().await;
        assert!(yard.lease("one").await.unwrap().was_warm());
    }
    yard.until("full again", |figures| figures.warm == 2 && figures.warming == 0).await;
    yard.until("no more contexts than that", |figures| figures.shards[0].contexts == 2).await;
    yard.end().await;
}

#[tokio::test]
async fn no_more_contexts_are_made_than_may_be() {
    let yard = Yard::ready(|settings, _| {
        settings.max_contexts = 2;
        settings.min_warm = 1;
        settings.running_per_shard = Some(4);
    })
    .await;
    let one = yard.lease("one").await.unwrap();
    let two = yard.lease("two").await.unwrap();
    let none = kaspi_auth_browser::Ask {
        deadline: tokio::time::Instant::now() + Duration::from_millis(100),
        ..harness::ask("three")
    };
    assert!(matches!(yard.farm.lease(none).await, Err(kaspi_auth_browser::FarmError::Late)));
    assert_eq!(yard.farm.figures().shards[0].contexts, 2);
    drop(one);
    yard.lease("three").await.unwrap();
    drop(two);
    yard.end().await;
}

#[tokio::test]
async fn a_page_that_was_warmed_too_long_ago_is_renewed() {
    let yard = Yard::ready(|settings, _| settings.warm_age = Duration::from_millis(800)).await;
    yard.news.until(4, "new pages", opened).await;
    let mut context = yard.lease("one").await.unwrap();
    sign_in(&mut context, "plain@sandbox.test").await;
    drop(context);
    yard.end().await;
}

#[tokio::test]
async fn a_farm_that_idles_for_long_does_not_grow() {
    let yard = Yard::ready(|settings, _| {
        settings.warm_age = Duration::from_millis(300);
        settings.min_warm = 2;
    })
    .await;
    yard.news.until(6, "some pages", opened).await;
    let early = yard.processes().len();
    yard.news.until(40, "many pages", opened).await;
    let counted = || yard.farm.figures().shards[0].contexts;
    assert!(counted() <= 6, "{} contexts", counted());
    let late = yard.processes().len();
    assert!(late <= early + 3, "{early} processes at first, {late} later");
    yard.end().await;
}

#[tokio::test]
async fn another_page_replaces_the_warm_ones() {
    let yard = Yard::ready(|_, _| {}).await;
    let mut other = page(&format!("{}/login?other", yard.sandbox.origins().login));
    other.script.push_str("\nreport('form of the other page');");
    yard.farm.set_page(other);
    for _ in 0..2 {
        let context = yard.lease("one").await.unwrap();
        let here = context.call("function () { return location.search; }", &[]).await.unwrap();
        assert_eq!(here, "?other");
    }
    yard.end().await;
}

#[tokio::test]
async fn a_browser_that_served_enough_retires_when_its_logins_are_through() {
    let yard = Yard::ready(|settings, _| settings.recycle_after_logins = 3).await;
    let first = yard.farm.figures().shards[0].id;
    drop(yard.lease("one").await.unwrap());
    drop(yard.lease("one").await.unwrap());
    let mut last = yard.lease("one").await.unwrap();
    assert_eq!(last.shard(), first);
    let recycled = FarmNews::Recycle { shard: first, reason: RecycleReason::Logins };
    yard.news.until(1, "the retirement", |news| *news == recycled).await;
    yard.news.until(2, "the replacement", |news| matches!(news, FarmNews::ShardUp { .. })).await;
    yard.until("the old one drains", |figures| {
        figures.shards.iter().any(|shard| shard.id == first && shard.draining)
    })
    .await;
    let other = yard.lease("two").await.unwrap();
    assert_ne!(other.shard(), first);
    sign_in(&mut last, "plain@sandbox.test").await;
    assert_eq!(last.fate(), None);
    drop((last, other));
    let down = |news: &FarmNews| matches!(news, FarmNews::ShardDown { shard, .. } if *shard == first);
    yard.news.until(1, "its end", down).await;
    assert_eq!(yard.news.count(|news| matches!(news, FarmNews::Crash { .. })), 0);
    yard.end().await;
}

#[tokio::test]
async fn a_browser_that_is_old_retires_while_one_is_held_in_it() {
    let yard = Yard::ready(|settings, _| settings.recycle_after = Duration::from_secs(2)).await;
    let mut held = yard.lease("one").await.unwrap();
    held.hold(harness::soon());
    let first = held.shard();
    yard.until("the old one drains", |figures| {
        figures.shards.iter().any(|shard| shard.id == first && shard.draining)
    })
    .await;
    held.resume(harness::soon()).await.unwrap();
    sign_in(&mut held, "plain@sandbox.test").await;
    drop(held);
    let down = |news: &FarmNews| matches!(news, FarmNews::ShardDown { shard, .. } if *shard == first);
    yard.news.until(1, "its end", down).await;
    yard.end().await;
}

#[tokio::test]
async fn a_browser_that_is_fat_retires() {
    let yard = Yard::ready(|settings, _| settings.recycle_memory_mib = 1).await;
    let recycled = |news: &FarmNews| matches!(news, FarmNews::Recycle { reason: RecycleReason::Memory, .. });
    yard.news.until(1, "the retirement", recycled).await;
    yard.news.until(1, "its end", |news| matches!(news, FarmNews::ShardDown { .. })).await;
    yard.warm().await;
    yard.lease("one").await.unwrap();
    yard.end().await;
}

#[tokio::test]
async fn profiles_of_dead_processes_are_removed_at_the_start() {
    let work_dir = tempfile::tempdir().unwrap();
    let dead = work_dir.path().join("4194999-1-0");
    let strange = work_dir.path().join("not-ours");
    fs::create_dir_all(dead.join("Default")).unwrap();
    fs::create_dir_all(&strange).unwrap();
    let yard = Yard::ready(|settings, _| settings.work_dir = work_dir.path().to_path_buf()).await;
    assert!(!dead.exists() && strange.exists());
    yard.end().await;
    assert_eq!(fs::read_dir(work_dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_login_without_a_warm_page_gets_one_of_its_own() {
    let yard = Yard::with(|settings, _| {
        settings.min_warm = 0;
        settings.shards = vec![local(harness::browser())];
    })
    .await;
    let mut context = yard.lease("one").await.unwrap();
    assert!(!context.was_warm());
    let fill = [serde_json::json!("#user_email_field"), serde_json::json!("plain@sandbox.test")];
    context.call(harness::FILL, &fill).await.unwrap();
    shows(&mut context, "password").await;
    drop(context);
    yard.end().await;
}

#[tokio::test]
async fn a_way_out_that_is_not_to_be_used_loads_no_page() {
    let yard = Yard::ready(|settings, _| settings.min_warm = 2).await;
    yard.farm.forget_route(EgressId::DIRECT);
    yard.until("without pages", |figures| {
        figures.routes == 0 && figures.warm == 0 && figures.shards[0].contexts == 0
    })
    .await;
    let before = yard.sandbox.control().counters().page_views("login");
    // Whatever makes the farm look again finds nothing to warm.
    yard.farm.keep_warm(&[]);
    drop(yard.lease("one").await.unwrap());
    yard.until("warm again", |figures| figures.warm == 2).await;
    assert!(yard.sandbox.control().counters().page_views("login") >= before + 3);
    yard.end().await;
}
