//! Reading the stores of another installation's PostgreSQL, as each generation of the predecessor left them.

use std::sync::Arc;

use kaspi_auth_core::import::{FoundStore, Imported};
use kaspi_auth_core::port::{ImportRepository, StoreRepository};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::{
    ForeignRow, ForeignSource, ForeignStores, FoundError, OpenDatabaseError, UnreadableRow,
};
use kaspi_auth_vault::{KeyRing, OpenError};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::python::python_with;
use crate::support::*;

/// The key of the installation that is read: not ours.
const OLD_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// The table of its last generation.
const LATEST: &str = "create table kaspi_stores (
    id uuid primary key default gen_random_uuid(), user_id uuid, merchant_id varchar(255) not null unique,
    name varchar(255), guid jsonb, kaspi_email text, kaspi_password text, store_points jsonb,
    is_active boolean default true, needs_reauth boolean default false, reauth_reason text,
    created_at timestamptz default now(), updated_at timestamptz default now());";

fn old_ring() -> Arc<KeyRing> {
    Arc::new(KeyRing::parse(&OLD_KEY.to_owned().into()).unwrap())
}

fn source(place: &Place) -> ForeignSource {
    ForeignSource { url: place.url().to_owned().into(), table: None, keys: Some(old_ring()), after: None }
}

async fn read_all(source: ForeignSource) -> Vec<Result<FoundStore, UnreadableRow>> {
    let mut stores = ForeignStores::open(source).await.unwrap();
    let mut all = Vec::new();
    loop {
        let page = stores.next_page(3).await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page.into_iter().map(|row| row.found));
    }
    assert_eq!(stores.total(), u64::try_from(all.len()).unwrap());
    stores.close().await;
    all
}

/// The one row.
async fn read_one(source: ForeignSource) -> FoundStore {
    let [one] = read_all(source).await.try_into().unwrap();
    one.unwrap()
}

#[tokio::test]
async fn a_store_of_the_first_generation_is_read() {
    let place = Place::postgres().await;
    place
        .sql(
            "create table kaspi_stores (id serial primary key, user_id integer, merchant_id varchar(255), name text,
             guid json, kaspi_email text, kaspi_password text)",
        )
        .await;
    let made = python_with(OLD_KEY, "write_first", &json!({ "value": "by Django" }));
    place
        .sql(&format!(
            "insert into kaspi_stores (user_id, merchant_id, name, guid, kaspi_email, kaspi_password)
             values (7, '17', 'Лавка', '{}', '{}', '{}')",
            made["guid"],
            made["kaspi_email"].as_str().unwrap(),
            made["kaspi_password"].as_str().unwrap()
        ))
        .await;
    let found = read_one(source(&place)).await;
    assert_eq!((found.merchant_uid.as_str(), found.user_id), ("17", Some(user("7"))));
    assert_eq!(found.cookies[0].value.expose_secret(), "by Django");
    assert_eq!(found.email.as_deref(), Some("first@example.kz"));
    assert_eq!(found.password.unwrap().expose_secret(), "пароль");
    assert_eq!(
        (found.is_active, found.updated_at, found.authenticated_at),
        (true, None, None),
        "columns that are not there"
    );

    place.sql("update kaspi_stores set kaspi_password = 'in clear'").await;
    let found = read_one(ForeignSource { keys: None, ..source(&place) }).await;
    assert_eq!(
        found.password.unwrap().expose_secret(),
        "in clear",
        "no key is needed for what is not sealed"
    );
}

