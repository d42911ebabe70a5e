//! Several nodes on one database: the page of a login is held by one, and everybody's word reaches it.

use std::time::{Duration, Instant};

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::chromium::{Chromium, by_browser, farm, on, on_for, sleeping};
use crate::harness::{Client, Kind, Login, Node, Rig, World, eventually, on_each, until};

fn at(world: &World, node: &Node) -> Client {
    node.anyone().with(world.admin.bearer())
}

/// Two nodes with all that `serve` runs, the first of which holds the page of a login that waits for a code.
async fn held_by_the_first(world: &World, email: &str) -> (Node, Node, Login) {
    let (one, other) = (world.second_node().await, world.second_node().await);
    let login = at(world, &one).sign_in(&by_browser(email)).await.stands("awaiting_code");
    assert_eq!(farm(&one).held, 1);
    (one, other, login)
}

async fn an_answer_given_elsewhere_is_carried_out_once_by_the_node_that_holds_the_page(world: &World) {
    let (one, other, login) = held_by_the_first(world, "always@sandbox.test").await;
    let client = at(world, &other);
    assert_eq!(client.login(login.id).await, login);
    // Wrong, then right, both said to the other node.
    let wrong = client.answer_code(login.id, "000000").await.stands("awaiting_code");
    assert_eq!(wrong.last(), "code_rejected");
    assert_eq!(farm(&one).held, 1);
    let done = client.answer_code(login.id, &world.code("always@sandbox.test")).await.stands("succeeded");
    assert_eq!(at(world, &one).login(login.id).await, done);
    assert_eq!((world.posts(), world.passwords(), world.portal.counters().wrong_codes), (3, 1, 1));
    assert!(sleeping(&other).is_none(), "the other node needed no browser");
    until("the page was let go", || farm(&one).held == 0).await;
    assert_eq!(client.session("30000004").await.generation, 1);
    one.stop().await;
    other.stop().await;
}

async fn a_login_that_is_cancelled_elsewhere_lets_its_page_go(world: &World) {
    let (one, other, login) = held_by_the_first(world, "code@sandbox.test").await;
    let cancelled: Login = at(world, &other).delete(&format!("/v1/logins/{}", login.id)).await.is(200).read();
    cancelled.stands("cancelled");
    until("the page was let go", || farm(&one).held == 0).await;
    assert_eq!(world.posts(), 1);
    // The account is free.
    at(world, &other).sign_in(&by_browser("code@sandbox.test")).await.stands("awaiting_code");
    assert_eq!((farm(&one).held, farm(&other).held), (0, 1));
    one.stop().await;
    other.stop().await;
}

macro_rules! proven {
    ($($body:ident),+ $(,)?) => {$(
        mod $body {
            use super::{Kind, World, on};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                World::prove_with(Kind::Sqlite, on, super::$body).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                World::prove_with(Kind::Postgres, on, super::$body).await;
            }
        }
    )+};
}

proven!(
    an_answer_given_elsewhere_is_carried_out_once_by_the_node_that_holds_the_page,
    a_login_that_is_cancelled_elsewhere_lets_its_page_go,
);

/// How long others may take to notice that a node died: its lease, and a pass.
const NOTICED: Duration = Duration::from_secs(25);

async fn what_a_killed_node_held_fails_and_leaves_no_browser(kind: Kind) {
    let rig = Rig::new(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let one = rig.serve_with(|command| on_for(command, folder.path())).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = rig.serve_with(|command| on_for(command, elsewhere.path())).await;
    let login = one.client.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
    let chromium = Chromium::below(folder.path()).await;
    assert!(!chromium.renderers().is_empty());

    let began = Instant::now();
    one.kill();
    // A browser whose service died ends by itself.
    chromium.has_ended().await;
    let lost = eventually("the login fails", async || {
        let login: Login = other.client.get(&format!("/v1/logins/{}", login.id)).await.is(200).read();
        (login.state != "awaiting_code").then_some(login)
    })
    .await
    .stands("failed");
    assert!(began.elapsed() < NOTICED, "{:?}", began.elapsed());
    assert_eq!((lost.code(), lost.error.as_ref().unwrap().retryable), ("browser_lost", true));
    let code = json!({"code": rig.code("always@sandbox.test")});
    other.client.answer(login.id, &code).await.is_problem(409, "login_finished");
    let counters = rig.portal.counters();
    assert_eq!((counters.passwords, counters.calls_to("POST", "login", "/api/p/login")), (1, 1));

    // The next start in the same place clears away what lies there, and the account goes on.
    let next = rig
        .serve_with(|command| on_for(command, folder.path()).env("KASPI_AUTH__BROWSER__MODE", "warm"))
        .await;
    chromium.has_left_nothing().await;
    let again = next.client.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
    next.client.answer_code(again.id, &rig.code("always@sandbox.test")).await.stands("succeeded");
    for process in [other, next] {
        let ended = process.terminate().await;
        assert!(ended.status.success(), "{}", ended.log);
    }
}

async fn what_a_killed_node_was_opening_another_opens_anew(kind: Kind) {
    let rig = Rig::new(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let one = rig.serve_with(|command| on_for(command, folder.path())).await;
    let other = rig.serve_with(|command| on_for(command, folder.path())).await;
    let faults = rig.portal.counters().faults;
    rig.portal.set_fault(Fault::new(FaultKind::Hang).role("login").path("/login"));
    let body = by_browser("plain@sandbox.test");
    let login: Login = one.client.post("/v1/logins", &body).await.is(201).read();
    until("the page is asked for", || rig.portal.counters().faults > faults).await;
    let chromium = Chromium::below(folder.path()).await;
    one.kill();
    rig.portal.clear_faults();
    chromium.has_ended().await;
    rig.end_leases().await;
    let done = eventually("the other has taken it over", async || {
        let login = other.client.login(login.id).await;
        matches!(login.state.as_str(), "succeeded" | "failed").then_some(login)
    })
    .await
    .stands("succeeded");
    assert_eq!(done.driver, "browser");
    assert_eq!(rig.portal.counters().passwords, 1);
    let ended = other.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);
}

on_each!(what_a_killed_node_held_fails_and_leaves_no_browser);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_node_was_opening_another_opens_anew_on_postgres() {
    what_a_killed_node_was_opening_another_opens_anew(Kind::Postgres).await;
}
