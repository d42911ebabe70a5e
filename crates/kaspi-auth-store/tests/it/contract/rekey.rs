//! Rotation of keys: everything moves, nothing is lost, nobody is disturbed; what cannot be opened is found.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::login::Driver;
use kaspi_auth_core::port::{
    EgressRepository, EvidenceRepository, LoginRepository, SavedSession, SessionUpdate, StoreRepository,
};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::{OpenDatabaseError, Problem, RekeyCursor, SqlDatabase, Verified};
use kaspi_auth_vault::{Envelope, KeyRing, Legacy, OpenError};
use secrecy::ExposeSecret;

use crate::support::*;

on_both!(
    every_kind_of_row_moves_and_opens_without_the_old_key,
    a_session_is_the_same_after_a_rotation,
    a_rotation_that_was_killed_goes_on_where_it_was,
    sessions_written_during_a_rotation_are_not_lost,
    nothing_is_behind_where_there_is_one_key,
    what_does_not_open_is_left_as_it_is_and_told,
    everything_is_opened_for_its_owner,
    a_change_takes_the_mark_away_and_a_look_puts_it_back,
);

/// All kinds of rows, sealed under the old key. Answers a login that runs.
async fn furnish(place: &Place) -> kaspi_auth_core::id::LoginId {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let (running, secrets) = finishing(&database, "running@example.kz", None).await;
    let session = new_session("20", "canary-staged");
    let staged =
        SavedSession { login: &running, session: &session, credentials: &secrets.credentials, device: None };
    database.stage_session(staged, &summary(&session), now()).await.unwrap();
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    let evidence = Evidence {
        driver: Driver::Browser,
        code: None,
        at: now(),
        page: Some("page".to_owned()),
        steps: Vec::new(),
        skeleton: None,
        screenshot: Some(vec![1; 100]),
        picture: None,
    };
    database.keep_evidence(running.id, &evidence, later(60)).await.unwrap();
    place
        .sql(
            r#"insert into kaspi_stores (merchant_id, name, guid)
               values ('18', 'plain', '{"cookies": [{"name": "mc-sid", "value": "plain"}]}'), ('19', 'empty', null)"#,
        )
        .await;
    database.close().await;
    running.id
}

async fn verify(database: &SqlDatabase, batch: u32) -> Verified {
    let mut all = Verified::default();
    let mut cursor = Some(RekeyCursor::default());
    while let Some(at) = cursor {
        let part = database.verify(&at, batch).await.unwrap();
        all.rows += part.rows;
        all.values += part.values;
        all.plain += part.plain;
        all.findings.extend(part.findings);
        cursor = part.next;
    }
    all
}

