//! Serving a session as fresh as it is wanted: from memory, else by a look, else by one login that all callers share.

use jiff::SignedDuration;
use kaspi_sandbox::{Fault, FaultKind, Renewal};
use serde_json::json;

use crate::harness::{Answer, PASSWORD, Session, World, eventually, on_both, on_sqlite};

/// How often the cabinet was asked whether a session lives.
fn looks(world: &World) -> u64 {
    world.portal.counters().calls_to("GET", "cabinet", "/s/m")
}

async fn asked(world: &World, uid: &str, query: &str) -> Answer {
    world.admin.get(&format!("/v1/stores/{uid}/session?{query}")).await
}

async fn served(world: &World, uid: &str, query: &str) -> Session {
    asked(world, uid, query).await.is(200).read()
}

async fn what_was_seen_alive_lately_is_served_from_memory(world: &World) {
    world.store("shop", "7000001").await;
    assert_eq!(world.admin.validity("7000001").await, "alive");
    let (before, first) = (looks(world), world.admin.session("7000001").await);
    for query in ["max_age=60s", "max_age=1m&wait=10s", "max_age=1h", "wait=0s", "min_ttl=1h", "max_age=60"] {
        assert_eq!(served(world, "7000001", query).await, first, "{query}");
    }
    assert_eq!(looks(world), before, "nobody asked the cabinet");

    world.advance(SignedDuration::from_secs(61));
    assert_eq!(served(world, "7000001", "max_age=2m").await, first);
    assert_eq!(looks(world), before);
    let second = served(world, "7000001", "max_age=60s").await;
    assert_eq!((looks(world), second.generation), (before + 1, 1));
    assert!(second.checked_at > first.checked_at);
    assert_eq!(served(world, "7000001", "max_age=60s").await, second);
    assert_eq!(looks(world), before + 1, "one look serves those that come after it");
    assert_eq!(world.passwords(), 1);
}

async fn many_who_ask_for_a_dead_session_cost_one_login(world: &World) {
    world.store("shop", "7000001").await;
    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    world.portal.set_fault(Fault::new(FaultKind::Delay(200)).role("login").path("/api/p/login"));
    let calls = (0..50).map(|_| asked(world, "7000001", "max_age=0s&wait=30s"));
    let answers = futures_util::future::join_all(calls).await;
    world.portal.clear_faults();
    for answer in answers {
        let session: Session = answer.is(200).read();
        assert_eq!((session.generation, session.validity.as_str()), (2, "alive"));
    }
    assert_eq!((world.passwords(), world.codes()), (2, 0), "the first login's and one for all of these");
    let session = world.admin.session("7000001").await;
    assert_eq!(world.open_cabinet(&session.cookie_header).await.0, 200);
}

async fn who_names_no_freshness_gets_what_is_stored_and_starts_nothing(world: &World) {
    world.store("shop", "7000001").await;
    world.portal.kill_sessions(None);
    assert_eq!(world.admin.validity("7000001").await, "dead");
    let (looks_before, sessions) = (looks(world), world.portal.counters().sessions);
    world.admin.get("/v1/stores/7000001/session").await.is_problem(409, "session_expired");
    assert_eq!((looks(world), world.portal.counters().sessions), (looks_before, sessions));
    // While the login host remembers, no password goes out.
    let session = served(world, "7000001", "wait=30s").await;
    assert_eq!((session.generation, world.passwords()), (2, 1));
}

async fn while_the_portal_is_down_the_last_good_session_is_served(world: &World) {
    world.store("shop", "7000001").await;
    assert_eq!(world.admin.validity("7000001").await, "alive");
    let before = (world.admin.session("7000001").await, world.admin.store("7000001").await);
    world.advance(SignedDuration::from_mins(5));
    for kind in [FaultKind::Status(503), FaultKind::Broken, FaultKind::Wall(403)] {
        world.portal.set_fault(Fault::new(kind.clone()).role("cabinet"));
        let session = served(world, "7000001", "max_age=60s&wait=5s").await;
        world.portal.clear_faults();
        assert_eq!(session, before.0, "{kind:?}: its checked_at says how old that is");
        assert_eq!(world.admin.store("7000001").await, before.1, "{kind:?}");
    }
    assert_eq!(world.passwords(), 1, "an outage is no reason to sign in");
    // The circuit of a failing host stays open for a while.
    world.advance(SignedDuration::from_mins(5));
    let session = served(world, "7000001", "max_age=60s").await;
    assert!(session.checked_at > before.0.checked_at && session.generation == 1);
}

async fn a_session_that_will_not_live_long_enough_is_renewed_before_it_ends(world: &World) {
    world.store("shop", "7000001").await;
    // Nothing is learned yet: a day is believed.
    world.advance(SignedDuration::from_hours(20));
    assert_eq!(served(world, "7000001", "min_ttl=3h").await.generation, 1);
    let renewed = served(world, "7000001", "min_ttl=5h").await;
    assert_eq!((renewed.generation, world.passwords()), (2, 1), "the login host remembered");
    assert_eq!(served(world, "7000001", "min_ttl=5h").await.generation, 2);
    // Longer than any session lives: one that has just begun is as good as it gets.
    assert_eq!(served(world, "7000001", "min_ttl=10000h").await.generation, 2);

    // It cannot be renewed now, and it lives yet.
    world.advance(SignedDuration::from_hours(20));
    world.portal.set_fault(Fault::new(FaultKind::Status(503)).role("login"));
    let session = served(world, "7000001", "min_ttl=5h&wait=10s").await;
    world.portal.clear_faults();
    assert_eq!(session.generation, 2);
}