#[tokio::test]
async fn a_store_of_the_last_generation_is_read_and_taken_in() {
    let place = Place::postgres().await;
    place.sql(LATEST).await;
    let made =
        python_with(OLD_KEY, "write", &json!({ "file": null, "merchant_id": "18", "value": "by FastAPI" }));
    place
        .sql(&format!(
            "insert into kaspi_stores (user_id, merchant_id, name, guid, kaspi_email, kaspi_password, store_points,
                                       is_active, updated_at)
             values ('0b6d2e4c-3d9b-4e0b-9b7d-2b9b4a1c0f11', '18', 'Лавка', '{}', '{}', '{}', '{}', false,
                     '2026-01-02 08:04:05.678901+05')",
            made["guid"], made["kaspi_email"].as_str().unwrap(), made["kaspi_password"].as_str().unwrap(),
            made["store_points"],
        ))
        .await;
    // Whatever the server's zone and style are.
    let database = place.text("select current_database()::text").await.unwrap();
    place
        .sql(&format!("alter database {database} set timezone to 'Asia/Almaty'; alter database {database} set datestyle to 'German'"))
        .await;
    let found = read_one(source(&place)).await;
    assert_eq!(found.user_id, Some(user("0b6d2e4c-3d9b-4e0b-9b7d-2b9b4a1c0f11")));
    assert_eq!((found.name.as_deref(), &found.points), (Some("Лавка"), &points()));
    assert_eq!(
        (found.email.as_deref(), found.phone.as_deref()),
        (Some("python@example.kz"), Some("+7 (700) 123-45-67"))
    );
    assert_eq!(found.password.as_ref().unwrap().expose_secret(), "пароль");
    assert_eq!(found.cookies[0].value.expose_secret(), "by FastAPI");
    assert!(found.code_verified && !found.is_active);
    assert_eq!(found.updated_at, Some("2026-01-02T03:04:05.678901Z".parse().unwrap()));
    assert_eq!(found.authenticated_at, Some(made["authenticated_at"].as_str().unwrap().parse().unwrap()));

    for ours in [Place::sqlite(), Place::postgres().await] {
        let database = ours.open().await;
        let found = FoundStore { is_active: true, ..found.clone() };
        assert_eq!(database.import_store(&found, Some(&operator()), now()).await.unwrap(), Imported::Added);
        assert_eq!(
            value_of(&database, &Tenant::All, "18").await.as_deref(),
            Some("by FastAPI"),
            "under our key"
        );
        let kept = database.credentials(&Tenant::All, &uid("18")).await.unwrap().unwrap();
        assert_eq!(kept.password.unwrap().expose_secret(), "пароль");
    }
}

#[tokio::test]
async fn a_store_of_an_installation_of_ours_is_read() {
    let place = Place::postgres().await;
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let found = read_one(ForeignSource { keys: Some(Arc::new(ring())), ..source(&place) }).await;
    assert_eq!(
        (found.cookies[0].value.expose_secret(), found.email.as_deref()),
        ("v1", Some("m17@example.kz"))
    );
    assert_eq!(found.authenticated_at, Some(now()));
    assert_eq!(
        database.import_store(&found, Some(&operator()), later(9)).await.unwrap(),
        Imported::SkippedSame
    );
}

#[tokio::test]
async fn one_row_that_cannot_be_read_does_not_stop_the_others() {
    let place = Place::postgres().await;
    place
        .sql(&LATEST.replace("id uuid primary key default gen_random_uuid()", "id serial primary key"))
        .await;
    let sealed = ring().seal(b"{}", 1);
    let huge = "x".repeat(1_000_001);
    for (merchant, guid) in [
        ("10", json!({ "cookies": { "mc-sid": "first" } })),
        ("11", json!({ "encrypted": sealed })),
        ("12", json!({ "cookies": "canary" })),
        ("13", json!({ "cookies": [], "merchant_uid": "canary" })),
        ("canary canary", json!({})),
        ("15", json!({ "cookies": huge })),
        ("16", json!({ "cookies": { "mc-sid": "last" } })),
    ] {
        place
            .sql(&format!("insert into kaspi_stores (merchant_id, guid) values ('{merchant}', '{guid}')"))
            .await;
    }
    let read = read_all(source(&place)).await;
    let shape = |what| FoundError::Shape { field: "guid", what };
    let expected = [
        ("11", FoundError::Sealed { field: "guid", source: OpenError::NotAuthentic }),
        ("12", shape("\"cookies\" is not a list of cookies")),
        ("13", FoundError::Sealed { field: "guid", source: OpenError::WrongSubject }),
        ("id 5", FoundError::NoMerchant),
        ("15", shape("it is too long")),
    ];
    let unreadable: Vec<_> = read.iter().filter_map(|row| row.as_ref().err()).collect();
    assert_eq!(unreadable.iter().map(|row| (row.row.as_str(), row.why)).collect::<Vec<_>>(), expected);
    assert!(unreadable.iter().all(|row| !format!("{row:?} {}", row.why).contains("canary")));
    let uids: Vec<_> = read.iter().filter_map(|row| Some(row.as_ref().ok()?.merchant_uid.as_str())).collect();
    assert_eq!(uids, ["10", "16"]);
}

