//! Rates towards the portal: shared by everybody who has the database open, and never overdrawn.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::{Challenge, Login, LoginState, PersonChallenge};
use kaspi_auth_core::port::{LoginRepository, RateRepository, Slot, SlotRequest};
use kaspi_auth_core::rate::Budget;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::support::*;

on_both!(
    a_burst_goes_at_once_and_then_the_steady_rate,
    a_rate_is_shared_by_all_who_have_the_database_open,
    places_are_counted_by_way_and_together,
    many_who_ask_at_once_never_get_more_places_than_there_are,
    what_one_limit_refuses_costs_nothing_of_the_others,
    a_login_that_has_its_place_keeps_it_for_nothing,
    a_place_is_free_again_when_its_time_is_over,
    a_login_that_no_longer_runs_gives_its_place_back,
    logins_that_come_and_go_at_once_do_not_get_in_each_others_way,
    forgotten_places_are_pruned,
    a_rate_that_a_wrong_clock_has_drawn_on_is_there_again,
    without_limits_nothing_is_written,
);

const NONE: Budget = Budget { per_second: 0.0, burst: 0, in_flight: 0 };

fn rate(per_second: f64, burst: u32) -> Budget {
    Budget { per_second, burst, in_flight: 0 }
}

fn places(in_flight: u32) -> Budget {
    Budget { in_flight, ..NONE }
}

/// A new login that asks now, on the direct way.
fn ask(portal: Budget, way: Budget) -> SlotRequest {
    let login = LoginId(Uuid::now_v7());
    SlotRequest { login, egress: EgressId::DIRECT, now: now(), until: later(180), portal, way }
}

fn after_millis(millis: i64) -> jiff::Timestamp {
    now() + jiff::SignedDuration::from_millis(millis)
}

async fn a_burst_goes_at_once_and_then_the_steady_rate(place: &Place) {
    let database = place.open().await;
    for (portal, way) in [(rate(2.0, 3), NONE), (NONE, rate(2.0, 3))] {
        for _ in 0..3 {
            assert_eq!(database.acquire_slot(ask(portal, way)).await.unwrap(), Slot::Granted);
        }
        for at in [500, 1000] {
            let early = SlotRequest { now: after_millis(at - 1), ..ask(portal, way) };
            assert_eq!(
                database.acquire_slot(early).await.unwrap(),
                Slot::Wait(Some(after_millis(at))),
                "and asking costs nothing"
            );
            let due = SlotRequest { now: after_millis(at), ..early };
            assert_eq!(database.acquire_slot(due).await.unwrap(), Slot::Granted);
        }
        // After a pause the burst is there again, and no more than that.
        let rested = SlotRequest { now: later(100), ..ask(portal, way) };
        for _ in 0..3 {
            let next = SlotRequest { login: LoginId(Uuid::now_v7()), ..rested };
            assert_eq!(database.acquire_slot(next).await.unwrap(), Slot::Granted);
        }
        assert!(matches!(database.acquire_slot(rested).await.unwrap(), Slot::Wait(Some(_))));
    }
}

async fn a_rate_is_shared_by_all_who_have_the_database_open(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let granted = Arc::new(AtomicU32::new(0));
    let asking = (0..40).map(|number| {
        let (database, granted) = (Arc::clone(&nodes[number % 2]), Arc::clone(&granted));
        tokio::spawn(async move {
            match database.acquire_slot(ask(rate(1.0, 7), rate(1.0, 9))).await.unwrap() {
                Slot::Granted => drop(granted.fetch_add(1, Ordering::Relaxed)),
                Slot::Wait(at) => assert_eq!(at, Some(later(1))),
            }
        })
    });
    for one in asking.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(granted.load(Ordering::Relaxed), 7);
    // The way's own rate was not drawn by the 33 others: two are left of nine.
    for expected in [Slot::Granted, Slot::Granted, Slot::Wait(Some(later(1)))] {
        assert_eq!(nodes[0].acquire_slot(ask(NONE, rate(1.0, 9))).await.unwrap(), expected);
    }
}

