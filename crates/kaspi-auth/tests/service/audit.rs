//! The audit log: changes are there before their answer, reads are added up, refusals are told, and nothing can be taken back.

use std::time::Duration;

use kaspi_auth_core::api_key::Scope;
use kaspi_sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::harness::{World, eventually, on_both};

async fn entries(world: &World, query: &str) -> Vec<Value> {
    let page = world.admin.get(&format!("/v1/audit?limit=500&{query}")).await.is(200).json();
    page["entries"].as_array().unwrap().clone()
}

async fn changes_are_written_before_their_answer_and_name_who_did_them(world: &World) {
    let body = json!({"name": "pricing", "scopes": ["stores:read"]});
    let made = world.admin.post("/v1/api-keys", &body).await.is(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    // Past the API, so that nothing is flushed on the way.
    let stored = world
        .database
        .texts("select action || ' ' || subject || ' ' || result from kaspi_auth_audit where actor_kind = 'api_key'")
        .await;
    assert!(stored.contains(&format!("create_api_key {id} ok")), "{stored:?}");
    let created = entries(world, "action=create_api_key").await;
    assert_eq!(created[0]["request_id"], made.header("x-request-id"));
    assert_eq!(created[0]["actor"]["kind"], "api_key");
    assert_eq!(world.admin.bearer().split('_').nth(1), created[0]["actor"]["id"].as_str());

    world.store("a", "40000001").await;
    world.admin.patch("/v1/stores/40000001", &json!({"shop_name": "x"})).await.is(200);
    world.admin.delete("/v1/stores/40000001").await.is(204);
    world.admin.delete("/v1/stores/40000001").await.is_problem(404, "store_not_found");
    let about: Vec<_> = entries(world, "store=40000001").await;
    let told: Vec<_> = about
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["result"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("delete_store", "store_not_found"), ("delete_store", "ok"), ("change_store", "ok")],
        "newest first"
    );
    let started = entries(world, "action=start_login").await;
    assert!(started[0]["subject"].as_str().is_some_and(|id| id.len() == 36), "{started:?}");
}

async fn reads_of_the_same_thing_are_one_entry_that_counts(world: &World) {
    world.store("a", "40000001").await;
    let reader = world.node().client(&[Scope::SessionsRead]).await;
    for _ in 0..25 {
        reader.get("/v1/stores/40000001/session").await.is(200);
    }
    reader.get("/v1/stores/40009999/session").await.is_problem(404, "store_not_found");
    reader.delete("/v1/stores/40000001").await.is_problem(403, "insufficient_scope");
    let read = entries(world, "action=get_session&store=40000001").await;
    assert_eq!((read.len(), read[0]["times"].clone()), (1, json!(25)), "{read:?}");
    let id = read[0]["actor"]["id"].as_str().unwrap();
    assert_eq!(entries(world, &format!("actor=api_key:{id}")).await.len(), 3);
    let refused = entries(world, "action=delete_store").await;
    assert_eq!(refused[0]["result"], "insufficient_scope");
    assert!(!serde_json::to_string(&read).unwrap().contains("mc-sid"));
}

