//! The keeper mends what died at the portal, by itself; where it may not or cannot, it says why and leaves all as it is.

use jiff::SignedDuration;
use kaspi_auth_core::error::Code;
use kaspi_auth_core::explain::Cause;
use kaspi_auth_core::keeping::{Origin, RefreshReason, Rung};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::Act;
use serde_json::json;

use super::{explain, make_due, row, serve, settle, uid};
use crate::harness::{Kind, PASSWORD, World, on_both};

const HOURS: SignedDuration = SignedDuration::from_hours(7);

async fn a_session_that_died_at_the_portal_is_renewed_without_a_caller(world: &World) {
    let keeper = world.second_node().await;
    world.store("shop", "7000001").await;
    settle(world).await;
    let sessions = world.portal.counters().sessions;

    // The login host remembers: no password.
    world.portal.kill_sessions(None);
    world.advance(HOURS);
    settle(world).await;
    let after = row(world, "7000001").await;
    assert_eq!((after.validity.as_str(), after.generation, after.needs_reauth), ("alive", 2, false));
    assert_eq!((world.passwords(), world.portal.counters().sessions), (1, sessions + 1), "renewed once");

    // It remembers no longer: one password.
    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    world.advance(HOURS);
    settle(world).await;
    let after = row(world, "7000001").await;
    assert_eq!((after.validity.as_str(), after.generation), ("alive", 3));
    assert_eq!((world.passwords(), world.portal.counters().sessions), (2, sessions + 2));
    let session = world.admin.session("7000001").await;
    assert_eq!(world.open_cabinet(&session.cookie_header).await.0, 200);

    let records = &world.node().service().records;
    let entries = records.timeline(&Tenant::All, &uid("7000001"), None, 100).await.unwrap();
    let found_dead: Vec<(i64, Origin)> = entries
        .iter()
        .filter(|entry| entry.what.act == Act::Probe && entry.what.after == "dead")
        .map(|entry| (entry.what.generation, entry.what.origin))
        .collect();
    assert_eq!(found_dead, [(2, Origin::Automatic), (1, Origin::Automatic)], "{entries:?}");
    let renewed: Vec<(i64, Option<Rung>, Option<Code>)> = entries
        .iter()
        .filter(|entry| entry.what.act == Act::Refresh)
        .map(|entry| (entry.what.generation, entry.what.rung, entry.what.code))
        .collect();
    assert_eq!(
        renewed,
        [(3, Some(Rung::Password), None), (2, Some(Rung::Silent), None)],
        "newest first: {entries:?}"
    );
    keeper.stop().await;
}

async fn without_a_stored_password_the_ladder_ends_at_the_silent_rung_and_says_so(world: &World) {
    let keeper = world.second_node().await;
    let email = world.account("shop", "7000001");
    let body = json!({"email": email, "password": PASSWORD, "store_password": false});
    world.admin.sign_in(&body).await.stands("succeeded");
    settle(world).await;
    let before = explain(world, "7000001").await;
    assert_eq!((before.can_refresh.can, before.can_refresh.reason), (true, RefreshReason::SsoAlive));
    assert_eq!(before.can_refresh.next, None, "there is no rung after it");

    world.portal.kill_sessions(None);
    world.advance(HOURS);
    settle(world).await;
    assert_eq!(row(world, "7000001").await.generation, 2, "the login host's memory needs no password");

    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    world.advance(HOURS);
    settle(world).await;
    let after = row(world, "7000001").await;
    assert_eq!(
        (after.validity.as_str(), after.needs_reauth, after.reason.as_str(), after.generation),
        ("dead", true, "no_credentials", 2)
    );
    let explained = explain(world, "7000001").await;
    assert_eq!(explained.cause, Cause::Obstacle(RefreshReason::NoCredentials));
    assert_eq!(explained.actor.as_str(), "merchant");
    assert_eq!(
        (explained.can_refresh.can, explained.can_refresh.reason, explained.next_try),
        (false, RefreshReason::NoCredentials, None)
    );
    assert_eq!(serve(world, &keeper, "7000001").await.unwrap_err().code(), Code::NeedsReauth);
    assert_eq!((world.passwords(), world.codes()), (1, 0), "none but the first sign-in's");

    // A person signs in again: the same row, served and kept again.
    world.admin.sign_in(&body).await.stands("succeeded");
    settle(world).await;
    let mended = row(world, "7000001").await;
    assert_eq!((mended.validity.as_str(), mended.needs_reauth, mended.generation), ("alive", false, 3));
    keeper.stop().await;
}

async fn a_switched_off_keeper(world: &World) {
    let keeper = world.second_node().await;
    world.store("shop", "7000001").await;
    settle(world).await;
    let (before, counters) = (row(world, "7000001").await, world.portal.counters());
    world.portal.kill_sessions(None);
    for _ in 0..4 {
        make_due(world, "true").await;
        world.advance(HOURS);
        settle(world).await;
    }
    assert_eq!(row(world, "7000001").await, before);
    let after = world.portal.counters();
    assert_eq!((after.passwords, after.sessions), (counters.passwords, counters.sessions));
    let looks = |counters: &kaspi_sandbox::Counters| counters.calls_to("GET", "cabinet", "/s/m");
    assert_eq!(looks(&after), looks(&counters), "nobody has looked");
    // Callers are served as before.
    assert_eq!(serve(world, &keeper, "7000001").await.unwrap().generation, 2);
    keeper.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_that_is_switched_off_leaves_all_alone_on_sqlite() {
    World::prove_with(Kind::Sqlite, |config| config.keeping.enabled = false, a_switched_off_keeper).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_that_is_switched_off_leaves_all_alone_on_postgres() {
    World::prove_with(Kind::Postgres, |config| config.keeping.enabled = false, a_switched_off_keeper).await;
}

on_both!(
    a_session_that_died_at_the_portal_is_renewed_without_a_caller,
    without_a_stored_password_the_ladder_ends_at_the_silent_rung_and_says_so,
);
