//! The predecessor goes on reading and writing beside us. The SQL is what its asyncpg sends.

use kaspi_auth_core::port::{KeepingRepository, RepositoryError, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;

use super::{LATEST, encrypted, legacy};
use crate::support::*;

/// `INSERT … ON CONFLICT`, as the predecessor stores a session.
fn upsert(value: &str) -> String {
    format!(
        "insert into kaspi_stores (merchant_id, name, guid) values ('10', 'By Python', '{guid}'::jsonb)
         on conflict (merchant_id) do update set guid = '{guid}'::jsonb, name = 'By Python', updated_at = now()",
        guid = encrypted(value)
    )
}

#[tokio::test]
async fn a_session_that_python_writes_is_the_next_generation() {
    let place = legacy(LATEST).await;
    let database = place.open().await;
    save(&database, "10", "ours", None).await.unwrap();
    value_of(&database, &Tenant::All, "10").await;
    place.sql(&upsert("theirs")).await;
    eventually("Python's session is served", async || {
        value_of(&database, &Tenant::All, "10").await.as_deref() == Some("theirs")
    })
    .await;
    let session = database.session(&Tenant::All, &uid("10")).await.unwrap().unwrap();
    assert_eq!((session.generation, session.validity, session.checked_at), (2, Validity::Unknown, None));
    assert_eq!(
        session.authenticated_at,
        Some("2026-01-02T03:04:05.678901Z".parse().unwrap()),
        "what Python sealed"
    );
    let late = SessionUpdate {
        generation: 1,
        lease: None,
        cookies: None,
        renewed: false,
        validity: Validity::Dead,
        checked_at: now(),
        authenticated_at: None,
        needs_reauth: None,
    };
    let late = database.update_session(&Tenant::All, &uid("10"), late).await;
    assert!(
        matches!(late, Err(RepositoryError::Conflict)),
        "a verdict on the session before is of no account"
    );
}

#[tokio::test]
async fn a_row_that_python_writes_without_a_new_session_keeps_the_generation() {
    let place = legacy(LATEST).await;
    let database = place.open().await;
    save(&database, "10", "ours", None).await.unwrap();
    place.sql("update kaspi_stores set needs_reauth = true, reauth_reason = 'seen by Python', updated_at = now()").await;
    place.sql("update kaspi_stores set guid = guid").await;
    let store = database.find_store(&Tenant::All, &uid("10")).await.unwrap().unwrap();
    assert_eq!((store.generation, store.validity, store.needs_reauth), (1, Validity::Alive, true));
    assert_eq!(value_of(&database, &Tenant::All, "10").await.as_deref(), Some("ours"));
}

#[tokio::test]
async fn python_needs_no_rights_on_our_tables_to_make_a_store_due() {
    let place = legacy(LATEST).await;
    let database = place.open().await;
    let role = format!("python_{}", std::process::id());
    let as_python = |sql: &str| format!("set role {role}; {sql}; reset role");
    place.sql(&format!("create role {role}; grant all on kaspi_stores to {role}")).await;
    place.sql(&as_python(&upsert("first"))).await;
    let due = async || database.keeping(&uid("10")).await.unwrap().unwrap().due_at;
    assert_eq!(due().await, Some(kaspi_auth_core::Timestamp::UNIX_EPOCH));
    place.sql("update kaspi_auth_keeping set due_at = 1000000").await;
    // A table of its own that bears our table's name is not taken for ours.
    let shadow = "create temp table kaspi_auth_keeping (merchant_id text, due_at bigint)";
    place.sql(&as_python(&format!("{shadow}; {}", upsert("second")))).await;
    assert_eq!(due().await, Some(kaspi_auth_core::Timestamp::UNIX_EPOCH));
    place.sql(&as_python("delete from kaspi_stores")).await;
    assert_eq!(database.keeping(&uid("10")).await.unwrap(), None);
    place.sql(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn a_write_of_ours_fails_when_python_wrote_first() {
    let place = legacy(LATEST).await;
    let database = place.open().await;
    place.sql(&upsert("first")).await;
    let session = database.session(&Tenant::All, &uid("10")).await.unwrap().unwrap();
    assert_eq!(session.generation, 0, "a row of the predecessor's");
    place.sql(&upsert("second")).await;
    let new = cookies("renewed from the first");
    let update = SessionUpdate {
        generation: session.generation,
        lease: None,
        cookies: Some(&new),
        renewed: true,
        validity: Validity::Alive,
        checked_at: now(),
        authenticated_at: Some(now()),
        needs_reauth: None,
    };
    let late = database.update_session(&Tenant::All, &uid("10"), update).await;
    assert!(matches!(late, Err(RepositoryError::Conflict)));
    eventually("Python's second session is served", async || {
        value_of(&database, &Tenant::All, "10").await.as_deref() == Some("second")
    })
    .await;
}

#[tokio::test]
async fn what_we_write_is_what_python_expects() {
    let place = legacy(LATEST).await;
    let database = place.open().await;
    save(&database, "10", "v1", None).await.unwrap();
    let kinds = place
        .text(
            "select jsonb_typeof(guid) || ' ' || jsonb_typeof(guid->'encrypted') || ' ' || jsonb_typeof(store_points)
                    || ' ' || (store_points->'PP1'->>'city_id') || ' ' || is_active || ' ' || needs_reauth
               from kaspi_stores",
        )
        .await;
    assert_eq!(kinds.as_deref(), Some("object string object 750000000 true false"));
}
