//! Timelines: what repeats is counted, in its order, for its tenant only.

use std::sync::Arc;

use jiff::SignedDuration;
use kaspi_auth_core::error::Code;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::keeping::{Origin, Rung};
use kaspi_auth_core::port::{StoreRepository, TimelineRepository};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::{Act, Entry, NewEntry};
use kaspi_auth_store::SqlDatabase;
use uuid::Uuid;

use crate::support::*;

on_both!(
    entries_come_back_newest_first_and_whole,
    what_says_the_same_again_is_counted,
    what_says_something_else_is_another_entry,
    a_login_is_never_counted_into_another_entry,
    many_that_say_the_same_at_once_are_one_entry,
    a_reader_goes_on_before_its_cursor,
    trouble_begins_with_its_first_entry_and_no_further_try_moves_that,
    another_tenants_timeline_is_not_there,
    a_deleted_stores_timeline_is_gone,
    old_entries_are_pruned,
    an_entry_of_a_later_release_is_left_out,
    long_and_odd_texts_do_not_harm,
);

fn probe(second: i64) -> NewEntry {
    NewEntry {
        merchant_uid: uid("17"),
        at: later(second),
        act: Act::Probe,
        origin: Origin::Automatic,
        rung: None,
        before: "alive".to_owned(),
        after: "alive".to_owned(),
        generation: 1,
        took: SignedDuration::from_micros(1_500 + second),
        code: None,
        reason: String::new(),
        login: None,
    }
}

async fn append(database: &SqlDatabase, entries: &[NewEntry]) {
    for entry in entries {
        database.append_entry(entry).await.unwrap();
    }
}

async fn list(database: &SqlDatabase) -> Vec<Entry> {
    database.list_entries(&Tenant::All, &uid("17"), None, 100).await.unwrap().unwrap()
}

async fn entries_come_back_newest_first_and_whole(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    assert_eq!(list(&database).await, []);
    let failed = NewEntry {
        act: Act::Refresh,
        origin: Origin::Caller,
        rung: Some(Rung::Password),
        before: "dead".to_owned(),
        after: "needs_reauth".to_owned(),
        generation: 7,
        code: Some(Code::PortalUnavailable),
        reason: "the portal does not answer".to_owned(),
        login: Some(LoginId(Uuid::from_u128(9))),
        ..probe(1)
    };
    append(&database, &[probe(0), failed.clone()]).await;
    let listed = list(&database).await;
    assert_eq!(listed.iter().map(|entry| &entry.what).collect::<Vec<_>>(), [&failed, &probe(0)]);
    assert!(listed.iter().all(|entry| entry.times == 1 && entry.first_at == entry.what.at));
    assert!(listed[0].sequence > listed[1].sequence);
}

async fn what_says_the_same_again_is_counted(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    append(&database, &[probe(0), probe(10), probe(5)]).await;
    let [entry] = list(&database).await.try_into().unwrap();
    assert_eq!((entry.times, entry.first_at, entry.what.at), (3, later(0), later(10)));
    assert_eq!(entry.what.took, probe(5).took, "the last to be told");
    // Of another store in between: each store has its own newest entry.
    append(&database, &[NewEntry { merchant_uid: uid("18"), ..probe(11) }, probe(12)]).await;
    assert_eq!(list(&database).await[0].times, 4);
}

async fn what_says_something_else_is_another_entry(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let others = [
        NewEntry { act: Act::Report, ..probe(0) },
        NewEntry { origin: Origin::Caller, ..probe(0) },
        NewEntry { rung: Some(Rung::Silent), ..probe(0) },
        NewEntry { before: "unknown".to_owned(), ..probe(0) },
        NewEntry { after: "dead".to_owned(), ..probe(0) },
        NewEntry { generation: 2, ..probe(0) },
        NewEntry { code: Some(Code::PortalUnavailable), ..probe(0) },
        NewEntry { reason: "said".to_owned(), ..probe(0) },
    ];
    for other in &others {
        append(&database, &[probe(0), other.clone(), other.clone()]).await;
    }
    let listed = list(&database).await;
    assert_eq!(listed.len(), 2 * others.len(), "only the newest entry counts, not an older one");
    for pair in listed.chunks(2) {
        assert_eq!((pair[0].times, pair[1].times), (2, 1), "{:?}", pair[0].what);
    }
}

async fn a_login_is_never_counted_into_another_entry(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let login = NewEntry { login: Some(LoginId(Uuid::from_u128(1))), ..probe(0) };
    append(&database, &[probe(0), login.clone(), login, probe(0), probe(0)]).await;
    let times: Vec<u32> = list(&database).await.iter().map(|entry| entry.times).collect();
    assert_eq!(times, [2, 1, 1, 1]);
}

async fn many_that_say_the_same_at_once_are_one_entry(place: &Place) {
    let (one, two) = (Arc::new(place.open().await), Arc::new(place.open().await));
    save(&one, "17", "v1", None).await.unwrap();
    let appending: Vec<_> = (0..40)
        .map(|number| {
            let database = Arc::clone(if number % 2 == 0 { &one } else { &two });
            tokio::spawn(async move { database.append_entry(&probe(number)).await })
        })
        .collect();
    for one in appending {
        one.await.unwrap().unwrap();
    }
    let [entry] = list(&one).await.try_into().unwrap();
    assert_eq!((entry.times, entry.what.at), (40, later(39)));
}

