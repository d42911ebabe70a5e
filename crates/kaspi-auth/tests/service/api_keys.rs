//! API keys: shown once, stored as digests, revoked at once, on every node.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Client, World, eventually, on_both, on_sqlite, secret_of};

async fn make(world: &World, body: &Value) -> (Client, String) {
    let made = world.admin.post("/v1/api-keys", body).await.is(201).json();
    let client = world.node().anyone().with(made["key"].as_str().unwrap());
    (client, made["id"].as_str().unwrap().to_owned())
}

async fn a_key_is_shown_once_and_never_stored(world: &World) {
    let body = json!({"name": " pricing ", "scopes": ["sessions:read", "stores:read", "stores:read"]});
    let made = world.admin.post("/v1/api-keys", &body).await.is(201).json();
    let text = made["key"].as_str().unwrap().to_owned();
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["name"], "pricing");
    assert_eq!(made["scopes"], json!(["stores:read", "sessions:read"]));
    assert!(text.starts_with(made["prefix"].as_str().unwrap()) && text.starts_with(&format!("ka_{id}_")));
    let secret = secret_of(&text);

    let listed = world.admin.get("/v1/api-keys").await.is(200);
    assert!(!listed.text.contains(secret) && listed.text.contains(id));
    let keys = listed.json()["api_keys"].as_array().unwrap().clone();
    assert!(keys.iter().all(|key| key.get("key").is_none()));
    let stored = world.database.bytes().await;
    assert!(!contains(&stored, secret.as_bytes()), "the key stands in the database");
    world.node().anyone().with(text).get("/v1/stores").await.is(200);
}

async fn a_revoked_key_opens_nothing_from_that_moment(world: &World) {
    let (client, id) = make(world, &json!({"name": "short-lived", "scopes": ["stores:read"]})).await;
    client.get("/v1/stores").await.is(200);
    world.admin.delete(&format!("/v1/api-keys/{id}")).await.is(204);
    client.get("/v1/stores").await.is_problem(401, "unauthorized");
    let listed = world.admin.get("/v1/api-keys").await.json();
    let listed = listed["api_keys"].as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).cloned();
    assert!(listed.unwrap()["revoked_at"].is_string(), "it stays in the list");
    world.admin.delete("/v1/api-keys/0123456789abcdef").await.is_problem(404, "api_key_not_found");
}

async fn a_key_that_another_process_revokes_opens_nothing_here(world: &World) {
    let other = world.second_node().await;
    let (client, id) = make(world, &json!({"name": "shared", "scopes": ["stores:read"]})).await;
    let there = client.at(other.anyone().base());
    there.get("/v1/stores").await.is(200);
    client.get("/v1/stores").await.is(200);
    other.service().api_keys.revoke(&id).await.unwrap();
    there.get("/v1/stores").await.is_problem(401, "unauthorized");
    eventually("the key is refused here too", async || {
        let answer = client.get("/v1/stores").await;
        (answer.status == 401).then_some(())
    })
    .await;
    // By hand in the database, past every service: the next look sees it.
    let (client, id) = make(world, &json!({"name": "by hand", "scopes": ["stores:read"]})).await;
    client.get("/v1/stores").await.is(200);
    world.database.execute(&format!("update kaspi_auth_api_keys set revoked_at = 1 where id = '{id}'")).await;
    eventually("the key is refused", async || (client.get("/v1/stores").await.status == 401).then_some(()))
        .await;
    other.stop().await;
}

async fn the_last_use_of_a_key_is_noted_to_the_minute(world: &World) {
    let (client, id) = make(world, &json!({"name": "used", "scopes": ["stores:read"]})).await;
    let used = async || {
        let listed = world.admin.get("/v1/api-keys").await.json();
        let keys = listed["api_keys"].as_array().unwrap().clone();
        keys.iter().find(|key| key["id"] == id.as_str()).unwrap()["last_used_at"].clone()
    };
    assert_eq!(used().await, Value::Null);
    client.get("/v1/stores").await.is(200);
    let first = used().await;
    assert!(first.is_string());
    client.get("/v1/stores").await.is(200);
    assert_eq!(used().await, first, "not written with every call");
    world.clock.advance(SignedDuration::from_secs(61));
    client.get("/v1/stores").await.is(200);
    assert_ne!(used().await, first);
}

async fn a_key_of_one_user_sees_that_users_stores_only(world: &World) {
    let (client, _) =
        make(world, &json!({"name": "one", "scopes": ["stores:read", "logins:write"], "user_id": "u-1"}))
            .await;
    client.sign_in_as("plain@sandbox.test", crate::harness::PASSWORD).await.stands("succeeded");
    assert_eq!(client.store("30000001").await.user_id.as_deref(), Some("u-1"));
    let (other, _) = make(world, &json!({"name": "two", "scopes": ["stores:read"], "user_id": "u-2"})).await;
    other.get("/v1/stores/30000001").await.is_problem(404, "store_not_found");
    client.get("/v1/api-keys").await.is_problem(403, "insufficient_scope");
}

async fn keys_that_make_no_sense_are_refused(world: &World) {
    let long = "n".repeat(101);
    let bodies = [
        json!({"name": "", "scopes": ["admin"]}),
        json!({"name": "   ", "scopes": ["admin"]}),
        json!({"name": long, "scopes": ["admin"]}),
        json!({"name": "a\u{0}b", "scopes": ["admin"]}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["root"]}),
        json!({"name": "x", "scopes": ["ADMIN"]}),
        json!({"name": "x", "scopes": "admin"}),
        json!({"name": "x", "scopes": ["admin"], "user_id": "u-1"}),
        json!({"name": "x", "scopes": ["stores:read"], "user_id": ""}),
        json!({"name": "x", "scopes": ["stores:read"], "more": 1}),
        json!({"name": "x"}),
    ];
    let count = world.database.count("kaspi_auth_api_keys").await;
    for body in bodies {
        world.admin.post("/v1/api-keys", &body).await.is_problem(422, "invalid_value");
    }
    assert_eq!(world.database.count("kaspi_auth_api_keys").await, count);
}

on_both!(
    a_key_is_shown_once_and_never_stored,
    a_revoked_key_opens_nothing_from_that_moment,
    a_key_that_another_process_revokes_opens_nothing_here,
    the_last_use_of_a_key_is_noted_to_the_minute,
    a_key_of_one_user_sees_that_users_stores_only,
);
on_sqlite!(keys_that_make_no_sense_are_refused);

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}
