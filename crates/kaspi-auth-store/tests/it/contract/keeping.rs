//! What is known of keeping stores alive: a row for each store, whoever made it, and what is noted there.

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::keeping::{Observation, RefreshOutcome, Rung};
use kaspi_auth_core::port::{KeepingRepository, StoreRepository};
use kaspi_auth_core::store::StoreChange;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::{Change, SqlDatabase};

use crate::support::*;

on_both!(
    a_new_store_is_due_at_once,
    a_store_that_another_program_inserts_is_due_at_once,
    a_session_that_another_program_writes_is_due_at_once,
    a_look_that_was_under_way_does_not_put_off_another_programs_session,
    what_is_no_new_session_leaves_the_due_time,
    our_own_new_session_leaves_the_due_time,
    a_store_that_is_switched_on_is_due_at_once,
    a_deleted_store_leaves_nothing,
    a_renamed_store_is_another,
    a_due_time_is_brought_forward_only,
    what_a_wrong_clock_has_put_off_is_brought_back,
    uses_are_noted_and_older_ones_change_nothing,
    many_uses_are_noted_at_once_from_two_nodes,
    what_is_scheduled_or_used_costs_nobody_a_session_in_memory,
    the_newest_look_counts_and_a_death_stays_one,
    observations_are_listed_newest_first_and_pruned,
);

const AT_ONCE: Option<Timestamp> = Some(Timestamp::UNIX_EPOCH);

async fn due(database: &SqlDatabase, merchant: &str) -> Option<Timestamp> {
    database.keeping(&uid(merchant)).await.unwrap().unwrap().due_at
}

async fn take(place: &Place, at: Timestamp) {
    // As the pass that hands out due stores does.
    place.sql(&format!("update kaspi_auth_keeping set due_at = {}", at.as_microsecond())).await;
}

async fn what_a_wrong_clock_has_put_off_is_brought_back(place: &Place) {
    let database = place.open().await;
    for (merchant, at) in [("17", Some(later(100))), ("18", Some(later(101))), ("19", None)] {
        save(&database, merchant, "v1", None).await.unwrap();
        database.schedule(&uid(merchant), at, 0).await.unwrap();
    }
    assert_eq!(database.bring_back(later(1), later(100)).await.unwrap(), 1);
    for (merchant, at) in [("17", Some(later(100))), ("18", Some(later(1))), ("19", None)] {
        assert_eq!(due(&database, merchant).await, at);
    }
}

async fn a_new_store_is_due_at_once(place: &Place) {
    let database = place.open().await;
    assert_eq!(database.keeping(&uid("17")).await.unwrap(), None);
    save(&database, "17", "v1", None).await.unwrap();
    let keeping = database.keeping(&uid("17")).await.unwrap().unwrap();
    assert_eq!((keeping.due_at, keeping.used_at, keeping.failures), (AT_ONCE, None, 0));
    assert_eq!((keeping.merchant_uid, keeping.outcome, keeping.lease), (uid("17"), None, None));
    database.schedule(&uid("17"), Some(later(60)), 3).await.unwrap();
    let keeping = database.keeping(&uid("17")).await.unwrap().unwrap();
    assert_eq!((keeping.due_at, keeping.failures), (Some(later(60)), 3));
    database.schedule(&uid("17"), None, 0).await.unwrap();
    assert_eq!(due(&database, "17").await, None);
}

async fn a_store_that_another_program_inserts_is_due_at_once(place: &Place) {
    let database = place.open().await;
    place.sql("insert into kaspi_stores (merchant_id, name) values ('55', 'by hand')").await;
    assert_eq!(due(&database, "55").await, AT_ONCE);
    if place.is_sqlite() {
        // Such a row is deleted without a word and inserted anew.
        take(place, later(60)).await;
        place.sql("insert or replace into kaspi_stores (merchant_id, name) values ('55', 'again')").await;
        assert_eq!(due(&database, "55").await, AT_ONCE);
    }
}

async fn a_session_that_another_program_writes_is_due_at_once(place: &Place) {
    let database = place.open().await;
    for merchant in ["17", "18"] {
        save(&database, merchant, "v1", None).await.unwrap();
    }
    take(place, later(60)).await;
    place.sql("update kaspi_stores set guid = '{}' where merchant_id = '17'").await;
    assert_eq!((due(&database, "17").await, due(&database, "18").await), (AT_ONCE, Some(later(60))));
}

async fn a_look_that_was_under_way_does_not_put_off_another_programs_session(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    take(place, later(60)).await;
    place.sql("update kaspi_stores set guid = '{}'").await;
    database.schedule(&uid("17"), Some(later(600)), 2).await.unwrap();
    let keeping = database.keeping(&uid("17")).await.unwrap().unwrap();
    assert_eq!((keeping.due_at, keeping.failures), (AT_ONCE, 2));
    take(place, later(60)).await;
    database.schedule(&uid("17"), Some(later(600)), 0).await.unwrap();
    assert_eq!(due(&database, "17").await, Some(later(600)), "the look at the new session puts it off");
}

