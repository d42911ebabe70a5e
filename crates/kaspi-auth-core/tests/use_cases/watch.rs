//! A page that only a person can move on: it is watched without a turn, and where the person gets to the login goes on.

use jiff::SignedDuration;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::egresses::EgressChange;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, EngineChoice, Login};
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::rate::Budget;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Timestamp};

use crate::house::{House, asked_by, now};
use crate::portal::Move;
use crate::{code, failure};

/// A node with a browser, in which a login shows a picture.
fn waiting() -> (House, Login) {
    let house = House::with_browser("right", Some("123456"));
    house.portal.with(|portal| portal.asks_person = Some(true));
    let login = house.sign_in_as(by_browser("merchant@example.kz"));
    assert_eq!(login.state.name(), "awaiting_captcha");
    (house, login)
}

fn by_browser(email: &str) -> NewLogin {
    NewLogin { engine: Some(EngineChoice::Browser), ..asked_by(email, "right") }
}

fn holds(house: &House, login: &Login) -> bool {
    house.browser.as_ref().unwrap().holds(login.id)
}

/// A person moves the page on.
fn person(house: &House, login: &Login, moved: Result<Move, Code>) {
    house.portal.with(|portal| portal.moved.insert(login.id, moved));
}

#[test]
fn an_unknown_page_waits_for_a_person_to_take_over() {
    let house = House::with_browser("right", None);
    house.portal.with(|portal| portal.asks_person = Some(false));
    let login = house.sign_in_as(by_browser("merchant@example.kz"));
    assert_eq!(login.state.name(), "awaiting_takeover");
    assert!(house.take_watch().is_some());
}

#[test]
fn a_watched_page_takes_no_turn_and_no_place() {
    let house = House::with_browser("right", None);
    let budget = Budget { per_second: 0.0, burst: 0, in_flight: 1 };
    let change = EgressChange { budget: budget.into(), ..EgressChange::default() };
    now(house.egresses.change(EgressId::DIRECT, change)).unwrap();
    house.portal.with(|portal| portal.asks_person = Some(true));
    for email in ["a@x.kz", "b@x.kz", "c@x.kz"] {
        assert_eq!(house.sign_in_as(by_browser(email)).state.name(), "awaiting_captcha");
    }
    assert_eq!(house.time.now(), Timestamp::UNIX_EPOCH, "nobody waited for another");
    assert!(house.take_work().is_none(), "no turn is held by a wait for a person");
}

#[test]
fn where_a_person_gets_in_the_login_finishes() {
    let (house, login) = waiting();
    person(&house, &login, Ok(Move::Accepted));
    house.watch();
    assert_eq!(house.read(login.id).state.name(), "succeeded");
    assert!(house.take_watch().is_none() && !holds(&house, &login));
    assert_eq!(house.portal.with(|portal| portal.passwords), 1);
}

#[test]
fn where_a_person_gets_to_a_code_the_login_asks_for_it_and_watches_no_more() {
    let (house, login) = waiting();
    person(&house, &login, Ok(Move::Code));
    house.watch();
    assert_eq!(house.read(login.id).state.name(), "awaiting_code");
    assert!(house.take_watch().is_none() && house.take_work().is_none());
    now(house.logins.answer(&Tenant::All, login.id, code("123456"), None)).unwrap();
    house.run();
    assert_eq!(house.read(login.id).state.name(), "succeeded");
}

#[test]
fn where_a_person_gets_to_the_merchants_the_login_asks_which() {
    let (house, login) = waiting();
    person(&house, &login, Ok(Move::Merchants));
    house.watch();
    assert_eq!(house.read(login.id).state.name(), "awaiting_merchant");
    let chosen = Answer::Merchant(MerchantUid::parse("11").unwrap());
    now(house.logins.answer(&Tenant::All, login.id, chosen, None)).unwrap();
    house.run();
    assert_eq!(house.read(login.id).state.name(), "succeeded");
}

#[test]
fn after_one_picture_another_is_watched_too() {
    let (house, login) = waiting();
    let first = house.read(login.id).state.challenge().cloned().unwrap();
    house.time.pass(SignedDuration::from_mins(1));
    person(&house, &login, Ok(Move::AnotherPicture));
    now(house.logins.watch(house.take_watch().unwrap())).unwrap();
    house.run();
    let second = house.read(login.id).state.challenge().cloned().unwrap();
    assert_eq!(second.expires_at(), first.expires_at() + SignedDuration::from_mins(1));
    person(&house, &login, Ok(Move::Accepted));
    house.watch();
    assert_eq!(house.read(login.id).state.name(), "succeeded");
}

#[test]
fn a_watch_ends_when_the_time_for_its_picture_is_over() {
    let (house, login) = waiting();
    let over = login.state.challenge().unwrap().expires_at();
    // Nobody moves the page: the wait itself lets the time pass.
    now(house.logins.watch(house.take_watch().unwrap())).unwrap();
    assert_eq!(house.time.now(), over, "neither sooner nor later");
    assert_eq!(now(house.logins.expire()).unwrap(), 1);
    house.run();
    assert_eq!(house.read(login.id).state.name(), "expired");
    assert!(!holds(&house, &login));
    assert!(house.take_watch().is_none());
}

#[test]
fn a_watch_ends_when_its_login_is_cancelled() {
    let (house, login) = waiting();
    let elsewhere = house.node();
    now(elsewhere.logins.cancel(&Tenant::All, login.id, Timestamp::MIN)).unwrap();
    let before = house.time.now();
    now(house.logins.watch(house.take_watch().unwrap())).unwrap();
    assert_eq!(house.time.now(), before, "at once");
    house.hear();
    assert_eq!(house.read(login.id).state.name(), "cancelled");
    assert!(!holds(&house, &login));
}

#[test]
fn a_person_who_gets_in_after_the_cancellation_changes_nothing() {
    let (house, login) = waiting();
    person(&house, &login, Ok(Move::Accepted));
    now(house.node().logins.cancel(&Tenant::All, login.id, Timestamp::MIN)).unwrap();
    house.watch();
    assert_eq!(house.read(login.id).state.name(), "cancelled");
    assert!(house.memory.tables().stores.is_empty());
    assert!(!holds(&house, &login));
}

#[test]
fn a_page_that_is_lost_while_a_person_looks_fails_the_login_clearly() {
    let (house, login) = waiting();
    house.browser.as_ref().unwrap().crash();
    house.watch();
    assert_eq!(failure(&house.read(login.id)), Code::BrowserLost);
}

#[test]
fn a_page_that_moves_on_to_an_error_fails_with_it() {
    let (house, login) = waiting();
    person(&house, &login, Err(Code::AccountLocked));
    house.watch();
    assert_eq!(failure(&house.read(login.id)), Code::AccountLocked);
    assert!(!holds(&house, &login));
}
