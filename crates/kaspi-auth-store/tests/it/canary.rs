//! Nothing secret stands in clear in the raw files of the database.

use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::keeping::{AttemptBudget, AttemptKind, AttemptRequest, Origin};
use kaspi_auth_core::login::{Answer, Continuation, Driver, Effect, Login, LoginState};
use kaspi_auth_core::port::{
    AccountNote, AnswerKey, AttemptRepository, EgressRepository, EvidenceRepository, LoginRepository,
    LoginUpdate, SavedSession, SecretsChange, SessionUpdate, StoreRepository,
};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

/// What must not be found: e-mail, password, cookies, code, continuation, device, forwarded code, proxy's password, page.
const CANARIES: [&str; 10] = [
    "canary-address",
    "canary-password",
    "canary-cookie",
    "canary-renewed",
    "canary-code-7391",
    "canary-continuation",
    "canary-device",
    "canary-forwarded",
    "canary-proxy",
    "canary-page",
];

/// All that a service does with secrets.
async fn live_through(database: &kaspi_auth_store::SqlDatabase) {
    let (mut login, mut secrets) = finishing(database, "canary-address@example.kz", None).await;
    secrets.continuation = Some(Continuation("canary-continuation".to_owned().into()));
    secrets.forwarded = vec![Effect::Answer(Answer::Code("canary-forwarded".to_owned().into()))];
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    database.update_egress(&proxy(1, "two")).await.unwrap();
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
    let session = new_session("17", "canary-cookie");
    let staged =
        SavedSession { login: &login, session: &session, credentials: &secrets.credentials, device: None };
    database.stage_session(staged, &summary(&session), now()).await.unwrap();
    let account = secrets.credentials.account();
    let budget = AttemptBudget { limit: 3, window: jiff::SignedDuration::from_hours(1) };
    let (kind, origin) = (AttemptKind::Password, Origin::Caller);
    let attempt = AttemptRequest { account, kind, origin, budget, now: now() };
    database.take_attempt(attempt).await.unwrap();
    save_of(database, &login, &secrets, "17", "canary-cookie").await.unwrap();
    let renewed = cookies("canary-renewed");
    let update = SessionUpdate {
        generation: 1,
        lease: None,
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
    let (second, mut secrets) = finishing(database, "canary-address@example.kz", None).await;
    secrets.forwarded = vec![Effect::Answer(Answer::Code("canary-forwarded".to_owned().into()))];
    let secrets = SecretsChange::Replace(secrets);
    database.update_login(LoginUpdate { secrets, ..crate::support::update(&second) }).await.unwrap();
    let evidence = Evidence {
        driver: Driver::Browser,
        code: None,
        at: now(),
        page: Some("canary-page".to_owned()),
        steps: Vec::new(),
        skeleton: Some("canary-page".to_owned()),
        screenshot: Some(b"canary-page".to_vec()),
        picture: None,
    };
    database.keep_evidence(second.id, &evidence, later(60)).await.unwrap();
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
    assert!(tables.split(' ').count() >= 16);
    for table in tables.split(' ') {
        let rows =
            place.text(&format!("select string_agg(t::text, '') from {table} t")).await.unwrap_or_default();
        search(std::path::Path::new(table), rows.as_bytes());
    }
}
