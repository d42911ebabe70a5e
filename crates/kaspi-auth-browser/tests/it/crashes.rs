//! What dies, and who hears of it: the waiters of that browser at once, nobody else.

use std::time::{Duration, Instant};

use kaspi_auth_browser::{CrashKind, FarmError, FarmNews, ShardId};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use crate::harness::{self, PATIENCE, Yard, local, shows, sign_in, soon};

/// What "at once" may mean on a machine that has other things to do.
const SECONDS: Duration = Duration::from_secs(15);

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

/// The processes of pages, known by what their command lines say.
fn renderers(yard: &Yard) -> Vec<u32> {
    yard.processes().into_iter().filter(|pid| command_line(*pid).contains("--type=renderer")).collect()
}

/// The process that composes pictures, of each browser.
fn composers(yard: &Yard) -> Vec<u32> {
    yard.processes().into_iter().filter(|pid| command_line(*pid).contains("--type=gpu-process")).collect()
}

/// The browser's own process. The one that we started may be a script around it.
fn browser_process(yard: &Yard, shard: ShardId) -> u32 {
    let figures = yard.farm.figures();
    let leader = figures.shards.iter().find(|there| there.id == shard).unwrap().process.unwrap();
    let is_it = |pid: &u32| {
        let parent = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = parent.rsplit(')').next().unwrap_or_default().split(' ').nth(2).map(str::to_owned);
        let line = command_line(*pid);
        let browser = !line.contains("--type=") && !line.starts_with("/bin/sh");
        browser && (*pid == leader || parent == Some(leader.to_string()))
    };
    yard.processes().into_iter().find(is_it).unwrap()
}

#[tokio::test]
async fn a_killed_browser_is_told_to_all_who_wait_and_replaced() {
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let mut listens = yard.lease("one").await.unwrap();
        let calls = yard.lease("two").await.unwrap();
        let began = Instant::now();
        let shard = listens.shard();
        let never = [json!(null)];
        let (listened, called, ()) = tokio::join!(
            async {
                loop {
                    if let Err(error) = listens.next().await {
                        return error;
                    }
                }
            },
            calls.call("function () { return new Promise(() => {}); }", &never),
            async { send(browser_process(&yard, shard), Signal::SIGKILL) },
        );
        assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
        for error in [listened, called.unwrap_err(), calls.cookies().await.unwrap_err()] {
            assert!(matches!(error, FarmError::BrowserLost { .. }) && error.is_lost(), "{error:?}");
        }
        let again = yard.lease("one").await.unwrap();
        assert_ne!(again.shard(), shard);
        drop((listens, calls, again));
        let crashed = FarmNews::Crash { shard, kind: CrashKind::Browser };
        yard.news.until(1, "the crash", |news| *news == crashed).await;
        yard.end().await;
    }
}

#[tokio::test]
async fn a_killed_page_is_told_and_its_browser_lives_on() {
    let yard = Yard::ready(|settings, _| settings.min_warm = 0).await;
    let mut context = yard.lease("one").await.unwrap();
    let shard = context.shard();
    let pages = renderers(&yard);
    assert!(!pages.is_empty());
    for page in pages {
        send(page, Signal::SIGKILL);
    }
    let error = loop {
        if let Err(error) = context.next().await {
            break error;
        }
    };
    assert_eq!(error, FarmError::PageCrashed);
    assert_eq!(context.call("function () {}", &[]).await, Err(FarmError::PageCrashed));
    drop(context);
    let mut again = yard.lease("one").await.unwrap();
    assert_eq!(again.shard(), shard);
    sign_in(&mut again, "plain@sandbox.test").await;
    drop(again);
    yard.end().await;
}

#[tokio::test]
async fn a_warm_page_that_dies_is_replaced_before_anybody_gets_it() {
    let yard = Yard::ready(|_, _| {}).await;
    for page in renderers(&yard) {
        send(page, Signal::SIGKILL);
    }
    yard.news.until(2, "another page", |news| matches!(news, FarmNews::ContextOpened { .. })).await;
    yard.warm().await;
    let mut context = yard.lease("one").await.unwrap();
    sign_in(&mut context, "plain@sandbox.test").await;
    drop(context);
    yard.end().await;
}

