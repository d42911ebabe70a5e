//! Batches: which stores are in, who sees them, and how they end.

use std::sync::Arc;

use jiff::SignedDuration;
use kaspi_auth_core::batch::{Batch, BatchId, BatchItem, BatchKind, BatchStores};
use kaspi_auth_core::job::{Job, NewJob};
use kaspi_auth_core::port::{BatchRepository as _, JobRepository as _};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::SqlDatabase;
use uuid::Uuid;

use super::support::*;
use crate::support::*;

on_both!(
    a_batch_of_all_holds_the_tenants_active_stores,
    stores_that_are_not_the_tenants_are_not_found_at_once,
    a_batch_with_nothing_to_do_has_ended,
    a_batch_goes_on_until_no_store_is_left,
    another_tenant_sees_nothing_of_a_batch,
    what_cannot_be_queued_is_not_stored,
    old_batches_are_pruned_with_their_stores,
    a_batch_without_a_job_has_stalled,
    batches_that_go_on_are_counted_for_each_tenant,
);

fn batch(number: u128, user: Option<&str>) -> Batch {
    Batch {
        id: BatchId(Uuid::from_u128(number)),
        user_id: user.map(crate::support::user),
        kind: BatchKind::Validate,
        total: 0,
        results: std::collections::BTreeMap::default(),
        created_at: now(),
        ended_at: None,
    }
}

fn next(id: BatchId, part: u32) -> NewJob {
    NewJob { job: Job::Batch { batch: id, part }, key: format!("batch:{id}:{part}"), run_after: None }
}

fn item(store: &str, result: &str) -> BatchItem {
    BatchItem { merchant_uid: uid(store), result: Some(result.to_owned()), detail: "why".to_owned() }
}

async fn with_stores(place: &Place) -> SqlDatabase {
    let database = place.open().await;
    for (store, holder) in [("1", "ann"), ("2", "ann"), ("3", "bob"), ("4", "ann")] {
        save(&database, store, "v", Some(holder)).await.unwrap();
    }
    let wrong = if place.is_sqlite() { "1" } else { "true" };
    place.sql(&format!("update kaspi_stores set needs_reauth = {wrong} where merchant_id = '4'")).await;
    database
}

async fn queued(database: &SqlDatabase) -> Vec<Job> {
    let mut jobs = jobs(database, None).await;
    jobs.retain(|job| job.job.kind() == "batch");
    jobs.into_iter().map(|job| job.job).collect()
}

async fn a_batch_of_all_holds_the_tenants_active_stores(place: &Place) {
    let database = with_stores(place).await;
    let of_ann = batch(1, Some("ann"));
    let stored = database.insert_batch(&tenant("ann"), &of_ann, &BatchStores::All).await.unwrap();
    assert_eq!((stored.total, stored.ended_at), (2, None));
    let of_all = database.insert_batch(&Tenant::All, &batch(2, None), &BatchStores::All).await.unwrap();
    assert_eq!(of_all.total, 3);
    assert_eq!(database.pending_of_batch(of_all.id, 10).await.unwrap(), [uid("1"), uid("2"), uid("3")]);
    let first = |id| Job::Batch { batch: id, part: 0 };
    let jobs = queued(&database).await;
    assert!(
        jobs.len() == 2 && jobs.contains(&first(stored.id)) && jobs.contains(&first(of_all.id)),
        "{jobs:?}"
    );
}

async fn stores_that_are_not_the_tenants_are_not_found_at_once(place: &Place) {
    let database = with_stores(place).await;
    let wanted = BatchStores::These(vec![uid("1"), uid("3"), uid("99"), uid("1")]);
    let stored = database.insert_batch(&tenant("ann"), &batch(1, Some("ann")), &wanted).await.unwrap();
    assert_eq!((stored.total, stored.done()), (3, 2));
    assert_eq!(stored.results["store_not_found"], 2);
    assert_eq!(database.pending_of_batch(stored.id, 10).await.unwrap(), [uid("1")]);
    assert_eq!(database.find_batch(&tenant("ann"), stored.id).await.unwrap(), Some(stored));
}

async fn a_batch_with_nothing_to_do_has_ended(place: &Place) {
    let database = with_stores(place).await;
    for (number, stores) in [BatchStores::All, BatchStores::These(vec![uid("1")])].into_iter().enumerate() {
        let of_eve = batch(number as u128 + 1, Some("eve"));
        let stored = database.insert_batch(&tenant("eve"), &of_eve, &stores).await.unwrap();
        assert_eq!(stored.ended_at, Some(now()));
    }
    assert_eq!(queued(&database).await, []);
}

