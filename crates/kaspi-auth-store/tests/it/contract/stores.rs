//! Stores: found, listed by page and status, changed, deleted with their secrets.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::{RepositoryError, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::store::{StoreChange, StoreFilter, StoreStatus};
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(
    a_store_says_all_that_the_portal_said,
    lists_come_in_pages_by_uid,
    lists_are_filtered_by_holder_and_status,
    a_store_is_changed_by_hand,
    an_inactive_store_has_no_session_to_serve,
    a_forgotten_password_is_gone_and_the_session_stays,
    a_deleted_store_is_gone_with_its_secrets,
    texts_that_a_server_cannot_hold_do_not_harm,
);

fn all() -> StoreFilter {
    StoreFilter { user_id: None, status: None, after: None, limit: 100 }
}

async fn uids(database: &kaspi_auth_store::SqlDatabase, filter: StoreFilter) -> Vec<String> {
    let stores = database.list_stores(&Tenant::All, &filter).await.unwrap();
    stores.into_iter().map(|store| store.merchant_uid.to_string()).collect()
}

async fn a_store_says_all_that_the_portal_said(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    let store = database.find_store(&tenant("u1"), &uid("17")).await.unwrap().unwrap();
    assert_eq!(store.name.as_deref(), Some("Shop 17"));
    assert_eq!(store.logo_url.as_deref(), Some("https://example.kz/logo.png"));
    assert_eq!(store.points, points());
    assert_eq!(store.user_id, Some(user("u1")));
    assert_eq!((store.created_at, store.updated_at), (now(), now()));
    assert_eq!((store.authenticated_at, store.checked_at), (Some(now()), Some(now())));
    assert!(store.has_session && store.has_password && store.is_active && !store.needs_reauth);
    assert_eq!((store.status(), store.validity, store.generation), (StoreStatus::Active, Validity::Alive, 1));
}

async fn lists_come_in_pages_by_uid(place: &Place) {
    let database = place.open().await;
    for number in [30, 10, 50, 20, 40] {
        save(&database, &number.to_string(), "v", None).await.unwrap();
    }
    assert_eq!(uids(&database, all()).await, ["10", "20", "30", "40", "50"]);
    assert_eq!(uids(&database, StoreFilter { limit: 2, ..all() }).await, ["10", "20"]);
    let next = StoreFilter { after: Some(uid("20")), limit: 2, ..all() };
    assert_eq!(uids(&database, next).await, ["30", "40"]);
    assert_eq!(uids(&database, StoreFilter { after: Some(uid("50")), ..all() }).await, [""; 0]);
    assert_eq!(uids(&database, StoreFilter { limit: 0, ..all() }).await, [""; 0]);
}

async fn lists_are_filtered_by_holder_and_status(place: &Place) {
    let database = place.open().await;
    for (number, holder) in [("10", Some("u1")), ("20", Some("u2")), ("30", None), ("40", Some("u1"))] {
        save(&database, number, "v", holder).await.unwrap();
    }
    let off = StoreChange { is_active: Some(false), ..StoreChange::default() };
    database.change_store(&Tenant::All, &uid("40"), &off, now()).await.unwrap();
    let marked = SessionUpdate {
        generation: 1,
        lease: None,
        cookies: None,
        renewed: false,
        validity: Validity::Dead,
        checked_at: now(),
        authenticated_at: None,
        needs_reauth: Some(Some("sso_expired".to_owned())),
    };
    database.update_session(&Tenant::All, &uid("30"), marked).await.unwrap();
    place.sql("insert into kaspi_stores (merchant_id, name) values ('50', 'never signed in')").await;

    assert_eq!(uids(&database, StoreFilter { user_id: Some(user("u1")), ..all() }).await, ["10", "40"]);
    for (status, expected) in [
        (StoreStatus::Active, ["10", "20"].as_slice()),
        (StoreStatus::NeedsReauth, &["30", "50"]),
        (StoreStatus::Inactive, &["40"]),
    ] {
        assert_eq!(uids(&database, StoreFilter { status: Some(status), ..all() }).await, expected);
        for one in
            database.list_stores(&Tenant::All, &StoreFilter { status: Some(status), ..all() }).await.unwrap()
        {
            assert_eq!(one.status(), status);
        }
    }
    let mine = database.list_stores(&tenant("u2"), &all()).await.unwrap();
    assert_eq!(mine.len(), 1);
}

