//! Many stores at once: a batch comes to its end whatever its stores come to, and says of each what.

use std::collections::BTreeMap;

use kaspi_auth_core::batch::BatchId;
use kaspi_sandbox::{AccountSpec, Fault, FaultKind};
use serde_json::json;

use crate::harness::{
    Batch, BatchStores, Client, Kind, PASSWORD, Rig, World, eventually, on_both, on_each, on_sqlite,
};

async fn begin(client: &Client, what: &str, body: &serde_json::Value) -> Batch {
    let answer = client.post(&format!("/v1/sessions:{what}"), body).await.is(202);
    let batch: Batch = answer.read();
    assert_eq!(answer.header("location"), format!("/v1/batches/{}", batch.id));
    assert_eq!(batch.kind, what);
    batch
}

/// Does what a worker does.
async fn work(world: &World, batch: &Batch) {
    let batches = &world.node().service().batches;
    for part in 0..100 {
        let ended = world.admin.get(&format!("/v1/batches/{}", batch.id)).await.is(200).read::<Batch>();
        if ended.ended_at.is_some() {
            return;
        }
        batches.do_part(BatchId(batch.id), part).await.unwrap();
    }
    panic!("the batch does not end");
}

async fn read(client: &Client, batch: &Batch) -> (Batch, BTreeMap<String, String>) {
    let read: Batch = client.get(&format!("/v1/batches/{}", batch.id)).await.is(200).read();
    let (mut stores, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/v1/batches/{}/stores?limit=2{cursor}", batch.id);
        let page: BatchStores = client.get(&path).await.is(200).read();
        assert!(page.stores.len() <= 2);
        for store in page.stores {
            stores.insert(store.merchant_uid, store.result.unwrap_or_default());
        }
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (read, stores),
        }
    }
}

fn results(expected: &[(&str, u32)]) -> BTreeMap<String, u32> {
    expected.iter().map(|(result, stores)| ((*result).to_owned(), *stores)).collect()
}

async fn a_mixed_batch_says_of_each_store_what_came_of_it(world: &World) {
    for number in 1..=4 {
        world.store(&format!("shop-{number}"), &format!("700000{number}")).await;
    }
    world.portal.kill_sessions(Some("7000002"));
    world.admin.patch("/v1/stores/7000004", &json!({"is_active": false})).await.is(200);

    let named = json!({"merchant_uids": ["7000001", "7000002", "7000002", "7999999"]});
    let batch = begin(&world.admin, "validate", &named).await;
    assert_eq!(batch.total, 3, "each store once");
    work(world, &batch).await;
    let (ended, stores) = read(&world.admin, &batch).await;
    assert_eq!((ended.total, ended.done), (3, 3));
    assert_eq!(ended.results, results(&[("alive", 1), ("dead", 1), ("store_not_found", 1)]));
    let expected = [("7000001", "alive"), ("7000002", "dead"), ("7999999", "store_not_found")];
    assert_eq!(stores, expected.map(|(uid, result)| (uid.to_owned(), result.to_owned())).into());
    assert_eq!(world.admin.store("7000002").await.validity, "dead");

    let batch = begin(&world.admin, "refresh", &json!({"all": true})).await;
    assert_eq!(batch.total, 3, "one is switched off");
    work(world, &batch).await;
    let (ended, stores) = read(&world.admin, &batch).await;
    assert_eq!(ended.results, results(&[("refreshed", 3)]), "{stores:?}");
    assert_eq!(world.admin.session("7000002").await.generation, 2);
    assert_eq!(world.passwords(), 4, "the login host remembered them all");
}

async fn a_batch_goes_on_after_what_fails(world: &World) {
    world.store("shop-1", "7000001").await;
    let body =
        json!({"email": world.account("shop-2", "7000002"), "password": PASSWORD, "store_password": false});
    world.admin.sign_in(&body).await.stands("succeeded");
    world.store("shop-3", "7000003").await;
    world.portal.kill_sso(Some("7000002"));
    let batch = begin(&world.admin, "refresh", &json!({"all": true})).await;
    work(world, &batch).await;
    let (ended, stores) = read(&world.admin, &batch).await;
    assert_eq!(ended.results, results(&[("credentials_missing", 1), ("refreshed", 2)]), "{stores:?}");
    assert_eq!(stores["7000002"], "credentials_missing");
}

