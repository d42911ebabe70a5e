//! Tables with fewer and with more columns: nothing is lost, no type changes, and what cannot be adopted is refused whole.

use kaspi_auth_core::port::{LoginRepository as _, RepositoryError, StoreRepository};
use kaspi_auth_core::store::StoreFilter;
use kaspi_auth_core::tenant::Tenant;

use super::{LATEST, advice, encrypted, legacy};
use crate::support::*;

/// Names and types of the columns, in order.
const COLUMNS: &str = "select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position)
    from information_schema.columns where table_name = 'kaspi_stores' and column_name not like 'auth\\_%'";

#[tokio::test]
async fn the_oldest_table_gets_what_is_missing() {
    let place = legacy(&format!(
        "create table kaspi_stores (id serial primary key, user_id integer, merchant_id varchar(255), name text, guid json);
         insert into kaspi_stores (user_id, merchant_id, name, guid) values (7, '10', 'Old', '{}'), (8, '11', null, null);",
        encrypted("v0")
    ))
    .await;
    let database = place.open().await;
    assert_eq!(value_of(&database, &tenant("7"), "10").await.as_deref(), Some("v0"));
    let store = database.find_store(&tenant("8"), &uid("11")).await.unwrap().unwrap();
    assert!(store.is_active && !store.needs_reauth && !store.has_session);
    save(&database, "11", "v1", Some("8")).await.unwrap();
    save(&database, "12", "v1", Some("8")).await.unwrap();
    assert_eq!(database.list_stores(&tenant("8"), &all()).await.unwrap().len(), 2);
}

fn all() -> StoreFilter {
    StoreFilter { user_id: None, status: None, after: None, limit: 100 }
}

#[tokio::test]
async fn the_latest_table_keeps_its_columns_and_rows() {
    let place = legacy(LATEST).await;
    place
        .sql(&format!(
            "insert into kaspi_stores (merchant_id, name, guid, needs_reauth, reauth_reason, is_active, created_at)
             values ('10', 'A', '{}', true, 'session_expired', true, '2025-01-02 03:04:05+05'),
                    ('11', 'B', null, null, null, null, null)",
            encrypted("v0")
        ))
        .await;
    let before = place.text(COLUMNS).await;
    let database = place.open().await;
    assert_eq!(place.text(COLUMNS).await, before);
    let first = database.find_store(&Tenant::All, &uid("10")).await.unwrap().unwrap();
    assert_eq!((first.needs_reauth, first.reauth_reason.as_deref()), (true, Some("session_expired")));
    assert_eq!(first.created_at, "2025-01-01T22:04:05Z".parse().unwrap());
    let second = database.find_store(&Tenant::All, &uid("11")).await.unwrap().unwrap();
    assert!(second.is_active && !second.needs_reauth, "null is the default");
    assert_eq!(second.created_at, kaspi_auth_core::Timestamp::UNIX_EPOCH);
}

#[tokio::test]
async fn times_without_a_zone_are_read_and_written_as_utc() {
    let place = legacy(&LATEST.replace("timestamptz default now()", "timestamp")).await;
    place
        .sql(
            "alter database current_database_name set timezone to 'Asia/Almaty'"
                .replace(
                    "current_database_name",
                    &place.text("select current_database()::text").await.unwrap(),
                )
                .as_str(),
        )
        .await;
    place
        .sql("insert into kaspi_stores (merchant_id, created_at) values ('10', '2025-01-02 03:04:05.5')")
        .await;
    let database = place.open().await;
    let store = database.find_store(&Tenant::All, &uid("10")).await.unwrap().unwrap();
    assert_eq!(store.created_at, "2025-01-02T03:04:05.5Z".parse().unwrap());
    save(&database, "11", "v1", None).await.unwrap();
    let store = database.find_store(&Tenant::All, &uid("11")).await.unwrap().unwrap();
    assert_eq!((store.created_at, store.updated_at), (now(), now()));
    let written = place.text("select created_at::text from kaspi_stores where merchant_id = '11'").await;
    assert_eq!(written.as_deref(), Some("2026-11-22 12:00:00.123456"));
}

#[tokio::test]
async fn columns_that_are_not_known_stay_untouched() {
    let place = legacy(LATEST).await;
    place
        .sql(
            "alter table kaspi_stores add column plan text not null default 'basic', add column generation text,
             add column products integer not null default 0;
             insert into kaspi_stores (merchant_id, plan, generation, products) values ('10', 'gold', 'third', 7)",
        )
        .await;
    let database = place.open().await;
    save(&database, "10", "v1", None).await.unwrap();
    save(&database, "11", "v1", None).await.unwrap();
    let row = "select plan || generation || products from kaspi_stores where merchant_id = '10'";
    assert_eq!(place.text(row).await.as_deref(), Some("goldthird7"));
    let row = "select plan || products from kaspi_stores where merchant_id = '11'";
    assert_eq!(place.text(row).await.as_deref(), Some("basic0"));
}

