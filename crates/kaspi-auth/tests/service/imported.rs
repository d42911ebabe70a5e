//! A session that a browser had is served and looked at like one that was won here.

use std::io::Cursor;
use std::sync::Arc;

use kaspi_auth::import::{Rows, Settings};
use kaspi_auth_core::audit::Actor;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::import::Imported;
use kaspi_auth_core::port::{Clock as _, ImportRepository as _};
use kaspi_auth_store::found_from_json;

use crate::harness::{World, on_both};

async fn an_imported_session_is_served_and_alive(world: &World) {
    world.store("shop", "7000001").await;
    let exported = world.admin.get("/v1/stores/7000001/session").await.is(200).json();
    world.admin.delete("/v1/stores/7000001").await.is(204);
    let passwords = world.passwords();

    let host = |url: &reqwest::Url| url.host_str().unwrap().to_owned();
    let portal = &world.config.portal;
    let settings = Settings {
        format: None,
        merchant_uid: Some(MerchantUid::parse("7000001").unwrap()),
        hosts: vec![host(&portal.login_url), host(&portal.cabinet_url)],
        cabinet_host: host(&portal.cabinet_url),
        now: world.clock.now(),
        opener: Arc::new(|row| found_from_json(row, None).map_err(|why| why.to_string())),
    };
    let list = exported["cookies"].to_string();
    let mut rows = Rows::read(Cursor::new(list.into_bytes()), None, &settings).unwrap();
    let found = rows.next().unwrap().unwrap().found.unwrap();
    let database = &world.node().service().database;
    let by = Actor::CommandLine("operator".to_owned());
    let import = async |by| database.import_store(&found, by, world.clock.now()).await.unwrap();
    assert_eq!(import(None).await, Imported::Added);
    world.admin.get("/v1/stores/7000001/session").await.is_problem(404, "store_not_found");
    assert_eq!(import(Some(&by)).await, Imported::Added);
    assert_eq!(import(Some(&by)).await, Imported::SkippedSame);

    let session = world.admin.session("7000001").await;
    assert_eq!(world.open_cabinet(&session.cookie_header).await.0, 200);
    assert_eq!(world.admin.validity("7000001").await, "alive");
    assert_eq!(world.passwords(), passwords, "nobody has signed in");
    world.portal.kill_sessions(None);
    assert_eq!(world.admin.validity("7000001").await, "dead");
}

on_both!(an_imported_session_is_served_and_alive);
