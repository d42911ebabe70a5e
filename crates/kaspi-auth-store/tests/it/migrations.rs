//! The schema's history: in step, repeatable, run by one of many at once, and told apart from that of another program.

use std::collections::BTreeMap;
use std::path::Path;

use kaspi_auth_core::port::{Inserted, LoginRepository as _};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::{OpenDatabaseError, Settings, SqlDatabase};

use crate::support::*;

on_both!(
    many_may_migrate_at_once,
    a_database_that_is_not_migrated_says_so,
    a_newer_schema_is_refused,
    an_altered_migration_is_refused,
    rows_stay_when_a_database_is_opened_again,
    the_history_has_a_table_of_its_own,
);

fn files(kind: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind);
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect()
}

#[test]
fn both_databases_have_the_same_migrations() {
    let (sqlite, postgres) = (files("sqlite"), files("postgres"));
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, text) in sqlite.iter().chain(&postgres) {
        let (number, rest) = name.split_once('_').unwrap();
        assert!(number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
        assert!(Path::new(rest).extension().is_some_and(|extension| extension == "sql"), "{name}");
        assert!(text.starts_with("-- "), "{name} says what it is");
    }
}

#[tokio::test]
async fn every_table_and_column_of_the_server_has_a_comment() {
    let place = Place::postgres().await;
    place.open().await.close().await;
    let silent = place
        .text(
            "select string_agg(c.relname || coalesce('.' || a.attname, ''), ', ')
               from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              where c.relkind = 'r' and c.relname like 'kaspi\\_%' and col_description(c.oid, a.attnum) is null
                and a.attname not in ('created_at', 'updated_at', 'expires_at')",
        )
        .await;
    assert_eq!(silent, None);
}

async fn many_may_migrate_at_once(place: &Place) {
    let settings = place.settings();
    let migrating: Vec<_> = (0..6)
        .map(|_| {
            let settings = settings.clone();
            tokio::spawn(async move { SqlDatabase::migrate(&settings).await })
        })
        .collect();
    for one in migrating {
        one.await.unwrap().unwrap();
    }
    let (first, second) = tokio::join!(place.try_open(), place.try_open());
    let (first, second) = (first.unwrap(), second.unwrap());
    // Both found the same pepper: an account that one holds is held for the other.
    finishing(&first, "a@example.kz", None).await;
    let (login, secrets) = login("a@example.kz", None);
    let again = second.insert_login(&Tenant::All, &login, &secrets, (node(1), later(15))).await.unwrap();
    assert!(matches!(again, Inserted::Running(_)));
}

async fn a_database_that_is_not_migrated_says_so(place: &Place) {
    let settings = Settings { migrate: false, ..place.settings() };
    let open = async || SqlDatabase::open(&settings, std::sync::Arc::new(ring()), now()).await;
    assert!(matches!(open().await, Err(OpenDatabaseError::NotMigrated)));
    SqlDatabase::migrate(&settings).await.unwrap();
    open().await.unwrap();
    place.sql("delete from _kaspi_auth_migrations where version = 6").await;
    assert!(matches!(open().await, Err(OpenDatabaseError::NotMigrated)));
}

async fn a_newer_schema_is_refused(place: &Place) {
    place.open().await.close().await;
    place
        .sql(
            "insert into _kaspi_auth_migrations (version, description, success, checksum, execution_time)
             select 99, 'later', success, checksum, 0 from _kaspi_auth_migrations where version = 1",
        )
        .await;
    for migrate in [true, false] {
        let settings = Settings { migrate, ..place.settings() };
        let opened = SqlDatabase::open(&settings, std::sync::Arc::new(ring()), now()).await;
        assert!(matches!(opened, Err(OpenDatabaseError::Newer { version: 99 })), "{opened:?}");
    }
}

async fn an_altered_migration_is_refused(place: &Place) {
    place.open().await.close().await;
    place
        .sql(
            "update _kaspi_auth_migrations set checksum = (select checksum from _kaspi_auth_migrations where version = 1)
              where version = 2",
        )
        .await;
    for migrate in [true, false] {
        let settings = Settings { migrate, ..place.settings() };
        let opened = SqlDatabase::open(&settings, std::sync::Arc::new(ring()), now()).await;
        assert!(matches!(opened, Err(OpenDatabaseError::Altered { version: 2 })), "{opened:?}");
    }
}

async fn rows_stay_when_a_database_is_opened_again(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    database.close().await;
    drop(database);
    let database = place.open().await;
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
}

async fn the_history_has_a_table_of_its_own(place: &Place) {
    // Another program's history, as sqlx names it by default.
    place.sql("create table _sqlx_migrations (version bigint primary key)").await;
    place.open().await.close().await;
    let ran = place.text("select cast(count(*) as text) from _kaspi_auth_migrations").await;
    assert_eq!(ran, Some(files("sqlite").len().to_string()));
    assert_eq!(place.text("select cast(count(*) as text) from _sqlx_migrations").await.as_deref(), Some("0"));
}
