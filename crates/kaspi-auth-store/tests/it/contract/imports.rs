//! Stores of other installations: taken whole or not at all, nothing newer overwritten, sealed as ours are.

use std::sync::Arc;

use kaspi_auth_core::account::Method;
use kaspi_auth_core::audit::AuditFilter;
use kaspi_auth_core::import::{FoundStore, Imported};
use kaspi_auth_core::merchant::Points;
use kaspi_auth_core::port::{
    AuditRepository, ImportRepository, RepositoryError, SessionUpdate, StoreRepository, TimelineRepository,
};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::store::{Store, StoreStatus};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::Act;
use kaspi_auth_store::{Change, SqlDatabase};
use kaspi_auth_vault::{Envelope, Legacy};
use secrecy::ExposeSecret;

use crate::support::*;

on_both!(
    a_new_store_is_added_with_all_that_was_found,
    nothing_is_written_without_apply,
    a_second_run_changes_nothing,
    a_newer_session_is_the_next_generation_of_which_nothing_is_known,
    a_newer_session_here_stays,
    another_holders_store_stays,
    a_store_that_nobody_holds_becomes_the_finders,
    what_holds_nothing_is_not_stored,
    credentials_alone_leave_the_session_alone,
    credentials_alone_make_a_store_without_a_session,
    a_phone_alone_waits_for_a_person,
    new_credentials_end_the_wait_for_a_person,
    a_session_without_an_account_keeps_the_account_that_is_here,
    a_row_of_another_program_is_taken_over,
    many_that_import_the_same_add_it_once,
    what_is_taken_is_sealed_for_its_merchant_and_told,
    a_session_here_that_does_not_open_is_not_overwritten,
    what_is_taken_stands_in_the_timeline_and_the_audit_log,
);

fn found(value: &str) -> FoundStore {
    FoundStore {
        merchant_uid: uid("17"),
        user_id: None,
        name: Some("Лавка\0".to_owned()),
        points: points(),
        cookies: if value.is_empty() { Vec::new() } else { cookies(value) },
        email: Some("found@example.kz".to_owned()),
        password: Some("canary-found".to_owned().into()),
        phone: None,
        code_verified: true,
        authenticated_at: Some(later(-3600)),
        is_active: true,
        updated_at: Some(later(-1800)),
    }
}

async fn take(database: &SqlDatabase, found: &FoundStore, second: i64) -> Imported {
    let dry = database.import_store(found, None, later(second)).await.unwrap();
    let done = database.import_store(found, Some(&operator()), later(second)).await.unwrap();
    assert_eq!(dry, done, "a dry run answers the same");
    done
}

async fn store(database: &SqlDatabase) -> Store {
    database.find_store(&Tenant::All, &uid("17")).await.unwrap().unwrap()
}

async fn value(database: &SqlDatabase) -> Option<String> {
    value_of(database, &Tenant::All, "17").await
}

/// The account's address and its password.
async fn account(database: &SqlDatabase) -> (Option<String>, Option<String>) {
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    (kept.email, kept.password.map(|password| password.expose_secret().to_owned()))
}

fn named(email: &str, password: &str) -> (Option<String>, Option<String>) {
    (Some(email.to_owned()), Some(password.to_owned()))
}

async fn a_new_store_is_added_with_all_that_was_found(place: &Place) {
    let database = place.open().await;
    let found = FoundStore { user_id: Some(user("u1")), is_active: false, ..found("v1") };
    assert_eq!(take(&database, &found, 0).await, Imported::Added);
    let store = store(&database).await;
    assert_eq!(
        (store.name.as_deref(), &store.points, store.user_id),
        (Some("Лавка"), &points(), Some(user("u1")))
    );
    assert_eq!((store.generation, store.validity, store.checked_at), (1, Validity::Unknown, None));
    assert_eq!((store.authenticated_at, store.updated_at), (Some(later(-3600)), now()));
    assert!(!store.is_active && !store.needs_reauth && store.has_session && store.has_password);
    place.sql("update kaspi_stores set is_active = true, auth_revision = auth_revision + 1").await;
    eventually("it is switched on", async || value(&database).await.is_some()).await;
    let session = database.session(&tenant("u1"), &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.method, session.egress), (Some(Method::Password), None));
    assert_eq!(session.cookies.len(), 2);
    assert_eq!(account(&database).await, named("found@example.kz", "canary-found"));
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert!(kept.code_verified);
}

