//! Many stores that fail in the same way freeze automatic logins: the last good sessions stay served, and one login at a time finds
//! the thaw.

use jiff::SignedDuration;
use kaspi_auth_core::error::Code;
use kaspi_auth_core::keeping::{Breaker, RefreshReason};
use kaspi_auth_core::port::BreakerRepository as _;
use kaspi_sandbox::{AccountSpec, Fault, FaultKind};

use super::{explain, make_due, plain, row, serve, settle, sign_in_to};
use crate::harness::{World, on_both};

const REFUSED: [&str; 5] = ["7000001", "7000002", "7000003", "7000004", "7000005"];
const HELD: &str = "7000006";
const ALIVE: &str = "7000007";

async fn breaker(world: &World) -> Breaker {
    world.node().service().database.breaker().await.unwrap()
}

async fn five_stores_that_fail_alike_freeze_logins_until_a_canary_comes_through(world: &World) {
    let keeper = world.second_node().await;
    sign_in_to(world, plain(7_000_001, 7)).await;
    settle(world).await;
    let kill = |uid: &str| {
        world.portal.kill_sessions(Some(uid));
        world.portal.kill_sso(Some(uid));
    };
    for uid in REFUSED {
        let email = format!("plain-{uid}@shop.test");
        world.portal.add_account(AccountSpec::email(email).merchant(uid).password("changed-there"));
        kill(uid);
    }
    let passwords = world.passwords();
    world.advance(SignedDuration::from_hours(7));
    settle(world).await;
    for uid in REFUSED {
        let row = row(world, uid).await;
        assert_eq!((row.needs_reauth, row.reason.as_str()), (true, "invalid_credentials"), "{uid}");
    }
    assert_eq!(world.passwords(), passwords + 5, "each was refused once");
    let Breaker::Frozen(freeze) = breaker(world).await else { panic!("nothing is frozen") };
    assert_eq!((freeze.signature.as_str(), freeze.stores), ("invalid_credentials", 5));

    // Frozen: a dead session waits, its password is not sent; a living one is served.
    kill(HELD);
    assert_eq!(world.admin.validity(HELD).await, "dead");
    make_due(world, &format!("merchant_id = '{HELD}'")).await;
    settle(world).await;
    let held = row(world, HELD).await;
    assert_eq!((held.validity.as_str(), held.needs_reauth, held.generation), ("dead", false, 1));
    let explained = explain(world, HELD).await;
    assert_eq!((explained.can_refresh.can, explained.can_refresh.reason), (false, RefreshReason::Frozen));
    assert!(explained.next_try.is_some(), "it is tried again by itself");
    assert_eq!(serve(world, &keeper, HELD).await.unwrap_err().code(), Code::LoginsFrozen);
    assert_eq!(serve(world, &keeper, ALIVE).await.unwrap().generation, 1);
    assert_eq!(world.passwords(), passwords + 5);

    // A canary that fails keeps the freeze.
    world.portal.set_fault(Fault::new(FaultKind::Wall(403)).role("login").path("/api/p/login"));
    world.advance(SignedDuration::from_mins(3));
    make_due(world, &format!("merchant_id = '{HELD}'")).await;
    settle(world).await;
    assert!(matches!(breaker(world).await, Breaker::Frozen(_)));
    assert_eq!(row(world, HELD).await.generation, 1);

    // The portal is mended: the next canary comes through, and all may go again.
    world.portal.clear_faults();
    let mut tries = 0;
    while breaker(world).await != Breaker::Closed {
        tries += 1;
        assert!(tries <= 10, "still frozen: {:?}", breaker(world).await);
        world.advance(SignedDuration::from_mins(3));
        make_due(world, &format!("merchant_id = '{HELD}'")).await;
        settle(world).await;
    }
    let thawed = row(world, HELD).await;
    assert_eq!((thawed.validity.as_str(), thawed.needs_reauth, thawed.generation), ("alive", false, 2));
    kill(ALIVE);
    assert_eq!(serve(world, &keeper, ALIVE).await.unwrap().generation, 2, "automatic logins go again");
    // Those that were refused wait for their people: no thaw sends a refused password again.
    assert_eq!(world.passwords(), passwords + 7);
    keeper.stop().await;
}

on_both!(five_stores_that_fail_alike_freeze_logins_until_a_canary_comes_through);
