//! A service that stops in the middle of its work hands it over.

use jiff::SignedDuration;
use kaspi_auth_core::port::Clock as _;
use kaspi_sandbox::{Fault, FaultKind};

use super::{plain, rows, settle, sign_in_to};
use crate::harness::{World, eventually, on_both};

const STORES: u64 = 30;

async fn what_a_stopping_service_had_begun_another_one_ends(world: &World) {
    let one = world.second_node().await;
    sign_in_to(world, plain(7_000_000, STORES)).await;
    settle(world).await;
    let before = rows(world).await;
    world.advance(SignedDuration::from_secs(5));
    let now = world.clock.now().as_microsecond();
    let looked_at = format!("kaspi_stores where auth_checked_at >= {now}");

    world.portal.set_fault(Fault::new(FaultKind::Hang).role("cabinet").path("/s/m"));
    world.advance(SignedDuration::from_hours(7));
    let records = &world.node().service().records;
    eventually("the service is in the middle of it", async || {
        let figures = records.job_figures().await.unwrap();
        (figures.running >= 10 && figures.waiting >= 1).then_some(())
    })
    .await;
    one.stop().await;
    let figures = records.job_figures().await.unwrap();
    assert_eq!(figures.running, 0, "what it could not end it gave back");
    assert_eq!((figures.killed, world.database.count(&looked_at).await), (0, 0));

    world.portal.clear_faults();
    let other = world.second_node().await;
    settle(world).await;
    assert_eq!(world.database.count(&looked_at).await, STORES, "each was looked at by the other");
    assert_eq!(rows(world).await, before);
    other.stop().await;
}

on_both!(what_a_stopping_service_had_begun_another_one_ends);
