//! A database of the release before: its rows are read, its running logins go on.

use std::borrow::Cow;
use std::path::Path;

use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::keeping::Breaker;
use kaspi_auth_core::login::{Driver, EngineChoice, Login, LoginState};
use kaspi_auth_core::port::{
    ApiKeyRepository, BreakerRepository, EgressRepository, KeepingRepository, LoginRepository,
    StoreRepository,
};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_vault::Envelope;
use secrecy::ExposeSecret;
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::support::*;

on_both!(
    a_login_of_the_release_before_goes_on,
    stores_of_the_release_before_stay_as_they_are,
    accounts_of_the_release_before_have_no_driver_and_no_egress,
    stores_keys_and_logins_from_before_keeping_go_on,
);

/// The schema as the release before left it.
async fn of_before(place: &Place) {
    up_to(place, 4).await;
}

/// The schema after so many migrations.
async fn up_to(place: &Place, version: i64) {
    let kind = if place.is_sqlite() { "sqlite" } else { "postgres" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind);
    let mut migrator = Migrator::new(folder.as_path()).await.unwrap();
    migrator.dangerous_set_table_name("_kaspi_auth_migrations");
    migrator.migrations = Cow::Owned(migrator.iter().filter(|one| one.version <= version).cloned().collect());
    assert_eq!(i64::try_from(migrator.iter().count()).unwrap(), version);
    if place.is_sqlite() {
        let mut connection = SqliteConnection::connect(&format!("{}?mode=rwc", place.url())).await.unwrap();
        migrator.run(&mut connection).await.unwrap();
    } else {
        migrator.run(&mut PgConnection::connect(place.url()).await.unwrap()).await.unwrap();
    }
}

/// A UUID as a literal.
fn literal(place: &Place, id: Uuid) -> String {
    if place.is_sqlite() { format!("x'{}'", id.simple()) } else { format!("'{id}'") }
}

/// Bytes as a literal.
fn bytes(place: &Place, hex: &str) -> String {
    if place.is_sqlite() { format!("x'{hex}'") } else { format!("'\\x{hex}'") }
}

/// Inserts a login as the release before wrote one, under way.
async fn insert_login(place: &Place, email: &str) -> LoginId {
    let id = Uuid::now_v7();
    let sealed = |object: serde_json::Value| {
        let serde_json::Value::Object(map) = object else { panic!("no object") };
        Envelope::new("login_id").seal_for(&ring(), &id.to_string(), &map, 1_700_000_000)
    };
    let account = sealed(serde_json::json!({ "email": email }));
    let secrets = sealed(serde_json::json!({ "email": email, "password": "p", "continuation": "c" }));
    let record = r#"{"user_id":"u1","engine":"auto","store_password":true,"wanted":null,"when_several":"ask",
                     "code_verified":true,"state":{"state":"submitting"}}"#;
    let micros = now().as_microsecond();
    place
        .sql(&format!(
            "insert into kaspi_auth_logins
                (id, version, user_id, account_key, account_masked, account, secrets, state, record, lease_node,
                 lease_until, due_at, ended_at, created_at, updated_at, expires_at)
             values ({id}, 3, 'u1', {key}, 'a***', '{account}', '{secrets}', 'submitting', '{record}', {node}, {micros},
                     {micros}, null, {micros}, {micros}, {micros})",
            key = bytes(place, "0102"),
            node = literal(place, node(1).0),
            id = literal(place, id),
        ))
        .await;
    LoginId(id)
}

async fn a_login_of_the_release_before_goes_on(place: &Place) {
    of_before(place).await;
    let id = insert_login(place, "a@example.kz").await;
    let database = place.open().await;
    let (login, secrets) = database.open_login(id).await.unwrap().unwrap();
    assert_eq!((login.driver, login.egress, login.holder), (Driver::Direct, EgressId::DIRECT, None));
    assert_eq!((login.version, login.engine, login.state.name()), (3, EngineChoice::Auto, "submitting"));
    let secrets = secrets.unwrap();
    assert_eq!(secrets.continuation.as_ref().unwrap().0.expose_secret(), "c");
    assert_eq!(secrets.forwarded, []);

    assert_eq!(database.claim_lost_logins(node(2), later(1), later(16), 10).await.unwrap(), [id]);
    let (login, _) = database.open_login(id).await.unwrap().unwrap();
    let finishing = Login { state: LoginState::Finishing { merchant: None }, ..login };
    let version = database.update_login(update(&finishing)).await.unwrap();
    let finishing = Login { version, ..finishing };
    save_of(&database, &finishing, &secrets, "17", "v1").await.unwrap();
    let store = database.find_store(&tenant("u1"), &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.driver, store.egress), (Some(Driver::Direct), Some(EgressId::DIRECT)));
}

