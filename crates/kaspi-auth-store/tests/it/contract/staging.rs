//! A session is staged and read back before it replaces the one that is served.

use kaspi_auth_core::login::{Login, LoginState};
use kaspi_auth_core::port::{LoginRepository, RepositoryError, SavedSession, StoreRepository};
use kaspi_auth_core::session::{Cookie, NewSession};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::SqlDatabase;
use secrecy::ExposeSecret;

use crate::support::*;

on_both!(
    what_is_staged_is_what_is_stored,
    a_staged_session_is_not_served,
    a_second_staging_replaces_the_first,
    an_end_erases_what_is_staged,
    a_staging_of_an_older_version_is_refused,
    a_copy_that_does_not_open_is_told_and_not_stored,
    a_copy_of_another_merchant_is_not_stored,
);

const STAGED: &str = "select staged from kaspi_auth_logins";

async fn stage(
    database: &SqlDatabase,
    login: &Login,
    session: &NewSession,
) -> Result<Vec<Cookie>, RepositoryError> {
    let credentials = credentials("a@example.kz");
    let saved = SavedSession { login, session, credentials: &credentials, device: None };
    database.stage_session(saved, &summary(session), now()).await
}

async fn what_is_staged_is_what_is_stored(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", None).await;
    let read_back = stage(&database, &login, &new_session("17", "canary-staged")).await.unwrap();
    assert_eq!(read_back.len(), 2);
    assert_eq!(read_back[0].value.expose_secret(), "canary-staged");
    let token = place.text(STAGED).await.unwrap();
    assert!(!token.contains("canary"));
    let (stored, _) = database.open_login(login.id).await.unwrap().unwrap();
    assert_eq!(stored.version, login.version, "who drives it goes on with the version it knows");

    save_of(&database, &login, &secrets, "17", "canary-staged").await.unwrap();
    let guid = place.text("select cast(guid as text) from kaspi_stores").await.unwrap();
    let guid: serde_json::Value = serde_json::from_str(&guid).unwrap();
    assert_eq!(guid, serde_json::json!({ "encrypted": token }), "the very token");
    assert_eq!(place.text(STAGED).await, None);
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("canary-staged"));
}

async fn a_staged_session_is_not_served(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let before = place.text("select cast(guid as text) from kaspi_stores").await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    stage(&database, &login, &new_session("17", "v2")).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
    assert_eq!(place.text("select cast(guid as text) from kaspi_stores").await, before);
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(store.generation, 1);
}

async fn a_second_staging_replaces_the_first(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", None).await;
    stage(&database, &login, &new_session("17", "v1")).await.unwrap();
    let read_back = stage(&database, &login, &new_session("17", "v2")).await.unwrap();
    assert_eq!(read_back[0].value.expose_secret(), "v2");
    save_of(&database, &login, &secrets, "17", "v2").await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v2"));
}

async fn an_end_erases_what_is_staged(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    stage(&database, &login, &new_session("17", "v1")).await.unwrap();
    let version = database.update_login(update(&login)).await.unwrap();
    assert!(place.text(STAGED).await.is_some(), "it goes on");
    let cancelled = Login { state: LoginState::Cancelled, version, ..login };
    database.update_login(update(&cancelled)).await.unwrap();
    assert_eq!(place.text(STAGED).await, None);
    assert!(database.find_store(&Tenant::All, &uid("17")).await.unwrap().is_none());
    let version = version + 1;
    let late = stage(&database, &Login { version, ..cancelled }, &new_session("17", "v1")).await;
    assert!(matches!(late, Err(RepositoryError::Conflict)), "nothing is laid beside a login that has ended");
}

async fn a_staging_of_an_older_version_is_refused(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    database.claim_lost_logins(node(2), later(60), later(90), 10).await.unwrap();
    let refused = stage(&database, &login, &new_session("17", "v1")).await;
    assert!(matches!(refused, Err(RepositoryError::Conflict)));
    assert_eq!(place.text(STAGED).await, None);
}

async fn a_copy_that_does_not_open_is_told_and_not_stored(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    // A database that loses what it is given.
    if place.is_sqlite() {
        place
            .sql(
                "create trigger lossy after update of staged on kaspi_auth_logins when length(new.staged) > 9
                 begin update kaspi_auth_logins set staged = 'lost' where id = new.id; end",
            )
            .await;
    } else {
        place
            .sql(
                "create function lossy() returns trigger language plpgsql as
                 $$ begin new.staged := 'lost'; return new; end $$;
                 create trigger lossy before update on kaspi_auth_logins
                    for each row when (length(new.staged) > 9) execute function lossy()",
            )
            .await;
    }
    let (login, secrets) = finishing(&database, "a@example.kz", None).await;
    let refused = stage(&database, &login, &new_session("17", "v2")).await;
    assert!(
        matches!(refused, Err(RepositoryError::Sealed { table: "kaspi_auth_logins", column: "staged", .. })),
        "{refused:?}"
    );
    let refused = save_of(&database, &login, &secrets, "17", "v2").await;
    assert!(matches!(refused, Err(RepositoryError::Sealed { .. })));
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"), "the last good one");
}

async fn a_copy_of_another_merchant_is_not_stored(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "a@example.kz", None).await;
    stage(&database, &login, &new_session("17", "v1")).await.unwrap();
    let refused = save_of(&database, &login, &secrets, "18", "v1").await;
    assert!(matches!(refused, Err(RepositoryError::Sealed { .. })));
    assert!(database.find_store(&Tenant::All, &uid("18")).await.unwrap().is_none());
    let (stored, _) = database.open_login(login.id).await.unwrap().unwrap();
    assert!(!stored.state.is_terminal(), "it can be staged again");
}
