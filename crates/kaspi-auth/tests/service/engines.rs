//! Which engine drives a login: asked for, the store's, the configuration's.

use kaspi_auth_core::login::EngineChoice;
use serde_json::{Value, json};

use crate::harness::{Kind, PASSWORD, World, on_both, on_sqlite};

const STORE: &str = "/v1/stores/30000001";

fn account(more: &Value) -> Value {
    let mut body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

async fn a_store_says_what_its_logins_are_driven_by(world: &World) {
    let login = world.admin.sign_in(&account(&json!({}))).await.stands("succeeded");
    assert_eq!((login.engine.as_str(), login.driver.as_str()), ("auto", "direct"));
    let store = world.admin.store("30000001").await;
    assert_eq!((store.engine.as_deref(), store.driver.as_deref()), (None, Some("direct")));
    assert_eq!(store.egress_id, Some(uuid::Uuid::nil()));

    let patched = world.admin.patch(STORE, &json!({"engine": "direct"})).await.is(200).json();
    assert_eq!(patched["engine"], "direct");
    let named = json!({"merchant_uid": "30000001"});
    assert_eq!(world.admin.sign_in(&account(&named)).await.stands("succeeded").engine, "direct");
    // What the caller says counts more, and who names no merchant names no store.
    let auto = json!({"merchant_uid": "30000001", "engine": "auto"});
    assert_eq!(world.admin.sign_in(&account(&auto)).await.stands("succeeded").engine, "auto");
    assert_eq!(world.admin.sign_in(&account(&json!({}))).await.stands("succeeded").engine, "auto");

    world.admin.patch(STORE, &json!({"is_active": true})).await.is(200);
    assert_eq!(world.admin.store("30000001").await.engine.as_deref(), Some("direct"), "left out, it stays");
    world.admin.patch(STORE, &json!({"engine": null})).await.is(200);
    assert_eq!(world.admin.store("30000001").await.engine, None);
    assert_eq!(world.admin.sign_in(&account(&named)).await.stands("succeeded").engine, "auto");
}

async fn engines_that_there_are_not_are_refused(world: &World) {
    world.admin.sign_in(&account(&json!({}))).await.stands("succeeded");
    for engine in [json!("chrome"), json!(""), json!("AUTO"), json!(1), json!(["auto"])] {
        let body = account(&json!({"engine": engine}));
        world.admin.post("/v1/logins", &body).await.is_problem(422, "invalid_value");
        world.admin.patch(STORE, &json!({"engine": engine})).await.is_problem(422, "invalid_value");
    }
    assert_eq!(world.admin.store("30000001").await.engine, None);
    assert_eq!(world.passwords(), 1);
}

on_both!(a_store_says_what_its_logins_are_driven_by);
on_sqlite!(engines_that_there_are_not_are_refused);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_says_it_the_configuration_does() {
    let direct = |config: &mut kaspi_auth::config::Config| config.logins.engine = EngineChoice::Direct;
    World::prove_with(Kind::Sqlite, direct, async |world| {
        assert_eq!(world.admin.sign_in(&account(&json!({}))).await.stands("succeeded").engine, "direct");
        let auto = account(&json!({"engine": "auto"}));
        assert_eq!(world.admin.sign_in(&auto).await.stands("succeeded").engine, "auto");
        let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
        world.admin.post("/api/kaspi/auth/login", &body).await.is(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_one_configured_no_login_can_ask_for_an_engine_that_needs_it() {
    let off = |config: &mut kaspi_auth::config::Config| {
        config.browser.mode = kaspi_auth::config::BrowserMode::Off;
    };
    World::prove_with(Kind::Sqlite, off, async |world| {
        let body = account(&json!({"engine": "browser"}));
        world.admin.post("/v1/logins", &body).await.is_problem(422, "engine_unavailable");
        assert_eq!(world.posts(), 0);
        let login = world.admin.sign_in(&account(&json!({"engine": "auto"}))).await.stands("succeeded");
        assert_eq!(login.driver, "direct");
    })
    .await;
}
