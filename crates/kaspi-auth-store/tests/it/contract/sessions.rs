//! Sessions: saved with their login, counted, changed only by who read the present one.

use kaspi_auth_core::account::{Credentials, Method};
use kaspi_auth_core::login::{Login, LoginState};
use kaspi_auth_core::port::{LoginRepository, RepositoryError, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;
use secrecy::ExposeSecret;

use crate::support::*;

on_both!(
    a_saved_session_is_served_and_its_login_has_succeeded,
    a_save_counts_the_generation_up_and_keeps_id_and_row,
    a_save_of_a_cancelled_login_changes_nothing,
    a_phone_leaves_no_email_and_no_password,
    a_password_that_is_not_to_be_kept_is_nowhere,
    a_look_changes_the_verdict_of_the_present_generation_only,
    an_unknown_verdict_changes_nothing,
    a_look_that_a_wrong_clock_has_dated_stands_in_no_other_looks_way,
    renewed_cookies_keep_the_generation_and_the_credentials,
    a_session_won_again_is_the_next_generation,
    a_mark_for_a_person_is_set_and_taken_away,
    the_device_is_kept_for_the_user_and_the_account,
);

fn look(generation: i64, validity: Validity) -> SessionUpdate<'static> {
    SessionUpdate {
        generation,
        lease: None,
        cookies: None,
        renewed: false,
        validity,
        checked_at: later(5),
        authenticated_at: None,
        needs_reauth: None,
    }
}

async fn a_look_that_a_wrong_clock_has_dated_stands_in_no_other_looks_way(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let seen = async |validity, at| {
        let update = SessionUpdate { checked_at: later(at), ..look(1, validity) };
        database.update_session(&Tenant::All, &uid("17"), update).await.is_ok()
    };
    assert!(seen(Validity::Alive, 86_400).await);
    assert!(seen(Validity::Dead, 5).await, "the clock was set back");
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.validity, session.checked_at), (Validity::Dead, Some(later(5))));
    assert!(!seen(Validity::Alive, 4).await, "an earlier look that was written late");
    // With cookies that the cabinet renewed, too.
    assert!(seen(Validity::Alive, 86_400).await);
    let new = cookies("v2");
    let update = SessionUpdate { cookies: Some(&new), checked_at: later(9), ..look(1, Validity::Alive) };
    database.update_session(&Tenant::All, &uid("17"), update).await.unwrap();
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(session.checked_at, Some(later(9)));
}

async fn a_saved_session_is_served_and_its_login_has_succeeded(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", Some("u1")).await;
    save_of(&database, &login, &secrets, "17", "v1").await.unwrap();
    let session = database.session(&tenant("u1"), &uid("17")).await.unwrap().unwrap();
    assert_eq!(
        (session.generation, session.validity, session.method),
        (1, Validity::Alive, Some(Method::Password))
    );
    assert_eq!(session.authenticated_at, Some(now()));
    assert_eq!(session.cookies.len(), 2);
    assert_eq!(session.cookies[0].value.expose_secret(), "v1");
    let (ended, secrets) = database.open_login(login.id).await.unwrap().unwrap();
    assert_eq!(ended.version, login.version + 1);
    assert!(matches!(ended.state, LoginState::Succeeded { ref store } if store.merchant_uid == uid("17")));
    assert!(secrets.is_none());
    let kept = database.credentials(&tenant("u1"), &uid("17")).await.unwrap().unwrap();
    assert_eq!(kept.email.as_deref(), Some("a@example.kz"));
    assert_eq!(kept.password.unwrap().expose_secret(), "canary-password");
    assert_eq!(kept.phone, None);
}

async fn a_save_counts_the_generation_up_and_keeps_id_and_row(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    let first = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    save(&database, "17", "v2", Some("u1")).await.unwrap();
    let second = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((second.id, second.created_at, second.generation), (first.id, first.created_at, 2));
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v2"));
}

async fn a_save_of_a_cancelled_login_changes_nothing(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", None).await;
    let cancelled = Login { state: LoginState::Cancelled, ..login.clone() };
    database.update_login(update(&cancelled)).await.unwrap();
    let saved = save_of(&database, &login, &secrets, "17", "v1").await;
    assert!(matches!(saved, Err(RepositoryError::Conflict)));
    assert!(database.find_store(&Tenant::All, &uid("17")).await.unwrap().is_none());
    assert!(database.device(None, &login.account).await.unwrap().is_none());
}

