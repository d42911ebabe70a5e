//! Calls of the cabinet: added up over all nodes, for their tenant only, and gone with their store.

use jiff::SignedDuration;
use kaspi_auth_core::calls::Calls;
use kaspi_auth_core::port::{CallRepository, StoreRepository};
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(
    what_several_nodes_count_is_added_up,
    nodes_that_add_at_once_in_any_order_lose_nothing,
    another_tenants_calls_are_not_there,
    a_deleted_stores_calls_are_gone_and_do_not_come_back,
);

fn calls(merchant: &str, outcome: &str, millis: i64, second: i64) -> Calls {
    Calls::one(&uid(merchant), outcome, SignedDuration::from_millis(millis), later(second))
}

async fn what_several_nodes_count_is_added_up(place: &Place) {
    let (here, there) = (place.open().await, place.open().await);
    save(&here, "17", "v1", None).await.unwrap();
    assert_eq!(here.calls(&Tenant::All, &uid("17")).await.unwrap(), Some(Vec::new()));
    let (first, second) = (calls("17", "2xx", 30, 5), calls("17", "2xx", 10, 1));
    let failed = calls("17", "rate_limited", 2, 3);
    here.add_calls(&[failed.clone(), first.clone()]).await.unwrap();
    there.add_calls(std::slice::from_ref(&second)).await.unwrap();
    let mut all = first;
    all.add(&second);
    assert_eq!(here.calls(&Tenant::All, &uid("17")).await.unwrap(), Some(vec![all, failed]));
}

async fn nodes_that_add_at_once_in_any_order_lose_nothing(place: &Place) {
    let (here, there) = (place.open().await, place.open().await);
    let stores: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
    for store in &stores {
        save(&here, store, "v1", None).await.unwrap();
    }
    let forth: Vec<Calls> = stores.iter().map(|store| calls(store, "2xx", 1, 1)).collect();
    let back: Vec<Calls> = forth.iter().rev().cloned().collect();
    for _ in 0..10 {
        let (one, other) = tokio::join!(here.add_calls(&forth), there.add_calls(&back));
        one.unwrap();
        other.unwrap();
    }
    for store in &stores {
        let found = here.calls(&Tenant::All, &uid(store)).await.unwrap().unwrap();
        assert_eq!(found[0].times, 20, "{store}");
    }
}

async fn another_tenants_calls_are_not_there(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    database.add_calls(&[calls("17", "2xx", 1, 1)]).await.unwrap();
    let seen = async |tenant: Tenant, merchant: &str| {
        database.calls(&tenant, &uid(merchant)).await.unwrap().map(|calls| calls.len())
    };
    assert_eq!(seen(tenant("u1"), "17").await, Some(1));
    assert_eq!(seen(tenant("u2"), "17").await, None);
    assert_eq!(seen(Tenant::All, "18").await, None, "no such store");
}

async fn a_deleted_stores_calls_are_gone_and_do_not_come_back(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    database.add_calls(&[calls("17", "2xx", 1, 1)]).await.unwrap();
    assert!(database.delete_store(&Tenant::All, &uid("17")).await.unwrap());
    database.add_calls(&[calls("17", "2xx", 1, 2)]).await.unwrap();
    save(&database, "17", "v2", None).await.unwrap();
    assert_eq!(database.calls(&Tenant::All, &uid("17")).await.unwrap(), Some(Vec::new()));
}
