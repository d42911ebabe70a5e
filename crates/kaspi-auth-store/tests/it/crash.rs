//! A process that is killed in the middle leaves a consistent store table, and its logins go on.

use std::process::{Command, Stdio};

use kaspi_auth_core::port::{LoginRepository, StoreRepository};
use kaspi_auth_core::store::StoreFilter;
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(a_killed_process_leaves_whole_rows);

/// Tells the child which database to write to, and that it is one.
const CHILD: &str = "KASPI_AUTH_TEST_CRASH_URL";

/// Not a test of its own: what the child does until it is killed.
#[tokio::test]
async fn child() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let settings = kaspi_auth_store::Settings::new(url.into());
    let database =
        kaspi_auth_store::SqlDatabase::open(&settings, std::sync::Arc::new(ring()), now()).await.unwrap();
    for number in 10_000..20_000 {
        save(&database, &number.to_string(), "v1", None).await.unwrap();
    }
}

async fn a_killed_process_leaves_whole_rows(place: &Place) {
    let database = place.open().await;
    for _ in 0..3 {
        let before = count(&database).await;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--nocapture"])
            .env(CHILD, place.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the child writes", async || count(&database).await > before + 5).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let stores = stores(&database).await;
        assert!(!stores.is_empty());
        for store in stores {
            assert!(store.has_session && store.has_password);
            assert_eq!(
                value_of(&database, &Tenant::All, store.merchant_uid.as_str()).await.as_deref(),
                Some("v1")
            );
        }
        // What it was at is there to be taken over, or has ended together with its store.
        for id in database.claim_lost_logins(node(9), later(3600), later(7200), 10_000).await.unwrap() {
            let (login, secrets) = database.open_login(id).await.unwrap().unwrap();
            assert!(login.state.is_running() && secrets.is_some());
        }
        let succeeded = "select cast(count(*) as text) from kaspi_auth_logins where state = 'succeeded'";
        let succeeded: usize = place.text(succeeded).await.unwrap().parse().unwrap();
        assert!(succeeded >= count(&database).await, "no store without its login's success");
        // For the next child, which does the same from the beginning.
        place.sql("update kaspi_auth_logins set account_key = null").await;
    }
}

async fn stores(database: &kaspi_auth_store::SqlDatabase) -> Vec<kaspi_auth_core::store::Store> {
    let filter = StoreFilter { user_id: None, status: None, after: None, limit: 20_000 };
    database.list_stores(&Tenant::All, &filter).await.unwrap()
}

async fn count(database: &kaspi_auth_store::SqlDatabase) -> usize {
    stores(database).await.len()
}