async fn a_phone_leaves_no_email_and_no_password(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let (mut login, mut secrets) = login("x@example.kz", None);
    secrets.credentials = Credentials::phone("+7 (700) 123-45-67").unwrap();
    login.account = secrets.credentials.account().clone();
    login.state = LoginState::Finishing { merchant: None };
    login.code_verified = true;
    database.insert_login(&Tenant::All, &login, &secrets, (node(1), later(15))).await.unwrap();
    save_of(&database, &login, &secrets, "17", "v2").await.unwrap();
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((kept.email, kept.phone.as_deref()), (None, Some("77001234567")));
    assert!(kept.password.is_none());
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(session.method, Some(Method::Phone));
}

async fn a_password_that_is_not_to_be_kept_is_nowhere(place: &Place) {
    let database = place.open().await;
    let (mut login, secrets) = finishing(&database, "a@example.kz", None).await;
    login.store_password = false;
    save_of(&database, &login, &secrets, "17", "v1").await.unwrap();
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(kept.email.as_deref(), Some("a@example.kz"));
    assert!(kept.password.is_none());
    assert!(!database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap().has_password);
    let guid = place.text("select cast(guid as text) from kaspi_stores").await.unwrap();
    let guid: serde_json::Value = serde_json::from_str(&guid).unwrap();
    let opened = ring().open(guid["encrypted"].as_str().unwrap()).unwrap();
    assert!(!String::from_utf8_lossy(&opened).contains("canary-password"));
    assert_eq!(place.text("select kaspi_password from kaspi_stores").await, None);
}

async fn a_look_changes_the_verdict_of_the_present_generation_only(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    database.update_session(&Tenant::All, &uid("17"), look(1, Validity::Dead)).await.unwrap();
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.validity, session.checked_at), (Validity::Dead, Some(later(5))));
    save(&database, "17", "v2", None).await.unwrap();
    let late = database.update_session(&Tenant::All, &uid("17"), look(1, Validity::Dead)).await;
    assert!(matches!(late, Err(RepositoryError::Conflict)));
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.generation, session.validity), (2, Validity::Alive));
}

async fn an_unknown_verdict_changes_nothing(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    database.update_session(&Tenant::All, &uid("17"), look(1, Validity::Unknown)).await.unwrap();
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.validity, session.checked_at), (Validity::Alive, Some(now())));
}

async fn renewed_cookies_keep_the_generation_and_the_credentials(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let new = cookies("v1-renewed");
    let change = SessionUpdate { cookies: Some(&new), ..look(1, Validity::Alive) };
    database.update_session(&Tenant::All, &uid("17"), change).await.unwrap();
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.generation, session.cookies[0].value.expose_secret()), (1, "v1-renewed"));
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(kept.password.unwrap().expose_secret(), "canary-password");
}

async fn a_session_won_again_is_the_next_generation(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let new = cookies("v2");
    let change = SessionUpdate {
        cookies: Some(&new),
        renewed: true,
        authenticated_at: Some(later(5)),
        needs_reauth: Some(None),
        ..look(1, Validity::Alive)
    };
    database.update_session(&Tenant::All, &uid("17"), change.clone()).await.unwrap();
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.generation, session.authenticated_at), (2, Some(later(5))));
    let again = database.update_session(&Tenant::All, &uid("17"), change).await;
    assert!(matches!(again, Err(RepositoryError::Conflict)), "somebody else was quicker");
}

async fn a_mark_for_a_person_is_set_and_taken_away(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let marked = SessionUpdate {
        needs_reauth: Some(Some("invalid_credentials".to_owned())),
        ..look(1, Validity::Alive)
    };
    database.update_session(&Tenant::All, &uid("17"), marked).await.unwrap();
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.needs_reauth, store.reauth_reason.as_deref()), (true, Some("invalid_credentials")));
    assert!(database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap().needs_reauth);
    save(&database, "17", "v2", None).await.unwrap();
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.needs_reauth, store.reauth_reason), (false, None));
}

async fn the_device_is_kept_for_the_user_and_the_account(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", Some("u1")).await;
    save_of(&database, &login, &secrets, "17", "v1").await.unwrap();
    let device = database.device(Some(&user("u1")), &login.account).await.unwrap().unwrap();
    assert_eq!(device.0.expose_secret(), "canary-device");
    assert!(database.device(Some(&user("u2")), &login.account).await.unwrap().is_none());
    assert!(database.device(None, &login.account).await.unwrap().is_none());
    assert!(database.delete_store(&tenant("u1"), &uid("17")).await.unwrap());
    assert!(
        database.device(Some(&user("u1")), &login.account).await.unwrap().is_none(),
        "gone with the store"
    );
}