async fn nothing_is_written_without_apply(place: &Place) {
    let database = place.open().await;
    assert_eq!(database.import_store(&found("v1"), None, now()).await.unwrap(), Imported::Added);
    assert_eq!(database.find_store(&Tenant::All, &uid("17")).await.unwrap(), None);
    save(&database, "17", "ours", None).await.unwrap();
    let newer = FoundStore { authenticated_at: Some(later(60)), ..found("theirs") };
    let before = store(&database).await;
    assert_eq!(database.import_store(&newer, None, later(99)).await.unwrap(), Imported::Updated);
    assert_eq!(store(&database).await, before);
    assert_eq!(value(&database).await.as_deref(), Some("ours"));
}

async fn a_second_run_changes_nothing(place: &Place) {
    let database = place.open().await;
    let bare = FoundStore { merchant_uid: uid("18"), ..found("") };
    let phone = FoundStore {
        merchant_uid: uid("19"),
        email: None,
        password: None,
        phone: Some("+7 (700) 123-45-67".to_owned()),
        ..found("v1")
    };
    for one in [found("v1"), bare, phone] {
        assert_eq!(take(&database, &one, 0).await, Imported::Added);
        let before = database.find_store(&Tenant::All, &one.merchant_uid).await.unwrap();
        assert_eq!(take(&database, &one, 60).await, Imported::SkippedSame);
        assert_eq!(database.find_store(&Tenant::All, &one.merchant_uid).await.unwrap(), before);
    }
}

async fn a_newer_session_is_the_next_generation_of_which_nothing_is_known(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "ours", Some("u1")).await.unwrap();
    let id = store(&database).await.id;
    let newer = FoundStore { authenticated_at: Some(later(60)), points: Points::new(), ..found("theirs") };
    assert_eq!(take(&database, &newer, 99).await, Imported::Updated);
    let store = store(&database).await;
    assert_eq!((store.id, store.generation, store.validity), (id, 2, Validity::Unknown));
    assert_eq!(
        (store.authenticated_at, store.checked_at, store.driver, store.egress),
        (Some(later(60)), None, None, None)
    );
    assert_eq!((store.user_id, store.points), (Some(user("u1")), points()));
    assert_eq!(value(&database).await.as_deref(), Some("theirs"));
    assert_eq!(account(&database).await, named("found@example.kz", "canary-found"));
    let due = place.text("select cast(due_at as text) from kaspi_auth_keeping").await;
    assert_eq!(due.as_deref(), Some("-1"), "and it is looked at at once");
    let late = SessionUpdate {
        generation: 1,
        lease: None,
        cookies: None,
        renewed: false,
        validity: Validity::Dead,
        checked_at: later(100),
        authenticated_at: None,
        needs_reauth: None,
    };
    let late = database.update_session(&Tenant::All, &uid("17"), late).await;
    assert!(
        matches!(late, Err(RepositoryError::Conflict)),
        "a verdict on the session before counts for nothing"
    );
}

async fn a_newer_session_here_stays(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "ours", None).await.unwrap();
    let before = store(&database).await;
    let unknown = FoundStore { authenticated_at: None, updated_at: None, ..found("theirs") };
    for one in [found("theirs"), unknown, found("")] {
        assert_eq!(take(&database, &one, 99).await, Imported::SkippedOlder);
    }
    assert_eq!(store(&database).await, before);
    assert_eq!(value(&database).await.as_deref(), Some("ours"));
    assert_eq!(account(&database).await, named("m17@example.kz", "canary-password"));
}

async fn another_holders_store_stays(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "ours", Some("u1")).await.unwrap();
    let newer = FoundStore { authenticated_at: Some(later(60)), ..found("theirs") };
    let other = FoundStore { user_id: Some(user("u2")), ..newer.clone() };
    assert_eq!(take(&database, &other, 99).await, Imported::SkippedTaken);
    assert_eq!(value(&database).await.as_deref(), Some("ours"));
    let same = FoundStore { user_id: Some(user("u1")), ..newer };
    assert_eq!(take(&database, &same, 99).await, Imported::Updated);
}

async fn a_store_that_nobody_holds_becomes_the_finders(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "ours", None).await.unwrap();
    let newer =
        FoundStore { user_id: Some(user("u2")), authenticated_at: Some(later(60)), ..found("theirs") };
    assert_eq!(take(&database, &newer, 99).await, Imported::Updated);
    assert_eq!(store(&database).await.user_id, Some(user("u2")));
}

async fn what_holds_nothing_is_not_stored(place: &Place) {
    let database = place.open().await;
    let empty = FoundStore { password: None, ..found("") };
    assert_eq!(take(&database, &empty, 0).await, Imported::SkippedEmpty);
    assert_eq!(database.find_store(&Tenant::All, &uid("17")).await.unwrap(), None);
}

