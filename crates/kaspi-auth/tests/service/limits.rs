//! When there is too much to do, or it takes too long: callers are told so, and what was begun goes on.

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::harness::{Kind, Login, PASSWORD, World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_logins_than_may_wait_are_refused_and_cost_nothing() {
    let few = |config: &mut kaspi_auth::config::Config| {
        (config.logins.max_running, config.logins.max_queued) = (1, 1);
    };
    World::prove_with(Kind::Sqlite, few, async |world| {
        // Those that wait for a code take no place.
        for account in ["code@sandbox.test", "always@sandbox.test", "remembered@sandbox.test"] {
            world.admin.sign_in_as(account, PASSWORD).await.stands("awaiting_code");
        }
        let faults = world.portal.counters().faults;
        world.portal.set_fault(Fault::new(FaultKind::Delay(700)).role("login").path("/api/p/login").times(1));
        let body = |email: &str| json!({"email": email, "password": PASSWORD});
        let first: Login = world.admin.post("/v1/logins", &body("plain@sandbox.test")).await.is(201).read();
        until("the first is with the portal", || world.portal.counters().faults > faults).await;
        let second: Login =
            world.admin.post("/v1/logins", &body("several@sandbox.test")).await.is(201).read();
        let third = world.admin.post("/v1/logins", &body("su@sandbox.test")).await;
        assert!(third.is_problem(503, "overloaded").retryable);
        assert!((1..=5).contains(&third.retry_after()), "{third:?}");
        let passwords = world.passwords();
        assert_eq!(world.database.count("kaspi_auth_logins").await, 5, "the third left nothing behind");
        world.admin.login(first.id).await.stands("succeeded");
        world.admin.login(second.id).await.stands("awaiting_merchant");
        assert_eq!(world.passwords() - passwords, 2, "one after the other");
        world.admin.sign_in_as("su@sandbox.test", PASSWORD).await.stands("awaiting_merchant");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_wait_any_longer_finds_the_login_again() {
    let short = |config: &mut kaspi_auth::config::Config| config.server.request_timeout_seconds = 1;
    World::prove_with(Kind::Sqlite, short, async |world| {
        world
            .portal
            .set_fault(Fault::new(FaultKind::Delay(1_500)).role("login").path("/api/p/login").times(1));
        let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
        let long: Login = world.admin.post("/v1/logins?wait=60s", &body).await.is(201).read();
        long.clone().stands("submitting");
        until("the portal has answered", || world.node().service().runner.is_empty()).await;
        world.admin.login(long.id).await.stands("succeeded");

        // The predecessor's endpoint has no word for "not yet".
        world
            .portal
            .set_fault(Fault::new(FaultKind::Delay(1_500)).role("login").path("/api/p/login").times(1));
        let late = world.admin.post("/api/kaspi/auth/login", &body).await;
        assert!(late.is_problem(503, "request_timeout").retryable);
        until("the portal has answered", || world.node().service().runner.is_empty()).await;
        assert_eq!(world.admin.session("30000001").await.generation, 2, "what was begun is there");
        assert_eq!(world.passwords(), 2);
    })
    .await;
}