#[tokio::test]
async fn a_page_that_hangs_is_told_and_leaves_nothing_behind() {
    let yard = Yard::ready(|settings, _| settings.command_timeout = Duration::from_secs(3)).await;
    let mut context = yard.lease("one").await.unwrap();
    let began = Instant::now();
    context.call("function () { setTimeout(() => { while (true) {} }, 0); }", &[]).await.unwrap();
    let error = loop {
        if let Err(error) = context.next().await {
            break error;
        }
    };
    assert!(matches!(error, FarmError::Hung { .. }) && error.is_lost(), "{error:?}");
    assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
    assert!(context.call("function () {}", &[]).await.unwrap_err().is_lost());
    drop(context);
    yard.lease("one").await.unwrap().close().await;
    yard.end().await;
}

#[tokio::test]
async fn a_browser_that_stands_still_is_told_and_replaced() {
    let yard = Yard::ready(|settings, _| settings.command_timeout = Duration::from_secs(3)).await;
    let mut context = yard.lease("one").await.unwrap();
    let (began, shard) = (Instant::now(), context.shard());
    send(browser_process(&yard, shard), Signal::SIGSTOP);
    let error = loop {
        if let Err(error) = context.next().await {
            break error;
        }
    };
    assert!(error.is_lost(), "{error:?}");
    assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
    drop(context);
    yard.news.until(2, "another browser", |news| matches!(news, FarmNews::ShardUp { .. })).await;
    let context = yard.lease("one").await.unwrap();
    assert_ne!(context.shard(), shard);
    drop(context);
    yard.end().await;
}

#[tokio::test]
async fn the_other_browser_does_not_notice() {
    let yard = Yard::ready(|settings, _| {
        settings.shards = vec![local(harness::browser()), local(harness::browser())];
        settings.min_warm = 2;
    })
    .await;
    let mut one = yard.lease("one").await.unwrap();
    yard.until("two browsers", |figures| figures.shards.len() == 2).await;
    let elsewhere = kaspi_auth_browser::Ask { avoid: Some(one.shard()), ..harness::ask("two") };
    let mut two = yard.farm.lease(elsewhere).await.unwrap();
    assert_ne!(one.shard(), two.shard());
    let victim = browser_process(&yard, two.shard());
    one.call(harness::FILL, &[json!("#user_email_field"), json!("plain@sandbox.test")]).await.unwrap();
    send(victim, Signal::SIGKILL);
    assert!(two.next().await.unwrap_err().is_lost());
    shows(&mut one, "password").await;
    one.call(harness::FILL, &[json!("#password_field"), json!(harness::PASSWORD)]).await.unwrap();
    shows(&mut one, "cabinet").await;
    drop((one, two));
    yard.end().await;
}

#[tokio::test]
async fn a_shard_that_failed_a_login_is_avoided() {
    let yard = Yard::ready(|settings, _| {
        settings.shards = vec![local(harness::browser()), local(harness::browser())];
    })
    .await;
    yard.until("two browsers", |figures| figures.shards.len() == 2).await;
    for _ in 0..3 {
        let context = yard.lease("one").await.unwrap();
        let ask = kaspi_auth_browser::Ask { avoid: Some(context.shard()), ..harness::ask("one") };
        assert_ne!(yard.farm.lease(ask).await.unwrap().shard(), context.shard());
    }
    yard.end().await;
}

#[tokio::test]
async fn a_program_that_is_no_browser_is_told_with_its_words() {
    let yard = Yard::with(|settings, _| settings.shards = vec![local("/bin/false".into())]).await;
    let Err(FarmError::NoShard { last }) = yard.lease("one").await else { panic!("a context of nothing") };
    assert!(last.contains("exit status: 1"), "{last}");
    let began = Instant::now();
    assert!(matches!(yard.lease("one").await, Err(FarmError::NoShard { .. })));
    assert!(began.elapsed() < PATIENCE);
    assert!(matches!(yard.farm.ready(soon()).await, Err(FarmError::NoShard { .. })));
    yard.end().await;
}

#[tokio::test]
async fn a_killed_process_for_pictures_ends_no_login() {
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let mut context = yard.lease("one").await.unwrap();
        let before = composers(&yard);
        assert_eq!(before.len(), 1);
        send(before[0], Signal::SIGKILL);
        yard.until("another one composes", |_| {
            let now = composers(&yard);
            !now.is_empty() && now != before
        })
        .await;
        sign_in(&mut context, "plain@sandbox.test").await;
        assert!(context.screenshot(None).await.unwrap().starts_with(b"\x89PNG"));
        drop(context);
        yard.end().await;
    }
}
