//! The right to refresh: one holder over all nodes, fenced by its epoch, and everybody hears of its end.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::error::Code;
use kaspi_auth_core::keeping::{LeaseAsked, RefreshLease, RefreshOutcome, Rung};
use kaspi_auth_core::port::{KeepingRepository, RepositoryError, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::{Change, SqlDatabase};

use crate::support::*;

on_both!(
    a_lease_has_one_holder_until_its_time_is_over,
    a_lease_is_extended_by_its_holder_only,
    two_nodes_that_ask_at_once_get_one_lease,
    an_outcome_comes_back_as_it_went_in,
    who_lost_the_lease_ends_nothing,
    a_write_under_a_lost_lease_is_refused,
    a_write_under_the_lease_of_another_store_is_refused,
    nobody_gets_a_lease_of_a_store_that_is_not_there,
    a_store_that_is_made_anew_knows_no_lease_of_the_one_before,
    a_lease_of_a_clock_that_was_wrong_is_taken_over,
    epochs_go_on_where_the_clock_is_set_back,
    waiters_hear_the_end_from_another_process,
    writes_under_a_lease_and_of_another_program_do_not_wait_in_a_circle,
);

async fn granted(database: &SqlDatabase, number: u128, at: i64) -> RefreshLease {
    let asked = database.acquire_refresh_lease(&uid("17"), node(number), later(at), later(at + 30)).await;
    match asked.unwrap() {
        LeaseAsked::Granted(lease) => lease,
        held @ LeaseAsked::Held { .. } => panic!("{held:?}"),
    }
}

/// The epoch of a lease that was granted then.
fn epoch_at(seconds: i64) -> i64 {
    later(seconds).as_microsecond()
}

fn outcome(epoch: i64, code: Option<Code>) -> RefreshOutcome {
    RefreshOutcome {
        epoch,
        at: later(7),
        rung: Some(Rung::Password),
        code,
        detail: code.map_or("", |_| "The portal\0 said no.").to_owned(),
        retry_at: code.map(|_| later(60)),
    }
}

fn renewal<'a>(generation: i64, lease: Option<RefreshLease>) -> SessionUpdate<'a> {
    SessionUpdate {
        generation,
        lease,
        cookies: None,
        renewed: false,
        validity: Validity::Dead,
        checked_at: later(5),
        authenticated_at: None,
        needs_reauth: None,
    }
}

async fn a_lease_has_one_holder_until_its_time_is_over(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let first = granted(&database, 1, 0).await;
    let epoch = first.epoch;
    assert_eq!((first.node, epoch), (node(1), epoch_at(0)));
    for asker in [1, 2] {
        let asked = database.acquire_refresh_lease(&uid("17"), node(asker), later(29), later(60)).await;
        assert_eq!(asked.unwrap(), LeaseAsked::Held { epoch, until: later(30) });
    }
    assert_eq!(database.keeping(&uid("17")).await.unwrap().unwrap().lease, Some((first, later(30))));
    let second = granted(&database, 2, 30).await;
    assert_eq!((second.node, second.epoch), (node(2), epoch_at(30)));
}

async fn a_lease_is_extended_by_its_holder_only(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let first = granted(&database, 1, 0).await;
    assert!(database.renew_refresh_lease(&uid("17"), first, later(50)).await.unwrap());
    let strange = RefreshLease { node: node(2), ..first };
    assert!(!database.renew_refresh_lease(&uid("17"), strange, later(90)).await.unwrap());
    let asked = database.acquire_refresh_lease(&uid("17"), node(2), later(49), later(90)).await;
    assert_eq!(asked.unwrap(), LeaseAsked::Held { epoch: first.epoch, until: later(50) });
    // The same node, later: what it began before is another lease.
    let again = granted(&database, 1, 60).await;
    assert!(!database.renew_refresh_lease(&uid("17"), first, later(999)).await.unwrap());
    assert!(database.end_refresh(&uid("17"), again, &outcome(2, None)).await.unwrap());
    assert!(!database.renew_refresh_lease(&uid("17"), again, later(999)).await.unwrap(), "it has ended");
    assert_eq!(granted(&database, 2, 60).await.epoch, again.epoch + 1, "in the same moment");
}

async fn two_nodes_that_ask_at_once_get_one_lease(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    save(&nodes[0], "17", "v1", None).await.unwrap();
    for round in 1..=5 {
        let asking: Vec<_> = (0..12)
            .map(|number| {
                let database = Arc::clone(&nodes[number % 2]);
                let at = round * 100;
                tokio::spawn(async move {
                    let asker = node(number as u128);
                    database
                        .acquire_refresh_lease(&uid("17"), asker, later(at), later(at + 30))
                        .await
                        .unwrap()
                })
            })
            .collect();
        let mut leases = 0;
        for one in asking {
            match one.await.unwrap() {
                LeaseAsked::Granted(lease) => {
                    assert_eq!(lease.epoch, epoch_at(round * 100));
                    leases += 1;
                }
                LeaseAsked::Held { epoch, until } => {
                    assert_eq!((epoch, until), (epoch_at(round * 100), later(round * 100 + 30)));
                }
            }
        }
        assert_eq!(leases, 1);
    }
}

async fn an_outcome_comes_back_as_it_went_in(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let lease = granted(&database, 1, 0).await;
    assert!(
        database.end_refresh(&uid("17"), lease, &outcome(1, Some(Code::InvalidCredentials))).await.unwrap()
    );
    let keeping = database.keeping(&uid("17")).await.unwrap().unwrap();
    let expected = RefreshOutcome {
        detail: "The portal said no.".to_owned(),
        ..outcome(1, Some(Code::InvalidCredentials))
    };
    assert_eq!((keeping.outcome, keeping.lease), (Some(expected), None));
    let lease = granted(&database, 2, 1).await;
    assert!(database.end_refresh(&uid("17"), lease, &outcome(2, None)).await.unwrap());
    let keeping = database.keeping(&uid("17")).await.unwrap().unwrap();
    assert_eq!(keeping.outcome, Some(outcome(2, None)), "nothing is left of the one before");
    place.sql("update kaspi_auth_keeping set outcome_code = 'of_a_later_release'").await;
    let keeping = database.keeping(&uid("17")).await.unwrap().unwrap();
    assert_eq!(keeping.outcome.unwrap().code, Some(Code::Internal), "a failure all the same");
}

async fn who_lost_the_lease_ends_nothing(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let lost = granted(&database, 1, 0).await;
    let present = granted(&database, 2, 30).await;
    assert!(!database.end_refresh(&uid("17"), lost, &outcome(1, None)).await.unwrap());
    let keeping = database.keeping(&uid("17")).await.unwrap().unwrap();
    assert_eq!((keeping.outcome, keeping.lease), (None, Some((present, later(60)))));
}

async fn a_write_under_a_lost_lease_is_refused(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let lost = granted(&database, 1, 0).await;
    let present = granted(&database, 2, 30).await;
    let new = cookies("late");
    let late = [
        renewal(1, Some(lost)),
        SessionUpdate {
            cookies: Some(&new),
            renewed: true,
            authenticated_at: Some(later(5)),
            ..renewal(1, Some(lost))
        },
    ];
    for update in late.clone() {
        let refused = database.update_session(&Tenant::All, &uid("17"), update).await;
        assert!(matches!(refused, Err(RepositoryError::Conflict)));
    }
    let session = database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap();
    assert_eq!((session.generation, session.validity), (1, Validity::Alive), "nothing of it was written");
    for update in late {
        let update = SessionUpdate { lease: Some(present), ..update };
        database.update_session(&Tenant::All, &uid("17"), update).await.unwrap();
    }
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("late"));
    assert_eq!(database.session(&Tenant::All, &uid("17")).await.unwrap().unwrap().generation, 2);
    // Of an older generation it is refused under any lease.
    let old = database.update_session(&Tenant::All, &uid("17"), renewal(1, Some(present))).await;
    assert!(matches!(old, Err(RepositoryError::Conflict)));
    database.end_refresh(&uid("17"), present, &outcome(2, None)).await.unwrap();
    let ended = database.update_session(&Tenant::All, &uid("17"), renewal(2, Some(present))).await;
    assert!(matches!(ended, Err(RepositoryError::Conflict)), "its lease has ended");
}

