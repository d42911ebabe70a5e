//! Leases: a lost login goes to exactly one node, and the node that lost it can write no more.

use std::collections::HashSet;
use std::sync::Arc;

use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::keeping::Origin;
use kaspi_auth_core::login::{Channel, Login, LoginState};
use kaspi_auth_core::port::{LoginRepository, RepositoryError};
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(
    a_login_is_lost_when_its_lease_is_over,
    two_nodes_get_each_lost_login_once,
    who_lost_a_login_cannot_write_it,
    who_joins_a_login_leaves_it_to_who_drives_it,
    a_released_login_can_be_taken_at_once,
    a_login_that_waits_or_has_ended_is_never_lost,
);

async fn a_login_is_lost_when_its_lease_is_over(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    assert_eq!(database.claim_lost_logins(node(2), later(14), later(30), 10).await.unwrap(), []);
    database.renew_lease(login.id, node(1), later(40)).await.unwrap();
    database.renew_lease(login.id, node(2), later(90)).await.unwrap();
    assert_eq!(database.claim_lost_logins(node(2), later(39), later(60), 10).await.unwrap(), []);
    assert_eq!(database.claim_lost_logins(node(2), later(41), later(60), 10).await.unwrap(), [login.id]);
    assert_eq!(database.claim_lost_logins(node(3), later(42), later(60), 10).await.unwrap(), []);
    database.renew_lease(login.id, node(1), later(90)).await.unwrap();
    let claimed = database.claim_lost_logins(node(3), later(61), later(80), 10).await.unwrap();
    assert_eq!(claimed, [login.id], "it was node 2's, and node 1 could not hold it any longer");
}

async fn two_nodes_get_each_lost_login_once(place: &Place) {
    let database = Arc::new(place.open().await);
    let other = Arc::new(place.open().await);
    let mut lost = HashSet::new();
    for number in 0..20 {
        lost.insert(finishing(&database, &format!("a{number}@example.kz"), None).await.0.id);
    }
    let claims = [(1, database), (2, other)].into_iter().map(|(number, database)| {
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            for _ in 0..10 {
                claimed
                    .extend(database.claim_lost_logins(node(number), later(60), later(90), 3).await.unwrap());
            }
            claimed
        })
    });
    let mut claimed: Vec<LoginId> = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        claimed.extend(claim.await.unwrap());
    }
    assert_eq!(claimed.len(), lost.len(), "each once");
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), lost);
}

async fn who_joins_a_login_leaves_it_to_who_drives_it(place: &Place) {
    let database = place.open().await;
    let (begun, secrets) = login("a@example.kz", None);
    let begun = Login { origin: Origin::Automatic, code_source: Some(Channel::Email), ..begun };
    database.insert_login(&Tenant::All, &begun, &secrets, (node(1), later(15))).await.unwrap();
    assert_eq!(database.find_login(&Tenant::All, begun.id).await.unwrap(), Some(begun.clone()));
    let joined = Login { origin: Origin::Caller, code_source: None, store_password: false, ..begun.clone() };
    let version = database.join_login(&joined).await.unwrap();
    let joined = Login { version, ..joined };
    let (stored, kept) = database.open_login(begun.id).await.unwrap().unwrap();
    assert_eq!((stored, kept.is_some()), (joined.clone(), true));
    let again = database.join_login(&begun).await;
    assert!(matches!(again, Err(RepositoryError::Conflict)), "of an older version");
    // Its node is the same.
    assert_eq!(database.claim_lost_logins(node(2), later(14), later(30), 10).await.unwrap(), []);
    database.renew_lease(begun.id, node(1), later(40)).await.unwrap();
    assert_eq!(database.claim_lost_logins(node(2), later(39), later(60), 10).await.unwrap(), []);
    let ended = Login { state: LoginState::Cancelled, ..joined };
    let version = database.update_login(update(&ended)).await.unwrap();
    let late = database.join_login(&Login { version, ..ended }).await;
    assert!(matches!(late, Err(RepositoryError::Conflict)), "it has ended");
}

async fn who_lost_a_login_cannot_write_it(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", None).await;
    database.claim_lost_logins(node(2), later(60), later(90), 10).await.unwrap();
    assert!(matches!(database.update_login(update(&login)).await, Err(RepositoryError::Conflict)));
    let saved = save_of(&database, &login, &secrets, "17", "old").await;
    assert!(matches!(saved, Err(RepositoryError::Conflict)));
    assert_eq!(value_of(&database, &Tenant::All, "17").await, None);
}

async fn a_released_login_can_be_taken_at_once(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    assert_eq!(database.release_leases(node(1), later(1)).await.unwrap(), 1);
    assert_eq!(database.claim_lost_logins(node(2), later(1), later(30), 10).await.unwrap(), [login.id]);
}

async fn a_login_that_waits_or_has_ended_is_never_lost(place: &Place) {
    use kaspi_auth_core::login::{Challenge, PersonChallenge};
    let database = place.open().await;
    let (first, _) = finishing(&database, "a@example.kz", None).await;
    let (second, _) = finishing(&database, "b@example.kz", None).await;
    let person = PersonChallenge { instruction: "look".to_owned(), sent_at: now(), expires_at: later(600) };
    let asked = Login { state: LoginState::Awaiting { challenge: Challenge::Takeover(person) }, ..first };
    let ended = Login { state: LoginState::Cancelled, ..second };
    database.update_login(update(&asked)).await.unwrap();
    database.update_login(update(&ended)).await.unwrap();
    assert_eq!(database.claim_lost_logins(node(2), later(3600), later(3700), 10).await.unwrap(), []);
}
