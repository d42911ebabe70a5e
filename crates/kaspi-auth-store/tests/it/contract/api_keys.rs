//! API keys: kept as digests, revoked once, touched.

use kaspi_auth_core::api_key::{ApiKey, HeldApiKey, Scope};
use kaspi_auth_core::port::{ApiKeyRepository, RepositoryError};

use crate::support::*;

on_both!(
    a_key_comes_back_as_it_went_in,
    a_revoked_key_is_found_revoked,
    keys_are_listed_newest_first,
    a_use_is_noted,
    paths_of_the_cabinet_come_back,
);

pub fn key(id: &str, seconds: i64) -> HeldApiKey {
    HeldApiKey {
        key: ApiKey {
            cabinet_paths: Vec::new(),
            id: id.to_owned(),
            name: "reports".to_owned(),
            prefix: format!("kas_{id}"),
            scopes: vec![Scope::StoresRead, Scope::SessionsRead],
            user_id: Some(user("u1")),
            created_at: later(seconds),
            last_used_at: None,
            revoked_at: None,
        },
        digest: [7; 32],
    }
}

async fn a_key_comes_back_as_it_went_in(place: &Place) {
    let database = place.open().await;
    assert!(database.find_api_key("k1").await.unwrap().is_none());
    database.insert_api_key(&key("k1", 0)).await.unwrap();
    for _ in 0..2 {
        let found = database.find_api_key("k1").await.unwrap().unwrap();
        assert_eq!((found.key, found.digest), (key("k1", 0).key, [7; 32]));
    }
    let again = database.insert_api_key(&key("k1", 0)).await;
    assert!(matches!(again, Err(RepositoryError::Conflict)));
    for odd in ["", "k2", "k1\0", "' or 1=1 --"] {
        assert!(database.find_api_key(odd).await.unwrap().is_none(), "{odd:?}");
    }
}

async fn a_revoked_key_is_found_revoked(place: &Place) {
    let database = place.open().await;
    database.insert_api_key(&key("k1", 0)).await.unwrap();
    database.find_api_key("k1").await.unwrap();
    assert!(database.revoke_api_key("k1", later(3)).await.unwrap());
    assert_eq!(database.find_api_key("k1").await.unwrap().unwrap().key.revoked_at, Some(later(3)));
    assert!(database.revoke_api_key("k1", later(9)).await.unwrap());
    assert_eq!(
        database.find_api_key("k1").await.unwrap().unwrap().key.revoked_at,
        Some(later(3)),
        "the first time"
    );
    assert!(!database.revoke_api_key("k2", later(3)).await.unwrap());
}

async fn keys_are_listed_newest_first(place: &Place) {
    let database = place.open().await;
    for (id, seconds) in [("k1", 1), ("k3", 3), ("k2", 2)] {
        database.insert_api_key(&key(id, seconds)).await.unwrap();
    }
    let ids: Vec<String> = database.list_api_keys().await.unwrap().into_iter().map(|key| key.id).collect();
    assert_eq!(ids, ["k3", "k2", "k1"]);
}

async fn a_use_is_noted(place: &Place) {
    let database = place.open().await;
    database.insert_api_key(&key("k1", 0)).await.unwrap();
    database.find_api_key("k1").await.unwrap();
    for (seconds, noted) in [(60, 60), (61, 60), (120, 120)] {
        database.touch_api_key("k1", later(seconds)).await.unwrap();
        let found = database.find_api_key("k1").await.unwrap().unwrap();
        assert_eq!(found.key.last_used_at, Some(later(noted)));
    }
}

async fn paths_of_the_cabinet_come_back(place: &Place) {
    let (here, there) = (place.open().await, place.open().await);
    let mut held = key("k1", 0);
    held.key.cabinet_paths = vec!["/bff/*".to_owned(), "GET /s/m".to_owned()];
    here.insert_api_key(&held).await.unwrap();
    assert_eq!(here.find_api_key("k1").await.unwrap().unwrap().key, held.key);
    let count = "select cast(count(*) as text) from kaspi_auth_api_keys where cabinet_paths is null";
    assert_eq!(place.text(count).await.as_deref(), Some("0"));
    here.insert_api_key(&key("k2", 1)).await.unwrap();
    assert_eq!(place.text(count).await.as_deref(), Some("1"));
    assert_eq!(here.list_api_keys().await.unwrap()[1].cabinet_paths, held.key.cabinet_paths);

    there.find_api_key("k1").await.unwrap();
    place.sql("update kaspi_auth_api_keys set cabinet_paths = '[]' where id = 'k1'").await;
    eventually("the key in memory has lost its paths", async || {
        there.find_api_key("k1").await.unwrap().unwrap().key.cabinet_paths.is_empty()
    })
    .await;
}