async fn stores_of_the_release_before_stay_as_they_are(place: &Place) {
    of_before(place).await;
    let guid = r#"{"cookies": [{"name": "mc-sid", "value": "theirs"}]}"#;
    place
        .sql(&format!(
            "insert into kaspi_stores (merchant_id, name, guid, auth_generation, auth_revision, auth_validity)
             values ('17', 'Before', '{guid}', 4, 9, 'alive')"
        ))
        .await;
    let row = "select merchant_id || ' ' || name || ' ' || cast(auth_generation as text) || ' '
                   || cast(auth_revision as text) || ' ' || auth_validity || ' ' || cast(updated_at as text)
                 from kaspi_stores";
    let before = place.text(row).await;
    let database = place.open().await;
    assert_eq!(place.text(row).await, before);
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.engine, store.driver, store.egress), (None, None, None));
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.generation, session.egress), (4, None));
    // Another program's writes are still told from ours.
    place.sql("update kaspi_stores set guid = '{}'").await;
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.generation, store.has_session), (5, false));
}

async fn accounts_of_the_release_before_have_no_driver_and_no_egress(place: &Place) {
    of_before(place).await;
    place
        .sql(&format!(
            "insert into kaspi_auth_accounts (account_key, blocked_until, updated_at) values ({}, 1, 1)",
            bytes(place, "0102")
        ))
        .await;
    let database = place.open().await;
    assert_eq!(place.text("select driver from kaspi_auth_accounts").await, None);
    let credentials = credentials("a@example.kz");
    let (all, own) = database.egresses_for(credentials.account()).await.unwrap();
    assert_eq!((all.len(), own), (1, None));
}

async fn stores_keys_and_logins_from_before_keeping_go_on(place: &Place) {
    up_to(place, 5).await;
    let guid = r#"{"cookies": [{"name": "mc-sid", "value": "theirs"}]}"#;
    place
        .sql(&format!(
            "insert into kaspi_stores (merchant_id, guid, auth_generation, auth_revision, auth_validity)
             values ('17', '{guid}', 4, 9, 'alive'), ('18', null, 0, 0, 'unknown');
             insert into kaspi_auth_api_keys (id, name, prefix, scopes, digest, created_at)
             values ('k1', 'n', 'kas_k1', '[\"admin\"]', {}, 1)",
            bytes(place, &"07".repeat(32)),
        ))
        .await;
    let id = insert_login(place, "a@example.kz").await;
    let row =
        "select cast(auth_generation as text) || ' ' || cast(auth_revision as text) || ' ' || auth_validity
                 from kaspi_stores where merchant_id = '17'";
    let before = place.text(row).await;
    let database = place.open().await;
    assert_eq!(place.text(row).await, before);
    for merchant in ["17", "18"] {
        let keeping = database.keeping(&uid(merchant)).await.unwrap().unwrap();
        assert_eq!(keeping.due_at, Some(kaspi_auth_core::Timestamp::UNIX_EPOCH), "at once");
        assert_eq!((keeping.failures, keeping.outcome, keeping.lease), (0, None, None));
    }
    let key = database.find_api_key("k1").await.unwrap().unwrap().key;
    assert_eq!(key.cabinet_paths, Vec::<String>::new());
    assert_eq!(database.breaker().await.unwrap(), Breaker::Closed);

    assert_eq!(database.claim_lost_logins(node(2), later(1), later(16), 10).await.unwrap(), [id]);
    let (login, secrets) = database.open_login(id).await.unwrap().unwrap();
    let finishing = Login { state: LoginState::Finishing { merchant: None }, ..login };
    let version = database.update_login(update(&finishing)).await.unwrap();
    save_of(&database, &Login { version, ..finishing }, &secrets.unwrap(), "19", "v1").await.unwrap();
    assert!(database.keeping(&uid("19")).await.unwrap().is_some());
}
