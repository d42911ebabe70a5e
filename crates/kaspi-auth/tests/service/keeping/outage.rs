//! The portal is away for a minute while many stores are due: nothing is taken for a verdict, and what comes after is no storm.

use std::cell::Cell;
use std::time::Instant;

use jiff::SignedDuration;
use kaspi_auth_core::port::Clock as _;
use kaspi_sandbox::{Fault, FaultKind};

use super::{make_due, plain, rows, settle, sign_in_to};
use crate::harness::{Kind, World, until};

const STORES: u64 = 100;
const PER_SECOND: f64 = 25.0;
const BURST: u32 = 10;

async fn a_minute_without_the_portal(world: &World) {
    let keeper = world.second_node().await;
    sign_in_to(world, plain(7_000_000, STORES)).await;
    settle(world).await;
    let before = rows(world).await;
    assert!(before.iter().all(|row| row.validity == "alive" && row.generation == 1), "{before:?}");
    let passwords = world.passwords();
    let latest = world.database.texts("select cast(max(due_at) as text) from kaspi_auth_keeping").await;
    let latest: i64 = latest[0].parse().unwrap();

    let down = world.portal.counters();
    world.portal.set_fault(Fault::new(FaultKind::Status(503)));
    world.advance(SignedDuration::from_hours(7));
    assert!(latest < world.clock.now().as_microsecond(), "each is due in the outage, and so looked at");
    for _ in 0..6 {
        settle(world).await;
        world.advance(SignedDuration::from_secs(10));
    }
    assert_eq!(rows(world).await, before, "an outage is no verdict");
    let missed = world.database.count("kaspi_auth_keeping where failures > 0").await;
    assert!((1..STORES / 2).contains(&missed), "what is not asked has not failed: {missed}");
    let knocked = world.portal.counters().faults - down.faults;
    assert!(knocked <= STORES / 2, "a host that fails is left alone: {knocked} requests");

    // It is back, and all are due at the same moment.
    let looks = || world.portal.counters().calls_to("GET", "cabinet", "/s/m");
    let (began, first) = (Instant::now(), looks());
    world.portal.clear_faults();
    world.advance(SignedDuration::from_mins(30));
    let mut fastest = 0.0_f64;
    for when in ["while the host is tried, others are refused and put off", "for them it is a later day"] {
        make_due(world, "true").await;
        let settled = Cell::new(false);
        let settling = async {
            settle(world).await;
            settled.set(true);
        };
        let watching = until(when, || {
            let seen = looks() - first;
            let allowed = f64::from(BURST) + PER_SECOND * began.elapsed().as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
            let share = seen as f64 / (allowed + 1.0);
            fastest = fastest.max(share);
            assert!(share <= 1.0, "{seen} looks after {:?}: {allowed} are allowed", began.elapsed());
            settled.get()
        });
        tokio::join!(settling, watching);
    }
    assert!(looks() - first >= STORES, "{} looks", looks() - first);
    assert!(fastest > 0.5, "the limit was not what held them back: {fastest}");
    assert_eq!(rows(world).await, before, "all recover, as they were");
    assert_eq!(
        world.database.count("kaspi_auth_keeping where failures > 0").await,
        0,
        "nothing is held against any"
    );
    assert_eq!((world.passwords(), world.codes()), (passwords, 0));
    keeper.stop().await;
}

fn change(config: &mut kaspi_auth::config::Config) {
    config.keeping.looks_per_second = PER_SECOND;
    config.keeping.looks_burst = BURST;
    config.rates.logins_per_second = 0.0;
    config.rates.in_flight = 0;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_without_the_portal_changes_nothing_and_brings_no_storm_on_sqlite() {
    World::prove_with(Kind::Sqlite, change, a_minute_without_the_portal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_without_the_portal_changes_nothing_and_brings_no_storm_on_postgres() {
    World::prove_with(Kind::Postgres, change, a_minute_without_the_portal).await;
}