async fn a_store_is_changed_by_hand(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    let change = StoreChange {
        name: Some("Another".to_owned()),
        is_active: Some(false),
        user_id: Some(Some(user("u2"))),
        engine: None,
        forget_password: false,
    };
    let store = database.change_store(&Tenant::All, &uid("17"), &change, later(9)).await.unwrap().unwrap();
    assert_eq!((store.name.as_deref(), store.is_active), (Some("Another"), false));
    assert_eq!((store.user_id.clone(), store.updated_at), (Some(user("u2")), later(9)));
    assert_eq!(database.find_store(&tenant("u2"), &uid("17")).await.unwrap(), Some(store.clone()));
    let nothing =
        database.change_store(&Tenant::All, &uid("17"), &StoreChange::default(), later(9)).await.unwrap();
    assert_eq!(nothing, Some(store), "what is not named stays");
    let nobody = StoreChange { user_id: Some(None), ..StoreChange::default() };
    let store = database.change_store(&Tenant::All, &uid("17"), &nobody, later(9)).await.unwrap().unwrap();
    assert_eq!(store.user_id, None);
    let missing = database.change_store(&Tenant::All, &uid("18"), &nobody, later(9)).await.unwrap();
    assert_eq!(missing, None);
}

async fn an_inactive_store_has_no_session_to_serve(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    assert!(value_of(&database, &Tenant::All, "17").await.is_some());
    let off = StoreChange { is_active: Some(false), ..StoreChange::default() };
    database.change_store(&Tenant::All, &uid("17"), &off, now()).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "17").await, None);
    let on = StoreChange { is_active: Some(true), ..StoreChange::default() };
    database.change_store(&Tenant::All, &uid("17"), &on, now()).await.unwrap();
    assert!(value_of(&database, &Tenant::All, "17").await.is_some());
}

async fn a_forgotten_password_is_gone_and_the_session_stays(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let forget = StoreChange { forget_password: true, ..StoreChange::default() };
    let store = database.change_store(&Tenant::All, &uid("17"), &forget, now()).await.unwrap().unwrap();
    assert!(!store.has_password);
    assert_eq!(store.generation, 1);
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert!(kept.password.is_none());
    assert_eq!(kept.email.as_deref(), Some("m17@example.kz"));
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
    assert!(database.change_store(&Tenant::All, &uid("18"), &forget, now()).await.unwrap().is_none());
}

async fn a_deleted_store_is_gone_with_its_secrets(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    assert!(database.delete_store(&Tenant::All, &uid("17")).await.unwrap());
    assert!(!database.delete_store(&Tenant::All, &uid("17")).await.unwrap());
    assert_eq!(value_of(&database, &Tenant::All, "17").await, None);
    assert!(database.credentials(&Tenant::All, &uid("17")).await.unwrap().is_none());
    assert!(database.find_store(&Tenant::All, &uid("17")).await.unwrap().is_none());
    save(&database, "17", "v2", Some("u9")).await.unwrap();
    assert_eq!(value_of(&database, &tenant("u9"), "17").await.as_deref(), Some("v2"));
}

async fn texts_that_a_server_cannot_hold_do_not_harm(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let change = StoreChange { name: Some("a\0b".to_owned()), ..StoreChange::default() };
    let store = database.change_store(&Tenant::All, &uid("17"), &change, now()).await.unwrap().unwrap();
    assert_eq!(store.name.as_deref(), Some("ab"));
    let session = new_session("18", "v\0");
    let (login, secrets) = finishing(&database, "nul@example.kz", None).await;
    let mut summary = summary(&session);
    summary.shop_name = Some("Лавка\0".to_owned());
    summary.points = [("P\0".to_owned(), kaspi_auth_core::merchant::Point::default())].into();
    let saved = kaspi_auth_core::port::SavedSession {
        login: &login,
        session: &session,
        credentials: &secrets.credentials,
        device: None,
    };
    let saved: Result<(), RepositoryError> = database.save_session(saved, &summary, now()).await;
    saved.unwrap();
    let store = database.find_store(&Tenant::All, &uid("18")).await.unwrap().unwrap();
    assert_eq!(
        (store.name.as_deref(), store.points.keys().next().map(String::as_str)),
        (Some("Лавка"), Some("P"))
    );
    assert_eq!(value_of(&database, &Tenant::All, "18").await.as_deref(), Some("v\0"));
    assert!(MerchantUid::parse("a\0").is_err());
}
