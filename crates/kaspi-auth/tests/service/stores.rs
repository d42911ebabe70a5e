//! Stores: paging, filters, changes, and what is left of one that was deleted.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{PASSWORD, Store, StorePage, World, on_both, on_sqlite};

async fn many_stores_are_listed_page_by_page(world: &World) {
    let accounts: Vec<_> =
        (0..23).map(|number| world.account(&format!("shop-{number}"), &format!("7{number:06}"))).collect();
    for (number, email) in accounts.iter().enumerate() {
        let user = if number % 2 == 0 { "even" } else { "odd" };
        let body = json!({"email": email, "password": PASSWORD, "user_id": user});
        world.admin.sign_in(&body).await.stands("succeeded");
    }
    let walk = async |query: &str| {
        let (mut uids, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page: StorePage =
                world.admin.get(&format!("/v1/stores?{query}{cursor}")).await.is(200).read();
            uids.extend(page.stores.into_iter().map(|store| store.merchant_uid));
            pages += 1;
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return (uids, pages),
            }
        }
    };
    let all: Vec<_> = (0..23).map(|number| format!("7{number:06}")).collect();
    assert_eq!(walk("limit=5").await, (all.clone(), 5));
    assert_eq!(walk("limit=23").await, (all.clone(), 1), "no empty page at the end");
    assert_eq!(walk("").await, (all.clone(), 1));
    let even = walk("limit=7&user_id=even").await;
    assert_eq!((even.0.len(), even.1), (12, 2));
    let both: BTreeSet<_> = even.0.into_iter().chain(walk("limit=500&user_id=odd").await.0).collect();
    assert_eq!(both.into_iter().collect::<Vec<_>>(), all);
    assert_eq!(walk("user_id=nobody").await, (vec![], 1));

    world.admin.patch("/v1/stores/7000004", &json!({"is_active": false})).await.is(200);
    assert_eq!(walk("status=inactive").await.0, ["7000004"]);
    assert_eq!(
        walk("status=active&limit=9").await,
        (all.iter().filter(|uid| *uid != "7000004").cloned().collect(), 3)
    );
    assert_eq!(walk("status=needs_reauth").await.0, Vec::<String>::new());
    // A store that goes away between two pages takes no other with it.
    let first: StorePage = world.admin.get("/v1/stores?limit=2").await.read();
    let cursor = first.next_cursor.unwrap();
    world.admin.delete(&format!("/v1/stores/{cursor}")).await.is(204);
    let next: StorePage = world.admin.get(&format!("/v1/stores?limit=1&cursor={cursor}")).await.read();
    assert_eq!(next.stores[0].merchant_uid, "7000002");
}

async fn what_a_list_cannot_be_asked_is_refused(world: &World) {
    for query in [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=99999999999",
        "status=dead",
        "status=",
        "cursor=",
        "cursor=a%20b",
        "cursor=%00",
        "user_id=",
        "user_id=%00",
        "unknown=1",
        "limit=1&limit=2",
    ] {
        world.admin.get(&format!("/v1/stores?{query}")).await.is_problem(422, "invalid_value");
    }
    world.admin.get("/v1/stores?cursor=zzzz").await.is(200);
}

async fn what_is_changed_of_a_store_is_changed_and_nothing_else(world: &World) {
    let email = world.store("shop", "7000001").await;
    let before = world.admin.store("7000001").await;
    world.clock.advance(SignedDuration::from_secs(5));
    let change = async |body| world.admin.patch("/v1/stores/7000001", &body).await.is(200).read::<Store>();
    let same = change(json!({})).await;
    assert_eq!(Store { updated_at: before.updated_at, ..same }, before);

    let named = change(json!({"shop_name": "  Другое имя "})).await;
    assert_eq!(named.shop_name.as_deref(), Some("Другое имя"));
    assert!(named.updated_at > before.updated_at && named.id == before.id);

    let off = change(json!({"is_active": false})).await;
    assert_eq!((off.status.as_str(), off.generation), ("inactive", 1));
    world.admin.get("/v1/stores/7000001/session").await.is_problem(404, "session_not_found");
    let on = change(json!({"is_active": true})).await;
    assert_eq!(on.status, "active");
    world.admin.session("7000001").await;

    assert!(on.has_password);
    let forgotten = change(json!({"forget_password": true})).await;
    assert!(!forgotten.has_password && forgotten.has_session);
    world.portal.kill_sso(None);
    world.portal.kill_sessions(None);
    world.admin.refresh("7000001").await.is_problem(409, "credentials_missing");
    // Signing in again keeps the row.
    world.admin.sign_in_as(&email, PASSWORD).await.stands("succeeded");
    let again = world.admin.store("7000001").await;
    assert_eq!((again.id, again.generation, again.has_password), (before.id, 2, true));
    assert_eq!(again.created_at, before.created_at);
}

