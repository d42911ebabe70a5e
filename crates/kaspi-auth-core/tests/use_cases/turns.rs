//! A login's turn towards the portal: rates and places that all nodes share.

use jiff::SignedDuration;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::egresses::EgressChange;
use kaspi_auth_core::login::{Login, LoginState};
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::rate::{Budget, Rates};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Timestamp};

use crate::failure;
use crate::house::{House, asked_by, dies_waiting, now};

const ONE_AT_A_TIME: Budget = Budget { per_second: 0.0, burst: 0, in_flight: 1 };
const ONE_A_SECOND: Budget = Budget { per_second: 1.0, burst: 1, in_flight: 0 };

fn house(code: Option<&'static str>, portal: Budget) -> House {
    House::limited("right", code, Rates { portal, ..Rates::default() })
}

fn start(house: &House, email: &str) -> Login {
    house.start(&Tenant::All, asked_by(email, "right")).unwrap().login()
}

fn passed(house: &House) -> SignedDuration {
    Timestamp::UNIX_EPOCH.duration_until(house.time.now())
}

/// A login that is with the portal and stays there: the portal does not answer, and nobody gives its place back.
fn hang(house: &House) -> Login {
    let login = start(house, "hanging@example.kz");
    house.portal.with(|portal| portal.silent = true);
    let work = house.take_work().unwrap();
    assert!(dies_waiting(house.logins.drive(work)).is_none());
    house.portal.with(|portal| portal.silent = false);
    login
}

#[test]
fn logins_that_come_too_fast_wait_for_their_turn() {
    let house = house(None, ONE_A_SECOND);
    for (place, email) in ["a@x.kz", "b@x.kz", "c@x.kz"].into_iter().enumerate() {
        let login = start(&house, email);
        house.run();
        assert_eq!(house.read(login.id).state.name(), "succeeded");
        assert_eq!(passed(&house), SignedDuration::from_secs(place.try_into().unwrap()));
    }
}

#[test]
fn a_burst_begins_at_once() {
    let house = house(None, Budget { burst: 3, ..ONE_A_SECOND });
    for email in ["a@x.kz", "b@x.kz", "c@x.kz"] {
        start(&house, email);
    }
    house.run();
    assert_eq!(passed(&house), SignedDuration::ZERO);
    start(&house, "d@x.kz");
    house.run();
    assert_eq!(passed(&house), SignedDuration::from_secs(1));
}

#[test]
fn a_login_whose_turn_does_not_come_is_refused_with_the_time_for_another_try() {
    let house = house(None, ONE_AT_A_TIME);
    hang(&house);
    let late = start(&house, "late@x.kz");
    house.run();
    let late = house.read(late.id);
    let LoginState::Failed { failure } = &late.state else { panic!("{} is no failure", late.state.name()) };
    assert_eq!(failure.code, Code::RateLimited);
    assert_eq!(passed(&house), Rates::default().wait, "it waited as long as it may");
    assert_eq!(failure.retry_at, Some(house.time.now() + SignedDuration::from_secs(5)));
    assert_eq!(house.portal.with(|portal| portal.sent.len()), 1, "nothing of it was sent");
}

#[test]
fn a_turn_that_would_come_too_late_is_not_waited_for() {
    let house = house(None, Budget { per_second: 0.01, ..ONE_A_SECOND });
    start(&house, "a@x.kz");
    let late = start(&house, "b@x.kz");
    house.run();
    let late = house.read(late.id);
    assert_eq!(failure(&late), Code::RateLimited);
    assert_eq!(passed(&house), SignedDuration::ZERO);
    let LoginState::Failed { failure } = late.state else { unreachable!() };
    assert_eq!(failure.retry_at, Some(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100)));
}

#[test]
fn a_login_that_waits_for_a_person_gives_its_place_to_the_next() {
    let house = house(Some("123456"), ONE_AT_A_TIME);
    let first = start(&house, "a@x.kz");
    house.run();
    let second = start(&house, "b@x.kz");
    house.run();
    for login in [first, second] {
        assert_eq!(house.read(login.id).state.name(), "awaiting_code");
    }
    assert_eq!(passed(&house), SignedDuration::ZERO);
}

#[test]
fn a_login_that_has_ended_gives_its_place_to_the_next() {
    let house = house(None, ONE_AT_A_TIME);
    for password in ["wrong", "right", "right"] {
        house.sign_in_as(asked_by("a@x.kz", password));
    }
    assert_eq!(house.portal.with(|portal| portal.passwords), 3);
    assert_eq!(passed(&house), SignedDuration::ZERO);
}

#[test]
fn the_place_of_a_node_that_died_is_free_again_after_a_while() {
    let house = house(None, ONE_AT_A_TIME);
    hang(&house);
    house.time.pass(SignedDuration::from_mins(3));
    let next = start(&house, "next@x.kz");
    house.run();
    assert_eq!(house.read(next.id).state.name(), "succeeded");
}

#[test]
fn nodes_share_the_rate() {
    let house = house(None, ONE_A_SECOND);
    let other = house.node();
    start(&house, "a@x.kz");
    house.run();
    let second = start(&other, "b@x.kz");
    other.run();
    assert_eq!(other.read(second.id).state.name(), "succeeded");
    assert_eq!(passed(&house), SignedDuration::from_secs(1));
}

#[test]
fn a_way_has_limits_of_its_own() {
    let house = house(None, Budget::default());
    let change = EgressChange { budget: ONE_A_SECOND.into(), ..EgressChange::default() };
    now(house.egresses.change(EgressId::DIRECT, change)).unwrap();
    start(&house, "a@x.kz");
    start(&house, "b@x.kz");
    house.run();
    assert_eq!(passed(&house), SignedDuration::from_secs(1));
}

#[test]
fn a_login_that_is_cancelled_while_it_waits_for_its_turn_opens_nothing() {
    let house = house(None, ONE_AT_A_TIME);
    hang(&house);
    let waiting = start(&house, "waiting@x.kz");
    let work = house.take_work().unwrap();
    now(house.logins.cancel(&Tenant::All, waiting.id, Timestamp::MIN)).unwrap();
    house.portal.with(|portal| portal.opened.clear());
    now(house.logins.drive(work)).unwrap();
    assert_eq!(house.read(waiting.id).state.name(), "cancelled");
    assert!(house.portal.with(|portal| portal.opened.is_empty()));
    assert!(passed(&house) < Rates::default().wait, "nobody waits on for it");
}