#[tokio::test]
async fn a_run_goes_on_behind_the_last_row_of_an_earlier_one() {
    for id in ["id uuid primary key default gen_random_uuid()", "id serial primary key", "plan text"] {
        let place = Place::postgres().await;
        place.sql(&LATEST.replace("id uuid primary key default gen_random_uuid()", id)).await;
        place
            .sql(
                "insert into kaspi_stores (merchant_id, kaspi_email, kaspi_password)
                 select cast(n as text), 'a@example.kz', 'p' from generate_series(1, 25) n",
            )
            .await;
        let mut first = ForeignStores::open(source(&place)).await.unwrap();
        assert_eq!(first.total(), 25);
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.extend(first.next_page(6).await.unwrap());
        }
        let after = seen.last().map(|row: &ForeignRow| row.key.clone());
        let mut second = ForeignStores::open(ForeignSource { after, ..source(&place) }).await.unwrap();
        assert_eq!(second.total(), 13, "what is left");
        loop {
            let page = second.next_page(6).await.unwrap();
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        let mut uids: Vec<u32> =
            seen.into_iter().map(|row| row.found.unwrap().merchant_uid.as_str().parse().unwrap()).collect();
        uids.sort_unstable();
        assert_eq!(uids, (1..=25).collect::<Vec<_>>(), "{id}");
    }
}

#[tokio::test]
async fn a_table_of_another_name_is_found_by_it() {
    let place = Place::postgres().await;
    place
        .sql(
            &LATEST.replace(
                "create table kaspi_stores",
                "create schema \"Old\"; create table \"Old\".\"Stores\"",
            ),
        )
        .await;
    place.sql("insert into \"Old\".\"Stores\" (merchant_id, kaspi_email, kaspi_password) values ('17', 'a@example.kz', 'p')").await;
    let named = |table: &str| ForeignSource { table: Some(table.to_owned()), ..source(&place) };
    assert_eq!(read_one(named("Old.Stores")).await.merchant_uid, uid("17"));
    for table in ["Stores", "old.stores", "kaspi_stores", "Old.Stores; drop table x", "", "a.b.c.d"] {
        let refused = ForeignStores::open(named(table)).await;
        assert!(refused.is_err(), "{table}");
    }
    place.sql("create table orders (id serial)").await;
    let refused = ForeignStores::open(named("orders")).await;
    let Err(OpenDatabaseError::Adoption(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("merchant_id"), "{why}");
}

#[tokio::test]
async fn nothing_is_written_there() {
    let place = Place::postgres().await;
    place.sql(LATEST).await;
    place.sql("insert into kaspi_stores (merchant_id, kaspi_email, kaspi_password) values ('17', 'a@example.kz', 'p')").await;
    // A view that would write shows that its reader may not.
    place
        .sql(
            "create table touched (n integer);
             create function touch() returns text language sql as 'insert into touched values (1); select ''a''::text';
             create view tempting as select id, merchant_id, touch() as name from kaspi_stores",
        )
        .await;
    // Whether the count or the page meets the function first is the server's choice.
    let reading = async {
        let tempting = ForeignSource { table: Some("tempting".to_owned()), ..source(&place) };
        ForeignStores::open(tempting).await?.next_page(9).await
    };
    let refused = reading.await;
    assert!(matches!(refused, Err(OpenDatabaseError::Failed { .. })), "{refused:?}");
    assert_eq!(place.text("select count(*)::text from touched").await.as_deref(), Some("0"));
    assert_eq!(read_all(source(&place)).await.len(), 1);
}

#[tokio::test]
async fn a_source_that_cannot_be_reached_says_so_without_its_url() {
    let named =
        |url: &str| ForeignSource { url: url.to_owned().into(), table: None, keys: None, after: None };
    for url in ["sqlite://canary", "mysql://canary", "postgres://u:canary@127.0.0.1:1/d"] {
        let error = ForeignStores::open(named(url)).await.unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", named(url)).contains("canary"), "{url}");
    }
}
