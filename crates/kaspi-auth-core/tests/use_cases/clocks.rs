//! Clocks that were wrong and have been set right: nothing waits for times that were written in the future, and nothing is forgotten for it.

use kaspi_auth_core::Code;
use kaspi_auth_core::keeper::Kept;
use kaspi_auth_core::keeping::{AttemptBudget, Policy};
use kaspi_auth_core::port::{Clock, KeepingRepository};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::sessions::{Outcome, Report};
use kaspi_auth_core::tenant::Tenant;

use crate::house::{House, now};
use crate::keeping::{
    HOUR, MINUTE, frozen, keeping, kill, looks, pass, passwords, serve, serve_within, sign_in, signed_in,
    store, uid, visit,
};

/// A service whose clock was ten hours ahead when it last looked at the session.
fn set_right() -> House {
    let house = signed_in(None);
    pass(&house, 10 * HOUR);
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    house.time.set_back(9 * HOUR);
    assert!(store(&house, "11").checked_at.unwrap() > house.time.now());
    house
}

#[test]
fn a_look_that_seems_to_come_yet_makes_no_session_fresh() {
    let house = set_right();
    let before = looks(&house);
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    assert_eq!(looks(&house), before + 1);
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    assert_eq!((looks(&house), store(&house, "11").checked_at), (before + 1, Some(house.time.now())));
}

#[test]
fn a_session_that_died_behind_such_a_look_is_found_dead_by_the_keeper() {
    let house = set_right();
    house.portal.with(|portal| portal.remembers = true);
    house.portal.with(|portal| portal.verdicts.push_back(Validity::Dead));
    assert_eq!(visit(&house, "11"), Kept::Renewed);
    assert!(keeping(&house, "11").due_at.unwrap() <= house.time.now() + 7 * HOUR);
}

#[test]
fn a_refusal_that_is_reported_behind_such_a_look_is_looked_at() {
    let house = set_right();
    house.portal.with(|portal| portal.verdicts.push_back(Validity::Dead));
    let report = Report { generation: 1, outcome: Outcome::Unauthorized };
    let reported = now(house.sessions.report(&Tenant::All, &uid("11"), report)).unwrap();
    assert_eq!(reported.validity, Validity::Dead);
}

#[test]
fn a_look_in_vain_of_times_to_come_keeps_nobody_from_looking() {
    let house = signed_in(None);
    pass(&house, 10 * HOUR);
    house.portal.with(|portal| portal.verdicts.push_back(Validity::Unknown));
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    house.time.set_back(5 * HOUR);
    let before = looks(&house);
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    assert_eq!(looks(&house), before + 1);
}

#[test]
fn a_lease_of_times_to_come_is_taken_over() {
    let house = signed_in(None);
    kill(&house, "11");
    pass(&house, 24 * HOUR);
    let (at, dead) = (house.time.now(), house.node());
    now(house.memory.acquire_refresh_lease(&uid("11"), dead.logins.node(), at, at + MINUTE / 2)).unwrap();
    dead.die();
    house.time.set_back(23 * HOUR);
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
}

#[test]
fn a_canary_of_times_to_come_keeps_no_other_from_finding_the_thaw() {
    let house = frozen();
    pass(&house, 24 * HOUR);
    assert_eq!(visit(&house, "13"), Kept::Missed(Code::PortalChanged), "it was the canary");
    house.portal.with(|portal| portal.on_submit.clear());
    house.time.set_back(23 * HOUR);
    assert_eq!(visit(&house, "12"), Kept::Renewed);
}

#[test]
fn attempts_of_times_to_come_are_not_forgotten() {
    let two_an_hour = AttemptBudget { limit: 2, window: HOUR };
    let house = House::keeping("right", None, &Policy { passwords: two_an_hour, ..Policy::default() });
    pass(&house, HOUR);
    sign_in(&house, "11");
    kill(&house, "11");
    serve(&house, "11").unwrap();
    kill(&house, "11");
    house.time.set_back(30 * MINUTE);
    assert_eq!(crate::refusal(serve(&house, "11")), Code::AttemptsExhausted);
    assert_eq!(passwords(&house), 2);
}

#[test]
fn stores_that_were_put_off_too_far_are_brought_back_and_others_left_where_they_are() {
    let house = signed_in(None);
    sign_in(&house, "12");
    let (soon, far) = (house.time.now() + 6 * HOUR, house.time.now() + 240 * HOUR);
    now(house.memory.schedule(&uid("11"), Some(far), 0)).unwrap();
    now(house.memory.schedule(&uid("12"), Some(soon), 0)).unwrap();
    assert_eq!(now(house.keeper.mend_schedule()).unwrap(), 1);
    assert_eq!(keeping(&house, "11").due_at, Some(house.time.now()));
    assert_eq!(keeping(&house, "12").due_at, Some(soon));
}

#[test]
fn a_clock_that_leaps_ahead_costs_each_store_one_renewal() {
    let house = signed_in(None);
    pass(&house, 1000 * HOUR);
    assert_eq!(visit(&house, "11"), Kept::Renewed);
    for _ in 0..10 {
        assert_eq!(visit(&house, "11"), Kept::Nothing);
    }
    assert_eq!(passwords(&house), 2);
}