async fn a_batch_of_nothing_has_ended_or_ends_at_once(world: &World) {
    let batch =
        world.admin.post("/v1/sessions:validate", &json!({"all": true})).await.is(202).read::<Batch>();
    assert_eq!(batch.total, 0);
    work(world, &batch).await;
    let (ended, stores) = read(&world.admin, &batch).await;
    assert!(ended.ended_at.is_some() && ended.done == 0 && stores.is_empty());
}

async fn who_waits_hears_of_the_end(world: &World) {
    world.store("shop", "7000001").await;
    let batch = begin(&world.admin, "validate", &json!({"all": true})).await;
    let path = format!("/v1/batches/{}", batch.id);
    let waiting: Batch = world.admin.get(&format!("{path}?wait=50ms")).await.is(200).read();
    assert_eq!(waiting.done, 0, "the time was over first");
    let path = format!("{path}?wait=30s");
    let waiting = world.admin.get(&path);
    let (answer, ()) = futures_util::future::join(waiting, work(world, &batch)).await;
    let ended: Batch = answer.is(200).read();
    assert_eq!((ended.done, ended.ended_at.is_some()), (1, true));
}

async fn users_batches_touch_their_own_stores_and_are_seen_by_them_alone(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    world.store("shop", "7000001").await;
    world.portal.kill_sessions(None);

    let batch = begin(&one, "validate", &json!({"all": true})).await;
    assert_eq!(batch.total, 1);
    work(world, &batch).await;
    assert_eq!(read(&one, &batch).await.0.results, results(&[("dead", 1)]));
    assert_ne!(world.admin.store("7000001").await.validity, "dead", "nobody looked at the other's");
    let path = format!("/v1/batches/{}", batch.id);
    for path in [path.clone(), format!("{path}/stores"), format!("{path}?wait=10s")] {
        other.get(&path).await.is_problem(404, "batch_not_found");
    }
    world.admin.get(&path).await.is(200);

    // Named by who does not hold it, a store is as if it were not there.
    let batch = begin(&other, "refresh", &json!({"merchant_uids": ["30000001", "7000001"]})).await;
    work(world, &batch).await;
    let (ended, stores) = read(&other, &batch).await;
    assert_eq!(ended.results, results(&[("store_not_found", 2)]), "{stores:?}");
    assert_eq!(world.passwords(), 2, "only the first logins'");
}

async fn batches_that_make_no_sense_are_refused(world: &World) {
    let many: Vec<_> = (0..10_001).map(|number| number.to_string()).collect();
    for what in ["validate", "refresh"] {
        let path = format!("/v1/sessions:{what}");
        for body in [
            json!({}),
            json!({"all": false}),
            json!({"merchant_uids": []}),
            json!({"merchant_uids": ["../etc"]}),
            json!({"merchant_uids": [1]}),
            json!({"merchant_uids": "30000001"}),
            json!({"merchant_uids": ["30000001"], "all": true}),
            json!({"all": true, "more": 1}),
        ] {
            world.admin.post(&path, &body).await.is_problem(422, "invalid_value");
        }
        let answer = world.admin.post(&path, &json!({"merchant_uids": many})).await;
        assert!(matches!(answer.problem().code.as_str(), "invalid_value" | "payload_too_large"));
    }
    assert_eq!(world.database.count("kaspi_auth_batches").await, 0);
    world.admin.post("/v1/sessions:forget", &json!({"all": true})).await.is_problem(404, "not_found");
    world.admin.get("/v1/sessions:validate").await.is_problem(405, "method_not_allowed");
    let batch = begin(&world.admin, "validate", &json!({"merchant_uids": ["1"]})).await;
    for query in ["limit=0", "limit=501", "cursor=a%20b", "before=1"] {
        let path = format!("/v1/batches/{}/stores?{query}", batch.id);
        world.admin.get(&path).await.is_problem(422, "invalid_value");
    }
}

/// Stores with sessions, `count` of them.
async fn stores(world: &World, count: u32) {
    for number in 1..=count {
        world.store(&format!("shop-{number}"), &format!("{}", 7_000_000 + number)).await;
    }
}

/// Reads the batch until it has ended; it never goes back.
async fn ended(client: &Client, batch: &Batch) -> Batch {
    let mut done = 0;
    eventually("the batch has ended", async || {
        let read: Batch = client.get(&format!("/v1/batches/{}", batch.id)).await.is(200).read();
        assert!(read.done >= done && read.done <= read.total, "{read:?} after {done}");
        done = read.done;
        read.ended_at.is_some().then_some(read)
    })
    .await
}

