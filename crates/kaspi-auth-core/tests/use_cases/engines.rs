//! Which engine drives a login: what was asked for, what worked before, and when a browser takes over.

use jiff::SignedDuration;
use kaspi_auth_core::Code;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::login::{Driver, EngineChoice, Login};
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::tenant::Tenant;

use crate::house::{House, asked, asked_by, now};
use crate::{failure, refusal};

fn driven_by(engine: EngineChoice) -> NewLogin {
    NewLogin { engine: Some(engine), ..asked("right") }
}

fn sent(house: &House, login: &Login) -> Vec<Driver> {
    let of_login = |world: &mut crate::portal::World| {
        world.sent.iter().filter(|sent| sent.0 == login.id).map(|sent| sent.1).collect()
    };
    house.portal.with(of_login)
}

#[test]
fn a_login_that_may_be_driven_by_anything_goes_directly_where_nothing_stands_in_the_way() {
    let house = House::with_browser("right", None);
    let login = house.sign_in("right");
    assert_eq!((login.state.name(), login.driver), ("succeeded", Driver::Direct));
    assert_eq!(house.portal.with(|portal| portal.opened.clone()), [Driver::Direct]);
}

#[test]
fn a_wall_or_an_unknown_shape_at_the_door_sends_the_login_to_the_browser() {
    for code in [Code::PortalBlocked, Code::PortalChanged] {
        let house = House::with_browser("right", None);
        house.portal.with(|portal| portal.on_open.insert(Driver::Direct, code));
        let login = house.sign_in("right");
        assert_eq!((login.state.name(), login.driver), ("succeeded", Driver::Browser), "{code:?}");
        assert_eq!(sent(&house, &login), [Driver::Browser], "the password went out once");
    }
}

#[test]
fn a_wall_or_an_unknown_shape_behind_the_password_sends_the_login_to_the_browser() {
    for code in [Code::PortalBlocked, Code::PortalChanged] {
        let house = House::with_browser("right", None);
        house.portal.with(|portal| portal.on_submit.insert(Driver::Direct, code));
        let login = house.sign_in("right");
        assert_eq!((login.state.name(), login.driver), ("succeeded", Driver::Browser), "{code:?}");
        assert_eq!(sent(&house, &login), [Driver::Direct, Driver::Browser], "once by each engine");
    }
}

#[test]
fn a_rejected_password_an_outage_and_a_lock_are_no_matter_for_a_browser() {
    for code in
        [Code::InvalidCredentials, Code::PortalUnavailable, Code::AccountLocked, Code::PortalRateLimited]
    {
        let house = House::with_browser("right", None);
        house.portal.with(|portal| portal.on_submit.insert(Driver::Direct, code));
        let login = house.sign_in("right");
        assert_eq!((failure(&login), login.driver), (code, Driver::Direct));
        assert_eq!(sent(&house, &login), [Driver::Direct]);
        assert_eq!(house.portal.with(|portal| portal.opened.clone()), [Driver::Direct]);
    }
    let house = House::with_browser("right", None);
    house.portal.with(|portal| portal.on_open.insert(Driver::Direct, Code::PortalUnavailable));
    assert_eq!(failure(&house.sign_in("right")), Code::PortalUnavailable);
    assert_eq!(house.portal.with(|portal| portal.opened.clone()), [Driver::Direct]);
}

#[test]
fn who_asks_for_the_direct_engine_gets_no_browser() {
    let house = House::with_browser("right", None);
    house.portal.with(|portal| portal.on_submit.insert(Driver::Direct, Code::PortalBlocked));
    let login = house.sign_in_as(driven_by(EngineChoice::Direct));
    assert_eq!((failure(&login), login.driver), (Code::PortalBlocked, Driver::Direct));
    assert_eq!(house.portal.with(|portal| portal.opened.clone()), [Driver::Direct]);
}

#[test]
fn a_login_goes_to_the_browser_at_most_once() {
    for at_door in [true, false] {
        let house = House::with_browser("right", None);
        house.portal.with(|portal| {
            let walls = if at_door { &mut portal.on_open } else { &mut portal.on_submit };
            walls.extend([(Driver::Direct, Code::PortalBlocked), (Driver::Browser, Code::PortalBlocked)]);
        });
        let login = house.sign_in("right");
        assert_eq!((failure(&login), login.driver), (Code::PortalBlocked, Driver::Browser));
        assert_eq!(house.portal.with(|portal| portal.opened.clone()), [Driver::Direct, Driver::Browser]);
        let each_once: &[_] = if at_door { &[] } else { &[Driver::Direct, Driver::Browser] };
        assert_eq!(sent(&house, &login), each_once);
        assert!(!house.browser.as_ref().unwrap().holds(login.id), "a failed login keeps no page");
    }
}