async fn a_rate_that_a_wrong_clock_has_drawn_on_is_there_again(place: &Place) {
    let database = place.open().await;
    let rate = rate(1.0, 2);
    let ahead = SlotRequest { now: later(86_400), ..ask(rate, NONE) };
    assert_eq!(database.acquire_slot(ahead).await.unwrap(), Slot::Granted);
    assert_eq!(database.acquire_permit("looks", rate, later(86_400)).await.unwrap(), Slot::Granted);
    for expected in [Slot::Granted, Slot::Granted, Slot::Wait(Some(later(1)))] {
        assert_eq!(database.acquire_slot(ask(rate, NONE)).await.unwrap(), expected);
        assert_eq!(database.acquire_permit("looks", rate, now()).await.unwrap(), expected);
    }
    // Another node's clock is a little behind: it gets no more for that.
    let behind = SlotRequest { now: later(-60), ..ask(rate, NONE) };
    assert!(matches!(database.acquire_slot(behind).await.unwrap(), Slot::Wait(Some(_))));
}

async fn places_are_counted_by_way_and_together(place: &Place) {
    let database = place.open().await;
    let (portal, way) = (places(3), places(2));
    let first = ask(portal, way);
    let other_way = || SlotRequest { egress: egress_id(1), ..ask(portal, way) };
    assert_eq!(database.acquire_slot(first).await.unwrap(), Slot::Granted);
    assert_eq!(database.acquire_slot(ask(portal, way)).await.unwrap(), Slot::Granted);
    assert_eq!(database.acquire_slot(ask(portal, way)).await.unwrap(), Slot::Wait(None));
    assert_eq!(database.acquire_slot(other_way()).await.unwrap(), Slot::Granted);
    assert_eq!(database.acquire_slot(other_way()).await.unwrap(), Slot::Wait(None), "three in all");
    database.release_slot(first.login).await.unwrap();
    assert_eq!(database.acquire_slot(other_way()).await.unwrap(), Slot::Granted);
    assert_eq!(database.acquire_slot(ask(portal, way)).await.unwrap(), Slot::Wait(None));
}

async fn many_who_ask_at_once_never_get_more_places_than_there_are(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    // All places are taken before the first is given back.
    let full = Arc::new(tokio::sync::Barrier::new(10));
    let asking = (0..50).map(|number| {
        let (database, full) = (Arc::clone(&nodes[number % 2]), Arc::clone(&full));
        let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
        tokio::spawn(async move {
            let request = ask(places(10), NONE);
            while database.acquire_slot(request).await.unwrap() != Slot::Granted {
                tokio::task::yield_now().await;
            }
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            full.wait().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            database.release_slot(request.login).await.unwrap();
        })
    });
    for one in asking.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 10);
}

async fn what_one_limit_refuses_costs_nothing_of_the_others(place: &Place) {
    let database = place.open().await;
    let first = ask(NONE, places(1));
    assert_eq!(database.acquire_slot(first).await.unwrap(), Slot::Granted);
    let both = || ask(rate(1.0, 1), places(1));
    for _ in 0..5 {
        assert_eq!(database.acquire_slot(both()).await.unwrap(), Slot::Wait(None));
    }
    database.release_slot(first.login).await.unwrap();
    assert_eq!(
        database.acquire_slot(both()).await.unwrap(),
        Slot::Granted,
        "the portal's turn was not used up"
    );
    // The way's rate refuses: the portal's turn of later stays.
    let slow = ask(rate(10.0, 100), rate(0.1, 1));
    assert_eq!(database.acquire_slot(slow).await.unwrap(), Slot::Granted);
    for _ in 0..200 {
        let next = SlotRequest { login: LoginId(Uuid::now_v7()), ..slow };
        assert_eq!(database.acquire_slot(next).await.unwrap(), Slot::Wait(Some(later(10))));
    }
}

async fn a_login_that_has_its_place_keeps_it_for_nothing(place: &Place) {
    let database = place.open().await;
    let own = ask(Budget { per_second: 1.0, burst: 1, in_flight: 1 }, NONE);
    assert_eq!(database.acquire_slot(own).await.unwrap(), Slot::Granted);
    let again = SlotRequest { until: later(400), ..own };
    assert_eq!(database.acquire_slot(again).await.unwrap(), Slot::Granted);
    // Its time is the new one, and its turn was counted once.
    let other = SlotRequest { now: later(200), ..ask(own.portal, NONE) };
    assert_eq!(database.acquire_slot(other).await.unwrap(), Slot::Wait(None));
    let early = ask(rate(1.0, 1), NONE);
    assert_eq!(database.acquire_slot(early).await.unwrap(), Slot::Wait(Some(later(1))));
}