async fn workers_do_what_was_asked_for_and_tell_how_far_they_are(world: &World) {
    stores(world, 12).await;
    let keeper = world.second_node().await;
    world.portal.set_fault(Fault::new(FaultKind::Delay(200)).role("cabinet").path("/s/m"));
    let batch = begin(&world.admin, "validate", &json!({"all": true})).await;
    let some = eventually("some are done", async || {
        let read: Batch = world.admin.get(&format!("/v1/batches/{}", batch.id)).await.is(200).read();
        (read.done > 0).then_some(read)
    });
    let some = some.await;
    assert!(some.done <= some.total && some.total == 12, "{some:?}");
    assert_eq!(ended(&world.admin, &batch).await.results, results(&[("alive", 12)]));
    world.portal.clear_faults();
    let batch = begin(&world.admin, "refresh", &json!({"all": true})).await;
    assert_eq!(ended(&world.admin, &batch).await.results, results(&[("refreshed", 12)]));
    assert_eq!(world.admin.session("7000012").await.generation, 2);
    assert_eq!((world.passwords(), world.codes()), (12, 0), "the login host remembered them all");
    keeper.stop().await;
}

async fn a_batch_whose_job_was_given_up_is_taken_up_again(world: &World) {
    stores(world, 3).await;
    let batch = begin(&world.admin, "validate", &json!({"all": true})).await;
    let jobs = if world.database.kind() == Kind::Sqlite { "Jobs" } else { "apalis.jobs" };
    world.database.execute(&format!("update {jobs} set status = 'Killed'")).await;
    let batches = &world.node().service().batches;
    assert_eq!((batches.resume().await.unwrap(), batches.resume().await.unwrap()), (1, 0));
    let keeper = world.second_node().await;
    assert_eq!(ended(&world.admin, &batch).await.results, results(&[("alive", 3)]));
    keeper.stop().await;
}

async fn no_more_batches_go_on_at_once_than_a_tenant_may_have(world: &World) {
    let one = world.node().user("one").await;
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    for _ in 0..20 {
        begin(&one, "validate", &json!({"all": true})).await;
    }
    let more = one.post("/v1/sessions:refresh", &json!({"all": true})).await;
    assert!(more.is_problem(429, "rate_limited").retryable && more.retry_after() > 0);
    let other = begin(&world.admin, "validate", &json!({"all": true})).await;
    work(world, &other).await;
}

async fn what_a_killed_node_had_begun_another_one_ends(kind: Kind) {
    let rig = Rig::new(kind).await;
    let process = rig.serve().await;
    for number in 1..=12 {
        let account =
            AccountSpec::email(format!("shop-{number}@shop.test")).merchant((7_000_000 + number).to_string());
        process.client.sign_in_as(&rig.account(account), PASSWORD).await.stands("succeeded");
    }
    rig.portal.set_fault(Fault::new(FaultKind::Delay(1000)).role("cabinet").path("/s/m"));
    let batch = begin(&process.client, "validate", &json!({"all": true})).await;
    eventually("it is in the middle of it", async || {
        let read: Batch = process.client.get(&format!("/v1/batches/{}", batch.id)).await.is(200).read();
        (read.done > 0).then_some(())
    })
    .await;
    process.kill();
    // In place of waiting until it counts as dead.
    rig.database
        .execute(match kind {
            Kind::Sqlite => "update Workers set last_seen = 1",
            Kind::Postgres => "update apalis.workers set last_seen = to_timestamp(1)",
        })
        .await;
    let left = rig.database.count("kaspi_auth_batch_items where result is null").await;
    assert!((1..12).contains(&left), "{left} are left");
    rig.portal.clear_faults();
    let process = rig.serve().await;
    assert_eq!(ended(&process.client, &batch).await.results, results(&[("alive", 12)]));
    assert!(process.terminate().await.status.success());
}

on_both!(
    a_mixed_batch_says_of_each_store_what_came_of_it,
    users_batches_touch_their_own_stores_and_are_seen_by_them_alone,
    workers_do_what_was_asked_for_and_tell_how_far_they_are,
    a_batch_whose_job_was_given_up_is_taken_up_again,
);
on_each!(what_a_killed_node_had_begun_another_one_ends);
on_sqlite!(
    a_batch_goes_on_after_what_fails,
    a_batch_of_nothing_has_ended_or_ends_at_once,
    who_waits_hears_of_the_end,
    no_more_batches_go_on_at_once_than_a_tenant_may_have,
    batches_that_make_no_sense_are_refused,
);
