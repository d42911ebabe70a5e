//! The mass-failure breaker: opened once, one canary at a time, for all who have the database open.

use std::sync::Arc;

use jiff::SignedDuration;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::keeping::{Breaker, BreakerPolicy, CountedFailure, Freeze};
use kaspi_auth_core::port::BreakerRepository;
use kaspi_auth_store::SqlDatabase;

use crate::support::*;

on_both!(
    different_stores_that_fail_alike_open_it_once,
    failures_of_one_store_or_of_long_ago_open_nothing,
    other_failures_are_counted_apart,
    without_a_limit_it_never_opens,
    a_canary_of_a_clock_that_was_wrong_is_in_nobodys_way,
    one_of_many_nodes_opens_it,
    a_canary_goes_one_at_a_time,
    one_of_many_nodes_is_the_canary,
    a_failed_canary_puts_the_next_one_off,
    a_thaw_forgets_what_was_counted,
);

const POLICY: BreakerPolicy = BreakerPolicy {
    stores: 3,
    window: SignedDuration::from_secs(100),
    canary_every: SignedDuration::from_secs(20),
};

async fn fail(database: &SqlDatabase, merchant: &str, at: i64) -> bool {
    fail_so(database, "portal_changed", merchant, at).await
}

async fn fail_so(database: &SqlDatabase, signature: &str, merchant: &str, at: i64) -> bool {
    let failure = CountedFailure { signature, merchant_uid: &uid(merchant), now: later(at), policy: POLICY };
    database.count_failure(failure).await.unwrap()
}

async fn frozen(database: &SqlDatabase) -> Freeze {
    match database.breaker().await.unwrap() {
        Breaker::Frozen(freeze) => freeze,
        Breaker::Closed => panic!("it is closed"),
    }
}

/// Opens it at 0.
async fn freeze(database: &SqlDatabase) {
    for merchant in ["1", "2", "3"] {
        fail(database, merchant, 0).await;
    }
    frozen(database).await;
}

async fn canary(database: &SqlDatabase, uid: &MerchantUid, at: i64) -> bool {
    database.take_canary(uid, later(at), later(at + 30), later(at + 20)).await.unwrap()
}

async fn different_stores_that_fail_alike_open_it_once(place: &Place) {
    let database = place.open().await;
    assert!(!fail(&database, "1", 0).await && !fail(&database, "2", 5).await);
    assert_eq!(database.breaker().await.unwrap(), Breaker::Closed);
    assert!(fail(&database, "3", 9).await);
    let expected = Freeze {
        signature: "portal_changed".to_owned(),
        since: later(9),
        stores: 3,
        canary: None,
        next_canary_at: later(29),
    };
    assert_eq!(frozen(&database).await, expected);
    assert!(!fail(&database, "4", 10).await, "it is open already");
    assert_eq!(frozen(&database).await, expected);
}

async fn failures_of_one_store_or_of_long_ago_open_nothing(place: &Place) {
    let database = place.open().await;
    for at in 0..9 {
        assert!(!fail(&database, "1", at).await);
    }
    assert!(!fail(&database, "2", 10).await);
    assert!(!fail(&database, "3", 108).await, "the first store's are out of the window");
    assert!(fail(&database, "1", 109).await);
}

async fn other_failures_are_counted_apart(place: &Place) {
    let database = place.open().await;
    for merchant in ["1", "2"] {
        assert!(!fail(&database, merchant, 0).await);
        assert!(!fail_so(&database, "account_locked", merchant, 0).await);
    }
    assert!(fail_so(&database, "account_locked", "3", 0).await);
    assert_eq!(frozen(&database).await.signature, "account_locked");
}

async fn without_a_limit_it_never_opens(place: &Place) {
    let database = place.open().await;
    for merchant in ["1", "2", "3", "4"] {
        let policy = BreakerPolicy { stores: 0, ..POLICY };
        let failure =
            CountedFailure { signature: "portal_changed", merchant_uid: &uid(merchant), now: now(), policy };
        assert!(!database.count_failure(failure).await.unwrap());
    }
    assert_eq!(database.breaker().await.unwrap(), Breaker::Closed);
}

async fn a_canary_of_a_clock_that_was_wrong_is_in_nobodys_way(place: &Place) {
    let database = place.open().await;
    freeze(&database).await;
    assert!(canary(&database, &uid("7"), 86_400).await);
    assert!(canary(&database, &uid("8"), 100).await, "the clock was set back by a day");
    assert!(!canary(&database, &uid("9"), 90).await, "another node's is a little behind");
}

async fn one_of_many_nodes_opens_it(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let failing: Vec<_> = (0..12)
        .map(|number| {
            let database = Arc::clone(&nodes[number % 2]);
            tokio::spawn(async move { fail(&database, &number.to_string(), 0).await })
        })
        .collect();
    let mut opened = 0;
    for one in failing {
        opened += u32::from(one.await.unwrap());
    }
    assert_eq!(opened, 1);
    assert_eq!(frozen(&nodes[0]).await.stores, 3);
}

async fn a_canary_goes_one_at_a_time(place: &Place) {
    let database = place.open().await;
    let (one, other) = (uid("7"), uid("8"));
    assert!(!canary(&database, &one, 50).await, "nothing is frozen");
    freeze(&database).await;
    assert!(!canary(&database, &one, 19).await, "too early");
    assert!(canary(&database, &one, 20).await);
    assert_eq!(frozen(&database).await.canary, Some((one.clone(), later(50))));
    assert!(!canary(&database, &other, 45).await, "another is, though the next might go");
    assert!(canary(&database, &other, 50).await, "its time is over");
    assert_eq!(frozen(&database).await.canary, Some((other, later(80))));
}

async fn one_of_many_nodes_is_the_canary(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    freeze(&nodes[0]).await;
    let asking: Vec<_> = (0..12)
        .map(|number| {
            let database = Arc::clone(&nodes[number % 2]);
            tokio::spawn(async move { canary(&database, &uid(&number.to_string()), 30).await })
        })
        .collect();
    let mut taken = 0;
    for one in asking {
        taken += u32::from(one.await.unwrap());
    }
    assert_eq!(taken, 1);
}

async fn a_failed_canary_puts_the_next_one_off(place: &Place) {
    let database = place.open().await;
    freeze(&database).await;
    assert!(canary(&database, &uid("7"), 20).await);
    assert!(!fail(&database, "8", 24).await);
    assert_eq!(frozen(&database).await.canary, Some((uid("7"), later(50))), "it was not the canary's");
    assert!(!fail_so(&database, "account_locked", "7", 25).await);
    let freeze = frozen(&database).await;
    assert_eq!((freeze.canary, freeze.next_canary_at), (None, later(45)));
    assert!(!canary(&database, &uid("9"), 44).await);
    assert!(canary(&database, &uid("9"), 45).await);
}

async fn a_thaw_forgets_what_was_counted(place: &Place) {
    let database = place.open().await;
    assert!(!database.thaw().await.unwrap());
    freeze(&database).await;
    assert!(canary(&database, &uid("7"), 20).await);
    assert!(database.thaw().await.unwrap());
    assert!(!database.thaw().await.unwrap());
    assert_eq!(database.breaker().await.unwrap(), Breaker::Closed);
    assert!(!fail(&database, "1", 21).await && !fail(&database, "2", 21).await);
    assert!(fail(&database, "3", 21).await);
    assert_eq!(frozen(&database).await.canary, None);
}