async fn a_write_under_the_lease_of_another_store_is_refused(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    save(&database, "18", "v1", None).await.unwrap();
    let lease = granted(&database, 1, 0).await;
    let strange = database.update_session(&Tenant::All, &uid("18"), renewal(1, Some(lease))).await;
    assert!(matches!(strange, Err(RepositoryError::Conflict)));
}

async fn nobody_gets_a_lease_of_a_store_that_is_not_there(place: &Place) {
    let database = place.open().await;
    let asked = database.acquire_refresh_lease(&uid("17"), node(1), now(), later(30)).await;
    assert!(matches!(asked, Err(RepositoryError::Conflict)));
}

async fn a_store_that_is_made_anew_knows_no_lease_of_the_one_before(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let lost = granted(&database, 1, 0).await;
    assert!(database.delete_store(&Tenant::All, &uid("17")).await.unwrap());
    save(&database, "17", "new", None).await.unwrap();
    let present = granted(&database, 1, 1).await;
    assert!(present.epoch > lost.epoch, "the same node, and another lease");
    let late = cookies("late");
    let update = SessionUpdate {
        cookies: Some(&late),
        renewed: true,
        authenticated_at: Some(later(5)),
        ..renewal(1, Some(lost))
    };
    let refused = database.update_session(&Tenant::All, &uid("17"), update).await;
    assert!(matches!(refused, Err(RepositoryError::Conflict)));
    assert!(!database.renew_refresh_lease(&uid("17"), lost, later(99)).await.unwrap());
    assert!(!database.end_refresh(&uid("17"), lost, &outcome(lost.epoch, None)).await.unwrap());
    assert_eq!(value_of(&database, &Tenant::All, "17").await.as_deref(), Some("new"));
}