async fn credentials_alone_leave_the_session_alone(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "ours", None).await.unwrap();
    let newer = FoundStore { updated_at: Some(later(60)), ..found("") };
    assert_eq!(take(&database, &newer, 99).await, Imported::Updated);
    assert_eq!(account(&database).await, named("found@example.kz", "canary-found"));
    assert_eq!(value(&database).await.as_deref(), Some("ours"));
    let store = store(&database).await;
    assert_eq!((store.generation, store.validity, store.authenticated_at), (1, Validity::Alive, Some(now())));
    assert_eq!(store.name.as_deref(), Some("Shop 17"), "what the portal said stays");
    let again = FoundStore { updated_at: Some(later(61)), ..found("") };
    assert_eq!(take(&database, &again, 120).await, Imported::SkippedSame);
}

async fn credentials_alone_make_a_store_without_a_session(place: &Place) {
    let database = place.open().await;
    assert_eq!(take(&database, &found(""), 0).await, Imported::Added);
    let store = store(&database).await;
    assert_eq!((store.generation, store.has_session, store.has_password), (0, false, true));
    assert_eq!((store.status(), store.authenticated_at), (StoreStatus::NeedsReauth, None));
    assert_eq!(value(&database).await, None);
    assert_eq!(account(&database).await, named("found@example.kz", "canary-found"));
    // The session comes later, from somewhere else.
    let session = FoundStore { email: None, password: None, updated_at: None, ..found("v1") };
    assert_eq!(take(&database, &session, 60).await, Imported::Updated);
    assert_eq!(value(&database).await.as_deref(), Some("v1"));
    assert_eq!(account(&database).await, named("found@example.kz", "canary-found"));
}

async fn a_phone_alone_waits_for_a_person(place: &Place) {
    let database = place.open().await;
    let phone =
        FoundStore { email: None, password: None, phone: Some("8 700 123 45 67".to_owned()), ..found("") };
    assert_eq!(take(&database, &phone, 0).await, Imported::Added);
    let store = store(&database).await;
    assert_eq!(
        (store.status(), store.reauth_reason.as_deref()),
        (StoreStatus::NeedsReauth, Some("needs_code_sms"))
    );
    assert_eq!(value(&database).await, None);
    let kept = database.credentials(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(kept.phone.as_deref(), Some("77001234567"));
}

async fn new_credentials_end_the_wait_for_a_person(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "ours", None).await.unwrap();
    let dead = SessionUpdate {
        generation: 1,
        lease: None,
        cookies: None,
        renewed: false,
        validity: Validity::Dead,
        checked_at: later(1),
        authenticated_at: None,
        needs_reauth: Some(Some("credentials_rejected".to_owned())),
    };
    database.update_session(&Tenant::All, &uid("17"), dead).await.unwrap();
    let newer = FoundStore { updated_at: Some(later(60)), ..found("") };
    assert_eq!(take(&database, &newer, 99).await, Imported::Updated);
    let store = store(&database).await;
    assert_eq!((store.needs_reauth, store.reauth_reason, store.validity), (false, None, Validity::Dead));
}

async fn a_session_without_an_account_keeps_the_account_that_is_here(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "ours", None).await.unwrap();
    let cookies_only = FoundStore {
        email: None,
        password: None,
        authenticated_at: Some(later(60)),
        name: None,
        ..found("theirs")
    };
    assert_eq!(take(&database, &cookies_only, 99).await, Imported::Updated);
    assert_eq!(account(&database).await, named("m17@example.kz", "canary-password"));
    assert_eq!(store(&database).await.name.as_deref(), Some("Shop 17"));
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!(session.method, Some(Method::Password));
    // One of which nobody knows how it was won.
    let unknown = FoundStore { merchant_uid: uid("18"), authenticated_at: None, ..cookies_only };
    assert_eq!(take(&database, &unknown, 99).await, Imported::Added);
    let session = database.session(&Tenant::All, &uid("18")).await.unwrap().unwrap();
    assert_eq!((session.method, session.authenticated_at), (None, None));
}

async fn a_row_of_another_program_is_taken_over(place: &Place) {
    let database = place.open().await;
    let guid = r#"{"cookies": [{"name": "mc-sid", "value": "plain"}], "email": "a@example.kz", "password": "p",
                   "authenticated_at": "2026-11-22T10:30:00+00:00"}"#;
    place
        .sql(&format!(
            "insert into kaspi_stores (merchant_id, guid, updated_at) values ('17', '{guid}', '2026-11-22T10:30:00+00:00')"
        ))
        .await;
    let older = FoundStore { authenticated_at: Some(later(-7200)), ..found("theirs") };
    assert_eq!(take(&database, &older, 0).await, Imported::SkippedOlder);
    assert_eq!(take(&database, &found("theirs"), 0).await, Imported::Updated);
    let store = store(&database).await;
    assert_eq!((store.generation, store.validity), (1, Validity::Unknown));
    assert_eq!(value(&database).await.as_deref(), Some("theirs"));
}

