//! Idempotency keys: a repeated answer is known, another under the same key too.

use kaspi_auth_core::port::{AnswerKey, LoginRepository, LoginUpdate, RepositoryError};
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(a_repeated_answer_is_known, a_key_serves_one_answer_of_one_login, an_answer_and_its_change_are_one);

fn key(key: &str, answer: &str) -> AnswerKey {
    AnswerKey { key: key.to_owned(), answer: answer.to_owned().into() }
}

async fn a_repeated_answer_is_known(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    assert_eq!(database.find_answer(login.id, &key("k", "code:1234")).await.unwrap(), None);
    let answered = LoginUpdate { answer: Some(key("k", "code:1234")), ..update(&login) };
    database.update_login(answered).await.unwrap();
    assert_eq!(database.find_answer(login.id, &key("k", "code:1234")).await.unwrap(), Some(true));
    assert_eq!(database.find_answer(login.id, &key("k", "code:9999")).await.unwrap(), Some(false));
    assert_eq!(database.find_answer(login.id, &key("l", "code:1234")).await.unwrap(), None);
    assert_eq!(database.find_answer(login.id, &key("k\0", "code:1234")).await.unwrap(), None);
}

async fn a_key_serves_one_answer_of_one_login(place: &Place) {
    let database = place.open().await;
    let (first, _) = finishing(&database, "a@example.kz", None).await;
    let (second, _) = finishing(&database, "b@example.kz", None).await;
    for login in [&first, &second] {
        let answered = LoginUpdate { answer: Some(key("k", "code:1234")), ..update(login) };
        database.update_login(answered).await.unwrap();
    }
    assert_eq!(database.find_answer(second.id, &key("k", "code:1234")).await.unwrap(), Some(true));
}

async fn an_answer_and_its_change_are_one(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    let answered = LoginUpdate { answer: Some(key("k", "code:1234")), ..update(&login) };
    let version = database.update_login(answered).await.unwrap();
    // A second request with the same key that read the login in time: nothing of it is stored.
    let moved = kaspi_auth_core::login::Login { version, ..login };
    let again = LoginUpdate { answer: Some(key("k", "code:9999")), ..update(&moved) };
    assert!(matches!(database.update_login(again).await, Err(RepositoryError::Conflict)));
    let found = database.find_login(&Tenant::All, moved.id).await.unwrap().unwrap();
    assert_eq!(found.version, version);
    assert_eq!(database.find_answer(moved.id, &key("k", "code:1234")).await.unwrap(), Some(true));
}