async fn where_no_session_can_be_had_the_reason_is_told(world: &World) {
    // The portal will ask for a code, and nobody is there to be asked.
    let login = world.admin.sign_in_as("always@sandbox.test", PASSWORD).await;
    world.admin.answer_code(login.id, &world.code("always@sandbox.test")).await.stands("succeeded");
    // No password is kept.
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD, "store_password": false});
    world.admin.sign_in(&body).await.stands("succeeded");
    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    let (passwords, codes) = (world.passwords(), world.codes());
    for (uid, code, reason) in
        [("30000004", "code_required", "needs_code_email"), ("30000001", "needs_reauth", "no_credentials")]
    {
        let problem = asked(world, uid, "max_age=0s&wait=30s").await.is_problem(409, code);
        assert!(!problem.retryable, "{problem:?}");
        let store = world.admin.store(uid).await;
        assert_eq!((store.status.as_str(), store.validity.as_str()), ("needs_reauth", "dead"), "{uid}");
        assert_eq!(store.reauth_reason.as_deref(), Some(reason));
        let keeping = world.admin.keeping(uid).await;
        assert_eq!((keeping.can_refresh, keeping.can_refresh_reason.as_str()), (false, reason));
    }
    // That this portal asks although it remembers the device was to be found out once, by one password.
    assert_eq!((world.passwords(), world.codes()), (passwords + 1, codes + 1));
    asked(world, "30000004", "max_age=0s&wait=30s").await.is_problem(409, "code_required");
    assert_eq!((world.passwords(), world.codes()), (passwords + 1, codes + 1), "it is not asked for again");
}

async fn who_waits_too_short_is_told_when_to_ask_again(world: &World) {
    world.store("shop", "7000001").await;
    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    assert_eq!(world.admin.validity("7000001").await, "dead");
    world.portal.set_fault(Fault::new(FaultKind::Delay(1500)).role("login").path("/api/p/login"));
    let answer = asked(world, "7000001", "max_age=0s&wait=50ms").await;
    let problem = answer.is_problem(409, "session_refreshing");
    assert!(problem.retryable && answer.retry_after() <= 3, "{answer:?}");
    world.portal.clear_faults();
    let session = served(world, "7000001", "wait=30s").await;
    assert_eq!((session.generation, world.passwords()), (2, 2), "it went on meanwhile, and is the same one");
}

async fn a_portal_that_hangs_keeps_nobody_longer_than_they_wait(world: &World) {
    world.store("shop", "7000001").await;
    let before = world.admin.session("7000001").await;
    world.advance(SignedDuration::from_mins(1));
    world.portal.set_fault(Fault::new(FaultKind::Hang).role("cabinet").path("/s/m"));
    let began = std::time::Instant::now();
    let calls = (0..20).map(|_| asked(world, "7000001", "max_age=0s&wait=300ms"));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.is(200).read::<Session>(), before, "its checked_at says how old that is");
    }
    let longest = std::time::Duration::from_secs(world.config.portal.timeout_seconds);
    assert!(began.elapsed() < longest / 2, "{:?}", began.elapsed());
    world.portal.clear_faults();
}

async fn what_a_look_brought_is_kept_although_nobody_waits_for_it(world: &World) {
    let mut knobs = world.portal.knobs();
    knobs.session.renewal = Renewal::Rotate;
    knobs.session.renewal_seconds = 60;
    world.portal.set_knobs(knobs);
    world.store("shop", "7000001").await;
    world.advance(SignedDuration::from_mins(2));
    world.portal.set_fault(Fault::new(FaultKind::Delay(1000)).role("cabinet").path("/s/m").times(1));
    assert_eq!(served(world, "7000001", "max_age=0s&wait=10ms").await.generation, 1);
    eventually("the cookie that the look renewed is stored", async || {
        (world.admin.session("7000001").await.generation == 2).then_some(())
    })
    .await;
}

async fn freshness_that_makes_no_sense_is_refused(world: &World) {
    world.store("shop", "7000001").await;
    for query in [
        "max_age=",
        "max_age=x",
        "max_age=-1s",
        "max_age=1d",
        "max_age=1.5h",
        "max_age=99999999999s",
        "max_age=1s&max_age=2s",
        "min_ttl=soon",
        "min_ttl=%00",
        "wait=forever",
        "max_agee=60s",
    ] {
        asked(world, "7000001", query).await.is_problem(422, "invalid_value");
    }
    // The longest wait is cut, not refused; an empty query is none.
    served(world, "7000001", "wait=999999999h&max_age=999999999h&min_ttl=0").await;
    served(world, "7000001", "").await;
}

async fn another_users_session_is_not_there_however_it_is_asked_for(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let before = looks(world);
    for query in ["max_age=0s", "min_ttl=23h", "wait=1s"] {
        let path = format!("/v1/stores/30000001/session?{query}");
        other.get(&path).await.is_problem(404, "store_not_found");
    }
    assert_eq!((looks(world), world.passwords()), (before, 1), "nothing was done for a stranger");
    one.get("/v1/stores/30000001/session?max_age=0s").await.is(200);
}

on_both!(
    what_was_seen_alive_lately_is_served_from_memory,
    many_who_ask_for_a_dead_session_cost_one_login,
    a_session_that_will_not_live_long_enough_is_renewed_before_it_ends,
);
on_sqlite!(
    who_names_no_freshness_gets_what_is_stored_and_starts_nothing,
    while_the_portal_is_down_the_last_good_session_is_served,
    where_no_session_can_be_had_the_reason_is_told,
    who_waits_too_short_is_told_when_to_ask_again,
    a_portal_that_hangs_keeps_nobody_longer_than_they_wait,
    what_a_look_brought_is_kept_although_nobody_waits_for_it,
    freshness_that_makes_no_sense_is_refused,
    another_users_session_is_not_there_however_it_is_asked_for,
);