async fn a_reader_goes_on_before_its_cursor(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    for generation in 1..=5 {
        append(&database, &[NewEntry { generation, ..probe(0) }]).await;
    }
    let page = async |before| {
        let page = database.list_entries(&Tenant::All, &uid("17"), before, 2).await.unwrap().unwrap();
        (
            page.iter().map(|entry| entry.what.generation).collect::<Vec<_>>(),
            page.last().map(|last| last.sequence),
        )
    };
    let (first, cursor) = page(None).await;
    let (second, cursor) = page(cursor).await;
    let (third, cursor) = page(cursor).await;
    let (none, _) = page(cursor).await;
    assert_eq!([first, second, third, none], [vec![5, 4], vec![3, 2], vec![1], vec![]]);
}

async fn trouble_begins_with_its_first_entry_and_no_further_try_moves_that(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let since = async || database.trouble_since(&uid("17")).await.unwrap();
    let stands = |second, before: &str, after: &str| NewEntry {
        before: before.to_owned(),
        after: after.to_owned(),
        ..probe(second)
    };
    assert_eq!(since().await, None, "nothing is known");
    append(&database, &[stands(0, "alive", "dead"), probe(10)]).await;
    assert_eq!(since().await, None, "it is over");
    append(&database, &[stands(20, "alive", "dead"), stands(30, "dead", "dead"), stands(40, "dead", "dead")])
        .await;
    append(&database, &[stands(50, "dead", "needs_reauth")]).await;
    let other = NewEntry { merchant_uid: uid("18"), ..stands(5, "alive", "dead") };
    append(&database, &[other]).await;
    assert_eq!(since().await, Some(later(20)));
    append(&database, &[stands(60, "needs_reauth", "unknown")]).await;
    assert_eq!(since().await, None, "a new session of which nothing is known");
}

async fn another_tenants_timeline_is_not_there(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    append(&database, &[probe(0)]).await;
    let seen = async |tenant: Tenant, merchant: &str| {
        let listed = database.list_entries(&tenant, &uid(merchant), None, 9).await.unwrap();
        listed.map(|entries| entries.len())
    };
    assert_eq!(seen(tenant("u1"), "17").await, Some(1));
    assert_eq!(seen(tenant("u2"), "17").await, None);
    assert_eq!(seen(Tenant::All, "18").await, None, "no such store");
    let none = database.list_entries(&tenant("u2"), &uid("17"), None, 0).await.unwrap();
    assert_eq!(none, None, "nor when nothing is asked for");
}

async fn a_deleted_stores_timeline_is_gone(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", Some("u1")).await.unwrap();
    append(&database, &[probe(0), NewEntry { merchant_uid: uid("18"), ..probe(0) }]).await;
    assert!(database.delete_store(&Tenant::All, &uid("17")).await.unwrap());
    save(&database, "17", "v2", Some("u2")).await.unwrap();
    let listed = database.list_entries(&tenant("u2"), &uid("17"), None, 9).await.unwrap().unwrap();
    assert_eq!(listed, [], "its next holder reads nothing of the one before");
    let left = place.text("select cast(count(*) as text) from kaspi_auth_timeline").await;
    assert_eq!(left.as_deref(), Some("1"), "other stores keep theirs");
}

async fn old_entries_are_pruned(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    for second in 0..6 {
        append(&database, &[NewEntry { generation: second, ..probe(second) }]).await;
    }
    assert_eq!(database.prune_entries(later(4), 3).await.unwrap(), 3);
    assert_eq!(database.prune_entries(later(4), 3).await.unwrap(), 1);
    assert_eq!(database.prune_entries(later(4), 3).await.unwrap(), 0);
    let left: Vec<i64> = list(&database).await.iter().map(|entry| entry.what.generation).collect();
    assert_eq!(left, [5, 4]);
}

async fn an_entry_of_a_later_release_is_left_out(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    append(
        &database,
        &[probe(0), NewEntry { generation: 2, ..probe(0) }, NewEntry { generation: 3, ..probe(0) }],
    )
    .await;
    place.sql("update kaspi_auth_timeline set act = 'dance' where generation = 3").await;
    place.sql("update kaspi_auth_timeline set code = 'tired' where generation = 2").await;
    let page = database.list_entries(&Tenant::All, &uid("17"), None, 1).await.unwrap().unwrap();
    assert_eq!(
        page.iter().map(|entry| entry.what.generation).collect::<Vec<_>>(),
        [1],
        "a page goes on behind it"
    );
}

async fn long_and_odd_texts_do_not_harm(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let odd = NewEntry { reason: format!("ы\0{}", "ы".repeat(5000)), ..probe(0) };
    append(&database, &[odd.clone(), odd]).await;
    let [entry] = list(&database).await.try_into().unwrap();
    assert_eq!((entry.times, entry.what.reason), (2, "ы".repeat(1000)));
}