#[test]
fn walls_that_only_http_meets_send_no_way_to_rest() {
    let house = House::with_browser("right", None);
    let walls = [(Driver::Direct, Code::PortalBlocked), (Driver::Browser, Code::BrowserUnavailable)];
    house.portal.with(|portal| portal.on_open.extend(walls));
    for place in 0..10 {
        let login = house.sign_in_as(asked_by(&format!("{place}@x.kz"), "right"));
        assert_eq!(failure(&login), Code::BrowserUnavailable);
    }
    assert!(now(house.egresses.get(EgressId::DIRECT)).unwrap().health.is_perfect());
}

#[test]
fn a_login_that_meets_a_wall_with_both_engines_counts_once_against_its_way() {
    let house = House::with_browser("right", None);
    let walls = [(Driver::Direct, Code::PortalBlocked), (Driver::Browser, Code::PortalBlocked)];
    let health = || now(house.egresses.get(EgressId::DIRECT)).unwrap().health;
    // Behind the password at first, then at the door.
    house.portal.with(|portal| portal.on_submit.extend(walls));
    for blocks in 1..=5 {
        assert!(!health().is_resting(house.time.now()));
        house.sign_in_as(asked_by(&format!("{blocks}@x.kz"), "right"));
        assert_eq!(health().blocks, blocks);
        house.portal.with(|portal| {
            if blocks == 2 {
                portal.on_open.extend(walls);
            }
        });
    }
    assert!(health().is_resting(house.time.now()));
}

#[test]
fn without_a_browser_a_wall_ends_the_login() {
    let house = House::new("right", None);
    house.portal.with(|portal| portal.on_open.insert(Driver::Direct, Code::PortalBlocked));
    let login = house.sign_in("right");
    assert_eq!((failure(&login), login.driver), (Code::PortalBlocked, Driver::Direct));
}

#[test]
fn an_account_begins_with_what_worked_for_it() {
    let house = House::with_browser("right", None);
    house.portal.with(|portal| portal.on_open.insert(Driver::Direct, Code::PortalBlocked));
    assert_eq!(house.sign_in("right").driver, Driver::Browser);
    house.portal.with(|portal| portal.opened.clear());
    let again = house.sign_in("right");
    assert_eq!((again.state.name(), again.driver), ("succeeded", Driver::Browser));
    assert_eq!(house.portal.with(|portal| portal.opened.clone()), [Driver::Browser], "no wall was met again");
    let other = asked_by("other@example.kz", "right");
    house.portal.with(|portal| portal.on_open.clear());
    assert_eq!(house.sign_in_as(other).driver, Driver::Direct, "nothing is known of this one");
}

#[test]
fn what_the_store_says_comes_before_the_configuration_and_the_callers_word_before_both() {
    let house = House::with_browser("right", None);
    assert_eq!(house.sign_in("right").state.name(), "succeeded");
    let uid = house.memory.tables().stores[0].merchant_uid.clone();
    house.memory.tables().stores[0].engine = Some(EngineChoice::Browser);
    let named = NewLogin { wanted: Some(uid), ..asked("right") };
    let by_store = house.sign_in_as(named.clone());
    assert_eq!((by_store.engine, by_store.driver), (EngineChoice::Browser, Driver::Browser));
    let by_caller = house.sign_in_as(NewLogin { engine: Some(EngineChoice::Direct), ..named });
    assert_eq!((by_caller.engine, by_caller.driver), (EngineChoice::Direct, Driver::Direct));
}

#[test]
fn a_browser_that_is_asked_for_and_not_there_is_refused_at_once() {
    let house = House::new("right", None);
    let refused = house.start(&Tenant::All, driven_by(EngineChoice::Browser));
    assert_eq!(refusal(refused), Code::EngineUnavailable);
    assert!(house.memory.tables().logins.is_empty(), "no login holds the account");
}

#[test]
fn a_picture_is_no_proof_of_the_password_and_forgives_no_rejected_one() {
    let house = House::with_browser("right", None);
    let wrong = NewLogin { engine: Some(EngineChoice::Browser), ..asked("wrong") };
    assert_eq!(failure(&house.sign_in_as(wrong.clone())), Code::InvalidCredentials);
    house.portal.with(|portal| portal.asks_person = Some(true));
    let waiting = house.sign_in_as(driven_by(EngineChoice::Browser));
    assert_eq!(waiting.state.name(), "awaiting_captcha");
    house.time.pass(SignedDuration::from_mins(10));
    assert_eq!(house.read(waiting.id).state.name(), "expired");
    house.run();
    house.portal.with(|portal| portal.sent.clear());
    let again = house.sign_in_as(wrong);
    assert_eq!(failure(&again), Code::InvalidCredentials);
    assert!(sent(&house, &again).is_empty(), "what was rejected at {} is not sent again", house.time.now());
}
