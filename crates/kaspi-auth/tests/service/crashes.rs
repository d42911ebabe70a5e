//! `kill -9` and `SIGTERM` while logins run: nothing is sent twice, nothing stored is broken, what waited goes on.

use kaspi_sandbox::{AccountSpec, CodeRule, Fault, FaultKind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{
    Client, Kind, Login, PASSWORD, Process, Raw, Rig, StorePage, eventually, on_each, until,
};

/// Longer than any test runs.
const FOR_EVER: FaultKind = FaultKind::Delay(600_000);

/// Starts a login and leaves it where the portal does not answer: in `state`, at `role` and `path`.
async fn stuck(rig: &Rig, process: &Process, body: &Value, at: (&str, &str, &str)) -> Uuid {
    let (state, role, path) = at;
    let faults = rig.portal.counters().faults;
    rig.portal.set_fault(Fault::new(FOR_EVER).role(role).path(path).times(1));
    let login: Login = process.client.post("/v1/logins", body).await.is(201).read();
    arrive(rig, &process.client, login.id, state, faults).await;
    login.id
}

/// Waits until the login is in that state and the portal has been asked.
async fn arrive(rig: &Rig, client: &Client, id: Uuid, state: &str, faults: u64) {
    until("the portal was asked", || rig.portal.counters().faults > faults).await;
    let now: Login = client.get(&format!("/v1/logins/{id}")).await.is(200).read();
    now.stands(state);
}

async fn logins_of_every_state_survive_a_kill(kind: Kind) {
    let rig = Rig::new(kind).await;
    let account = |name: &str, number: u32| {
        rig.account(AccountSpec::email(format!("{name}@shop.test")).merchant(format!("81{number:05}")))
    };
    let body = |email: &str| json!({"email": email, "password": PASSWORD});
    let coded = |name: &str, number: u32| {
        let email = account(name, number);
        rig.portal.add_account(
            AccountSpec::email(&email).merchant(format!("81{number:05}")).code(CodeRule::Always),
        );
        email
    };
    let (submits, finishes) = (account("submits", 1), account("finishes", 2));
    let (verifies, waits) = (coded("verifies", 3), coded("waits", 4));
    let process = rig.serve().await;
    let client = process.client.clone();

    let done = client.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let waiting = client.sign_in(&body(&waits)).await.stands("awaiting_code");
    let choosing = client.sign_in_as("several@sandbox.test", PASSWORD).await.stands("awaiting_merchant");
    let opening =
        stuck(&rig, &process, &json!({"phone": "+77000000001"}), ("opening", "login", "/login")).await;
    let submitting = stuck(&rig, &process, &body(&submits), ("submitting", "login", "/api/p/login")).await;
    let finishing = stuck(&rig, &process, &body(&finishes), ("finishing", "cabinet", "/s/m")).await;
    let verifying = client.sign_in(&body(&verifies)).await.stands("awaiting_code");
    let faults = rig.portal.counters().faults;
    rig.portal.set_fault(Fault::new(FOR_EVER).role("login").path("/api/p/login").times(1));
    let code = json!({"code": rig.code(&verifies)});
    let answer = client.request(reqwest::Method::POST, &format!("/v1/logins/{}/answer", verifying.id));
    client.send(answer.header("idempotency-key", "k").json(&code)).await.is(200);
    arrive(&rig, &client, verifying.id, "verifying", faults).await;
    let posts = |rig: &Rig| rig.portal.counters().calls_to("POST", "login", "/api/p/login");
    let sent = (posts(&rig), rig.portal.counters().passwords);

    let log = process.kill();
    assert!(!log.contains("panicked"), "{log}");
    rig.end_leases().await;
    let process = rig.serve().await;
    let client = process.client.clone();

    // What waited is as it was, at once.
    assert_eq!(client.login(waiting.id).await, waiting);
    assert_eq!(client.login(choosing.id).await, choosing);
    client.answer_code(waiting.id, &rig.code(&waits)).await.stands("succeeded");
    client.choose(choosing.id, "SBX").await.stands("succeeded");
    assert_eq!(client.login(done.id).await, done);

    // What ran comes to a clear end when its lease is over.
    let interrupted = async |id: Uuid| {
        let login = ended(&client, id).await.stands("failed");
        assert_eq!((login.code(), login.error.as_ref().unwrap().retryable), ("login_interrupted", true));
    };
    interrupted(submitting).await;
    interrupted(verifying.id).await;
    ended(&client, finishing).await.stands("succeeded");
    let opened = ended(&client, opening).await.stands("awaiting_code");
    client.answer_code(opened.id, &rig.code("+77000000001")).await.stands("succeeded");
    assert_eq!(posts(&rig) - sent.0, 3, "a phone, its code, and the code that was waited for");
    assert_eq!(rig.portal.counters().passwords, sent.1, "no password was sent a second time");

    // The accounts are free, and every row opens.
    for email in [&submits, &finishes] {
        client.sign_in(&body(email)).await.stands("succeeded");
    }
    let again: Login = client.answer_under("k", verifying.id, &code).await.is(200).read();
    again.stands("failed");
    client.sign_in(&body(&verifies)).await.stands("awaiting_code");
    every_row_opens(&client, 6).await;
    let ended = process.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!ended.log.contains("ERROR"), "{}", ended.log);
}