async fn every_kind_of_row_moves_and_opens_without_the_old_key(place: &Place) {
    let running = furnish(place).await;
    let database = place.open_with(&[NEW_KEY, KEY]).await.unwrap();
    let behind = database.rows_behind(1000).await.unwrap();
    let of = |behind: &kaspi_auth_store::RowsBehind| -> Vec<u64> {
        behind.tables.iter().map(|table| table.behind).collect()
    };
    assert_eq!(of(&behind), [2, 2, 1, 1, 1, 1], "{behind:?}: the empty row has nothing to move");
    let moved = rotate(&database, 1).await;
    assert_eq!((moved.moved, moved.overtaken, moved.findings.len()), (8, 0, 0), "{moved:?}");
    assert_eq!(database.rows_behind(0).await.unwrap().total(), 0, "without another look");
    let again = rotate(&database, 100).await;
    assert_eq!((again.moved, again.found_newest), (0, 0), "nothing is moved twice");
    database.close().await;

    let opened = place.open_with(&[KEY]).await;
    assert!(
        matches!(opened, Err(OpenDatabaseError::WrongKey { .. })),
        "the pepper has moved too: {opened:?}"
    );
    let ring = KeyRing::parse(&NEW_KEY.to_owned().into()).unwrap();
    let staged = place.text("select max(staged) from kaspi_auth_logins").await.unwrap();
    let cookies = Envelope::MERCHANT.open_for(&ring, "20", &staged, Legacy::Refuse).unwrap();
    assert!(cookies.get("cookies").unwrap().to_string().contains("canary-staged"));
    let database = place.open_with(&[NEW_KEY]).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
    assert_eq!(value_of(&database, &Tenant::All, "18").await.as_deref(), Some("plain"));
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(kept.email.as_deref(), Some("m17@example.kz"));
    assert_eq!(kept.password.unwrap().expose_secret(), "canary-password");
    let (login, secrets) = database.open_login(running).await.unwrap().unwrap();
    assert_eq!(login.account.canonical(), "email:running@example.kz");
    assert_eq!(secrets.unwrap().credentials.secret().unwrap().expose_secret(), "canary-password");
    let device = database.device(None, credentials("m17@example.kz").account()).await.unwrap().unwrap();
    assert_eq!(device.0.expose_secret(), "canary-device", "the pepper is the same, so the device is found");
    let egress = database.find_egress(egress_id(1)).await.unwrap().unwrap();
    assert_eq!(proxied(&egress).password.unwrap().expose_secret(), "canary-proxy");
    let evidence = database.find_evidence(&Tenant::All, running, now()).await.unwrap().unwrap();
    assert_eq!(evidence.screenshot, Some(vec![1; 100]));
    let verified = verify(&database, 1).await;
    assert_eq!((verified.findings.len(), verified.plain), (0, 0), "{verified:?}");
    assert_eq!((verified.rows, verified.values), (9, 12), "{verified:?}");
}

async fn a_session_is_the_same_after_a_rotation(place: &Place) {
    furnish(place).await;
    let token = if place.is_sqlite() { "json_extract(guid, '$.encrypted')" } else { "guid ->> 'encrypted'" };
    let token = format!("select {token} from kaspi_stores where merchant_id = '17'");
    let before = place.text(&token).await.unwrap();
    let database = place.open_with(&[NEW_KEY, KEY]).await.unwrap();
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    rotate(&database, 100).await;
    let after = place.text(&token).await.unwrap();
    assert_ne!(before, after);
    let time =
        |key: &str, token: &str| KeyRing::parse(&key.to_owned().into()).unwrap().timestamp(token).unwrap();
    assert_eq!(time(KEY, &before), time(NEW_KEY, &after), "the token keeps its time");
    assert_eq!(database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap(), store);
    let same = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((same.generation, same.validity), (session.generation, session.validity));
    let plain = database.find_store(&Tenant::All, &uid("18")).await.unwrap().unwrap();
    assert_eq!(plain.generation, 0, "a session that was sealed is no new one");
}

/// Tells the child which database to rotate, and that it is one.
const CHILD: &str = "KASPI_AUTH_TEST_REKEY_URL";

/// Not a test of its own: what the child does until it is killed.
#[tokio::test]
async fn child() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let settings = kaspi_auth_store::Settings::new(url.into());
    let ring = KeyRing::parse(&format!("{NEW_KEY},{KEY}").into()).unwrap();
    let database = SqlDatabase::open(&settings, Arc::new(ring), now()).await.unwrap();
    rotate(&database, 3).await;
}

async fn a_rotation_that_was_killed_goes_on_where_it_was(place: &Place) {
    const STORES: u64 = 120;
    let database = place.open().await;
    for number in 0..STORES {
        save(&database, &(1000 + number).to_string(), "v1", None).await.unwrap();
    }
    database.close().await;
    let database = place.open_with(&[NEW_KEY, KEY]).await.unwrap();
    let stores = async || database.rows_behind(1000).await.unwrap().tables[0].behind;
    assert_eq!(stores().await, STORES);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "contract::rekey::child", "--nocapture"])
        .env(CHILD, place.url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the child has begun", async || stores().await < STORES - 5).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let left = stores().await;
    assert_eq!(verify(&database, 50).await.findings, [], "every row is whole");
    let rest = rotate(&database, 50).await;
    assert!(rest.moved >= left && rest.findings.is_empty(), "{left}: {rest:?}");
    assert_eq!(database.rows_behind(0).await.unwrap().total(), 0);
    database.close().await;
    let database = place.open_with(&[NEW_KEY]).await.unwrap();
    assert_eq!(verify(&database, 50).await.findings, []);
}