async fn many_that_import_the_same_add_it_once(place: &Place) {
    let (one, two) = (Arc::new(place.open().await), Arc::new(place.open().await));
    let importing: Vec<_> = (0..16)
        .map(|number| {
            let database = Arc::clone(if number % 2 == 0 { &one } else { &two });
            tokio::spawn(async move {
                database.import_store(&found("v1"), Some(&operator()), now()).await.unwrap()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for one in importing {
        answers.push(one.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| **answer == Imported::Added).count(), 1, "{answers:?}");
    assert!(
        answers.iter().all(|answer| matches!(answer, Imported::Added | Imported::SkippedSame)),
        "{answers:?}"
    );
    assert_eq!(store(&one).await.generation, 1);
}

async fn what_is_taken_is_sealed_for_its_merchant_and_told(place: &Place) {
    let database = place.open().await;
    let mut changes = database.changes();
    assert_eq!(take(&database, &found("canary-cookie"), 0).await, Imported::Added);
    while changes.recv().await.unwrap() != Change::Store(uid("17")) {}
    for (column, key, expected) in [
        ("guid", "email", "found@example.kz"),
        ("kaspi_email", "email", "found@example.kz"),
        ("kaspi_password", "password", "canary-found"),
    ] {
        let text = place.text(&format!("select cast({column} as text) from kaspi_stores")).await.unwrap();
        assert!(!text.contains("canary") && !text.contains("example"), "{column}");
        let token = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(object) => object["encrypted"].as_str().unwrap().to_owned(),
            Err(_) => text,
        };
        let opened = Envelope::MERCHANT.open_for(&ring(), "17", &token, Legacy::Refuse).unwrap();
        assert_eq!(opened.text(key), Some(expected), "{column}");
        if column == "guid" {
            let mut keys: Vec<&str> = opened.keys().map(String::as_str).collect();
            keys.sort_unstable();
            let all = [
                "auth_method",
                "authenticated_at",
                "cookies",
                "email",
                "merchant_uid",
                "password",
                "phone",
                "sms_verified",
            ];
            assert_eq!(keys, all, "what a reader of the predecessor's looks for");
        }
    }
}

async fn a_session_here_that_does_not_open_is_not_overwritten(place: &Place) {
    let database = place.open().await;
    save(&database, "18", "theirs", None).await.unwrap();
    place
        .sql("insert into kaspi_stores (merchant_id, guid) select '17', guid from kaspi_stores where merchant_id = '18'")
        .await;
    for by in [None, Some(&operator())] {
        let refused = database.import_store(&found("v1"), by, now()).await;
        assert!(matches!(refused, Err(RepositoryError::Sealed { column: "guid", .. })), "{refused:?}");
        assert!(!format!("{:?}", refused.unwrap_err()).contains("canary"));
    }
}

async fn what_is_taken_stands_in_the_timeline_and_the_audit_log(place: &Place) {
    let database = place.open().await;
    assert_eq!(take(&database, &found("v1"), 0).await, Imported::Added);
    assert_eq!(take(&database, &found("v1"), 5).await, Imported::SkippedSame);
    let newer = FoundStore { authenticated_at: Some(later(60)), ..found("v2") };
    assert_eq!(take(&database, &newer, 90).await, Imported::Updated);
    let password = FoundStore {
        password: Some("canary-later".to_owned().into()),
        updated_at: Some(later(120)),
        ..found("")
    };
    assert_eq!(take(&database, &password, 150).await, Imported::Updated);

    let told = database.list_entries(&Tenant::All, &uid("17"), None, 9).await.unwrap().unwrap();
    let brief: Vec<_> = told
        .iter()
        .map(|entry| {
            let what = &entry.what;
            (
                what.act,
                what.before.as_str(),
                what.after.as_str(),
                what.generation,
                what.at,
                what.reason.as_str(),
            )
        })
        .collect();
    let both = "a session and what to sign in with";
    assert_eq!(
        brief,
        [
            (Act::Import, "unknown", "unknown", 2, later(150), "what to sign in with"),
            (Act::Import, "unknown", "unknown", 2, later(90), "a session"),
            (Act::Import, "none", "unknown", 1, now(), both),
        ]
    );
    let filter = AuditFilter { store: Some(uid("17")), limit: 9, ..AuditFilter::default() };
    let audited = database.list_audit(&filter).await.unwrap();
    assert_eq!(audited.len(), 3, "what was skipped or only looked at changed nothing");
    assert!(audited.iter().all(|entry| entry.what.actor == operator() && entry.what.action == "import"));
    assert!(!format!("{told:?}{audited:?}").contains("canary"));
}
