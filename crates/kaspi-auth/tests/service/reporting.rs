//! Reports of consumers: they stand for looks, and no consumer's mistake ends a session that lives.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Timeline, World, on_both, on_sqlite};

fn looks(world: &World) -> u64 {
    world.portal.counters().calls_to("GET", "cabinet", "/s/m")
}

async fn report(client: &Client, uid: &str, generation: i64, outcome: &str) -> Value {
    let body = json!({"generation": generation, "outcome": outcome});
    client.post(&format!("/v1/stores/{uid}/session/report"), &body).await.is(200).json()
}

fn told(ignored: bool, validity: &str, generation: i64) -> Value {
    json!({"ignored": ignored, "validity": validity, "generation": generation})
}

async fn a_call_that_went_well_stands_for_a_look(world: &World) {
    world.store("shop", "7000001").await;
    let (before, first) = (looks(world), world.admin.session("7000001").await);
    world.advance(SignedDuration::from_mins(10));
    assert_eq!(report(&world.admin, "7000001", 1, "ok").await, told(false, "alive", 1));
    let session = world.admin.get("/v1/stores/7000001/session?max_age=60s").await.is(200).json();
    assert!(session["checked_at"].as_str().unwrap() > first.checked_at.unwrap().to_string().as_str());
    assert_eq!(looks(world), before, "nobody asked the cabinet");
}

async fn a_session_that_was_refused_is_looked_at_before_it_is_called_dead(world: &World) {
    world.store("shop", "7000001").await;
    world.advance(SignedDuration::from_mins(1));
    let before = looks(world);
    assert_eq!(report(&world.admin, "7000001", 1, "unauthorized").await, told(false, "alive", 1));
    assert_eq!(looks(world), before + 1);
    assert_eq!(world.admin.session("7000001").await.generation, 1, "it is served on");

    world.advance(SignedDuration::from_mins(1));
    world.portal.kill_sessions(None);
    assert_eq!(report(&world.admin, "7000001", 1, "unauthorized").await, told(false, "dead", 1));
    world.admin.get("/v1/stores/7000001/session").await.is_problem(409, "session_expired");
    // Many who met the same: the cabinet is not asked for each of them.
    let before = looks(world);
    for _ in 0..5 {
        assert_eq!(report(&world.admin, "7000001", 1, "unauthorized").await, told(false, "dead", 1));
    }
    assert_eq!(looks(world), before);
    let timeline: Timeline = world.admin.get("/v1/stores/7000001/timeline").await.is(200).read();
    let newest = &timeline.entries[0];
    assert_eq!((newest.act.as_str(), newest.reason.as_str()), ("report", "unauthorized"));
}

async fn a_report_about_an_older_session_is_ignored(world: &World) {
    world.store("shop", "7000001").await;
    world.admin.refresh("7000001").await.is(200);
    let before = (world.admin.store("7000001").await, looks(world));
    for outcome in ["ok", "unauthorized", "blocked", "rate_limited"] {
        assert_eq!(report(&world.admin, "7000001", 1, outcome).await, told(true, "alive", 2), "{outcome}");
    }
    assert_eq!((world.admin.store("7000001").await, looks(world)), before);
}

async fn walls_and_limits_say_nothing_of_the_session(world: &World) {
    world.store("shop", "7000001").await;
    let before = (world.admin.store("7000001").await, looks(world));
    for outcome in ["blocked", "rate_limited"] {
        assert_eq!(report(&world.admin, "7000001", 1, outcome).await["ignored"], false);
    }
    assert_eq!((world.admin.store("7000001").await, looks(world)), before);
}

async fn reports_that_make_no_sense_and_those_of_strangers_are_refused(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let path = "/v1/stores/30000001/session/report";
    for body in [
        json!({"generation": 1, "outcome": "fine"}),
        json!({"generation": 1, "outcome": "OK"}),
        json!({"generation": "1", "outcome": "ok"}),
        json!({"generation": 1}),
        json!({"outcome": "ok"}),
        json!({"generation": 1, "outcome": "ok", "more": 1}),
    ] {
        one.post(path, &body).await.is_problem(422, "invalid_value");
    }
    let body = json!({"generation": 1, "outcome": "unauthorized"});
    let before = looks(world);
    other.post(path, &body).await.is_problem(404, "store_not_found");
    one.post("/v1/stores/30000002/session/report", &body).await.is_problem(404, "store_not_found");
    assert_eq!(looks(world), before);
}

on_both!(
    a_call_that_went_well_stands_for_a_look,
    a_session_that_was_refused_is_looked_at_before_it_is_called_dead,
    a_report_about_an_older_session_is_ignored,
);
on_sqlite!(
    walls_and_limits_say_nothing_of_the_session,
    reports_that_make_no_sense_and_those_of_strangers_are_refused,
);
