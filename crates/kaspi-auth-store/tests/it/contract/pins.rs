//! Accounts keep to the way out of their last login.

use kaspi_auth_core::egress::{Egress, EgressId};
use kaspi_auth_core::login::{Login, LoginState};
use kaspi_auth_core::port::{EgressRepository, Inserted, LoginRepository};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::SqlDatabase;

use crate::support::*;

on_both!(
    a_login_pins_its_account,
    a_login_that_is_not_stored_pins_nothing,
    the_pin_outlives_the_login_and_moves_with_the_next,
    an_account_stays_pinned_to_a_deleted_egress_until_it_moves,
    accounts_are_counted_for_a_choice,
);

/// Starts a login of `email` on an egress and ends it.
async fn login_on(database: &SqlDatabase, email: &str, egress: EgressId) {
    let (begun, secrets) = login(email, None);
    let begun = Login { egress, ..begun };
    let inserted = database.insert_login(&Tenant::All, &begun, &secrets, (node(1), later(15))).await.unwrap();
    assert!(matches!(inserted, Inserted::New));
    database.update_login(update(&Login { state: LoginState::Cancelled, ..begun })).await.unwrap();
}

async fn pin_of(database: &SqlDatabase, email: &str) -> Option<EgressId> {
    database.egresses_for(credentials(email).account()).await.unwrap().1
}

async fn pinned(database: &SqlDatabase, id: EgressId) -> u64 {
    let found = database.find_egress(id).await.unwrap().unwrap();
    let listed = database.list_egresses().await.unwrap();
    assert_eq!(listed.iter().find(|egress| egress.id == id).unwrap().pinned, found.pinned);
    found.pinned
}

async fn a_login_pins_its_account(place: &Place) {
    let database = place.open().await;
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    assert_eq!(pin_of(&database, "a@example.kz").await, None);
    login_on(&database, "A@example.kz", egress_id(1)).await;
    login_on(&database, "b@example.kz", EgressId::DIRECT).await;
    assert_eq!(pin_of(&database, "a@Example.kz").await, Some(egress_id(1)));
    assert_eq!(pin_of(&database, "b@example.kz").await, Some(EgressId::DIRECT));
    assert_eq!(pin_of(&database, "c@example.kz").await, None);
}

async fn a_login_that_is_not_stored_pins_nothing(place: &Place) {
    let database = place.open().await;
    let (first, _) = finishing(&database, "a@example.kz", None).await;
    assert_eq!(first.egress, EgressId::DIRECT);
    let (second, secrets) = login("a@example.kz", None);
    let second = Login { egress: egress_id(1), ..second };
    let inserted =
        database.insert_login(&Tenant::All, &second, &secrets, (node(1), later(15))).await.unwrap();
    assert!(matches!(inserted, Inserted::Running(_)));
    assert_eq!(pin_of(&database, "a@example.kz").await, Some(EgressId::DIRECT));
}

async fn the_pin_outlives_the_login_and_moves_with_the_next(place: &Place) {
    let database = place.open().await;
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    for id in [egress_id(1), EgressId::DIRECT, EgressId::DIRECT, egress_id(1)] {
        login_on(&database, "a@example.kz", id).await;
        assert_eq!(pin_of(&database, "a@example.kz").await, Some(id));
        assert_eq!(pinned(&database, id).await, 1);
    }
    assert_eq!(pinned(&database, EgressId::DIRECT).await, 0);
    database.prune_logins(later(9), 100).await.unwrap();
    assert_eq!(pin_of(&database, "a@example.kz").await, Some(egress_id(1)));
}

async fn an_account_stays_pinned_to_a_deleted_egress_until_it_moves(place: &Place) {
    let database = place.open().await;
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    login_on(&database, "a@example.kz", egress_id(1)).await;
    login_on(&database, "b@example.kz", EgressId::DIRECT).await;
    database.delete_egress(egress_id(1)).await.unwrap();
    assert_eq!(pin_of(&database, "a@example.kz").await, Some(egress_id(1)));
    assert_eq!(pin_of(&database, "b@example.kz").await, Some(EgressId::DIRECT));
    login_on(&database, "a@example.kz", EgressId::DIRECT).await;
    assert_eq!(pin_of(&database, "a@example.kz").await, Some(EgressId::DIRECT));
}

async fn accounts_are_counted_for_a_choice(place: &Place) {
    let database = place.open().await;
    database.insert_egress(&Egress { checked_at: Some(now()), ..proxy(1, "one") }).await.unwrap();
    for number in 0..3 {
        login_on(&database, &format!("a{number}@example.kz"), egress_id(1)).await;
    }
    let counts = async |email: &str| {
        let (all, _) = database.egresses_for(credentials(email).account()).await.unwrap();
        all.iter().map(|egress| (egress.name.clone(), egress.pinned)).collect::<Vec<_>>()
    };
    let expected = [("direct".to_owned(), 0), ("one".to_owned(), 3)];
    assert_eq!(counts("new@example.kz").await, expected, "one that has no egress yet");
    database.note_check(egress_id(1), Some("portal_unavailable"), now()).await.unwrap();
    assert_eq!(counts("a0@example.kz").await, expected, "one that may have to move");
}
