//! Looking at a session: alive, dead or unknown. Unknown changes nothing.

use jiff::SignedDuration;
use kaspi_sandbox::{Fault, FaultKind, Renewal};
use serde_json::json;

use crate::harness::{PASSWORD, World, on_both, on_sqlite};

async fn a_session_that_ended_at_the_portal_is_found_dead_and_not_served(world: &World) {
    world.store("shop", "7000001").await;
    assert_eq!(world.admin.validity("7000001").await, "alive");
    let store = world.admin.store("7000001").await;
    assert!(store.validity == "alive" && store.checked_at.is_some());

    world.portal.kill_sessions(Some("7000001"));
    assert_eq!(world.admin.validity("7000001").await, "dead");
    let problem = world.admin.get("/v1/stores/7000001/session").await.is_problem(409, "session_expired");
    assert!(!problem.retryable);
    let store = world.admin.store("7000001").await;
    assert_eq!((store.validity.as_str(), store.generation, store.has_session), ("dead", 1, true));
    assert_eq!(world.admin.validity("7000001").await, "dead", "it can be looked at again");
    assert_eq!(world.passwords(), 1, "looking signs nobody in");

    world.admin.refresh("7000001").await.is(200);
    assert_eq!(world.admin.validity("7000001").await, "alive");
    assert_eq!(world.admin.session("7000001").await.generation, 2);
}

async fn an_outage_is_unknown_and_changes_nothing(world: &World) {
    world.store("shop", "7000001").await;
    assert_eq!(world.admin.validity("7000001").await, "alive");
    let before = (world.admin.store("7000001").await, world.admin.session("7000001").await);
    let json = |status, body| FaultKind::Json { status, body };
    for kind in [
        FaultKind::Status(500),
        FaultKind::Status(503),
        FaultKind::Status(404),
        FaultKind::Wall(403),
        FaultKind::Wall(429),
        FaultKind::Broken,
        FaultKind::BrokenBody,
        FaultKind::Garbage,
        FaultKind::LostAnswer,
        json(200, json!({"hello": "there"})),
        json(200, json!([])),
        json(200, json!({"merchants": "none"})),
        json(503, json!({"merchants": []})),
    ] {
        world.clock.advance(SignedDuration::from_secs(1));
        let what = format!("{kind:?}");
        world.portal.set_fault(Fault::new(kind).role("cabinet").path("/s/m").times(1));
        assert_eq!(world.admin.validity("7000001").await, "unknown", "{what}");
        let after = (world.admin.store("7000001").await, world.admin.session("7000001").await);
        assert_eq!(after, before, "{what}");
    }
    assert_eq!(world.admin.validity("7000001").await, "alive");
}

async fn a_clear_word_of_the_portal_is_a_verdict(world: &World) {
    let json = |body| FaultKind::Json { status: 200, body };
    for (number, kind) in [
        FaultKind::Status(401),
        FaultKind::Status(403),
        FaultKind::LoginPage,
        FaultKind::RedirectToLogin,
        // Alive, but another merchant's: our cookies must not open a stranger's cabinet.
        json(json!({"merchants": [{"uid": "7999999"}]})),
        json(json!({"merchants": []})),
    ]
    .into_iter()
    .enumerate()
    {
        let (uid, what) = (format!("700000{number}"), format!("{kind:?}"));
        world.store(&format!("shop-{number}"), &uid).await;
        world.portal.set_fault(Fault::new(kind).role("cabinet").path("/s/m").times(1));
        assert_eq!(world.admin.validity(&uid).await, "dead", "{what}");
        world.admin.get(&format!("/v1/stores/{uid}/session")).await.is_problem(409, "session_expired");
    }
}

async fn sessions_that_die_by_themselves_are_found_dead(world: &World) {
    world.admin.sign_in_as("dies-seconds@sandbox.test", PASSWORD).await.stands("succeeded");
    assert_eq!(world.admin.validity("30000051").await, "alive");
    world.advance(SignedDuration::from_secs(31));
    assert_eq!(world.admin.validity("30000051").await, "dead");

    world.admin.sign_in_as("dies-calls@sandbox.test", PASSWORD).await.stands("succeeded");
    let mut looks = 0;
    while world.admin.validity("30000052").await == "alive" {
        looks += 1;
        assert!(looks < 12, "it dies after ten calls");
    }

    world.admin.sign_in_as("exclusive@sandbox.test", PASSWORD).await.stands("succeeded");
    let first = world.admin.session("30000053").await;
    world.admin.sign_in_as("exclusive@sandbox.test", PASSWORD).await.stands("succeeded");
    assert_eq!(world.open_cabinet(&first.cookie_header).await.0, 401);
    assert_eq!(world.admin.validity("30000053").await, "alive");
}

async fn cookies_that_the_cabinet_renews_are_kept(world: &World) {
    let mut knobs = world.portal.knobs();
    (knobs.session.renewal, knobs.session.renewal_seconds, knobs.session.rotation_grace_seconds) =
        (Renewal::Rotate, 60, 5);
    world.portal.set_knobs(knobs);
    world.store("shop", "7000001").await;
    let first = world.admin.session("7000001").await;
    world.advance(SignedDuration::from_secs(61));
    assert_eq!(world.admin.validity("7000001").await, "alive");
    let second = world.admin.session("7000001").await;
    assert_ne!(second.cookie_header, first.cookie_header);
    assert_eq!(second.generation, 2, "another session cookie is another generation");
    world.advance(SignedDuration::from_secs(10));
    assert_eq!(world.open_cabinet(&first.cookie_header).await.0, 401, "the old value is over");
    assert_eq!(world.open_cabinet(&second.cookie_header).await.0, 200);
}

async fn a_look_at_an_old_session_says_nothing_about_a_newer_one(world: &World) {
    world.store("shop", "7000001").await;
    world.portal.kill_sessions(None);
    // The look is under way when somebody signs in again.
    world.portal.set_fault(Fault::new(FaultKind::Delay(700)).role("cabinet").path("/s/m").times(1));
    let faults = world.portal.counters().faults;
    let looking = world.admin.call("/v1/stores/7000001/session/validate");
    let signing_in = async {
        crate::harness::until("the look is under way", || world.portal.counters().faults > faults).await;
        world.admin.sign_in_as("shop@shop.test", PASSWORD).await.stands("succeeded")
    };
    let (look, _) = futures_util::future::join(looking, signing_in).await;
    let look = look.is(200).json();
    assert_eq!((&look["validity"], &look["generation"]), (&json!("dead"), &json!(1)));
    let store = world.admin.store("7000001").await;
    assert_eq!((store.generation, store.validity.as_str() == "dead"), (2, false), "{store:?}");
    world.admin.session("7000001").await;
}

on_both!(
    a_session_that_ended_at_the_portal_is_found_dead_and_not_served,
    an_outage_is_unknown_and_changes_nothing,
    cookies_that_the_cabinet_renews_are_kept,
    a_look_at_an_old_session_says_nothing_about_a_newer_one,
);
on_sqlite!(a_clear_word_of_the_portal_is_a_verdict, sessions_that_die_by_themselves_are_found_dead);
