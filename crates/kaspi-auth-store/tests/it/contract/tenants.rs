//! Tenants: what is not yours is not there, and a store that another holds cannot be taken.

use kaspi_auth_core::port::{LoginRepository, RepositoryError, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::store::{StoreChange, StoreFilter};
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(
    what_is_not_yours_is_not_there,
    a_store_of_another_user_cannot_be_taken,
    a_service_signs_in_again_to_a_users_store_and_the_user_keeps_it,
    a_store_that_nobody_holds_becomes_the_users,
);

async fn what_is_not_yours_is_not_there(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", Some("u1")).await;
    save_of(&database, &login, &secrets, "17", "v1").await.unwrap();
    save(&database, "18", "v1", None).await.unwrap();
    let change =
        StoreChange { name: Some("mine".to_owned()), forget_password: true, ..StoreChange::default() };
    let look = SessionUpdate {
        generation: 1,
        lease: None,
        cookies: Some(&cookies("mine")),
        renewed: false,
        validity: Validity::Dead,
        checked_at: now(),
        authenticated_at: None,
        needs_reauth: None,
    };
    assert!(value_of(&database, &tenant("u1"), "17").await.is_some(), "and so it is in memory");
    for (who, merchant) in [(tenant("u2"), "17"), (tenant("u1"), "18")] {
        let uid = uid(merchant);
        assert!(database.find_store(&who, &uid).await.unwrap().is_none());
        assert!(database.session(&who, &uid).await.unwrap().is_none());
        assert!(database.credentials(&who, &uid).await.unwrap().is_none());
        assert!(database.change_store(&who, &uid, &change, now()).await.unwrap().is_none());
        assert!(!database.delete_store(&who, &uid).await.unwrap());
        let changed = database.update_session(&who, &uid, look.clone()).await;
        assert!(matches!(changed, Err(RepositoryError::Conflict)));
    }
    assert!(database.find_login(&tenant("u2"), login.id).await.unwrap().is_none());
    let filter = StoreFilter { user_id: Some(user("u1")), status: None, after: None, limit: 9 };
    assert!(database.list_stores(&tenant("u2"), &filter).await.unwrap().is_empty());
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
}

async fn a_store_of_another_user_cannot_be_taken(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    let (login, secrets) = finishing(&database, "thief@example.kz", Some("u2")).await;
    let taken = save_of(&database, &login, &secrets, "17", "v2").await;
    assert!(matches!(taken, Err(RepositoryError::StoreTaken)));
    assert_eq!(value_of(&database, &tenant("u1"), "17").await.as_deref(), Some("v1"));
    let after = database.find_login(&Tenant::All, login.id).await.unwrap().unwrap();
    assert_eq!(after, login, "the login is as it was, for the rules to end");
    assert!(database.device(Some(&user("u2")), &login.account).await.unwrap().is_none());
}

async fn a_service_signs_in_again_to_a_users_store_and_the_user_keeps_it(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    save(&database, "17", "v2", None).await.unwrap();
    assert_eq!(value_of(&database, &tenant("u1"), "17").await.as_deref(), Some("v2"));
}

async fn a_store_that_nobody_holds_becomes_the_users(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    assert_eq!(value_of(&database, &tenant("u1"), "17").await, None);
    save(&database, "17", "v2", Some("u1")).await.unwrap();
    assert_eq!(value_of(&database, &tenant("u1"), "17").await.as_deref(), Some("v2"));
}