async fn refusals_of_the_unknown_are_counted_as_nobodys(world: &World) {
    let anyone = world.node().anyone();
    for _ in 0..3 {
        anyone.get("/v1/stores").await.is_problem(401, "unauthorized");
        anyone.delete("/v1/stores/40000001").await.is_problem(401, "unauthorized");
    }
    anyone.post("/api/kaspi/auth/login", &json!({})).await.is_problem(401, "unauthorized");
    let nobody = entries(world, "actor=anonymous").await;
    let mut told: Vec<_> = nobody
        .iter()
        .map(|entry| {
            format!(
                "{} {} {}",
                entry["action"].as_str().unwrap(),
                entry["result"].as_str().unwrap(),
                entry["times"]
            )
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        ["delete_store unauthorized 3", "list_stores unauthorized 3", "predecessor_login unauthorized 1"]
    );
}

async fn the_log_is_read_in_pages_by_operators_alone(world: &World) {
    for number in 0..5 {
        let body = json!({"name": format!("key {number}"), "scopes": ["stores:read"]});
        world.admin.post("/v1/api-keys", &body).await.is(201);
    }
    let mut seen = Vec::new();
    let mut before = String::new();
    loop {
        let page =
            world.admin.get(&format!("/v1/audit?action=create_api_key&limit=2{before}")).await.is(200).json();
        let found = page["entries"].as_array().unwrap();
        assert!(found.len() <= 2);
        seen.extend(found.iter().map(|entry| entry["sequence"].as_i64().unwrap()));
        let Some(next) = page["next_before"].as_i64() else { break };
        before = format!("&before={next}");
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{seen:?}");
    for query in ["limit=0", "limit=501", "before=0", "actor=root", "actor=user:", "store=..", "more=1"] {
        world.admin.get(&format!("/v1/audit?{query}")).await.is_problem(422, "invalid_value");
    }
    let reader = world.node().client(&[Scope::StoresRead]).await;
    reader.get("/v1/audit").await.is_problem(403, "insufficient_scope");
}

async fn calls_of_the_cabinet_are_in_the_log(world: &World) {
    world.store("a", "40000001").await;
    let body =
        json!({"name": "service", "scopes": ["cabinet:call"], "cabinet_paths": ["/s/m", "/pricefeed/*"]});
    let made = world.admin.post("/v1/api-keys", &body).await.is(201).json();
    let client = world.node().anyone().with(made["key"].as_str().unwrap());
    for _ in 0..3 {
        client.get("/v1/stores/40000001/cabinet/s/m").await.is(200);
    }
    client.get("/v1/stores/40000001/cabinet/mc/secret").await.is_problem(403, "cabinet_path_forbidden");
    client.post("/v1/stores/40000001/cabinet/pricefeed/upload/merchant/process?x=1", &json!({})).await;
    let reads = entries(world, "store=40000001&action=call_cabinet").await;
    let ok = reads.iter().find(|entry| entry["result"] == "ok").unwrap();
    assert_eq!(ok["times"], 3);
    assert!(reads.iter().any(|entry| entry["result"] == "cabinet_path_forbidden"));
    let posts = entries(world, "store=40000001&action=call_cabinet_post").await;
    assert_eq!(posts[0]["subject"], "/pricefeed/upload/merchant/process", "{posts:?}");
}

async fn what_was_written_stays(world: &World) {
    world.admin.post("/v1/api-keys", &json!({"name": "x", "scopes": ["stores:read"]})).await.is(201);
    let before = world.database.texts("select cast(sequence as text) from kaspi_auth_audit").await;
    for sql in ["update kaspi_auth_audit set result = 'ok'", "delete from kaspi_auth_audit"] {
        assert!(world.database.try_execute(sql).await.is_err(), "{sql}");
    }
    assert_eq!(world.database.texts("select cast(sequence as text) from kaspi_auth_audit").await, before);
}

async fn who_hangs_up_before_the_answer_is_written_down_too(world: &World) {
    world.store("a", "40000001").await;
    world.portal.set_fault(Fault::new(FaultKind::Delay(600_000)).role("cabinet"));
    let place = "/v1/stores/40000001/session/refresh";
    let request = world.admin.request(reqwest::Method::POST, place).timeout(Duration::from_secs(2));
    assert!(world.admin.try_send(request).await.is_err(), "nobody answers by then");
    let anyone = world.node().anyone().request(reqwest::Method::POST, place);
    world.node().anyone().send(anyone).await.is_problem(401, "unauthorized");
    let entry = eventually("it is written down", async || {
        let about = entries(world, "store=40000001&action=refresh_session").await;
        about.into_iter().find(|entry| entry["actor"]["kind"] == "api_key")
    })
    .await;
    assert_eq!((&entry["result"], &entry["times"]), (&json!("cut_off"), &json!(1)), "{entry}");
    assert_eq!(world.admin.bearer().split('_').nth(1), entry["actor"]["id"].as_str());
    world.portal.clear_faults();
}

async fn a_change_that_the_database_would_not_take_down_is_written_later(world: &World) {
    // Nothing but the log is in trouble.
    world.database.execute("alter table kaspi_auth_audit rename to elsewhere").await;
    let body = json!({"name": "x", "scopes": ["stores:read"]});
    let made = world.admin.post("/v1/api-keys", &body).await.is(201).json();
    assert!(world.node().service().auditor.flush().await.is_err());
    world.database.execute("alter table elsewhere rename to kaspi_auth_audit").await;
    world.node().service().auditor.flush().await.unwrap();
    let told = entries(world, "action=create_api_key").await;
    assert!(told.iter().any(|entry| entry["subject"] == made["id"] && entry["result"] == "ok"), "{told:?}");
    world.node().service().auditor.flush().await.unwrap();
    assert_eq!(entries(world, "action=create_api_key").await.len(), told.len(), "it is written once");
}

on_both!(
    who_hangs_up_before_the_answer_is_written_down_too,
    a_change_that_the_database_would_not_take_down_is_written_later,
    changes_are_written_before_their_answer_and_name_who_did_them,
    reads_of_the_same_thing_are_one_entry_that_counts,
    refusals_of_the_unknown_are_counted_as_nobodys,
    the_log_is_read_in_pages_by_operators_alone,
    calls_of_the_cabinet_are_in_the_log,
    what_was_written_stays,
);
