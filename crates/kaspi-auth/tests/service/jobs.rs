//! The job queue as an operator sees it.

use serde_json::json;

use crate::harness::{World, on_both, on_sqlite};

async fn what_waits_in_the_queue_is_listed(world: &World) {
    let empty = world.admin.get("/v1/jobs").await.is(200).json();
    assert_eq!((&empty["jobs"], &empty["figures"]["waiting"]), (&json!([]), &json!(0)));
    world.store("shop", "7000001").await;
    let batch = world.admin.post("/v1/sessions:validate", &json!({"all": true})).await.is(202).json();
    let listed = world.admin.get("/v1/jobs?state=pending&kind=batch").await.is(200).json();
    let job = &listed["jobs"][0];
    assert_eq!((&job["batch_id"], &job["kind"], &job["attempt"]), (&batch["id"], &json!("batch"), &json!(1)));
    assert_eq!(
        (&job["merchant_uid"], &job["sweep"], &job["error"]),
        (&json!(null), &json!(null), &json!(null))
    );
    assert!(job["run_at"].is_string() && job["started_at"].is_null(), "{job}");
    let figures = &listed["figures"];
    assert_eq!((&figures["running"], &figures["killed"]), (&json!(0), &json!(0)));
    assert_eq!(figures["waiting"].as_u64().unwrap() + figures["scheduled"].as_u64().unwrap(), 1, "{figures}");
    for none in ["state=running", "state=killed", "kind=keep", "kind=sweep&state=pending"] {
        let listed = world.admin.get(&format!("/v1/jobs?{none}")).await.is(200).json();
        assert_eq!(listed["jobs"], json!([]), "{none}");
    }
}

async fn what_the_queue_cannot_be_asked_is_refused(world: &World) {
    for query in ["state=waiting", "state=", "kind=x", "kind=", "limit=0", "limit=501", "limit=x", "after=1"]
    {
        world.admin.get(&format!("/v1/jobs?{query}")).await.is_problem(422, "invalid_value");
    }
    let user = world.node().user("one").await;
    user.get("/v1/jobs").await.is_problem(403, "insufficient_scope");
}

on_both!(what_waits_in_the_queue_is_listed);
on_sqlite!(what_the_queue_cannot_be_asked_is_refused);
