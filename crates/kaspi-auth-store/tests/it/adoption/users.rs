//! `user_id` of every type: read, compared as that type, written, and refused in words where it does not fit.

use kaspi_auth_core::port::{LoginRepository, RepositoryError, StoreRepository};
use kaspi_auth_core::store::{StoreChange, StoreFilter};
use kaspi_auth_core::tenant::Tenant;

use super::{LATEST, advice, encrypted, legacy};
use crate::support::*;

const LOWER: &str = "0b6d2e4c-3d9b-4e0b-9b7d-2b9b4a1c0f11";
const UPPER: &str = "0B6D2E4C-3D9B-4E0B-9B7D-2B9B4A1C0F11";
const OTHER: &str = "7c2f1f2a-0000-4000-8000-000000000001";

async fn works_with(kind: &str, written: &str, same: &str, other: &str, unfit: &[&str]) {
    for null in ["", "not null"] {
        let place = legacy(&LATEST.replace("user_id uuid", &format!("user_id {kind} {null}"))).await;
        place
            .sql(&format!(
                "insert into kaspi_stores (merchant_id, user_id, guid) values ('10', '{written}', '{}')",
                encrypted("v0")
            ))
            .await;
        let database = place.open().await;
        for spelling in [written, same] {
            let mine = tenant(spelling);
            for _ in 0..2 {
                assert_eq!(
                    value_of(&database, &mine, "10").await.as_deref(),
                    Some("v0"),
                    "{kind} {spelling}"
                );
            }
            let store = database.find_store(&mine, &uid("10")).await.unwrap().unwrap();
            assert_eq!(store.user_id, Some(user(written)), "{kind}: in one spelling");
            let filter = StoreFilter { user_id: Some(user(spelling)), status: None, after: None, limit: 9 };
            assert_eq!(database.list_stores(&Tenant::All, &filter).await.unwrap().len(), 1);
        }
        save(&database, "10", "v1", Some(same)).await.unwrap();
        save(&database, "11", "v1", Some(other)).await.unwrap();
        assert!(matches!(save(&database, "12", "v1", None).await, Ok(()) | Err(RepositoryError::Unfit(_))));
        let (login, secrets) = finishing(&database, "thief@example.kz", Some(other)).await;
        let taken = save_of(&database, &login, &secrets, "10", "v2").await;
        assert!(matches!(taken, Err(RepositoryError::StoreTaken)), "{kind}");
        assert_eq!(value_of(&database, &tenant(other), "10").await, None);
        assert_eq!(value_of(&database, &tenant(other), "11").await.as_deref(), Some("v1"));
        assert!(database.find_login(&tenant(other), login.id).await.unwrap().is_some());
        for odd in unfit {
            assert_eq!(value_of(&database, &tenant(odd), "10").await, None);
            assert!(database.find_login(&tenant(odd), login.id).await.unwrap().is_none());
            let filter = StoreFilter { user_id: Some(user(odd)), status: None, after: None, limit: 9 };
            assert!(database.list_stores(&Tenant::All, &filter).await.unwrap().is_empty());
            let (begun, secrets) = crate::support::login("odd@example.kz", Some(odd));
            let refused = database.insert_login(&Tenant::All, &begun, &secrets, (node(1), later(15))).await;
            assert!(
                matches!(refused, Err(RepositoryError::Unfit(_))),
                "{kind} {odd}: before the portal is asked"
            );
            let given = StoreChange { user_id: Some(Some(user(odd))), ..StoreChange::default() };
            let refused = database.change_store(&Tenant::All, &uid("10"), &given, now()).await;
            assert!(matches!(refused, Err(RepositoryError::Unfit(_))), "{kind} {odd}");
        }
        let given = StoreChange { user_id: Some(Some(user(other))), ..StoreChange::default() };
        database.change_store(&Tenant::All, &uid("10"), &given, now()).await.unwrap();
        assert_eq!(value_of(&database, &tenant(other), "10").await.as_deref(), Some("v1"));
        for statement in kaspi_auth_store::statements::all() {
            crate::statements::prepare(&place, statement).await;
        }
    }
}

#[tokio::test]
async fn a_uuid_column() {
    works_with("uuid", LOWER, UPPER, OTHER, &["42", "auth0|x"]).await;
}

#[tokio::test]
async fn an_integer_column() {
    works_with("integer", "42", "042", "43", &["3000000000", LOWER, "4.2"]).await;
}

#[tokio::test]
async fn a_bigint_column() {
    works_with("bigint", "3000000000", "03000000000", "43", &[LOWER, "99999999999999999999"]).await;
}

#[tokio::test]
async fn a_smallint_column() {
    works_with("smallint", "42", "042", "43", &["40000"]).await;
}

#[tokio::test]
async fn a_varchar_column() {
    works_with("varchar(255)", "auth0|x", "auth0|x", "X", &[]).await;
}

#[tokio::test]
async fn a_text_column() {
    works_with("text", UPPER, UPPER, LOWER, &[]).await;
}

#[tokio::test]
async fn a_char_column() {
    works_with("char(36)", LOWER, LOWER, "short", &[]).await;
}

#[tokio::test]
async fn a_domain_over_a_known_type() {
    let place = Place::postgres().await;
    place.sql("create domain user_key as uuid").await;
    place.sql(&LATEST.replace("user_id uuid", "user_id user_key")).await;
    let database = place.open().await;
    save(&database, "10", "v1", Some(LOWER)).await.unwrap();
    assert_eq!(value_of(&database, &tenant(UPPER), "10").await.as_deref(), Some("v1"));
}

#[tokio::test]
async fn a_column_of_an_unknown_type_is_refused_with_advice() {
    let place = legacy(&LATEST.replace("user_id uuid", "user_id inet")).await;
    let said = advice(place.try_open().await);
    assert!(said.contains("kaspi_stores.user_id") && said.contains("inet"), "{said}");
}

#[tokio::test]
async fn a_user_that_the_other_table_does_not_know_is_refused_in_words() {
    let place = Place::postgres().await;
    place
        .sql(&format!("create table users (id uuid primary key); insert into users values ('{LOWER}')"))
        .await;
    place.sql(&LATEST.replace("user_id uuid", "user_id uuid not null references users (id)")).await;
    let database = place.open().await;
    save(&database, "10", "v1", Some(LOWER)).await.unwrap();
    for holder in [Some(OTHER), None] {
        let (login, secrets) =
            finishing(&database, &format!("x{}@example.kz", holder.is_some()), holder).await;
        let refused = save_of(&database, &login, &secrets, "11", "v1").await;
        let Err(RepositoryError::Unfit(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("user_id"), "{why}");
        assert_eq!(
            database.find_login(&Tenant::All, login.id).await.unwrap(),
            Some(login),
            "nothing is half done"
        );
    }
    // The holder is there already: a service may sign in again without naming anybody.
    save(&database, "10", "v2", None).await.unwrap();
    assert_eq!(value_of(&database, &tenant(LOWER), "10").await.as_deref(), Some("v2"));
}