async fn a_lease_of_a_clock_that_was_wrong_is_taken_over(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let ahead = granted(&database, 1, 86_400).await;
    let next = granted(&database, 2, 0).await;
    assert!(!database.renew_refresh_lease(&uid("17"), ahead, later(60)).await.unwrap());
    // Clocks that differ by some seconds are right.
    let asked = database.acquire_refresh_lease(&uid("17"), node(1), later(-20), later(10)).await;
    assert_eq!(asked.unwrap(), LeaseAsked::Held { epoch: next.epoch, until: later(30) });
}

async fn epochs_go_on_where_the_clock_is_set_back(place: &Place) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    let first = granted(&database, 1, 86_400).await;
    assert!(database.end_refresh(&uid("17"), first, &outcome(first.epoch, None)).await.unwrap());
    assert_eq!(granted(&database, 1, 0).await.epoch, first.epoch + 1);
}

async fn waiters_hear_the_end_from_another_process(place: &Place) {
    let (here, there) = (place.open().await, place.open().await);
    save(&here, "17", "v1", None).await.unwrap();
    let lease = granted(&here, 1, 0).await;
    // Of the save it has heard already, so the next word is of the end.
    eventually("it hears", async || there.session(&Tenant::All, &uid("17")).await.unwrap().is_some()).await;
    let mut changes = there.changes();
    place.sql("insert into kaspi_stores (merchant_id) values ('99')").await;
    let next = async |changes: &mut tokio::sync::broadcast::Receiver<Change>, expected: Change| {
        let hearing = async { while changes.recv().await.unwrap() != expected {} };
        tokio::time::timeout(Duration::from_secs(10), hearing)
            .await
            .unwrap_or_else(|_| panic!("{expected:?}"));
    };
    next(&mut changes, Change::Store(uid("99"))).await;
    here.end_refresh(&uid("17"), lease, &outcome(1, Some(Code::PortalUnavailable))).await.unwrap();
    next(&mut changes, Change::Store(uid("17"))).await;
}

async fn writes_under_a_lease_and_of_another_program_do_not_wait_in_a_circle(place: &Place) {
    let database = Arc::new(place.open().await);
    save(&database, "17", "v1", None).await.unwrap();
    let lease = granted(&database, 1, 0).await;
    let ours = {
        let database = Arc::clone(&database);
        tokio::spawn(async move {
            for _ in 0..30 {
                let session = database.session(&Tenant::All, &uid("17")).await.unwrap();
                let generation = session.map_or(1, |session| session.generation);
                let new = cookies("ours");
                let update = SessionUpdate {
                    cookies: Some(&new),
                    renewed: true,
                    authenticated_at: Some(later(5)),
                    ..renewal(generation, Some(lease))
                };
                // Overtaken is no failure.
                match database.update_session(&Tenant::All, &uid("17"), update).await {
                    Ok(()) | Err(RepositoryError::Conflict) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
    };
    for turn in 0..15 {
        // Panics when the server gives it up.
        place
            .sql(&format!(
                r#"update kaspi_stores set guid = '{{"cookies": [{{"name": "mc-sid", "value": "{turn}"}}]}}'"#
            ))
            .await;
    }
    ours.await.unwrap();
}