async fn a_place_is_free_again_when_its_time_is_over(place: &Place) {
    let database = place.open().await;
    let dead = ask(places(1), NONE);
    assert_eq!(database.acquire_slot(dead).await.unwrap(), Slot::Granted);
    let other = ask(places(1), NONE);
    let just_before = SlotRequest { now: later(179), ..other };
    assert_eq!(database.acquire_slot(just_before).await.unwrap(), Slot::Wait(None));
    let then = SlotRequest { now: later(180), until: later(360), ..other };
    assert_eq!(database.acquire_slot(then).await.unwrap(), Slot::Granted);
    // The dead one's login, taken over too late, asks like any other.
    let late = SlotRequest { now: later(181), until: later(361), ..dead };
    assert_eq!(database.acquire_slot(late).await.unwrap(), Slot::Wait(None));
    database.release_slot(other.login).await.unwrap();
    assert_eq!(database.acquire_slot(late).await.unwrap(), Slot::Granted);
}

async fn a_login_that_no_longer_runs_gives_its_place_back(place: &Place) {
    let database = place.open().await;
    let only = places(1);
    let takes = async |login: &Login| {
        let request = SlotRequest { login: login.id, ..ask(only, NONE) };
        database.acquire_slot(request).await.unwrap() == Slot::Granted
    };
    let is_free = async || {
        let probe = ask(only, NONE);
        let granted = database.acquire_slot(probe).await.unwrap() == Slot::Granted;
        database.release_slot(probe.login).await.unwrap();
        granted
    };
    let person = PersonChallenge { instruction: "look".to_owned(), sent_at: now(), expires_at: later(600) };
    let awaiting = LoginState::Awaiting { challenge: Challenge::Takeover(person) };
    for (number, state) in [awaiting, LoginState::Cancelled, LoginState::Expired].into_iter().enumerate() {
        let (running, _) = finishing(&database, &format!("a{number}@example.kz"), None).await;
        assert!(takes(&running).await && !is_free().await);
        let still = Login { state: LoginState::Submitting, ..running };
        let version = database.update_login(update(&still)).await.unwrap();
        assert!(!is_free().await, "it runs on");
        database.update_login(update(&Login { version, state, ..still })).await.unwrap();
        assert!(is_free().await);
    }
    let (running, secrets) = finishing(&database, "b@example.kz", None).await;
    assert!(takes(&running).await && !is_free().await);
    save_of(&database, &running, &secrets, "17", "v1").await.unwrap();
    assert!(is_free().await, "a stored session is an end");
}

async fn logins_that_come_and_go_at_once_do_not_get_in_each_others_way(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let budget = Budget { per_second: 1000.0, burst: 1000, in_flight: 5 };
    let ended = Arc::new(Notify::new());
    let walking = (0..30).map(|number| {
        let (database, other) = (Arc::clone(&nodes[number % 2]), Arc::clone(&nodes[(number + 1) % 2]));
        let ended = Arc::clone(&ended);
        tokio::spawn(async move {
            let (running, _) = finishing(&database, &format!("a{number}@example.kz"), None).await;
            let egress = egress_id(number as u128 % 3);
            let request = SlotRequest { login: running.id, egress, ..ask(budget, budget) };
            // Who is refused comes again when another has ended, as in the service: asking on and on would starve the file.
            loop {
                let mut another = pin!(ended.notified());
                another.as_mut().enable();
                if database.acquire_slot(request).await.unwrap() == Slot::Granted {
                    break;
                }
                another.await;
            }
            other.prune_logins(now(), 10).await.unwrap();
            other.update_login(update(&Login { state: LoginState::Cancelled, ..running })).await.unwrap();
            ended.notify_waiters();
        })
    });
    for one in walking.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let left = "select cast(count(*) as text) from kaspi_auth_slots";
    assert_eq!(place.text(left).await.as_deref(), Some("0"));
}

async fn forgotten_places_are_pruned(place: &Place) {
    let database = place.open().await;
    assert_eq!(database.acquire_slot(ask(places(5), NONE)).await.unwrap(), Slot::Granted);
    let count = "select cast(count(*) as text) from kaspi_auth_slots";
    database.prune_logins(later(100), 10).await.unwrap();
    assert_eq!(place.text(count).await.as_deref(), Some("1"));
    database.prune_logins(later(200), 10).await.unwrap();
    assert_eq!(place.text(count).await.as_deref(), Some("0"));
}

async fn without_limits_nothing_is_written(place: &Place) {
    let database = place.open().await;
    assert_eq!(database.acquire_slot(ask(NONE, NONE)).await.unwrap(), Slot::Granted);
    let count = "select cast((select count(*) from kaspi_auth_slots) + (select count(*) from kaspi_auth_rates) as text)";
    assert_eq!(place.text(count).await.as_deref(), Some("0"));
}