async fn what_is_no_new_session_leaves_the_due_time(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    take(place, later(60)).await;
    place.sql("update kaspi_stores set name = 'x', needs_reauth = true, is_active = true").await;
    place.sql("update kaspi_stores set guid = guid").await;
    assert_eq!(due(&database, "17").await, Some(later(60)));
}

async fn our_own_new_session_leaves_the_due_time(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    take(place, later(60)).await;
    save(&database, "17", "v2", None).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("v2"));
    assert_eq!(due(&database, "17").await, Some(later(60)));
}

async fn a_store_that_is_switched_on_is_due_at_once(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let switch = |on| StoreChange { is_active: Some(on), ..StoreChange::default() };
    database.change_store(&Tenant::All, &uid("17"), &switch(false), now()).await.unwrap();
    database.schedule(&uid("17"), None, 0).await.unwrap();
    database.change_store(&Tenant::All, &uid("17"), &switch(true), now()).await.unwrap();
    assert_eq!(due(&database, "17").await, AT_ONCE);
}

async fn a_deleted_store_leaves_nothing(place: &Place) {
    let database = place.open().await;
    let observation = Observation { generation: 1, age: SignedDuration::from_hours(1), died: true };
    for merchant in ["17", "18"] {
        save(&database, merchant, "v1", None).await.unwrap();
        database.observe(&uid(merchant), observation, now()).await.unwrap();
    }
    database.delete_store(&Tenant::All, &uid("17")).await.unwrap();
    place.sql("delete from kaspi_stores where merchant_id = '18'").await;
    for merchant in ["17", "18"] {
        assert_eq!(database.keeping(&uid(merchant)).await.unwrap(), None);
        assert_eq!(database.observations(Some(&uid(merchant)), 9).await.unwrap(), []);
    }
    if !place.is_sqlite() {
        save(&database, "19", "v1", None).await.unwrap();
        place.sql("truncate kaspi_stores").await;
        assert_eq!(database.keeping(&uid("19")).await.unwrap(), None);
    }
}

async fn a_renamed_store_is_another(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    take(place, later(60)).await;
    let lease = database.acquire_refresh_lease(&uid("17"), node(1), now(), later(30)).await;
    assert!(lease.is_ok());
    place.sql("update kaspi_stores set merchant_id = '18'").await;
    assert_eq!(database.keeping(&uid("17")).await.unwrap(), None);
    let keeping = database.keeping(&uid("18")).await.unwrap().unwrap();
    assert_eq!((keeping.due_at, keeping.lease), (AT_ONCE, None));
}

async fn a_due_time_is_brought_forward_only(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let uid = uid("17");
    database.schedule(&uid, None, 4).await.unwrap();
    for (asked, expected) in [(60, 60), (90, 60), (30, 30)] {
        database.hasten(&uid, later(asked)).await.unwrap();
        assert_eq!(due(&database, "17").await, Some(later(expected)));
    }
    assert_eq!(database.keeping(&uid).await.unwrap().unwrap().failures, 4, "nothing else changes");
    database.hasten(&self::uid("404"), now()).await.unwrap();
}

async fn uses_are_noted_and_older_ones_change_nothing(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    save(&database, "18", "v1", None).await.unwrap();
    let used = async |merchant| database.keeping(&uid(merchant)).await.unwrap().unwrap().used_at;
    let noted = [(uid("18"), later(9)), (uid("404"), now()), (uid("17"), later(5))];
    database.note_uses(&noted).await.unwrap();
    assert_eq!((used("17").await, used("18").await), (Some(later(5)), Some(later(9))));
    database.note_uses(&[(uid("17"), later(4)), (uid("18"), later(10))]).await.unwrap();
    assert_eq!((used("17").await, used("18").await), (Some(later(5)), Some(later(10))));
    database.note_uses(&[]).await.unwrap();
}

