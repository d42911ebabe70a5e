//! Whose is what: users see their own stores and logins, a store that another user holds is taken and stays as it is.

use kaspi_sandbox::AccountSpec;
use serde_json::json;

use crate::harness::{Login, PASSWORD, StorePage, World, on_both};

async fn users_see_their_own_stores_and_logins_only(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    let login = one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let store = one.store("30000001").await;

    let login_path = format!("/v1/logins/{}", login.id);
    other.get(&login_path).await.is_problem(404, "login_not_found");
    other.delete(&login_path).await.is_problem(404, "login_not_found");
    for path in ["", "/session"] {
        other.get(&format!("/v1/stores/30000001{path}")).await.is_problem(404, "store_not_found");
    }
    for path in ["/session/validate", "/session/refresh"] {
        other.call(&format!("/v1/stores/30000001{path}")).await.is_problem(404, "store_not_found");
    }
    other.patch("/v1/stores/30000001", &json!({"is_active": false})).await.is_problem(404, "store_not_found");
    other.delete("/v1/stores/30000001").await.is_problem(404, "store_not_found");
    other.get("/api/kaspi/auth/session/30000001").await.is_problem(404, "store_not_found");
    assert_eq!(other.get("/v1/stores").await.read::<StorePage>().stores, []);
    let asked = other.get("/v1/stores?user_id=one").await;
    assert_eq!(asked.read::<StorePage>().stores, [], "a filter opens nothing");
    assert_eq!(one.store("30000001").await, store, "nothing changed");
    assert_eq!(world.admin.store("30000001").await, store, "a service sees all");
}

async fn a_store_that_another_user_holds_is_taken_and_stays_as_it_is(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let (store, session) = (one.store("30000001").await, one.session("30000001").await);
    // Another employee of the same shop.
    world.portal.add_account(AccountSpec::email("employee@shop.test").merchant("30000001"));

    let body = json!({"email": "employee@shop.test", "password": PASSWORD});
    other.post("/v1/logins?wait=30s", &body).await.is_problem(409, "store_taken");
    let login: Login = other.post("/v1/logins", &body).await.is(201).read();
    let login = other.login(login.id).await.stands("failed");
    assert_eq!((login.code(), login.error.as_ref().unwrap().retryable), ("store_taken", false));
    let named = json!({"email": "employee@shop.test", "password": PASSWORD, "merchant_uid": "30000001"});
    other.post("/v1/logins?wait=30s", &named).await.is_problem(409, "store_taken");
    assert_eq!(
        (one.store("30000001").await, one.session("30000001").await),
        (store.clone(), session.clone())
    );

    // Who cannot open the store does not learn that another user holds it.
    let stranger = json!({"email": "code@sandbox.test", "password": "wrong", "merchant_uid": "30000001"});
    let login = other.sign_in(&stranger).await.stands("failed");
    assert_eq!(login.code(), "invalid_credentials");
    // A service may know, and is refused before anything is sent.
    let passwords = world.passwords();
    let mut foreign = named.clone();
    foreign["user_id"] = json!("other");
    world.admin.post("/v1/logins", &foreign).await.is_problem(409, "store_taken");
    assert_eq!(world.passwords(), passwords);
    let path = "/api/kaspi/auth/session/30000001/refresh";
    other
        .post(path, &json!({"email": "employee@shop.test", "password": PASSWORD}))
        .await
        .is_problem(404, "store_not_found");
    assert_eq!((one.store("30000001").await, one.session("30000001").await), (store, session));
}

async fn a_taken_store_cannot_be_chosen(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    let body = json!({"email": "several@sandbox.test", "password": PASSWORD, "merchant_uid": "SBX"});
    one.sign_in(&body).await.stands("succeeded");
    let login = other.sign_in_as("several@sandbox.test", PASSWORD).await.stands("awaiting_merchant");
    other.answer(login.id, &json!({"merchant_uid": "SBX"})).await.is_problem(409, "store_taken");
    let login = other.choose(login.id, "30000012").await.stands("succeeded");
    assert_eq!(login.uid(), "30000012");
    assert_eq!(one.store("SBX").await.generation, 1);
}

async fn a_service_signs_in_to_a_users_store_without_taking_it(world: &World) {
    let one = world.node().user("one").await;
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let store = one.store("30000001").await;
    assert_eq!((store.user_id.as_deref(), store.generation), (Some("one"), 2));
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD, "user_id": "other"});
    world.admin.post("/v1/logins?wait=30s", &body).await.is_problem(409, "store_taken");
}

async fn only_a_service_gives_a_store_to_another_user(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let give = |to: serde_json::Value| json!({"user_id": to});
    one.patch("/v1/stores/30000001", &give(json!("other"))).await.is_problem(403, "insufficient_scope");
    one.patch("/v1/stores/30000001", &give(json!(null))).await.is_problem(403, "insufficient_scope");
    let session = one.session("30000001").await;
    world.admin.patch("/v1/stores/30000001", &give(json!("other"))).await.is(200);
    one.get("/v1/stores/30000001/session").await.is_problem(404, "store_not_found");
    assert_eq!(other.session("30000001").await, session, "it is served to the new holder as it was");
    world.admin.patch("/v1/stores/30000001", &give(json!(null))).await.is(200);
    other.get("/v1/stores/30000001/session").await.is_problem(404, "store_not_found");
    assert_eq!(world.admin.store("30000001").await.user_id, None);
}

async fn what_is_held_for_one_user_is_no_help_to_another(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    let login = one.sign_in_as("remembered@sandbox.test", PASSWORD).await.stands("awaiting_code");
    one.answer_code(login.id, &world.code("remembered@sandbox.test")).await.stands("succeeded");
    one.delete("/v1/stores/30000003").await.is(204);
    // The portal remembers a device of the first user's; the second one has to show a code of its own.
    let login = other.sign_in_as("remembered@sandbox.test", PASSWORD).await.stands("awaiting_code");
    other.answer_code(login.id, &world.code("remembered@sandbox.test")).await.stands("succeeded");
}

on_both!(
    users_see_their_own_stores_and_logins_only,
    a_store_that_another_user_holds_is_taken_and_stays_as_it_is,
    a_taken_store_cannot_be_chosen,
    a_service_signs_in_to_a_users_store_without_taking_it,
    only_a_service_gives_a_store_to_another_user,
    what_is_held_for_one_user_is_no_help_to_another,
);
