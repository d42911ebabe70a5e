//! Who may call what: every operation of the API's own description, without credentials and with each scope alone. An
//! operation that is not in the table fails the test.

use std::collections::BTreeSet;

use kaspi_auth_core::api_key::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, PASSWORD, World, on_sqlite};

/// Nobody is asked for credentials.
const OPEN: &[Scope] = &[];
const READ: &[Scope] = &[Scope::StoresRead];
const WRITE: &[Scope] = &[Scope::StoresWrite];
const LOGIN: &[Scope] = &[Scope::LoginsWrite];
const LOGIN_OR_READ: &[Scope] = &[Scope::LoginsWrite, Scope::StoresRead];
const LOGIN_OR_SESSION: &[Scope] = &[Scope::LoginsWrite, Scope::SessionsRead];
const SESSION: &[Scope] = &[Scope::SessionsRead];
const CABINET: &[Scope] = &[Scope::CabinetCall];
const ADMIN: &[Scope] = &[Scope::Admin];

/// Operations with the scopes that suffice, each alone; `admin` suffices everywhere.
const OPERATIONS: [(&str, &[Scope]); 47] = [
    ("start_login", LOGIN),
    ("get_login", LOGIN_OR_READ),
    ("cancel_login", LOGIN),
    ("answer_login", LOGIN),
    ("resend_code", LOGIN),
    ("get_challenge_picture", LOGIN),
    ("get_evidence", ADMIN),
    ("get_evidence_screenshot", ADMIN),
    ("get_evidence_picture", ADMIN),
    ("list_egresses", ADMIN),
    ("add_egress", ADMIN),
    ("get_egress", ADMIN),
    ("change_egress", ADMIN),
    ("delete_egress", ADMIN),
    ("check_egress", ADMIN),
    ("list_events", ADMIN),
    ("list_stores", READ),
    ("list_jobs", ADMIN),
    ("list_audit", ADMIN),
    ("call_cabinet", CABINET),
    ("call_cabinet_post", CABINET),
    ("call_cabinet_put", CABINET),
    ("call_cabinet_patch", CABINET),
    ("call_cabinet_delete", CABINET),
    ("get_store", READ),
    ("get_timeline", READ),
    ("get_calls", READ),
    ("explain_store", READ),
    ("change_store", WRITE),
    ("delete_store", WRITE),
    ("get_session", SESSION),
    ("validate_session", SESSION),
    ("report_session", SESSION),
    ("validate_sessions", SESSION),
    ("refresh_sessions", LOGIN),
    ("get_batch", LOGIN_OR_SESSION),
    ("list_batch_stores", LOGIN_OR_SESSION),
    // Needs logins:write and sessions:read together.
    ("refresh_session", ADMIN),
    ("list_api_keys", ADMIN),
    ("create_api_key", ADMIN),
    ("revoke_api_key", ADMIN),
    ("predecessor_login", LOGIN),
    ("predecessor_verify_sms", LOGIN),
    ("predecessor_get_session", SESSION),
    ("predecessor_refresh_session", LOGIN),
    ("healthz", OPEN),
    ("readyz", OPEN),
];
const METRICS: (&str, &[Scope]) = ("metrics", ADMIN);

/// An operation as the description has it.
struct Operation {
    id: String,
    method: Method,
    path: String,
}

async fn every_operation_asks_for_credentials_and_for_its_scope(world: &World) {
    let operations = described(world).await;
    let known: BTreeSet<_> = OPERATIONS.iter().chain([&METRICS]).map(|(id, _)| (*id).to_owned()).collect();
    let found: BTreeSet<_> = operations.iter().map(|operation| operation.id.clone()).collect();
    assert_eq!(found, known, "the API and this table differ");
    assert_eq!(found.len(), operations.len(), "operation ids are unique");

    let clients = futures_util::future::join_all(
        Scope::ALL.map(async |scope| (scope, world.node().client(&[scope]).await)),
    )
    .await;
    for operation in &operations {
        let scopes = OPERATIONS.iter().chain([&METRICS]).find(|(id, _)| *id == operation.id).unwrap().1;
        let anyone = call(&world.node().anyone(), operation).await;
        if scopes.is_empty() {
            assert_eq!(anyone.status, 200, "{}", operation.id);
            continue;
        }
        anyone.is_problem(401, "unauthorized");
        assert_eq!(anyone.header("www-authenticate"), "Bearer", "{}", operation.id);
        for (scope, client) in &clients {
            let answer = call(client, operation).await;
            if (scopes.contains(scope) || *scope == Scope::Admin) && scopes == CABINET {
                // The scope lets it in; a key that names no path may call none.
                answer.is_problem(403, "cabinet_path_forbidden");
            } else if scopes.contains(scope) || *scope == Scope::Admin {
                let refused = matches!(answer.status, 401 | 403 | 405) || answer.status >= 500;
                assert!(!refused, "{} with {scope:?}: {answer:?}", operation.id);
            } else {
                let problem = answer.is_problem(403, "insufficient_scope");
                assert!(!problem.retryable, "{} with {scope:?}", operation.id);
            }
        }
    }
}

