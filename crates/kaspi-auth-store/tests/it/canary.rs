//! Nothing secret stands in clear in the raw files of the database.

use kaspi_auth_core::login::{Continuation, Login, LoginState};
use kaspi_auth_core::port::{
    AccountNote, AnswerKey, LoginRepository, LoginUpdate, SecretsChange, SessionUpdate, StoreRepository,
};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

/// What must not be found: e-mail, password, cookies, code, continuation, device.
const CANARIES: [&str; 7] = [
    "canary-address",
    "canary-password",
    "canary-cookie",
    "canary-renewed",
    "canary-code-7391",
    "canary-continuation",
    "canary-device",
];

/// All that a service does with secrets.
async fn live_through(database: &kaspi_auth_store::SqlDatabase) {
    let (mut login, mut secrets) = finishing(database, "canary-address@example.kz", None).await;
    secrets.continuation = Some(Continuation("canary-continuation".to_owned().into()));
    let answer = AnswerKey { key: "k".to_owned(), answer: "canary-code-7391".to_owned().into() };
    for note in [AccountNote::PasswordRejected, AccountNote::PasswordAccepted] {
        let answer = matches!(note, AccountNote::PasswordRejected).then(|| answer.clone());
        let update = LoginUpdate {
            secrets: SecretsChange::Replace(secrets.clone()),
            note: Some((note, &secrets.credentials)),
            answer,
            ..update(&login)
        };
        login.version = database.update_login(update).await.unwrap();
    }
    save_of(database, &login, &secrets, "17", "canary-cookie").await.unwrap();
    let renewed = cookies("canary-renewed");
    let update = SessionUpdate {
        generation: 1,
        cookies: Some(&renewed),
        renewed: true,
        validity: Validity::Alive,
        checked_at: now(),
        authenticated_at: Some(now()),
        needs_reauth: None,
    };
    database.update_session(&Tenant::All, &uid("17"), update).await.unwrap();
    database.session(&Tenant::All, &uid("17")).await.unwrap();
    database.credentials(&Tenant::All, &uid("17")).await.unwrap();
    // One that still runs, and one that has ended.
    finishing(database, "canary-address@example.kz", None).await;
    let (third, _) = finishing(database, "canary-address-3@example.kz", None).await;
    let ended = Login { state: LoginState::Cancelled, ..third };
    database.update_login(crate::support::update(&ended)).await.unwrap();
}

fn search(what: &std::path::Path, bytes: &[u8]) {
    for canary in CANARIES {
        let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!found, "{canary} stands in {}", what.display());
    }
}

#[tokio::test]
async fn no_secret_stands_in_the_file_or_its_log() {
    let place = Place::sqlite();
    let database = place.open().await;
    live_through(&database).await;
    let mut seen = 0;
    for entry in std::fs::read_dir(place.folder()).unwrap() {
        let path = entry.unwrap().path();
        search(&path, &std::fs::read(&path).unwrap());
        seen += 1;
    }
    assert!(seen >= 2, "the file and its write-ahead log");
    database.close().await;
    for entry in std::fs::read_dir(place.folder()).unwrap() {
        let path = entry.unwrap().path();
        search(&path, &std::fs::read(&path).unwrap());
    }
}

#[tokio::test]
async fn no_secret_stands_in_any_row_of_the_server() {
    let place = Place::postgres().await;
    let database = place.open().await;
    live_through(&database).await;
    let tables = place
        .text("select string_agg(tablename, ' ') from pg_tables where schemaname = 'public'")
        .await
        .unwrap();
    assert!(tables.split(' ').count() >= 8);
    for table in tables.split(' ') {
        let rows =
            place.text(&format!("select string_agg(t::text, '') from {table} t")).await.unwrap_or_default();
        search(std::path::Path::new(table), rows.as_bytes());
    }
}