async fn changes_that_make_no_sense_are_refused(world: &World) {
    world.store("shop", "7000001").await;
    let before = world.admin.store("7000001").await;
    for body in [
        json!({"shop_name": ""}),
        json!({"shop_name": " "}),
        json!({"shop_name": "a\u{0}b"}),
        json!({"shop_name": "n".repeat(256)}),
        json!({"shop_name": 7}),
        json!({"is_active": "no"}),
        json!({"user_id": ""}),
        json!({"user_id": "u".repeat(256)}),
        json!({"merchant_uid": "1"}),
        json!({"status": "active"}),
        json!([]),
    ] {
        world.admin.patch("/v1/stores/7000001", &body).await.is_problem(422, "invalid_value");
    }
    assert_eq!(world.admin.store("7000001").await, before);
    world.admin.patch("/v1/stores/7999999", &json!({})).await.is_problem(404, "store_not_found");
}

async fn nothing_is_left_of_a_deleted_store(world: &World) {
    let login = world.admin.sign_in_as("remembered@sandbox.test", PASSWORD).await;
    world.admin.answer_code(login.id, &world.code("remembered@sandbox.test")).await.stands("succeeded");
    let sealed = world
        .database
        .texts(
            "select cast(guid as text) from kaspi_stores union all select kaspi_password from kaspi_stores",
        )
        .await;
    assert_eq!(sealed.len(), 2);
    assert_eq!(world.database.count("kaspi_auth_devices").await, 1);

    world.admin.delete("/v1/stores/30000003").await.is(204);
    world.admin.delete("/v1/stores/30000003").await.is_problem(404, "store_not_found");
    world.admin.get("/v1/stores/30000003").await.is_problem(404, "store_not_found");
    world.admin.get("/v1/stores/30000003/session").await.is_problem(404, "store_not_found");
    world.admin.call("/v1/stores/30000003/session/validate").await.is_problem(404, "store_not_found");
    assert_eq!(world.database.count("kaspi_stores").await, 0);
    assert_eq!(world.database.count("kaspi_auth_devices").await, 0, "the remembered device is forgotten too");
    assert_eq!(world.database.count("kaspi_auth_logins where secrets is not null").await, 0);
    // Signing in again makes a new one.
    let login = world.admin.sign_in_as("remembered@sandbox.test", PASSWORD).await.stands("awaiting_code");
    world.admin.answer_code(login.id, &world.code("remembered@sandbox.test")).await.stands("succeeded");
    assert_eq!(world.admin.store("30000003").await.generation, 1);
}

async fn a_password_that_is_not_to_be_kept_is_nowhere(world: &World) {
    let password = "never-to-be-kept-4711";
    let account = kaspi_sandbox::AccountSpec::email("shop@shop.test").merchant("7000001").password(password);
    world.portal.add_account(account);
    let body = json!({"email": "shop@shop.test", "password": password, "store_password": false});
    world.admin.sign_in(&body).await.stands("succeeded");
    let store = world.admin.store("7000001").await;
    assert!(!store.has_password && store.has_session);
    assert_eq!(world.database.count("kaspi_stores where kaspi_password is not null").await, 0);
    let ring = kaspi_auth::wiring::key_ring(&world.config.encryption).unwrap();
    for guid in world.database.texts("select cast(guid as text) from kaspi_stores").await {
        let guid: serde_json::Value = serde_json::from_str(&guid).unwrap();
        let opened = ring.open(guid["encrypted"].as_str().unwrap()).unwrap();
        assert!(!String::from_utf8_lossy(&opened).contains(password), "it stands inside the sealed text");
    }
    // Kept before, not to be kept now.
    world.admin.sign_in_as("shop@shop.test", password).await.stands("succeeded");
    assert!(world.admin.store("7000001").await.has_password);
    world.admin.sign_in(&body).await.stands("succeeded");
    assert!(!world.admin.store("7000001").await.has_password);
}

on_both!(
    many_stores_are_listed_page_by_page,
    what_a_list_cannot_be_asked_is_refused,
    what_is_changed_of_a_store_is_changed_and_nothing_else,
    nothing_is_left_of_a_deleted_store,
    a_password_that_is_not_to_be_kept_is_nowhere,
);
on_sqlite!(changes_that_make_no_sense_are_refused);