async fn many_uses_are_noted_at_once_from_two_nodes(place: &Place) {
    let nodes = [std::sync::Arc::new(place.open().await), std::sync::Arc::new(place.open().await)];
    let rows: Vec<String> = (0..1200).map(|number| format!("('{number}')")).collect();
    place.sql(&format!("insert into kaspi_stores (merchant_id) values {}", rows.join(", "))).await;
    let noting: Vec<_> = (0..6_usize)
        .map(|turn| {
            let database = std::sync::Arc::clone(&nodes[turn % 2]);
            tokio::spawn(async move {
                let mut uses: Vec<_> = (0..1200)
                    .map(|number| (uid(&number.to_string()), later(i64::try_from(turn).unwrap())))
                    .collect();
                // Everybody hears of them in an order of his own.
                uses.rotate_left(turn * 200);
                database.note_uses(&uses).await.unwrap();
            })
        })
        .collect();
    for one in noting {
        one.await.unwrap();
    }
    let missed = format!(
        "select cast(count(*) as text) from kaspi_auth_keeping where used_at is null or used_at <> {}",
        later(5).as_microsecond()
    );
    assert_eq!(place.text(&missed).await.as_deref(), Some("0"));
}

async fn what_is_scheduled_or_used_costs_nobody_a_session_in_memory(place: &Place) {
    let (here, there) = (place.open().await, place.open().await);
    save(&here, "17", "v1", None).await.unwrap();
    // Told of in the order of commits, so what came before the marker has been heard with it.
    let until = async |marker: &str, listeners: &mut [tokio::sync::broadcast::Receiver<Change>; 2]| {
        place.sql(&format!("insert into kaspi_stores (merchant_id) values ('{marker}')")).await;
        let mut heard = [Vec::new(), Vec::new()];
        for (listener, heard) in listeners.iter_mut().zip(&mut heard) {
            loop {
                let next = tokio::time::timeout(std::time::Duration::from_secs(10), listener.recv()).await;
                match next.unwrap().unwrap() {
                    Change::Store(store) if store == uid(marker) => break,
                    change => heard.push(change),
                }
            }
        }
        heard.map(|heard| heard.contains(&Change::Store(uid("17"))))
    };
    let mut listeners = [here.changes(), there.changes()];
    until("901", &mut listeners).await;

    let uid = uid("17");
    here.schedule(&uid, Some(later(60)), 1).await.unwrap();
    here.hasten(&uid, later(30)).await.unwrap();
    here.note_uses(&[(uid.clone(), later(5))]).await.unwrap();
    let observation = Observation { generation: 1, age: SignedDuration::from_hours(1), died: false };
    here.observe(&uid, observation, now()).await.unwrap();
    let asked = here.acquire_refresh_lease(&uid, node(1), now(), later(30)).await.unwrap();
    let kaspi_auth_core::keeping::LeaseAsked::Granted(lease) = asked else { panic!("{asked:?}") };
    here.renew_refresh_lease(&uid, lease, later(60)).await.unwrap();
    assert_eq!(until("902", &mut listeners).await, [false, false]);

    // The end of a refresh is told, everywhere.
    let outcome = RefreshOutcome {
        epoch: lease.epoch,
        at: later(7),
        rung: Some(Rung::Silent),
        code: None,
        detail: String::new(),
        retry_at: None,
    };
    assert!(here.end_refresh(&uid, lease, &outcome).await.unwrap());
    assert_eq!(until("903", &mut listeners).await, [true, true]);
}

async fn the_newest_look_counts_and_a_death_stays_one(place: &Place) {
    let database = place.open().await;
    let store = uid("17");
    let seen = |hours, died| Observation { generation: 1, age: SignedDuration::from_hours(hours), died };
    let stored = async || database.observations(Some(&store), 9).await.unwrap();
    database.observe(&store, seen(1, false), later(1)).await.unwrap();
    database.observe(&store, seen(3, false), later(3)).await.unwrap();
    database.observe(&store, seen(2, false), later(2)).await.unwrap();
    assert_eq!(stored().await, [seen(3, false)]);
    database.observe(&store, seen(4, true), later(4)).await.unwrap();
    database.observe(&store, seen(5, false), later(5)).await.unwrap();
    database.observe(&store, seen(6, true), later(6)).await.unwrap();
    assert_eq!(stored().await, [seen(4, true)]);
}

async fn observations_are_listed_newest_first_and_pruned(place: &Place) {
    let database = place.open().await;
    let seen = |generation| Observation { generation, age: SignedDuration::from_millis(1500), died: false };
    for generation in 1..=3 {
        database.observe(&uid("17"), seen(generation), later(generation)).await.unwrap();
        database.observe(&uid("18"), seen(generation + 10), later(generation + 10)).await.unwrap();
    }
    assert_eq!(database.observations(Some(&uid("17")), 2).await.unwrap(), [seen(3), seen(2)]);
    let all = database.observations(None, 4).await.unwrap();
    assert_eq!(all, [seen(13), seen(12), seen(11), seen(3)]);
    assert_eq!(database.prune_observations(later(12), 2).await.unwrap(), 2);
    assert_eq!(database.prune_observations(later(12), 9).await.unwrap(), 2);
    assert_eq!(database.observations(None, 9).await.unwrap(), [seen(13), seen(12)]);
}
