//! What opening says when it cannot, and what it leaves behind when it can.

use std::sync::Arc;

use kaspi_auth_core::port::{Database as _, RepositoryError, StoreRepository};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::{OpenDatabaseError, Settings, SqlDatabase};
use kaspi_auth_vault::KeyRing;

use crate::support::*;

on_both!(
    a_wrong_key_is_refused_and_changes_nothing,
    an_older_key_of_the_ring_opens,
    a_closed_database_fails_with_the_statements_name,
);

async fn open_with(place: &Place, ring: KeyRing) -> Result<SqlDatabase, OpenDatabaseError> {
    SqlDatabase::open(&place.settings(), Arc::new(ring), now()).await
}

async fn a_wrong_key_is_refused_and_changes_nothing(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    database.close().await;
    let wrong = KeyRing::parse(&KeyRing::generate_key()).unwrap();
    let opened = open_with(place, wrong).await;
    assert!(matches!(opened, Err(OpenDatabaseError::WrongKey { .. })), "{opened:?}");
    let database = place.open().await;
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
}

async fn an_older_key_of_the_ring_opens(place: &Place) {
    use secrecy::ExposeSecret as _;
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    database.close().await;
    let both = format!("{},{KEY}", KeyRing::generate_key().expose_secret());
    let database = open_with(place, KeyRing::parse(&both.into()).unwrap()).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
}

async fn a_closed_database_fails_with_the_statements_name(place: &Place) {
    let database = place.open().await;
    database.ping().await.unwrap();
    database.close().await;
    let failed = database.ping().await;
    assert!(
        matches!(failed, Err(RepositoryError::Unavailable { statement: "database.ping", .. })),
        "{failed:?}"
    );
    let failed = database.find_store(&Tenant::All, &uid("17")).await;
    assert!(
        matches!(failed, Err(RepositoryError::Unavailable { statement: "stores.find", .. })),
        "{failed:?}"
    );
}

async fn sqlite_at(path: &std::path::Path) -> Result<SqlDatabase, OpenDatabaseError> {
    let url = format!("sqlite://{}", path.display());
    SqlDatabase::open(&Settings::new(url.into()), Arc::new(ring()), now()).await
}

#[tokio::test]
async fn a_file_that_cannot_be_made_says_where() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("no such folder/a.sqlite"), folder.path().to_path_buf()] {
        let opened = sqlite_at(&path).await;
        let Err(error @ OpenDatabaseError::FileUnusable { .. }) = opened else { panic!("{opened:?}") };
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "these are my notes, and they are long enough to have a header. ".repeat(20);
    std::fs::write(&path, &text).unwrap();
    let opened = sqlite_at(&path).await;
    assert!(matches!(opened, Err(OpenDatabaseError::NotADatabase { .. })), "{opened:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::sqlite();
    let _database = place.open().await;
    let mut seen = 0;
    for entry in std::fs::read_dir(place.folder()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2, "the file and its log");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_from_one_that_refuses() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://postgres:canary@127.0.0.1:{free}/x");
    let opened = SqlDatabase::open(&Settings::new(url.into()), Arc::new(ring()), now()).await;
    assert!(matches!(opened, Err(OpenDatabaseError::Unreachable { .. })), "{opened:?}");

    let admin = admin_url();
    let (server, _) = admin.rsplit_once('/').unwrap();
    let url = format!("{server}/no_such_database");
    let opened = SqlDatabase::open(&Settings::new(url.into()), Arc::new(ring()), now()).await;
    let Err(error @ OpenDatabaseError::Refused { .. }) = opened else { panic!("{opened:?}") };
    assert!(error.to_string().contains("no_such_database"));
}

#[tokio::test]
async fn a_table_of_another_owner_is_refused_in_words() {
    let place = Place::postgres().await;
    let role = format!("guest_{}", std::process::id());
    place
        .sql(&format!("create table kaspi_stores (id uuid, merchant_id text); create role {role} login"))
        .await;
    place.sql(&format!("grant all on schema public to {role}; grant all on kaspi_stores to {role}")).await;
    let (scheme, rest) = place.url().split_once("://").unwrap();
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    let settings = Settings::new(format!("{scheme}://{role}@{host}").into());
    let opened = SqlDatabase::open(&settings, Arc::new(ring()), now()).await;
    place.sql(&format!("drop owned by {role}; drop role {role}")).await;
    assert!(matches!(opened, Err(OpenDatabaseError::Refused { .. })), "{opened:?}");
}

#[tokio::test]
async fn a_lost_listener_is_noticed_and_comes_back() {
    let place = Place::postgres().await;
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let mut changes = database.changes();
    // All connections of ours, as when the server restarts.
    let kill = "select pg_terminate_backend(pid)::text from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()";
    place.sql(kill).await;
    eventually("the loss is told", async || {
        changes.try_recv().is_ok_and(|change| change == kaspi_auth_store::Change::Everything)
    })
    .await;
    eventually("sessions are served again", async || {
        database.session(&Tenant::All, &uid("17")).await.is_ok_and(|session| session.is_some())
    })
    .await;
    eventually("changes are heard of again", async || {
        place.sql("update kaspi_stores set name = name").await;
        changes.try_recv().is_ok_and(|change| change == kaspi_auth_store::Change::Store(uid("17")))
    })
    .await;
}
