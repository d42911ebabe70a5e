//! The audit log: read newest first, by store, actor and action; changed by nobody.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::audit::{Actor, AuditEntry, AuditFilter, NewAudit};
use kaspi_auth_core::port::{AuditRepository, RepositoryError};
use kaspi_auth_store::SqlDatabase;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::support::*;

on_both!(
    entries_come_back_newest_first_and_whole,
    entries_are_found_by_store_actor_and_action,
    a_reader_goes_on_before_its_cursor,
    no_entry_is_ever_changed,
    an_entry_of_the_last_thirty_days_is_not_deleted,
    old_entries_are_pruned_in_portions,
    an_entry_of_a_later_release_is_left_out,
    long_and_odd_texts_do_not_harm,
);

fn entry(action: &str) -> NewAudit {
    NewAudit {
        at: now(),
        actor: Actor::ApiKey("k1".to_owned()),
        action: action.to_owned(),
        store: Some(uid("17")),
        subject: None,
        result: "ok".to_owned(),
        times: 1,
        request_id: None,
    }
}

/// By the machine's clock, which is the database's.
fn days_ago(days: i64) -> Timestamp {
    Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)
}

fn all() -> AuditFilter {
    AuditFilter { limit: 100, ..AuditFilter::default() }
}

fn actions(entries: &[AuditEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.what.action.as_str()).collect()
}

async fn listed(database: &SqlDatabase, filter: AuditFilter) -> Vec<AuditEntry> {
    database.list_audit(&filter).await.unwrap()
}

/// Runs SQL as another program would; whether it was let.
async fn is_let(place: &Place, sql: &str) -> bool {
    let sql = AssertSqlSafe(sql.to_owned());
    if place.is_sqlite() {
        let mut connection = SqliteConnection::connect(place.url()).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.is_ok()
    } else {
        let mut connection = PgConnection::connect(place.url()).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.is_ok()
    }
}

async fn entries_come_back_newest_first_and_whole(place: &Place) {
    let database = place.open().await;
    assert_eq!(listed(&database, all()).await, []);
    let told = [
        NewAudit { times: 40, request_id: Some("r-1".to_owned()), ..entry("get_session") },
        NewAudit {
            actor: Actor::CommandLine("root".to_owned()),
            store: None,
            subject: Some("key-7".to_owned()),
            ..entry("keys rotate")
        },
        NewAudit { actor: Actor::Anonymous, result: "unauthorized".to_owned(), ..entry("get_session") },
        NewAudit { actor: Actor::User("u1".to_owned()), ..entry("delete_store") },
    ];
    database.append_audit(&told).await.unwrap();
    database.append_audit(&[]).await.unwrap();
    let entries = listed(&database, all()).await;
    assert_eq!(entries.iter().rev().map(|entry| entry.what.clone()).collect::<Vec<_>>(), told);
    assert!(entries.is_sorted_by(|newer, older| newer.sequence > older.sequence));
}

async fn entries_are_found_by_store_actor_and_action(place: &Place) {
    let database = place.open().await;
    let mut told = Vec::new();
    for (number, store) in [(1, Some("17")), (2, Some("18")), (3, None)] {
        for (kind, actor) in [
            ("k", Actor::ApiKey("1".to_owned())),
            ("u", Actor::User("1".to_owned())),
            ("a", Actor::Anonymous),
        ] {
            let action = format!("{kind}{number}");
            told.push(NewAudit { actor, store: store.map(uid), ..entry(&action) });
        }
    }
    database.append_audit(&told).await.unwrap();
    let store = || Some(uid("17"));
    let actor = || Some(Actor::User("1".to_owned()));
    let action = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (AuditFilter { store: store(), ..all() }, ["a1", "u1", "k1"].as_slice()),
        (AuditFilter { actor: actor(), ..all() }, &["u3", "u2", "u1"]),
        (AuditFilter { actor: Some(Actor::Anonymous), ..all() }, &["a3", "a2", "a1"]),
        (AuditFilter { action: action("k2"), ..all() }, &["k2"]),
        (AuditFilter { store: store(), actor: actor(), ..all() }, &["u1"]),
        (AuditFilter { store: store(), action: action("k2"), ..all() }, &[]),
        (AuditFilter { actor: actor(), action: action("u2"), ..all() }, &["u2"]),
        (AuditFilter { store: store(), actor: actor(), action: action("u1"), ..all() }, &["u1"]),
        (AuditFilter { limit: 0, ..all() }, &[]),
    ] {
        let entries = listed(&database, filter.clone()).await;
        assert_eq!(actions(&entries), expected, "{filter:?}");
    }
}

