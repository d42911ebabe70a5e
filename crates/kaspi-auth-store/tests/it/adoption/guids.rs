//! Every shape of `guid`, and of the columns beside it.

use kaspi_auth_core::account::Method;
use kaspi_auth_core::port::{RepositoryError, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::store::{StoreChange, StoreFilter, StoreStatus};
use kaspi_auth_core::tenant::Tenant;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{LATEST, encrypted, guid_object, legacy, token};
use crate::support::*;

/// One row for each shape, in a column of either JSON type.
async fn shapes(kind: &str) -> Place {
    let plain = guid_object("plain");
    let mut named = guid_object("named");
    named["merchant_uid"] = json!("16");
    let pairs = json!({ "cookies": { "mc-sid": "pairs" } });
    let rows = [
        ("10", "null".to_owned()),
        ("11", "'null'".to_owned()),
        ("12", "'{}'".to_owned()),
        ("13", format!("'{plain}'")),
        ("14", format!("'{}'", encrypted("sealed"))),
        ("15", format!("'{}'", json!(token(&guid_object("bare token"))))),
        ("16", format!("'{}'", json!(named.to_string()))),
        ("17", format!("'{}'", json!(encrypted("text of object")))),
        ("18", format!("'{pairs}'")),
    ];
    let place = legacy(&LATEST.replace("guid jsonb", &format!("guid {kind}"))).await;
    for (merchant, guid) in rows {
        place
            .sql(&format!(
                "insert into kaspi_stores (merchant_id, name, guid) values ('{merchant}', 'S', {guid})"
            ))
            .await;
    }
    place
}

async fn every_shape_is_served(kind: &str) {
    let place = shapes(kind).await;
    let database = place.open().await;
    for (merchant, expected) in [
        ("10", None),
        ("11", None),
        ("12", None),
        ("13", Some("plain")),
        ("14", Some("sealed")),
        ("15", Some("bare token")),
        ("16", Some("named")),
        ("17", Some("text of object")),
        ("18", Some("pairs")),
    ] {
        assert_eq!(value_of(&database, &Tenant::All, merchant).await.as_deref(), expected, "{merchant}");
        let store = database.find_store(&Tenant::All, &uid(merchant)).await.unwrap().unwrap();
        assert_eq!(store.has_session, expected.is_some(), "{merchant}");
        assert_eq!(store.has_password, expected.is_some() && merchant != "18", "{merchant}");
        assert_eq!(store.generation, 0, "{merchant}");
    }
    let session = database.session(&Tenant::All, &uid("14")).await.unwrap().unwrap();
    assert_eq!(
        (session.generation, session.method, session.validity),
        (0, Some(Method::Password), Validity::Unknown)
    );
    assert_eq!(session.authenticated_at, Some("2026-01-02T03:04:05.678901Z".parse().unwrap()));
    let kept = database.credentials(&Tenant::All, &uid("14")).await.unwrap().unwrap();
    assert_eq!(kept.email.as_deref(), Some("legacy@example.kz"));
    assert_eq!(kept.password.unwrap().expose_secret(), "legacy-password");
    let filter =
        StoreFilter { user_id: None, status: Some(StoreStatus::NeedsReauth), after: None, limit: 100 };
    assert_eq!(database.list_stores(&Tenant::All, &filter).await.unwrap().len(), 3);
}

#[tokio::test]
async fn every_shape_in_a_jsonb_column_is_served() {
    every_shape_is_served("jsonb").await;
}

#[tokio::test]
async fn every_shape_in_a_json_column_is_served() {
    every_shape_is_served("json").await;
}

#[tokio::test]
async fn a_plain_row_is_sealed_on_first_touch_and_stays_the_same_session() {
    for touch in ["session", "credentials"] {
        let place = shapes("jsonb").await;
        let database = place.open().await;
        for merchant in ["13", "16"] {
            match touch {
                "session" => drop(database.session(&Tenant::All, &uid(merchant)).await.unwrap()),
                _ => drop(database.credentials(&Tenant::All, &uid(merchant)).await.unwrap()),
            }
            let query = format!("select guid::text from kaspi_stores where merchant_id = '{merchant}'");
            let guid = place.text(&query).await.unwrap();
            assert!(guid.starts_with(r#"{"encrypted": "gAAAA"#), "{touch}: {guid}");
            let store = database.find_store(&Tenant::All, &uid(merchant)).await.unwrap().unwrap();
            assert_eq!(store.generation, 0);
            assert!(value_of(&database, &Tenant::All, merchant).await.is_some());
        }
    }
}

#[tokio::test]
async fn a_session_of_another_merchant_is_not_served() {
    let place = legacy(LATEST).await;
    let mut foreign = guid_object("foreign");
    foreign["merchant_uid"] = json!("99");
    for (merchant, guid) in [
        ("10", json!({"encrypted": token(&foreign)})),
        ("11", foreign.clone()),
        ("12", json!({"encrypted": "gAAAAA=="})),
    ] {
        place
            .sql(&format!("insert into kaspi_stores (merchant_id, guid) values ('{merchant}', '{guid}')"))
            .await;
    }
    let database = place.open().await;
    for merchant in ["10", "11", "12"] {
        let session = database.session(&Tenant::All, &uid(merchant)).await;
        assert!(
            matches!(session, Err(RepositoryError::Sealed { column: "guid", .. })),
            "{merchant}: {session:?}"
        );
        let kept = database.credentials(&Tenant::All, &uid(merchant)).await;
        assert!(matches!(kept, Err(RepositoryError::Sealed { .. })), "{merchant}");
    }
    let filter = StoreFilter { user_id: None, status: None, after: None, limit: 9 };
    assert_eq!(
        database.list_stores(&Tenant::All, &filter).await.unwrap().len(),
        3,
        "they are listed all the same"
    );
    assert!(database.delete_store(&Tenant::All, &uid("10")).await.unwrap(), "and can be deleted");
    save(&database, "11", "v1", None).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "11").await.as_deref(), Some("v1"), "and signed in to");
}

#[tokio::test]
async fn a_session_that_is_no_session_is_corrupt_and_says_so_without_its_content() {
    let place = legacy(LATEST).await;
    for (merchant, guid) in [
        ("10", "[1, \"canary\"]"),
        ("11", "{\"encrypted\": [\"canary\"]}"),
        ("12", "{\"cookies\": \"canary\"}"),
    ] {
        place
            .sql(&format!("insert into kaspi_stores (merchant_id, guid) values ('{merchant}', '{guid}')"))
            .await;
    }
    let database = place.open().await;
    for merchant in ["10", "11", "12"] {
        let error = database.session(&Tenant::All, &uid(merchant)).await.unwrap_err();
        assert!(matches!(error, RepositoryError::Corrupt { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn credentials_in_columns_count_more_than_those_within_the_session() {
    let place = legacy(LATEST).await;
    let (email, password) = (token(&json!({"email": "new@example.kz"})), token(&json!({"password": "new"})));
    place
        .sql(&format!(
            "insert into kaspi_stores (merchant_id, guid, kaspi_email, kaspi_password)
             values ('10', '{}', '{email}', '{password}'), ('11', null, '{email}', '{password}')",
            encrypted("v")
        ))
        .await;
    let foreign = token(&json!({"password": "canary", "merchant_uid": "99"}));
    place
        .sql(&format!("insert into kaspi_stores (merchant_id, kaspi_password) values ('12', '{foreign}')"))
        .await;
    let database = place.open().await;
    for merchant in ["10", "11"] {
        let kept = database.credentials(&Tenant::All, &uid(merchant)).await.unwrap().unwrap();
        assert_eq!(kept.email.as_deref(), Some("new@example.kz"));
        assert_eq!(kept.password.unwrap().expose_secret(), "new");
        assert!(database.find_store(&Tenant::All, &uid(merchant)).await.unwrap().unwrap().has_password);
    }
    let kept = database.credentials(&Tenant::All, &uid("12")).await;
    assert!(matches!(kept, Err(RepositoryError::Sealed { column: "kaspi_password", .. })));
}

#[tokio::test]
async fn a_legacy_session_can_be_looked_at_renewed_and_stripped_of_its_password() {
    for kind in ["json", "jsonb"] {
        let place = shapes(kind).await;
        let database = place.open().await;
        let new = cookies("renewed");
        let update = SessionUpdate {
            generation: 0,
            lease: None,
            cookies: None,
            renewed: false,
            validity: Validity::Alive,
            checked_at: later(1),
            authenticated_at: None,
            needs_reauth: None,
        };
        for merchant in ["13", "14", "15", "16", "17"] {
            let merchant = uid(merchant);
            database.update_session(&Tenant::All, &merchant, update.clone()).await.unwrap();
            let renewed = SessionUpdate { cookies: Some(&new), ..update.clone() };
            database.update_session(&Tenant::All, &merchant, renewed.clone()).await.unwrap();
            let again = SessionUpdate { renewed: true, authenticated_at: Some(later(2)), ..renewed };
            database.update_session(&Tenant::All, &merchant, again).await.unwrap();
            let session = database.session(&Tenant::All, &merchant).await.unwrap().unwrap();
            assert_eq!((session.generation, session.validity), (1, Validity::Alive));
            assert_eq!(session.cookies[0].value.expose_secret(), "renewed");
            assert_eq!(session.authenticated_at, Some(later(2)));
            let forget = StoreChange { forget_password: true, ..StoreChange::default() };
            let store =
                database.change_store(&Tenant::All, &merchant, &forget, now()).await.unwrap().unwrap();
            assert!(!store.has_password);
            let kept = database.credentials(&Tenant::All, &merchant).await.unwrap().unwrap();
            assert!(kept.password.is_none());
            assert_eq!(kept.email.as_deref(), Some("legacy@example.kz"));
        }
    }
}

#[tokio::test]
async fn points_of_every_generation_are_read() {
    let place = legacy(LATEST).await;
    for (merchant, shape) in [
        ("10", json!({"PP1": {"city_id": "750000000", "city_name": "Алматы", "enabled": true}})),
        ("11", json!({"PP1": {"city_id": 750_000_000, "city_name": "Алматы", "enabled": true}})),
        (
            "12",
            json!(
                json!({"PP1": {"city_id": "750000000", "city_name": "Алматы", "enabled": true}}).to_string()
            ),
        ),
    ] {
        place
            .sql(&format!(
                "insert into kaspi_stores (merchant_id, store_points) values ('{merchant}', '{shape}')"
            ))
            .await;
    }
    for (merchant, shape) in
        [("13", json!([])), ("14", json!("")), ("15", json!(null)), ("16", json!({"PP1": null}))]
    {
        place
            .sql(&format!(
                "insert into kaspi_stores (merchant_id, store_points) values ('{merchant}', '{shape}')"
            ))
            .await;
    }
    let database = place.open().await;
    for merchant in ["10", "11", "12"] {
        let store = database.find_store(&Tenant::All, &uid(merchant)).await.unwrap().unwrap();
        assert_eq!(store.points, points(), "{merchant}");
    }
    for merchant in ["13", "14", "15", "16"] {
        let store = database.find_store(&Tenant::All, &uid(merchant)).await.unwrap().unwrap();
        assert!(store.points.values().all(|point| !point.enabled), "{merchant}");
    }
}