async fn sessions_written_during_a_rotation_are_not_lost(place: &Place) {
    const STORES: u64 = 20;
    let database = place.open().await;
    let names: Vec<String> = (0..STORES).map(|number| (1000 + number).to_string()).collect();
    for name in &names {
        save(&database, name, "0", None).await.unwrap();
    }
    database.close().await;
    let database = Arc::new(place.open_with(&[NEW_KEY, KEY]).await.unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (database, done, names) = (Arc::clone(&database), Arc::clone(&done), names.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::Acquire) {
                for name in &names {
                    assert!(value_of(&database, &Tenant::All, name).await.is_some(), "{name}");
                    // What is in memory is read without a pause.
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    let writer = {
        let (database, names) = (Arc::clone(&database), names.clone());
        tokio::spawn(async move {
            for round in 1..=10 {
                for name in &names {
                    let renewed = cookies(&round.to_string());
                    let update = SessionUpdate {
                        generation: 1,
                        lease: None,
                        cookies: Some(&renewed),
                        renewed: false,
                        validity: Validity::Alive,
                        checked_at: later(round),
                        authenticated_at: None,
                        needs_reauth: None,
                    };
                    database.update_session(&Tenant::All, &uid(name), update).await.unwrap();
                }
            }
        })
    };
    while !writer.is_finished() {
        let pass = rotate(&database, 7).await;
        assert!(pass.findings.is_empty(), "{pass:?}");
    }
    writer.await.unwrap();
    done.store(true, Ordering::Release);
    reader.await.unwrap();
    rotate(&database, 7).await;
    assert_eq!(database.rows_behind(0).await.unwrap().total(), 0);
    for name in &names {
        assert_eq!(value_of(&database, &Tenant::All, name).await.as_deref(), Some("10"), "{name}");
        let store = database.find_store(&Tenant::All, &uid(name)).await.unwrap().unwrap();
        assert_eq!(store.generation, 1, "nobody was taken for another program");
    }
}

async fn nothing_is_behind_where_there_is_one_key(place: &Place) {
    furnish(place).await;
    let database = place.open().await;
    let behind = database.rows_behind(1000).await.unwrap();
    assert_eq!(behind.total(), 1, "only the session that is not sealed: {behind:?}");
    assert!(behind.tables.iter().all(|table| table.unmarked == 0), "{behind:?}");
    let unlooked = "update kaspi_stores set auth_key_id = null";
    place.sql(unlooked).await;
    assert_eq!(database.rows_behind(0).await.unwrap().tables[0].unmarked, 3, "what nobody looked at counts");
}

async fn what_does_not_open_is_left_as_it_is_and_told(place: &Place) {
    furnish(place).await;
    place.sql("update kaspi_stores set kaspi_email = 'canary-broken' where merchant_id = '17'").await;
    let database = place.open_with(&[NEW_KEY, KEY]).await.unwrap();
    for _ in 0..2 {
        let rotated = rotate(&database, 100).await;
        let [found] = &rotated.findings[..] else { panic!("{rotated:?}") };
        assert_eq!((found.table, found.column, &*found.row), ("kaspi_stores", "kaspi_email", "17"));
        assert!(!format!("{rotated:?}").contains("canary"));
        let behind = database.rows_behind(1000).await.unwrap();
        assert_eq!((behind.total(), behind.tables[0].behind), (1, 1), "{behind:?}");
    }
    database.close().await;
    let email = "select kaspi_email from kaspi_stores where merchant_id = '17'";
    assert_eq!(place.text(email).await.as_deref(), Some("canary-broken"));
    // What stands beside it has moved all the same.
    let database = place.open_with(&[NEW_KEY]).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v1"));
}

async fn everything_is_opened_for_its_owner(place: &Place) {
    let database = place.open().await;
    for merchant in ["17", "18", "19", "20", "21"] {
        save(&database, merchant, "canary-cookie", None).await.unwrap();
    }
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    let login = finishing(&database, "running@example.kz", None).await.0.id.to_string();
    assert_eq!(verify(&database, 2).await.findings, []);
    let unknown = KeyRing::parse(&NEW_KEY.to_owned().into()).unwrap();
    let map = [("password".to_owned(), "canary".into())].into_iter().collect();
    let unknown = Envelope::MERCHANT.seal_for(&unknown, "19", &map, 1);
    for sql in [
        "update kaspi_stores set guid = (select guid from kaspi_stores where merchant_id = '17') where merchant_id = '18'",
        &format!("update kaspi_stores set kaspi_password = '{unknown}' where merchant_id = '19'"),
        "update kaspi_stores set kaspi_email = substr(kaspi_email, 1, 40) where merchant_id = '20'",
        "update kaspi_stores set guid = '[1]' where merchant_id = '21'",
        "update kaspi_auth_egresses set password = (select max(kaspi_password) from kaspi_stores where merchant_id = '17')
          where password is not null",
        "update kaspi_auth_logins set staged = account where ended_at is null",
    ] {
        place.sql(sql).await;
    }
    let verified = verify(&database, 2).await;
    let found: Vec<_> = verified
        .findings
        .iter()
        .map(|found| (found.table, found.column, &*found.row, found.problem))
        .collect();
    let egress = egress_id(1).to_string();
    assert_eq!(
        found,
        [
            ("kaspi_stores", "guid", "18", Problem::Sealed(OpenError::WrongSubject)),
            ("kaspi_stores", "kaspi_password", "19", Problem::Sealed(OpenError::NotAuthentic)),
            ("kaspi_stores", "kaspi_email", "20", Problem::Sealed(OpenError::Truncated)),
            ("kaspi_stores", "guid", "21", Problem::Shape("neither an object nor a text")),
            ("kaspi_auth_logins", "staged", &*login, Problem::Sealed(OpenError::NoSubject)),
            ("kaspi_auth_egresses", "password", &*egress, Problem::Sealed(OpenError::NoSubject)),
        ]
    );
    assert!(!format!("{verified:?}").contains("canary"));
}

async fn a_change_takes_the_mark_away_and_a_look_puts_it_back(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    assert_eq!(database.rows_behind(1000).await.unwrap().total(), 0);
    let marks = "select coalesce(max(auth_key_id), '-') from kaspi_stores";
    let newest = database.key_fingerprints().remove(0);
    assert_eq!(place.text(marks).await.as_deref(), Some(&*newest));
    // What is not sealed may change.
    place.sql("update kaspi_stores set name = 'other'").await;
    assert_eq!(place.text(marks).await.as_deref(), Some(&*newest));
    // Our own writes take it away too: which key another node seals with is not known here.
    save(&database, "17", "v2", None).await.unwrap();
    assert_eq!(place.text(marks).await.as_deref(), Some("-"));
    assert_eq!(database.rows_behind(1000).await.unwrap().total(), 0);
    assert_eq!(place.text(marks).await.as_deref(), Some(&*newest));
    let generation = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap().generation;
    assert_eq!(generation, 2, "a mark is no new session");
    // Another program's write is still told from ours.
    place.sql(r#"update kaspi_stores set guid = '{"cookies": []}'"#).await;
    let store = database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((store.generation, store.validity), (3, Validity::Unknown));
    assert_eq!(place.text(marks).await.as_deref(), Some("-"));
}
