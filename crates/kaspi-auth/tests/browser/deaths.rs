//! Browsers and pages that die or hang at each step of a login: what was not sent is sent by another browser, what was sent is
//! not sent again, and whoever waits hears of it within seconds.

use std::time::{Duration, Instant};

use kaspi_auth::config::Config;
use kaspi_sandbox::{Fault, FaultKind};
use uuid::Uuid;

use crate::chromium::{Chromium, by_browser, cold, farm, on};
use crate::harness::{Kind, Login, World, eventually, until};

/// As much as a loaded machine may take to notice; far less than any time-out that waits for a page.
const SOON: Duration = Duration::from_secs(15);

/// A browser that does not answer is noticed soon.
fn impatient(config: &mut Config) {
    on(config);
    config.browser.command_timeout_seconds = 7;
}

/// The login fails because its browser is lost, soon.
async fn is_lost(world: &World, id: Uuid) {
    let began = Instant::now();
    let login = eventually("the login has ended", async || {
        let login = world.admin.login(id).await;
        (login.state != "awaiting_code" && login.state != "submitting").then_some(login)
    });
    let login = login.await.stands("failed");
    assert_eq!((login.code(), login.error.as_ref().unwrap().retryable), ("browser_lost", true));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// Starts a login and waits until the portal's fault has befallen it.
async fn stuck(world: &World, fault: Fault) -> Login {
    let faults = world.portal.counters().faults;
    world.portal.set_fault(fault);
    let login = world.admin.post("/v1/logins", &by_browser("plain@sandbox.test")).await.is(201).read();
    until("the portal was asked", || world.portal.counters().faults > faults).await;
    login
}

async fn prove(change: impl FnOnce(&mut Config), test: impl AsyncFnOnce(&World)) {
    World::prove_with(Kind::Sqlite, change, test).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_is_killed_while_a_login_waits_for_its_code_fails_it_at_once() {
    prove(on, async |world| {
        let login = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
        let chromium = Chromium::of(world.node()).await;
        chromium.kill();
        is_lost(world, login.id).await;
        chromium.has_left_nothing().await;
        assert_eq!(world.passwords(), 1);
        // The account is free, and another browser is up for it.
        let again = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
        let code = world.code("always@sandbox.test");
        world.admin.answer_code(again.id, &code).await.stands("succeeded");
        assert_ne!(Chromium::of(world.node()).await.pid(), chromium.pid());
        assert_eq!(world.passwords(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renderer_that_is_killed_while_a_login_waits_fails_it_and_leaves_the_browser_alone() {
    prove(on, async |world| {
        let login = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
        let chromium = Chromium::of(world.node()).await;
        chromium.kill_renderers();
        is_lost(world, login.id).await;
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        assert_eq!(Chromium::of(world.node()).await.pid(), chromium.pid(), "the browser lives on");
        assert_eq!((world.passwords(), farm(world.node()).held), (2, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_is_killed_while_the_page_opens_is_replaced() {
    prove(cold, async |world| {
        let hang = Fault::new(FaultKind::Hang).role("login").path("/login").times(1);
        let login = stuck(world, hang).await;
        let chromium = Chromium::of(world.node()).await;
        chromium.kill();
        let done = world.admin.login(login.id).await.stands("succeeded");
        assert_eq!((done.driver.as_str(), world.passwords()), ("browser", 1));
        chromium.has_left_nothing().await;
        assert_ne!(Chromium::of(world.node()).await.pid(), chromium.pid());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renderer_that_is_killed_while_the_page_opens_is_replaced() {
    prove(cold, async |world| {
        let hang = Fault::new(FaultKind::HangingBody).role("login").path("/login").times(1);
        let login = stuck(world, hang).await;
        let chromium = Chromium::of(world.node()).await;
        until("something holds the page", || !chromium.renderers().is_empty()).await;
        chromium.kill_renderers();
        world.admin.login(login.id).await.stands("succeeded");
        assert_eq!(world.passwords(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warm_pages_that_are_killed_before_a_login_comes_cost_it_nothing() {
    prove(on, async |world| {
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        until("a page is warm", || farm(world.node()).warm > 0).await;
        Chromium::of(world.node()).await.kill_renderers();
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        until("a page is warm", || farm(world.node()).warm > 0).await;
        Chromium::of(world.node()).await.kill();
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        assert_eq!(world.passwords(), 3);
    })
    .await;
}

/// What befalls a browser while the portal has the password and its answer does not come: the body of the answer hangs, so the
/// sandbox has counted the password.
async fn after_the_password(world: &World, befalls: impl AsyncFnOnce(&Chromium)) {
    let hang = Fault::new(FaultKind::HangingBody).role("login").path("/api/p/login").times(1);
    let login = stuck(world, hang).await;
    until("the portal has the password", || world.passwords() == 1).await;
    befalls(&Chromium::of(world.node()).await).await;
    is_lost(world, login.id).await;
    assert_eq!((world.passwords(), world.posts()), (1, 1), "the password left once");
    world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
    assert_eq!(world.passwords(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_is_killed_after_the_password_left_sends_it_no_second_time() {
    prove(on, async |world| {
        after_the_password(world, async |chromium| {
            chromium.kill();
            chromium.has_left_nothing().await;
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renderer_that_is_killed_after_the_password_left_sends_it_no_second_time() {
    prove(on, async |world| {
        after_the_password(world, async |chromium| chromium.kill_renderers()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_hangs_while_a_login_waits_fails_the_answer_within_its_time() {
    prove(impatient, async |world| {
        let login = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
        let chromium = Chromium::of(world.node()).await;
        chromium.signal("STOP");
        let code = world.code("always@sandbox.test");
        world.admin.answer(login.id, &serde_json::json!({"code": code})).await;
        is_lost(world, login.id).await;
        chromium.has_left_nothing().await;
        let again = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
        let code = world.code("always@sandbox.test");
        world.admin.answer_code(again.id, &code).await.stands("succeeded");
        assert_eq!(world.passwords(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_hangs_before_the_password_is_replaced() {
    prove(impatient, async |world| {
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        until("a page is warm", || farm(world.node()).warm > 0).await;
        let chromium = Chromium::of(world.node()).await;
        chromium.signal("STOP");
        let login = world.admin.sign_in(&by_browser("always@sandbox.test")).await;
        // Typed and soon: it goes on in another browser, or says that there is none now.
        if login.state == "failed" {
            assert!(matches!(login.code(), "browser_lost" | "browser_unavailable"), "{login:?}");
            assert_eq!(world.passwords(), 1);
        } else {
            login.stands("awaiting_code");
            assert_eq!(world.passwords(), 2);
        }
        chromium.has_left_nothing().await;
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_one_browser_is_not_noticed_by_the_logins_of_another() {
    let two = |config: &mut Config| {
        on(config);
        config.browser.shards = 2;
    };
    prove(two, async |world| {
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        until("both browsers are up", || Chromium::all_of(world.node()).len() == 2).await;
        let first = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
        let holder = || farm(world.node()).shards.into_iter().find(|shard| shard.held > 0);
        let holds = holder().unwrap().process.unwrap();
        let other = farm(world.node()).shards.into_iter().find(|shard| shard.process != Some(holds));
        let other = other.unwrap().process.unwrap();
        let all = Chromium::all_of(world.node());
        all.iter().find(|one| one.pid() == other).unwrap().kill();
        until("the other browser is gone", || {
            Chromium::all_of(world.node()).iter().all(|one| one.pid() != other)
        })
        .await;
        assert_eq!(world.admin.login(first.id).await, first);
        let code = world.code("always@sandbox.test");
        world.admin.answer_code(first.id, &code).await.stands("succeeded");
        assert_eq!(world.passwords(), 2);
    })
    .await;
}
