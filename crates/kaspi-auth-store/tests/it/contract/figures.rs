//! What the database tells of itself in numbers.

use kaspi_auth_core::port::{KeepingRepository, StoreRepository};
use kaspi_auth_core::store::StoreChange;
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(
    stores_are_counted_by_how_they_stand,
    the_store_that_fails_most_is_counted,
    reads_of_a_session_are_counted,
    connections_are_counted,
);

async fn stores_are_counted_by_how_they_stand(place: &Place) {
    let database = place.open().await;
    assert_eq!(database.count_sessions().await.unwrap(), []);
    for merchant in ["17", "18", "19", "20", "21"] {
        save(&database, merchant, "v1", None).await.unwrap();
    }
    let off = StoreChange { is_active: Some(false), ..StoreChange::default() };
    database.change_store(&Tenant::All, &uid("19"), &off, now()).await.unwrap();
    place
        .sql("update kaspi_stores set needs_reauth = true, auth_validity = 'dead' where merchant_id = '20'")
        .await;
    place.sql("update kaspi_stores set guid = null where merchant_id = '21'").await;
    let mut counts: Vec<_> = database.count_sessions().await.unwrap();
    counts.sort_by(|a, b| (&a.status, &a.validity).cmp(&(&b.status, &b.validity)));
    let told: Vec<_> =
        counts.iter().map(|one| (one.status.as_str(), one.validity.as_str(), one.stores)).collect();
    assert_eq!(
        told,
        [
            ("active", "alive", 2),
            ("inactive", "alive", 1),
            ("needs_reauth", "dead", 1),
            ("needs_reauth", "unknown", 1),
        ]
    );
}

async fn the_store_that_fails_most_is_counted(place: &Place) {
    let database = place.open().await;
    assert_eq!(database.most_failures().await.unwrap(), 0, "there is no store");
    for (merchant, failures) in [("17", 2), ("18", 7), ("19", 0)] {
        save(&database, merchant, "v1", None).await.unwrap();
        database.schedule(&uid(merchant), Some(now()), failures).await.unwrap();
    }
    assert_eq!(database.most_failures().await.unwrap(), 7);
    database.schedule(&uid("18"), Some(now()), 0).await.unwrap();
    assert_eq!(database.most_failures().await.unwrap(), 2, "it goes back");
}

async fn reads_of_a_session_are_counted(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    value_of(&database, &Tenant::All, "17").await;
    assert_eq!(database.figures().session_misses, 1, "the first one is read");
    eventually("it is served from memory", async || {
        value_of(&database, &Tenant::All, "17").await;
        database.figures().session_hits > 0
    })
    .await;
    // What another tenant may not see is no hit.
    let before = database.figures();
    assert_eq!(value_of(&database, &tenant("u-1"), "17").await, None);
    assert_eq!(database.figures().session_misses, before.session_misses);
}

async fn connections_are_counted(place: &Place) {
    let database = place.open().await;
    database.count_sessions().await.unwrap();
    let figures = database.figures();
    assert!(figures.connections > 0 && figures.idle <= figures.connections, "{figures:?}");
    assert_eq!(figures.waiting, place.is_sqlite().then_some(0));
}
