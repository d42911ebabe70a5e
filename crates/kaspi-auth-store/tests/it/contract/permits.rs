//! Permits: a rate of their own for what takes no place, such as looks at sessions.

use std::sync::Arc;

use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::{RateRepository, Slot, SlotRequest};
use kaspi_auth_core::rate::Budget;
use uuid::Uuid;

use crate::support::*;

on_both!(
    a_burst_goes_at_once_and_then_the_steady_rate,
    keys_have_rates_of_their_own,
    a_rate_is_shared_by_all_who_have_the_database_open,
    without_a_rate_nothing_is_written,
);

const LOOKS: Budget = Budget { per_second: 2.0, burst: 3, in_flight: 0 };

fn after_millis(millis: i64) -> jiff::Timestamp {
    now() + jiff::SignedDuration::from_millis(millis)
}

async fn a_burst_goes_at_once_and_then_the_steady_rate(place: &Place) {
    let database = place.open().await;
    for _ in 0..3 {
        assert_eq!(database.acquire_permit("looks", LOOKS, now()).await.unwrap(), Slot::Granted);
    }
    for at in [500, 1000] {
        let early = database.acquire_permit("looks", LOOKS, after_millis(at - 1)).await.unwrap();
        assert_eq!(early, Slot::Wait(Some(after_millis(at))), "and asking costs nothing");
        let due = database.acquire_permit("looks", LOOKS, after_millis(at)).await.unwrap();
        assert_eq!(due, Slot::Granted);
    }
}

async fn keys_have_rates_of_their_own(place: &Place) {
    let database = place.open().await;
    let one = Budget { per_second: 1.0, burst: 1, in_flight: 0 };
    // Not even the portal's own name gets in the way of logins.
    for key in ["looks", "others", "portal"] {
        assert_eq!(database.acquire_permit(key, one, now()).await.unwrap(), Slot::Granted);
        let refused = database.acquire_permit(key, one, now()).await.unwrap();
        assert_eq!(refused, Slot::Wait(Some(later(1))));
    }
    let login = LoginId(Uuid::now_v7());
    let none = Budget { per_second: 0.0, burst: 0, in_flight: 0 };
    let slot = SlotRequest {
        login,
        egress: EgressId::DIRECT,
        now: now(),
        until: later(180),
        portal: one,
        way: none,
    };
    assert_eq!(database.acquire_slot(slot).await.unwrap(), Slot::Granted);
}

async fn a_rate_is_shared_by_all_who_have_the_database_open(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let budget = Budget { per_second: 1.0, burst: 7, in_flight: 0 };
    let asking: Vec<_> = (0..40)
        .map(|number| {
            let database = Arc::clone(&nodes[number % 2]);
            tokio::spawn(async move { database.acquire_permit("looks", budget, now()).await.unwrap() })
        })
        .collect();
    let mut granted = 0;
    for one in asking {
        match one.await.unwrap() {
            Slot::Granted => granted += 1,
            Slot::Wait(at) => assert_eq!(at, Some(later(1))),
        }
    }
    assert_eq!(granted, 7);
}

async fn without_a_rate_nothing_is_written(place: &Place) {
    let database = place.open().await;
    for in_flight in [0, 5] {
        let budget = Budget { per_second: 0.0, burst: 0, in_flight };
        assert_eq!(database.acquire_permit("looks", budget, now()).await.unwrap(), Slot::Granted);
    }
    let count = "select cast(count(*) as text) from kaspi_auth_rates";
    assert_eq!(place.text(count).await.as_deref(), Some("0"));
}
