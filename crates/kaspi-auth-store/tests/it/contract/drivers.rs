//! What drove a login, and what it is remembered for.

use kaspi_auth_core::login::{Driver, EngineChoice, Login};
use kaspi_auth_core::port::{AccountNote, LoginRepository, StoreRepository};
use kaspi_auth_core::store::{StoreChange, StoreFilter};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::SqlDatabase;

use crate::support::*;

on_both!(
    a_login_keeps_its_driver_its_egress_and_its_holder,
    what_worked_for_the_account_is_remembered_where_it_was_found_out,
    a_store_tells_what_brought_its_session_and_by_which_way,
    a_session_of_another_program_came_by_no_way_of_ours,
    the_engine_of_a_store_is_changed_by_hand,
);

async fn save_by(database: &SqlDatabase, engine: EngineChoice, driver: Driver) {
    let (login, secrets) = finishing(database, "a@example.kz", None).await;
    let login = Login { engine, driver, egress: egress_id(4), ..login };
    save_of(database, &login, &secrets, "17", "v1").await.unwrap();
}

async fn a_login_keeps_its_driver_its_egress_and_its_holder(place: &Place) {
    let database = place.open().await;
    let (begun, secrets) = login("a@example.kz", None);
    let begun =
        Login { engine: EngineChoice::Browser, driver: Driver::Browser, egress: egress_id(4), ..begun };
    let held = Login { holder: Some(node(7)), ..begun.clone() };
    database.insert_login(&Tenant::All, &begun, &secrets, (node(1), later(15))).await.unwrap();
    assert_eq!(database.find_login(&Tenant::All, begun.id).await.unwrap(), Some(begun.clone()));
    let version = database.update_login(update(&held)).await.unwrap();
    assert_eq!(
        database.find_login(&Tenant::All, begun.id).await.unwrap(),
        Some(Login { version, ..held.clone() })
    );
    let let_go = Login { holder: None, driver: Driver::Direct, version, ..held };
    let version = database.update_login(update(&let_go)).await.unwrap();
    assert_eq!(database.find_login(&Tenant::All, begun.id).await.unwrap(), Some(Login { version, ..let_go }));
}

async fn what_worked_for_the_account_is_remembered_where_it_was_found_out(place: &Place) {
    use {Driver::Browser as B, EngineChoice::*};
    let database = place.open().await;
    let credentials = credentials("a@example.kz");
    let known = async || database.ledger(&credentials).await.unwrap().driver;
    assert_eq!(known().await, None);
    for (engine, driver, expected) in [
        (Browser, B, None),
        (Auto, B, Some(B)),
        (Browser, B, Some(B)),
        (Auto, Driver::Direct, None),
        (Auto, B, Some(B)),
        (Direct, Driver::Direct, None),
    ] {
        save_by(&database, engine, driver).await;
        assert_eq!(known().await, expected, "{engine:?} by {driver:?}");
    }
    // It stands beside what else is remembered.
    let blocked = AccountNote::BlockedUntil(later(60));
    database.note_account(&blocked, &credentials, now()).await.unwrap();
    save_by(&database, Auto, B).await;
    let ledger = database.ledger(&credentials).await.unwrap();
    assert_eq!((ledger.driver, ledger.blocked_until), (Some(B), Some(later(60))));
}

async fn a_store_tells_what_brought_its_session_and_by_which_way(place: &Place) {
    let database = place.open().await;
    for driver in [Driver::Browser, Driver::Direct] {
        save_by(&database, EngineChoice::Auto, driver).await;
        let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
        assert_eq!((store.driver, store.egress, store.engine), (Some(driver), Some(egress_id(4)), None));
        let filter = StoreFilter { user_id: None, status: None, after: None, limit: 9 };
        assert_eq!(database.list_stores(&Tenant::All, &filter).await.unwrap(), [store]);
        // Read, and then from memory.
        for _ in 0..2 {
            let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
            assert_eq!(session.egress, Some(egress_id(4)));
        }
    }
}

async fn a_session_of_another_program_came_by_no_way_of_ours(place: &Place) {
    let database = place.open().await;
    save_by(&database, EngineChoice::Auto, Driver::Browser).await;
    let engine = StoreChange { engine: Some(Some(EngineChoice::Browser)), ..StoreChange::default() };
    database.change_store(&Tenant::All, &uid("17"), &engine, now()).await.unwrap();
    place.sql("update kaspi_stores set name = 'theirs'").await;
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.driver, store.egress), (Some(Driver::Browser), Some(egress_id(4))), "the same session");
    let theirs = r#"{"cookies": [{"name": "mc-sid", "value": "theirs"}]}"#;
    place.sql(&format!("update kaspi_stores set guid = '{theirs}'")).await;
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.driver, store.egress, store.generation), (None, None, 2));
    assert_eq!(store.engine, Some(EngineChoice::Browser), "what somebody wants stays");
    eventually("their session is served", async || {
        let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
        session.generation == 2 && session.egress.is_none()
    })
    .await;
}

async fn the_engine_of_a_store_is_changed_by_hand(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    for engine in [EngineChoice::Browser, EngineChoice::Direct, EngineChoice::Auto] {
        let change = StoreChange { engine: Some(Some(engine)), ..StoreChange::default() };
        let store = database.change_store(&tenant("u1"), &uid("17"), &change, now()).await.unwrap().unwrap();
        assert_eq!(store.engine, Some(engine));
        let untouched = StoreChange { forget_password: true, ..StoreChange::default() };
        let store =
            database.change_store(&tenant("u1"), &uid("17"), &untouched, now()).await.unwrap().unwrap();
        assert_eq!(store.engine, Some(engine), "what is not named stays");
        save(&database, "17", "v2", Some("u1")).await.unwrap();
        let store = database.find_store(&tenant("u1"), &uid("17")).await.unwrap().unwrap();
        assert_eq!(store.engine, Some(engine), "through a login too");
    }
    let back = StoreChange { engine: Some(None), ..StoreChange::default() };
    let store = database.change_store(&tenant("u1"), &uid("17"), &back, now()).await.unwrap().unwrap();
    assert_eq!(store.engine, None);
}
