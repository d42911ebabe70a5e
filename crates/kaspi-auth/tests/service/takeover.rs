//! Two services on one PostgreSQL: either can answer what the other began, and what one leaves behind the other takes over.

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::harness::{Kind, Login, PASSWORD, Rig, eventually, until};

const FOR_EVER: FaultKind = FaultKind::Delay(600_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_one_began_is_answered_on_the_other_and_seen_by_both() {
    let rig = Rig::new(Kind::Postgres).await;
    let (one, other) = (rig.serve().await, rig.serve().await);
    let login = one.client.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
    // Somebody waits on the first while the portal is slow to answer the second.
    rig.portal.set_fault(Fault::new(FaultKind::Delay(500)).role("login").path("/api/p/login").times(1));
    let code = json!({"code": rig.code("code@sandbox.test")});
    let verifying: Login =
        other.client.post(&format!("/v1/logins/{}/answer", login.id), &code).await.is(200).read();
    verifying.stands("verifying");
    let began = std::time::Instant::now();
    let seen = one.client.login(login.id).await.stands("succeeded");
    assert!(
        began.elapsed() < std::time::Duration::from_secs(5),
        "woken, not timed out: {:?}",
        began.elapsed()
    );
    assert_eq!(other.client.login(login.id).await, seen);
    assert_eq!(one.client.session("30000002").await, other.client.session("30000002").await);
    // A session that one renews, the other serves.
    other.client.refresh("30000002").await.is(200);
    eventually("the first serves the new session", async || {
        (one.client.session("30000002").await.generation == 2).then_some(())
    })
    .await;
    // One account, two services, one login.
    let body = json!({"email": "always@sandbox.test", "password": PASSWORD});
    let both = futures_util::future::join(one.client.sign_in(&body), other.client.sign_in(&body)).await;
    assert_eq!(both.0.id, both.1.id);
    assert_eq!(rig.portal.account_counters("always@sandbox.test").unwrap().passwords, 1);
    for process in [one, other] {
        let ended = process.terminate().await;
        assert!(ended.status.success(), "{}", ended.log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_service_left_running_the_other_takes_over() {
    let rig = Rig::new(Kind::Postgres).await;
    let (one, other) = (rig.serve().await, rig.serve().await);
    let start = async |path: &str, role: &str, email: &str| {
        let faults = rig.portal.counters().faults;
        rig.portal.set_fault(Fault::new(FOR_EVER).role(role).path(path).times(1));
        let body = json!({"email": email, "password": PASSWORD});
        let login: Login = one.client.post("/v1/logins", &body).await.is(201).read();
        until("the portal was asked", || rig.portal.counters().faults > faults).await;
        login.id
    };
    let submitting = start("/api/p/login", "login", "plain@sandbox.test").await;
    let finishing = start("/s/m", "cabinet", "dies-calls@sandbox.test").await;
    let waiting = one.client.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
    one.kill();
    let ended = async |id: uuid::Uuid| {
        eventually("the other has taken it over", async || {
            let login = other.client.login(id).await;
            matches!(login.state.as_str(), "succeeded" | "failed").then_some(login)
        })
        .await
    };
    assert_eq!(ended(submitting).await.stands("failed").code(), "login_interrupted");
    ended(finishing).await.stands("succeeded");
    other.client.answer_code(waiting.id, &rig.code("code@sandbox.test")).await.stands("succeeded");
    assert_eq!(
        rig.portal.account_counters("plain@sandbox.test").unwrap().passwords,
        0,
        "it never arrived, and was not sent again"
    );
    assert_eq!(rig.portal.account_counters("dies-calls@sandbox.test").unwrap().passwords, 1);
    for uid in ["30000052", "30000002"] {
        other.client.session(uid).await;
    }
    assert!(other.terminate().await.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_was_frozen_overwrites_nothing_when_it_wakes() {
    let rig = Rig::new(Kind::Postgres).await;
    let (one, other) = (rig.serve().await, rig.serve().await);
    let faults = rig.portal.counters().faults;
    rig.portal.set_fault(Fault::new(FaultKind::Delay(2_000)).role("cabinet").path("/s/m").times(1));
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let login: Login = one.client.post("/v1/logins", &body).await.is(201).read();
    until("the portal was asked", || rig.portal.counters().faults > faults).await;
    one.freeze();
    rig.end_leases().await;
    let done = eventually("the other has taken it over", async || {
        let login = other.client.login(login.id).await;
        (login.state == "succeeded").then_some(login)
    })
    .await;
    let (store, session) = (other.client.store("30000001").await, other.client.session("30000001").await);
    one.thaw();
    // Stopping waits for what runs: afterwards it has tried to store what it found.
    one.client.get("/v1/stores").await.is(200);
    assert!(one.terminate().await.status.success());
    assert_eq!(other.client.login(done.id).await, done);
    assert_eq!(
        (other.client.store("30000001").await, other.client.session("30000001").await),
        (store, session)
    );
    assert_eq!(rig.portal.counters().passwords, 1);
    assert!(other.terminate().await.status.success());
}