#[tokio::test]
async fn a_column_that_must_be_filled_and_that_nobody_fills_is_refused_in_words() {
    let place = legacy(LATEST).await;
    place.sql("alter table kaspi_stores add column plan text not null").await;
    place.sql("insert into kaspi_stores (merchant_id, plan) values ('10', 'gold')").await;
    let database = place.open().await;
    let refused = save(&database, "11", "v1", None).await;
    assert!(matches!(refused, Err(RepositoryError::Unfit(_))), "{refused:?}");
}

#[tokio::test]
async fn columns_that_this_service_leaves_empty_may_be_empty() {
    let strict = LATEST
        .replace("name varchar(255)", "name varchar(255) not null")
        .replace("guid jsonb", "guid jsonb not null")
        .replace(
            "kaspi_email text, kaspi_password text",
            "kaspi_email text not null, kaspi_password text not null",
        );
    let place = legacy(&strict).await;
    let database = place.open().await;
    let (mut login, mut secrets) = crate::support::login("x@example.kz", None);
    secrets.credentials = kaspi_auth_core::account::Credentials::phone("77001234567").unwrap();
    login.account = secrets.credentials.account().clone();
    database.insert_login(&Tenant::All, &login, &secrets, (node(1), later(15))).await.unwrap();
    save_of(&database, &login, &secrets, "10", "v1").await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "10").await.as_deref(), Some("v1"));
}

#[tokio::test]
async fn without_a_unique_index_one_is_made() {
    let place = legacy(&LATEST.replace("not null unique", "not null")).await;
    place
        .sql(&format!("insert into kaspi_stores (merchant_id, guid) values ('10', '{}')", encrypted("v0")))
        .await;
    let database = place.open().await;
    save(&database, "10", "v1", None).await.unwrap();
    assert_eq!(place.text("select count(*)::text from kaspi_stores").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn doubled_merchants_are_refused_whole_and_with_advice() {
    let place = legacy(&LATEST.replace("not null unique", "")).await;
    place.sql("insert into kaspi_stores (merchant_id) values ('10'), ('10'), ('11'), (null), (null)").await;
    let said = advice(place.try_open().await);
    assert!(said.contains("10 (2 rows)") && !said.contains("11") && said.contains("start again"), "{said}");
    let ours = "select count(*)::text from information_schema.columns
                 where table_name = 'kaspi_stores' and column_name like 'auth\\_%'";
    assert_eq!(place.text(ours).await.as_deref(), Some("0"), "nothing was changed");
    assert_eq!(place.text("select count(*)::text from kaspi_stores").await.as_deref(), Some("5"));
    place.sql("delete from kaspi_stores where ctid = (select max(ctid) from kaspi_stores where merchant_id = '10')").await;
    let database = place.open().await;
    assert_eq!(
        database.list_stores(&Tenant::All, &all()).await.unwrap().len(),
        2,
        "rows without a uid are no stores"
    );
}

#[tokio::test]
async fn rows_that_are_no_stores_are_left_out_of_pages() {
    let place = legacy(LATEST).await;
    for merchant in ["10", "1 1", "../etc", "12", "13 ", "14"] {
        place.sql(&format!("insert into kaspi_stores (merchant_id) values ('{merchant}')")).await;
    }
    let database = place.open().await;
    let page = StoreFilter { limit: 2, ..all() };
    let first = database.list_stores(&Tenant::All, &page).await.unwrap();
    let rest = StoreFilter { after: Some(first[1].merchant_uid.clone()), ..page };
    let second = database.list_stores(&Tenant::All, &rest).await.unwrap();
    let uids: Vec<&str> = first.iter().chain(&second).map(|store| store.merchant_uid.as_str()).collect();
    assert_eq!(uids, ["10", "12", "14"]);
}

#[tokio::test]
async fn a_value_that_is_too_long_is_refused_in_words() {
    let place = legacy(&LATEST.replace("kaspi_password text", "kaspi_password varchar(100)")).await;
    let database = place.open().await;
    let refused = save(&database, "10", "v1", None).await;
    let Err(RepositoryError::Unfit(why)) = refused else { panic!("{refused:?}") };
    assert!(!why.contains("gAAAA"), "{why}");
}

#[tokio::test]
async fn a_store_that_other_tables_refer_to_is_not_deleted() {
    let place = legacy(LATEST).await;
    place.sql("create table orders (store uuid not null references kaspi_stores (id))").await;
    let database = place.open().await;
    save(&database, "10", "v1", None).await.unwrap();
    place.sql("insert into orders select id from kaspi_stores").await;
    let refused = database.delete_store(&Tenant::All, &uid("10")).await;
    assert!(matches!(refused, Err(RepositoryError::Unfit(_))), "{refused:?}");
    assert_eq!(value_of(&database, &Tenant::All, "10").await.as_deref(), Some("v1"));
}

#[tokio::test]
async fn a_table_in_another_schema_of_the_search_path_is_adopted_there() {
    let place = Place::postgres().await;
    place.sql(LATEST).await;
    place.sql("insert into kaspi_stores (merchant_id) values ('10'); create schema postgres").await;
    let database = place.open().await;
    assert!(database.find_store(&Tenant::All, &uid("10")).await.unwrap().is_some());
}
