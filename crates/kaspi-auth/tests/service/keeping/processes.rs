//! Several processes on one PostgreSQL: many callers cost one login; a holder that dies in the middle of it is replaced, and no older
//! session is ever served again.

use kaspi_sandbox::{AccountSpec, Fault, FaultKind};

use crate::harness::{Client, Kind, PASSWORD, Process, Rig, Session, eventually, until};

const CALLERS: usize = 200;
const FRESH: &str = "/v1/stores/7000001/session?max_age=0s&wait=25s";

/// Two processes, and a store whose session has died at the portal.
async fn dead_session_of_two() -> (Rig, Process, Process) {
    let rig = Rig::new(Kind::Postgres).await;
    let (one, other) = (rig.serve().await, rig.serve().await);
    let email = rig.account(AccountSpec::email("shop@shop.test").merchant("7000001"));
    one.client.sign_in_as(&email, PASSWORD).await.stands("succeeded");
    rig.portal.kill_sessions(None);
    (rig, one, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_of_two_processes_cost_one_login() {
    let (rig, one, other) = dead_session_of_two().await;
    rig.portal.kill_sso(None);
    let sessions = rig.portal.counters().sessions;
    let clients = [&one.client, &other.client];
    let calls = (0..CALLERS).map(|caller| clients[caller % 2].get(FRESH));
    for answer in futures_util::future::join_all(calls).await {
        let session: Session = answer.is(200).read();
        assert_eq!((session.generation, session.validity.as_str()), (2, "alive"));
    }
    let counters = rig.portal.counters();
    assert_eq!((counters.passwords, counters.sessions), (2, sessions + 1));
    for process in [one, other] {
        assert!(process.terminate().await.status.success());
    }
}

/// Takes the place of waiting for leases whose holder is gone.
async fn end_all_leases(rig: &Rig) {
    rig.end_leases().await;
    rig.database.execute("update kaspi_auth_keeping set lease_until = 1 where lease_until is not null").await;
}

/// What is served without asking the portal; `None`: nothing, for now.
async fn served(client: &Client) -> Option<Session> {
    let answer = client.get("/v1/stores/7000001/session").await;
    (answer.status == 200).then(|| answer.read())
}

/// Asks until a living session comes, and holds that none that is served on the way is older than one before.
async fn comes_back(rig: &Rig, client: &Client, least: i64) -> Session {
    let mut newest = least;
    eventually("another finishes", async || {
        let answer = client.get("/v1/stores/7000001/session?max_age=0s&wait=1s").await;
        if let Some(session) = served(client).await {
            assert!(session.generation >= newest, "an older session was served: {session:?}");
            newest = session.generation;
        }
        if answer.status != 200 {
            end_all_leases(rig).await;
            return None;
        }
        Some(answer.read::<Session>())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_holder_had_begun_another_ends_with_one_password_more_at_most() {
    let (rig, one, other) = dead_session_of_two().await;
    rig.portal.kill_sso(None);
    // The password arrives; its answer never does.
    let before = rig.portal.counters();
    rig.portal.set_fault(Fault::new(FaultKind::HangingBody).role("login").path("/api/p/login").times(1));
    let asking = tokio::spawn({
        let client = one.client.clone();
        async move { client.try_send(client.request(reqwest::Method::GET, FRESH)).await }
    });
    until("the password is at the portal", || rig.portal.counters().faults > before.faults).await;
    one.kill();
    assert!(asking.await.unwrap().is_err(), "it died with its node");

    let session = comes_back(&rig, &other.client, 1).await;
    assert_eq!((session.generation, session.validity.as_str()), (2, "alive"));
    let passwords = rig.portal.counters().passwords - before.passwords;
    assert!(passwords <= 2, "the killed one's, and one more: {passwords}");
    // The dead one comes back, and both serve the same.
    let again = rig.serve().await;
    assert_eq!(served(&again.client).await.unwrap().cookie_header, session.cookie_header);
    assert_eq!(served(&other.client).await.unwrap().cookie_header, session.cookie_header);
    assert_eq!(rig.portal.counters().passwords - before.passwords, passwords);
    for process in [again, other] {
        assert!(process.terminate().await.status.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_was_frozen_brings_no_older_session_back() {
    let (rig, one, other) = dead_session_of_two().await;
    // The look finds it dead; the last step of the silent renewal takes its time.
    let before = rig.portal.counters();
    let mut slow = Fault::new(FaultKind::Delay(2_000)).role("cabinet").path("/s/m").times(1);
    slow.skip = 1;
    rig.portal.set_fault(slow);
    let asking = tokio::spawn({
        let client = one.client.clone();
        async move { client.try_send(client.request(reqwest::Method::GET, FRESH)).await }
    });
    until("it is in the middle of its renewal", || rig.portal.counters().faults > before.faults).await;
    one.freeze();
    end_all_leases(&rig).await;
    let session = comes_back(&rig, &other.client, 1).await;
    assert_eq!(session.generation, 2);
    one.thaw();
    // Whoever asked there gets what stands now, or is told to come again.
    let answer = asking.await.unwrap().unwrap();
    if answer.status == 200 {
        assert!(answer.read::<Session>().generation >= session.generation, "{answer:?}");
    }
    // Stopping waits for what runs: afterwards it has tried to store what it found.
    assert!(one.terminate().await.status.success());
    assert_eq!(served(&other.client).await.unwrap(), session);
    assert_eq!(rig.portal.counters().passwords, 1, "the login host remembered");
    assert!(other.terminate().await.status.success());
}
