//! The predecessor's own table, taken over as it is: its rows are served, and what does not fit its columns is refused
//! before anything is sent to the portal.

use serde_json::{Value, json};

use crate::harness::{Kind, Login, PASSWORD, World};

const OWNER: &str = "6f1c1a3e-7a52-4d0e-9d3b-0c2f5a7b9e11";

/// The table of the predecessor's first release, with a row of its oldest kind: a session in clear.
fn table() -> String {
    let guid = json!({
        "cookies": [
            {"name": "mc-sid", "value": "old-cookie-value", "domain": "mc.shop.kaspi.localhost", "path": "/", "httpOnly": true},
            {"name": "mc-session", "value": "1.2.3.4|abc", "domain": "mc.shop.kaspi.localhost", "path": "/"},
        ],
        "email": "old@shop.test", "password": "old-password", "merchant_uid": "7000001", "phone": null,
        "authenticated_at": "2026-09-01T10:00:00", "sms_verified": false, "auth_method": "email",
    });
    format!(
        "create table kaspi_stores (
            id uuid primary key default gen_random_uuid(), user_id uuid not null, merchant_id varchar(255) unique not null,
            name varchar(255) not null, guid jsonb, is_active boolean not null default true,
            created_at timestamptz not null default now(), updated_at timestamptz not null default now());
         insert into kaspi_stores (user_id, merchant_id, name, guid)
            values ('{OWNER}', '7000001', 'Old shop', '{guid}'), ('{OWNER}', '7000002', 'Empty shop', null)"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_predecessors_rows_are_served_and_sealed() {
    World::prove_on(Kind::Postgres, &table(), async |world| {
        let store = world.admin.store("7000001").await;
        assert_eq!((store.user_id.as_deref(), store.shop_name.as_deref()), (Some(OWNER), Some("Old shop")));
        let session = world.admin.session("7000001").await;
        assert!(session.cookie_header.contains("mc-sid=old-cookie-value"), "{}", session.cookie_header);
        world.admin.get("/v1/stores/7000002/session").await.is_problem(404, "session_not_found");
        let user = world.node().user(OWNER).await;
        assert_eq!(user.session("7000001").await.cookie_header, session.cookie_header);
        let stored: Vec<Value> = world
            .database
            .texts("select guid::text from kaspi_stores where guid is not null")
            .await
            .iter()
            .map(|guid| serde_json::from_str(guid).unwrap())
            .collect();
        assert!(stored[0]["encrypted"].is_string(), "sealed on first touch: {stored:?}");
        assert!(!String::from_utf8_lossy(&world.database.bytes().await).contains("old-password"));

        // Its session is dead by now, its password is another one: signing in by hand keeps the row.
        assert_eq!(world.admin.validity("7000001").await, "dead");
        let account = kaspi_sandbox::AccountSpec::email("old@shop.test").merchant("7000001");
        world.portal.add_account(account);
        let login = user.sign_in_as("old@shop.test", PASSWORD).await.stands("succeeded");
        let again = world.admin.store(&login.uid()).await;
        assert_eq!((again.id, again.user_id.as_deref()), (store.id, Some(OWNER)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_id_that_the_table_cannot_hold_is_refused_before_anything_is_sent() {
    World::prove_on(Kind::Postgres, &table(), async |world| {
        let body = json!({"email": "plain@sandbox.test", "password": PASSWORD, "user_id": "auth0|someone"});
        world.admin.post("/v1/logins", &body).await.is_problem(422, "invalid_value");
        let user = world.node().user("auth0|someone").await;
        let own = json!({"email": "plain@sandbox.test", "password": PASSWORD});
        user.post("/v1/logins", &own).await.is_problem(422, "invalid_value");
        user.get("/v1/stores/7000001").await.is_problem(404, "store_not_found");
        assert_eq!(user.get("/v1/stores").await.is(200).json()["stores"], json!([]));
        let give = json!({"user_id": "auth0|someone"});
        world.admin.patch("/v1/stores/7000001", &give).await.is_problem(422, "invalid_value");
        assert_eq!((world.passwords(), world.posts()), (0, 0));
        // Another spelling of the same id is the same user.
        let spelled = world.node().user(&OWNER.to_uppercase()).await;
        assert_eq!(spelled.store("7000001").await.user_id.as_deref(), Some(OWNER));
        let body =
            json!({"email": "plain@sandbox.test", "password": PASSWORD, "user_id": OWNER.to_uppercase()});
        let login: Login = world.admin.sign_in(&body).await;
        login.stands("succeeded");
    })
    .await;
}
