//! Turns: the portal sees no more logins at once than all nodes together may send, and a farm that is full says so instead of letting
//! anybody wait without end.

use std::time::{Duration, Instant};

use futures_util::future::join;
use kaspi_auth::config::Config;
use kaspi_auth_core::login::EngineChoice;
use kaspi_sandbox::{AccountSpec, CodeRule, Fault, FaultKind};
use serde_json::json;

use crate::chromium::{by_browser, farm, on, sleeping};
use crate::harness::{Kind, Login, PASSWORD, World, eventually, until};

/// One login at the portal at a time, all nodes together.
fn one_at_a_time(config: &mut Config) {
    on(config);
    config.rates.in_flight = 1;
    config.rates.wait_seconds = 20;
}

async fn one_login_at_a_time_is_at_the_portal_whichever_node_drives_it(world: &World) {
    let (one, other) = (world.second_node().await, world.second_node().await);
    let at = |node: &crate::harness::Node| node.anyone().with(world.admin.bearer());
    // The first login keeps the portal busy for a while; another node's must not send anything meanwhile.
    let slow = Fault::new(FaultKind::Delay(2_000)).role("login").path("/api/p/login").times(1);
    world.portal.set_fault(slow);
    let first: Login = at(&one).post("/v1/logins", &by_browser("plain@sandbox.test")).await.is(201).read();
    until("the portal is busy with it", || world.portal.counters().faults == 1).await;
    let second = world.account("second", "94000001");
    let body = json!({"email": second, "password": PASSWORD, "engine": "direct"});
    let second: Login = at(&other).post("/v1/logins", &body).await.is(201).read();
    let client = at(&other);
    loop {
        // Read first: what was sent is counted before the first login can have ended.
        let waiting: Login = client.get(&format!("/v1/logins/{}", second.id)).await.is(200).read();
        let posts = world.posts();
        let running: Login = client.get(&format!("/v1/logins/{}", first.id)).await.is(200).read();
        if running.state == "succeeded" {
            break;
        }
        assert_eq!((waiting.state.as_str(), posts), ("opening", 1), "{running:?}");
    }
    client.login(second.id).await.stands("succeeded");
    assert_eq!((world.passwords(), world.posts()), (2, 2));
    assert!(sleeping(&other).is_none());
    one.stop().await;
    other.stop().await;
}

