//! Ways out: an account whose logins go over an HTTP proxy with credentials stays with it, by browser, by HTTP and for the look at its
//! session; and walls in browsers make a way rest.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::chromium::{by_browser, on};
use crate::harness::{Egress, Kind, PASSWORD, World};
use crate::http_proxy::{HttpProxy, PROXY_PASSWORD};

const DIRECT: &str = "/v1/egresses/00000000-0000-0000-0000-000000000000";

async fn events(world: &World, kind: &str) -> Vec<Value> {
    let all = world.admin.get("/v1/events").await.is(200).json();
    let all = all["events"].as_array().unwrap().clone();
    all.into_iter().filter(|event| event["type"] == kind).collect()
}

async fn an_account_keeps_to_its_proxy_by_browser_by_http_and_for_its_session(world: &World) {
    let proxy = HttpProxy::start(world.portal_address()).await;
    let body = json!({"name": "proxy", "proxy": proxy.url()});
    let egress: Egress = world.admin.post("/v1/egresses", &body).await.is(201).read();
    assert_eq!((egress.check_error.as_deref(), egress.usable), (None, true));
    world.admin.patch(DIRECT, &json!({"enabled": false})).await.is(200);

    let sent = || proxy.sent();
    let before = sent();
    let login = world.admin.sign_in(&by_browser("code@sandbox.test")).await.stands("awaiting_code");
    assert_eq!((login.egress_id, login.driver.as_str()), (egress.id, "browser"));
    assert!(sent() > before && proxy.led() > 0, "the page came over the proxy");
    // Another way out is open again: the account keeps to its own.
    world.admin.patch(DIRECT, &json!({"enabled": true})).await.is(200);
    let before = sent();
    let code = world.code("code@sandbox.test");
    world.admin.answer_code(login.id, &code).await.stands("succeeded");
    assert!(sent() > before, "the code and the finish went over the proxy");
    let before = sent();
    assert_eq!(world.admin.validity("30000002").await, "alive");
    assert!(sent() > before, "the look at the session went over the proxy");
    let before = sent();
    let direct = json!({"email": "code@sandbox.test", "password": PASSWORD, "engine": "direct"});
    let login = world.admin.sign_in(&direct).await.stands("succeeded");
    assert_eq!((login.egress_id, login.driver.as_str()), (egress.id, "direct"));
    assert!(sent() > before, "a login by HTTP went over the proxy");
    let store = world.admin.store("30000002").await;
    assert_eq!(store.egress_id, Some(egress.id));
    assert_eq!(events(world, "egress.replaced").await, Vec::<Value>::new());

    // Switched off: the account moves, and an event says so.
    world.admin.patch(&format!("/v1/egresses/{}", egress.id), &json!({"enabled": false})).await.is(200);
    let before = sent();
    let login = world.admin.sign_in(&by_browser("code@sandbox.test")).await.stands("succeeded");
    assert_eq!((login.egress_id, login.driver.as_str()), (Uuid::nil(), "browser"));
    let moved = events(world, "egress.replaced").await;
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0]["data"]["from_egress_id"], egress.id.to_string());
    assert_eq!(moved[0]["data"]["to_egress_id"], Uuid::nil().to_string());
    assert_eq!(world.admin.validity("30000002").await, "alive");
    assert!(sent() - before < 20_000, "only pages that were being warmed still went over the proxy");
    let shown = format!("{:?}", (world.admin.get("/v1/egresses").await, world.admin.get("/metrics").await));
    assert!(!shown.contains(PROXY_PASSWORD));
    let stored = world.database.bytes().await;
    assert!(!stored.windows(PROXY_PASSWORD.len()).any(|window| window == PROXY_PASSWORD.as_bytes()));
}

async fn five_walls_in_browsers_make_a_way_rest(world: &World) {
    for wall in 1..=5 {
        let login = world.admin.sign_in(&by_browser("wall@sandbox.test")).await.stands("failed");
        assert_eq!((login.code(), login.driver.as_str()), ("portal_blocked", "browser"));
        let direct: Egress = world.admin.get(DIRECT).await.is(200).read();
        assert_eq!((direct.health.rest_until.is_some(), direct.usable), (wall == 5, wall < 5), "{direct:?}");
    }
    assert_eq!(events(world, "egress.resting").await.len(), 1);
    let passwords = world.passwords();
    let refused = world.admin.post("/v1/logins", &by_browser("plain@sandbox.test")).await;
    refused.is_problem(503, "egress_unusable");
    assert!(refused.retry_after() >= 1);
    assert_eq!(world.passwords(), passwords, "nothing went that way");
    world.admin.patch(DIRECT, &json!({"wake": true})).await.is(200);
    world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_keeps_to_its_proxy_by_browser_by_http_and_for_its_session_on_sqlite() {
    let body = an_account_keeps_to_its_proxy_by_browser_by_http_and_for_its_session;
    World::prove_with(Kind::Sqlite, on, body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_keeps_to_its_proxy_by_browser_by_http_and_for_its_session_on_postgres() {
    let body = an_account_keeps_to_its_proxy_by_browser_by_http_and_for_its_session;
    World::prove_with(Kind::Postgres, on, body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_walls_in_browsers_make_a_way_rest_on_sqlite() {
    World::prove_with(Kind::Sqlite, on, five_walls_in_browsers_make_a_way_rest).await;
}
