//! Changes are told, whoever makes them.

use std::time::Duration;

use kaspi_auth_core::login::{Login, LoginState};
use kaspi_auth_core::port::{ApiKeyRepository, LoginRepository, StoreRepository};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::Change;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::api_keys::key;
use crate::support::*;

on_both!(
    a_local_change_is_told_by_the_time_it_returns,
    changes_of_another_process_are_told,
    changes_of_another_program_are_told,
);

/// Waits for the change; what else comes is passed over.
async fn told(changes: &mut Receiver<Change>, expected: &Change) {
    let waiting = async {
        loop {
            match changes.recv().await {
                Ok(change) if change == *expected => break,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the database is gone"),
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(in_time.is_ok(), "never told: {expected:?}");
}

async fn a_local_change_is_told_by_the_time_it_returns(place: &Place) {
    let database = place.open().await;
    let mut changes = database.changes();
    let (login, secrets) = finishing(&database, "a@example.kz", None).await;
    save_of(&database, &login, &secrets, "17", "v1").await.unwrap();
    database.insert_api_key(&key("k1", 0)).await.unwrap();
    let mut seen = Vec::new();
    while let Ok(change) = changes.try_recv() {
        seen.push(change);
    }
    for expected in [Change::Login(login.id), Change::Store(uid("17")), Change::ApiKeys] {
        assert!(seen.contains(&expected), "{expected:?} in {seen:?}");
    }
}

async fn changes_of_another_process_are_told(place: &Place) {
    let (here, there) = (place.open().await, place.open().await);
    let mut changes = here.changes();
    let (login, secrets) = finishing(&there, "a@example.kz", None).await;
    told(&mut changes, &Change::Login(login.id)).await;
    save_of(&there, &login, &secrets, "17", "v1").await.unwrap();
    told(&mut changes, &Change::Store(uid("17"))).await;
    there.insert_api_key(&key("k1", 0)).await.unwrap();
    told(&mut changes, &Change::ApiKeys).await;
    there.delete_store(&Tenant::All, &uid("17")).await.unwrap();
    told(&mut changes, &Change::Store(uid("17"))).await;
    let (second, _) = finishing(&there, "b@example.kz", None).await;
    let cancelled = Login { state: LoginState::Cancelled, ..second };
    there.update_login(update(&cancelled)).await.unwrap();
    told(&mut changes, &Change::Login(cancelled.id)).await;
}

#[tokio::test]
async fn a_gap_in_the_files_log_may_hide_anything() {
    let place = Place::sqlite();
    let database = place.open().await;
    let mut changes = database.changes();
    place
        .sql(
            "begin immediate;
             insert into kaspi_stores (merchant_id) values ('10');
             delete from kaspi_auth_changes;
             insert into kaspi_stores (merchant_id) values ('11');
             commit",
        )
        .await;
    told(&mut changes, &Change::Everything).await;
    place.sql("update kaspi_stores set name = 'x' where merchant_id = '10'").await;
    told(&mut changes, &Change::Store(uid("10"))).await;
}

#[tokio::test]
async fn the_files_log_keeps_its_tail_only() {
    let place = Place::sqlite();
    let database = place.open().await;
    place
        .sql(
            "insert into kaspi_stores (merchant_id) values ('10');
             with recursive n (i) as (select 1 union all select i + 1 from n where i < 20000)
             insert into kaspi_auth_changes (what) select 'store:10' from n",
        )
        .await;
    let rows: u32 =
        place.text("select cast(count(*) as text) from kaspi_auth_changes").await.unwrap().parse().unwrap();
    assert!(rows < 9000, "{rows}");
    let mut changes = database.changes();
    place.sql("update kaspi_stores set merchant_id = '11'").await;
    told(&mut changes, &Change::Store(uid("11"))).await;
}

async fn changes_of_another_program_are_told(place: &Place) {
    let database = place.open().await;
    let mut changes = database.changes();
    place.sql("insert into kaspi_stores (merchant_id, name) values ('55', 'by hand')").await;
    told(&mut changes, &Change::Store(uid("55"))).await;
    place.sql("update kaspi_stores set name = 'again'").await;
    told(&mut changes, &Change::Store(uid("55"))).await;
    place.sql("update kaspi_stores set merchant_id = '56'").await;
    told(&mut changes, &Change::Store(uid("56"))).await;
    // What is no uid may be anything.
    place.sql("update kaspi_stores set merchant_id = 'no uid'").await;
    told(&mut changes, &Change::Everything).await;
}