async fn a_reader_goes_on_before_its_cursor(place: &Place) {
    let database = place.open().await;
    for action in ["a", "b", "c", "d", "e"] {
        database.append_audit(&[entry(action)]).await.unwrap();
    }
    for filter in [
        all(),
        AuditFilter { store: Some(uid("17")), ..all() },
        AuditFilter { actor: Some(entry("").actor), ..all() },
    ] {
        let (mut before, mut seen) = (None, Vec::new());
        loop {
            let page = listed(&database, AuditFilter { before, limit: 2, ..filter.clone() }).await;
            let Some(last) = page.last() else { break };
            before = Some(last.sequence);
            seen.extend(page.into_iter().map(|entry| entry.what.action));
        }
        assert_eq!(seen, ["e", "d", "c", "b", "a"], "{filter:?}");
    }
}

async fn no_entry_is_ever_changed(place: &Place) {
    let database = place.open().await;
    let old = NewAudit { at: Timestamp::UNIX_EPOCH, ..entry("get_session") };
    database.append_audit(&[old.clone(), entry("delete_store")]).await.unwrap();
    let mut tries = vec![
        "update kaspi_auth_audit set result = 'ok'".to_owned(),
        "update kaspi_auth_audit set at = 0 where action = 'get_session'".to_owned(),
    ];
    if place.is_sqlite() {
        tries.push(
            "insert or replace into kaspi_auth_audit
                (sequence, at, actor_kind, actor_id, action, result, times) values (2, 0, 'user', 'x', 'y', 'ok', 1)"
                .to_owned(),
        );
    } else {
        tries.push("truncate kaspi_auth_audit".to_owned());
        tries.push("update kaspi_auth_audit set at = 0 where false".to_owned());
    }
    for sql in tries {
        assert!(!is_let(place, &sql).await, "{sql}");
    }
    let entries = listed(&database, all()).await;
    assert_eq!(actions(&entries), ["delete_store", "get_session"]);
    assert_eq!(entries[1].what, old);
}

async fn an_entry_of_the_last_thirty_days_is_not_deleted(place: &Place) {
    let database = place.open().await;
    let told = [
        NewAudit { at: days_ago(31), ..entry("old") },
        NewAudit { at: days_ago(29), ..entry("young") },
        NewAudit { at: days_ago(-2), ..entry("of a clock that is ahead") },
    ];
    database.append_audit(&told).await.unwrap();
    assert!(!is_let(place, "delete from kaspi_auth_audit").await);
    assert!(!is_let(place, "delete from kaspi_auth_audit where action = 'young'").await);
    let refused = database.prune_audit(days_ago(1), 100).await;
    let Err(RepositoryError::Unfit(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("30 days"), "{why}");
    assert_eq!(listed(&database, all()).await.len(), 3, "a refused pass deletes nothing");
    assert_eq!(database.prune_audit(days_ago(30), 100).await.unwrap(), 1);
    assert_eq!(actions(&listed(&database, all()).await), ["of a clock that is ahead", "young"]);
}

async fn old_entries_are_pruned_in_portions(place: &Place) {
    let database = place.open().await;
    let told: Vec<_> = (0..5)
        .map(|second| NewAudit {
            at: Timestamp::from_second(100 - second).unwrap(),
            ..entry(&second.to_string())
        })
        .collect();
    database.append_audit(&told).await.unwrap();
    assert_eq!(database.prune_audit(Timestamp::from_second(100).unwrap(), 3).await.unwrap(), 3);
    assert_eq!(actions(&listed(&database, all()).await), ["1", "0"], "the oldest first");
    assert_eq!(database.prune_audit(Timestamp::from_second(100).unwrap(), 3).await.unwrap(), 1);
    assert_eq!(database.prune_audit(Timestamp::from_second(100).unwrap(), 3).await.unwrap(), 0);
}

async fn an_entry_of_a_later_release_is_left_out(place: &Place) {
    let database = place.open().await;
    database.append_audit(&[entry("a")]).await.unwrap();
    place
        .sql(
            "insert into kaspi_auth_audit (at, actor_kind, actor_id, action, result, times)
             values (1, 'robot', 'r', 'b', 'ok', 1), (1, 'robot', 'r', 'b', 'ok', 1)",
        )
        .await;
    let page = listed(&database, AuditFilter { limit: 1, ..all() }).await;
    assert_eq!(actions(&page), ["a"], "a page goes on behind it");
}

async fn long_and_odd_texts_do_not_harm(place: &Place) {
    let database = place.open().await;
    let told =
        NewAudit { subject: Some(format!("\0{}", "ы".repeat(9000))), times: u64::MAX, ..entry("a\0") };
    database.append_audit(&[told]).await.unwrap();
    let [kept] = listed(&database, all()).await.try_into().unwrap();
    assert_eq!((kept.what.action.as_str(), kept.what.subject), ("a", Some("ы".repeat(255))));
    assert_eq!(kept.what.times, i64::MAX.unsigned_abs());
}