async fn a_service_that_is_told_to_stop_finishes_what_runs(kind: Kind) {
    let rig = Rig::new(kind).await;
    let process = rig.serve().await;
    let client = process.client.clone();
    let faults = rig.portal.counters().faults;
    rig.portal.set_fault(Fault::new(FaultKind::Delay(1_500)).role("login").path("/api/p/login").times(1));
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let login: Login = client.post("/v1/logins", &body).await.is(201).read();
    arrive(&rig, &client, login.id, "submitting", faults).await;
    let ended = process.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);
    assert_eq!(rig.database.texts("select state from kaspi_auth_logins").await, ["succeeded"]);
    assert_eq!(rig.portal.counters().passwords, 1);
}

async fn a_service_that_may_not_wait_parks_what_runs(kind: Kind) {
    let rig = Rig::new(kind).await;
    let process =
        rig.serve_with(|command| command.env("KASPI_AUTH__SERVER__SHUTDOWN_GRACE_SECONDS", "1")).await;
    let body = |email: &str| json!({"email": email, "password": PASSWORD});
    let submitting =
        stuck(&rig, &process, &body("plain@sandbox.test"), ("submitting", "login", "/api/p/login")).await;
    let finishing =
        stuck(&rig, &process, &body("dies-calls@sandbox.test"), ("finishing", "cabinet", "/s/m")).await;
    let waiting = process.client.sign_in(&body("code@sandbox.test")).await.stands("awaiting_code");
    let stopped = process.terminate().await;
    assert!(stopped.status.success(), "{}", stopped.log);
    assert_eq!(
        rig.database.count("kaspi_auth_logins where state = 'submitting'").await,
        1,
        "it was left as it stood"
    );

    // The next one takes it over at once: nobody has to wait for a lease to end.
    let process = rig.serve().await;
    let began = std::time::Instant::now();
    assert_eq!(ended(&process.client, submitting).await.stands("failed").code(), "login_interrupted");
    ended(&process.client, finishing).await.stands("succeeded");
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    process.client.answer_code(waiting.id, &rig.code("code@sandbox.test")).await.stands("succeeded");
    every_row_opens(&process.client, 2).await;
    assert_eq!(rig.portal.counters().passwords, 2, "the delayed one never arrived, the others came once");
    assert!(process.terminate().await.status.success());
}

async fn whoever_waits_is_answered_when_the_service_stops(kind: Kind) {
    let rig = Rig::new(kind).await;
    let process =
        rig.serve_with(|command| command.env("KASPI_AUTH__SERVER__SHUTDOWN_GRACE_SECONDS", "6")).await;
    let client = process.client.clone();
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let submitting = stuck(&rig, &process, &body, ("submitting", "login", "/api/p/login")).await;
    // A call of which we know that the service has begun with it: it asks for the body.
    let (text, base) = (body.to_string(), client.base().to_owned());
    let head = format!(
        "POST /v1/logins?wait=30s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        client.bearer(),
        text.len()
    );
    let mut waiting = Raw::connect(&base).await;
    assert_eq!(waiting.send(head.as_bytes()).await.answer().await.status, 100);
    waiting.send(text.as_bytes()).await;
    let began = std::time::Instant::now();
    let (answer, stopped) = futures_util::future::join(waiting.answer(), process.terminate()).await;
    let login: Login = answer.is(200).read();
    assert_eq!((login.id, login.state.as_str()), (submitting, "submitting"));
    assert!(stopped.status.success(), "{}", stopped.log);
    let took = began.elapsed().as_secs();
    assert!((5..10).contains(&took), "the login had its time, and no more than that: {took} s");
}

on_each!(
    logins_of_every_state_survive_a_kill,
    a_service_that_is_told_to_stop_finishes_what_runs,
    a_service_that_may_not_wait_parks_what_runs,
    whoever_waits_is_answered_when_the_service_stops,
);

/// The login once it does not run any more.
async fn ended(client: &Client, id: Uuid) -> Login {
    eventually("the login comes to an end", async || {
        let login = client.login(id).await;
        let runs =
            matches!(login.state.as_str(), "queued" | "opening" | "submitting" | "verifying" | "finishing");
        (!runs).then_some(login)
    })
    .await
}

/// Every store is listed, has its credentials and opens its session.
async fn every_row_opens(client: &Client, count: usize) {
    let page: StorePage = client.get("/v1/stores").await.is(200).read();
    assert_eq!(page.stores.len(), count, "{page:?}");
    for store in page.stores {
        client.session(&store.merchant_uid).await;
    }
}