async fn a_refresh_needs_both_of_its_scopes(world: &World) {
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let both = world.node().client(&[Scope::LoginsWrite, Scope::SessionsRead]).await;
    both.refresh("30000001").await.is(200);
    for scope in [Scope::LoginsWrite, Scope::SessionsRead] {
        let one = world.node().client(&[scope]).await;
        one.refresh("30000001").await.is_problem(403, "insufficient_scope");
    }
}

async fn what_is_not_allowed_has_no_effect(world: &World) {
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let reader = world.node().client(&[Scope::StoresRead]).await;
    let before = (world.admin.store("30000001").await, world.passwords());
    reader.delete("/v1/stores/30000001").await.is_problem(403, "insufficient_scope");
    reader
        .patch("/v1/stores/30000001", &json!({"is_active": false}))
        .await
        .is_problem(403, "insufficient_scope");
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    reader.post("/v1/logins", &body).await.is_problem(403, "insufficient_scope");
    world.node().anyone().delete("/v1/stores/30000001").await.is_problem(401, "unauthorized");
    assert_eq!((world.admin.store("30000001").await, world.passwords()), before);
}

async fn credentials_of_another_form_are_none(world: &World) {
    let anyone = world.node().anyone();
    let key = world.admin.bearer().to_owned();
    let values = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {key}"),
        key.clone(),
        format!("Bearer {key}x"),
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {}", key.to_uppercase()),
        format!("Bearer {key} {key}"),
        format!("Bearer {}", "k".repeat(7000)),
        "Bearer ka_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "Bearer ..".to_owned(),
        "Bearer a.b.c".to_owned(),
    ];
    for value in values {
        let request = anyone.request(Method::GET, "/v1/stores").header("authorization", &value);
        anyone.send(request).await.is_problem(401, "unauthorized");
    }
    let bytes = anyone.request(Method::GET, "/v1/stores").header("authorization", &b"Bearer \xff\xfe"[..]);
    anyone.send(bytes).await.is_problem(401, "unauthorized");
    for scheme in ["bearer", "BEARER"] {
        let request =
            anyone.request(Method::GET, "/v1/stores").header("authorization", format!("{scheme} {key}"));
        anyone.send(request).await.is(200);
    }
    // In the address they would stand in logs: they are not looked for there.
    anyone.get(&format!("/v1/stores?access_token={key}")).await.is_problem(401, "unauthorized");
}

on_sqlite!(
    every_operation_asks_for_credentials_and_for_its_scope,
    a_refresh_needs_both_of_its_scopes,
    what_is_not_allowed_has_no_effect,
    credentials_of_another_form_are_none,
);

async fn described(world: &World) -> Vec<Operation> {
    let document = world.node().anyone().get("/openapi.json").await.is(200).json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let Some(id) = operation["operationId"].as_str() else { continue };
            operations.push(Operation { id: id.to_owned(), method, path: path.clone() });
        }
    }
    operations
}

/// Calls an operation with values that reach its rules.
async fn call(client: &Client, operation: &Operation) -> Answer {
    let named_by_uuid =
        ["/v1/logins", "/v1/egresses", "/v1/batches"].iter().any(|start| operation.path.starts_with(start));
    let id = if named_by_uuid { uuid::Uuid::nil().to_string() } else { "0".repeat(16) };
    let path = operation
        .path
        .replace("{id}", &id)
        .replace("{merchant_uid}", "30000001")
        .replace("{merchant_id}", "30000001");
    let account = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let body: Option<Value> = match operation.id.as_str() {
        "start_login" | "predecessor_login" | "predecessor_refresh_session" => Some(account),
        "answer_login" => Some(json!({"code": "123456"})),
        "change_store" => Some(json!({"is_active": true})),
        "add_egress" => Some(json!({"name": "made", "proxy": null})),
        "change_egress" => Some(json!({"enabled": true})),
        "report_session" => Some(json!({"generation": 1, "outcome": "ok"})),
        "validate_sessions" | "refresh_sessions" => Some(json!({"all": true})),
        "create_api_key" => Some(json!({"name": "made", "scopes": ["stores:read"]})),
        "predecessor_verify_sms" => {
            Some(json!({"sms_code": "123456", "partial_session": id, "merchant_id": "1"}))
        }
        _ => None,
    };
    let body = body.map(|mut body| {
        if operation.id == "predecessor_verify_sms" {
            body["partial_session"] = json!(uuid::Uuid::nil());
        }
        body
    });
    let request = client.request(operation.method.clone(), &path);
    client
        .send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}