async fn a_batch_goes_on_until_no_store_is_left(place: &Place) {
    let database = with_stores(place).await;
    let id = batch(1, Some("ann")).id;
    database.insert_batch(&tenant("ann"), &batch(1, Some("ann")), &BatchStores::All).await.unwrap();
    database.note_batch_item(id, &item("1", "alive")).await.unwrap();
    database.note_batch_item(id, &item("1", "dead")).await.unwrap();
    assert!(!database.go_on_with_batch(id, &next(id, 1), later(5)).await.unwrap());
    assert_eq!(queued(&database).await.len(), 2);
    database.note_batch_item(id, &item("2", "unknown")).await.unwrap();
    assert!(database.go_on_with_batch(id, &next(id, 2), later(9)).await.unwrap());
    assert!(database.go_on_with_batch(id, &next(id, 3), later(10)).await.unwrap(), "asked again");
    assert_eq!(queued(&database).await.len(), 2);
    let found = database.find_batch(&tenant("ann"), id).await.unwrap().unwrap();
    assert_eq!((found.ended_at, found.done()), (Some(later(9)), 2));
    assert_eq!((found.results["alive"], found.results["unknown"]), (1, 1));
    let items = database.list_batch(&tenant("ann"), id, Some(&uid("1")), 10).await.unwrap();
    assert_eq!(items, [item("2", "unknown")]);
}

async fn another_tenant_sees_nothing_of_a_batch(place: &Place) {
    let database = with_stores(place).await;
    let id = batch(1, Some("ann")).id;
    database.insert_batch(&tenant("ann"), &batch(1, Some("ann")), &BatchStores::All).await.unwrap();
    assert_eq!(database.find_batch(&tenant("bob"), id).await.unwrap(), None);
    assert_eq!(database.list_batch(&tenant("bob"), id, None, 10).await.unwrap(), []);
    assert_eq!(database.list_batch(&Tenant::All, id, None, 10).await.unwrap().len(), 2);
}

async fn what_cannot_be_queued_is_not_stored(place: &Place) {
    let database = Arc::new(with_stores(place).await);
    let table = if place.is_sqlite() { "Jobs" } else { "apalis.jobs" };
    place.sql(&format!("alter table {table} rename column priority to importance")).await;
    let all = BatchStores::All;
    database.insert_batch(&tenant("ann"), &batch(1, Some("ann")), &all).await.unwrap_err();
    place.sql(&format!("alter table {table} rename column importance to priority")).await;
    assert_eq!(database.find_batch(&Tenant::All, batch(1, None).id).await.unwrap(), None);
    assert!(database.push_job(&keep("1")).await.unwrap());
}

async fn old_batches_are_pruned_with_their_stores(place: &Place) {
    let database = with_stores(place).await;
    let (ended, goes_on) = (batch(1, Some("ann")), batch(2, Some("ann")));
    database.insert_batch(&tenant("ann"), &ended, &BatchStores::These(vec![uid("99")])).await.unwrap();
    database.insert_batch(&tenant("ann"), &goes_on, &BatchStores::All).await.unwrap();
    assert_eq!(database.prune_batches(now() - SignedDuration::from_secs(1), 10).await.unwrap(), 0);
    assert_eq!(database.prune_batches(later(1), 10).await.unwrap(), 1);
    assert_eq!(database.find_batch(&Tenant::All, ended.id).await.unwrap(), None);
    assert!(database.find_batch(&Tenant::All, goes_on.id).await.unwrap().is_some());
    let left = place.text("select cast(count(*) as text) from kaspi_auth_batch_items").await;
    assert_eq!(left.as_deref(), Some("2"));
}

async fn a_batch_without_a_job_has_stalled(place: &Place) {
    let database = with_stores(place).await;
    let stalled = async || {
        let stalled = database.stalled_batches(10).await.unwrap();
        stalled.into_iter().map(|batch| batch.id).collect::<Vec<_>>()
    };
    let (one, other) = (batch(1, Some("ann")), batch(2, None));
    database.insert_batch(&tenant("ann"), &one, &BatchStores::All).await.unwrap();
    database.insert_batch(&Tenant::All, &other, &BatchStores::All).await.unwrap();
    assert_eq!(stalled().await, []);
    let jobs_table = if place.is_sqlite() { "Jobs" } else { "apalis.jobs" };
    for (status, expected) in
        [("Running", vec![]), ("Queued", vec![]), ("Killed", vec![one.id]), ("Done", vec![one.id])]
    {
        let sql = format!(
            "update {jobs_table} set status = '{status}' where idempotency_key like 'batch:{}:%'",
            one.id
        );
        place.sql(&sql).await;
        assert_eq!(stalled().await, expected, "{status}");
    }
    database.push_job(&next(one.id, 100)).await.unwrap();
    assert_eq!(stalled().await, []);
}

async fn batches_that_go_on_are_counted_for_each_tenant(place: &Place) {
    let database = with_stores(place).await;
    for (number, user) in [(1, Some("ann")), (2, Some("ann")), (3, Some("bob")), (4, None)] {
        let of = user.map_or(Tenant::All, tenant);
        database.insert_batch(&of, &batch(number, user), &BatchStores::All).await.unwrap();
    }
    let open = async |tenant: Tenant| database.count_open_batches(&tenant).await.unwrap();
    assert_eq!((open(tenant("ann")).await, open(tenant("bob")).await), (2, 1));
    assert_eq!((open(tenant("eve")).await, open(Tenant::All).await), (0, 1));
    database.note_batch_item(batch(3, None).id, &item("3", "alive")).await.unwrap();
    database.go_on_with_batch(batch(3, None).id, &next(batch(3, None).id, 1), later(1)).await.unwrap();
    assert_eq!(open(tenant("bob")).await, 0);
}