async fn a_login_that_waits_for_a_person_holds_no_turn(world: &World) {
    let waiting = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
    world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
    let code = world.code("always@sandbox.test");
    world.admin.answer_code(waiting.id, &code).await.stands("succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_login_at_a_time_is_at_the_portal_whichever_node_drives_it_on_postgres() {
    let body = one_login_at_a_time_is_at_the_portal_whichever_node_drives_it;
    World::prove_with(Kind::Postgres, one_at_a_time, body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_login_at_a_time_is_at_the_portal_whichever_node_drives_it_on_sqlite() {
    let body = one_login_at_a_time_is_at_the_portal_whichever_node_drives_it;
    World::prove_with(Kind::Sqlite, one_at_a_time, body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_waits_for_a_person_holds_no_turn_on_sqlite() {
    World::prove_with(Kind::Sqlite, one_at_a_time, a_login_that_waits_for_a_person_holds_no_turn).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_whose_turn_does_not_come_is_told_when_to_come_back() {
    let hurried = |config: &mut Config| {
        one_at_a_time(config);
        config.rates.wait_seconds = 1;
        config.logins.engine = EngineChoice::Browser;
    };
    World::prove_with(Kind::Sqlite, hurried, async |world| {
        let slow = Fault::new(FaultKind::Delay(6_000)).role("login").path("/api/p/login").times(1);
        world.portal.set_fault(slow);
        let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
        let first: Login = world.admin.post("/v1/logins", &body).await.is(201).read();
        until("the portal is busy with it", || world.portal.counters().faults == 1).await;
        let (one, other) = (world.account("one", "94000001"), world.account("other", "94000002"));
        let late = by_browser(&one);
        let called = json!({"email": other, "password": PASSWORD});
        let (late, called) =
            join(world.admin.sign_in(&late), world.admin.post("/api/kaspi/auth/login", &called)).await;
        let late = late.stands("failed");
        assert_eq!(late.code(), "rate_limited");
        let trouble = late.error.as_ref().unwrap();
        assert!(trouble.retryable && trouble.retry_at.is_some(), "{late:?}");
        called.is_problem(429, "rate_limited");
        assert!(called.retry_after() >= 1);
        world.admin.login(first.id).await.stands("succeeded");
        assert_eq!(world.posts(), 1, "the others sent nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_farm_refuses_at_once_and_nobody_waits_without_end() {
    let small = |config: &mut Config| {
        on(config);
        config.browser.max_running = 1;
        config.browser.max_queued = 1;
        config.browser.queue_seconds = 4;
        config.browser.page_timeout_seconds = 8;
        config.logins.engine = EngineChoice::Browser;
    };
    World::prove_with(Kind::Sqlite, small, async |world| {
        world.portal.set_fault(Fault::new(FaultKind::Hang).role("login").path("/api/p/login").times(1));
        let start = async |name: &str, uid: &str| -> Login {
            let body = by_browser(&world.account(name, uid));
            world.admin.post("/v1/logins", &body).await.is(201).read()
        };
        let running = start("running", "95000001").await;
        until("the portal hangs", || world.portal.counters().faults == 1).await;
        let waits = start("waits", "95000002").await;
        let (began, figures) = (Instant::now(), || farm(world.node()));
        until("one login waits for the browser", || figures().queued == 1).await;
        // The place to wait is taken.
        let refused =
            world.admin.sign_in(&by_browser(&world.account("third", "95000003"))).await.stands("failed");
        assert_eq!(refused.code(), "browser_unavailable");
        assert!(refused.error.as_ref().unwrap().retry_at.is_some(), "{refused:?}");
        let fourth = json!({"email": world.account("fourth", "95000004"), "password": PASSWORD});
        let answer = world.admin.post("/api/kaspi/auth/login", &fourth).await;
        answer.is_problem(503, "browser_unavailable");
        assert!(answer.retry_after() >= 1);

        let late = world.admin.login(waits.id).await.stands("failed");
        assert_eq!(late.code(), "browser_unavailable");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let hung = world.admin.login(running.id).await.stands("failed");
        assert_eq!(hung.code(), "portal_unavailable");
        assert_eq!((figures().running, figures().queued, world.posts()), (0, 0, 1));
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_too_many_wait_for_a_person_the_oldest_is_told_so() {
    let two_wait = |config: &mut Config| {
        on(config);
        config.browser.max_held = 2;
    };
    World::prove_with(Kind::Sqlite, two_wait, async |world| {
        let start = async |name: &str, uid: &str| {
            let email = format!("{name}@shop.test");
            let account = AccountSpec::email(&email).merchant(uid).code(CodeRule::Always);
            world.portal.add_account(account);
            world.admin.sign_in(&by_browser(&email)).await.stands("awaiting_code")
        };
        let oldest = start("one", "97000001").await;
        let second = start("two", "97000002").await;
        let third = start("three", "97000003").await;
        let given_up = eventually("the oldest is given up", async || {
            let login = world.admin.login(oldest.id).await;
            (login.state != "awaiting_code").then_some(login)
        });
        let given_up = given_up.await.stands("failed");
        assert_eq!(given_up.code(), "browser_lost");
        assert_eq!(farm(world.node()).held, 2);
        for (login, email) in [(second, "two@shop.test"), (third, "three@shop.test")] {
            world.admin.answer_code(login.id, &world.code(email)).await.stands("succeeded");
        }
        assert_eq!(world.passwords(), 3);
    })
    .await;
}
