//! The rules that meet the ports: what is sent to the portal, and who gets what, when things come twice, late or at once.
#![expect(clippy::unwrap_used, reason = "a stand-in that fails fails its test")]

mod clocks;
mod egresses;
mod engines;
mod explaining;
mod held;
mod house;
mod keeping;
mod mailbox;
mod memory;
mod portal;
mod records;
mod sessions;
mod sources;
mod turns;
mod watch;

use house::{House, asked, dies_waiting, now, user};
use jiff::SignedDuration;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, Challenge, Login, LoginState};
use kaspi_auth_core::logins::{NewLogin, Started};
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error, Timestamp};

fn code(text: &str) -> Answer {
    Answer::code(text).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    result.expect_err("a refusal").code()
}

fn failure(login: &Login) -> Code {
    match &login.state {
        LoginState::Failed { failure } => failure.code,
        state => panic!("{} is no failure", state.name()),
    }
}

#[test]
fn a_login_with_a_code_goes_from_the_password_to_the_store() {
    let house = House::new("right", Some("123456"));
    let waiting = house.sign_in("right");
    assert_eq!(waiting.state.name(), "awaiting_code");
    now(house.logins.answer(&Tenant::All, waiting.id, code("123456"), None)).unwrap();
    house.run();
    let login = house.read(waiting.id);
    assert_eq!(login.state.name(), "succeeded");
    assert!(login.code_verified);
    let tables = house.memory.tables();
    assert_eq!(tables.stores[0].merchant_uid.as_str(), "11");
    assert!(tables.logins[0].secrets.is_none(), "an ended login keeps no secrets");
}

#[test]
fn of_several_rejected_passwords_none_is_sent_twice() {
    let house = House::new("right", None);
    for text in ["wrong", "mistyped", "wrong", "mistyped", "wrong"] {
        assert_eq!(failure(&house.sign_in(text)), Code::InvalidCredentials);
    }
    assert_eq!(house.portal.with(|portal| portal.passwords), 2);
    assert_eq!(house.sign_in("right").state.name(), "succeeded");
}

#[test]
fn a_login_cannot_be_given_up_while_its_password_is_with_the_portal() {
    let house = House::new("right", None);
    let id = house.start(&Tenant::All, asked("wrong")).unwrap().login().id;
    let elsewhere = house.node().logins;
    let cancel = move || {
        let refused = now(elsewhere.cancel(&Tenant::All, id, Timestamp::MIN)).unwrap_err();
        assert_eq!(refused.code(), Code::Conflict);
    };
    house.portal.with(|portal| portal.while_submitting = Some(Box::new(cancel)));
    house.run();
    assert_eq!(failure(&house.read(id)), Code::InvalidCredentials);
    assert_eq!(failure(&house.sign_in("wrong")), Code::InvalidCredentials);
    assert_eq!(house.portal.with(|portal| portal.passwords), 1, "its refusal was heard and remembered");
}

#[test]
fn another_password_gets_nobody_elses_running_login() {
    let house = House::new("right", Some("123456"));
    let running = house.sign_in("right");
    assert_eq!(house.start(&Tenant::All, asked("right")).unwrap(), Started::Running(running));
    assert_eq!(refusal(house.start(&Tenant::All, asked("guessed"))), Code::AccountBusy);
    let elsewhere = NewLogin { wanted: MerchantUid::parse("12").ok(), ..asked("right") };
    assert_eq!(refusal(house.start(&Tenant::All, elsewhere)), Code::AccountBusy);
}

#[test]
fn a_rejected_password_is_not_sent_again_and_another_one_is() {
    let house = House::new("right", None);
    assert_eq!(failure(&house.sign_in("wrong")), Code::InvalidCredentials);
    assert_eq!(failure(&house.sign_in("wrong")), Code::InvalidCredentials);
    assert_eq!(house.portal.with(|portal| portal.passwords), 1);
    assert!(house.memory.tables().logins.iter().all(|row| row.secrets.is_none()), "they keep no secrets");
    assert_eq!(house.sign_in("right").state.name(), "succeeded");
    assert_eq!(house.portal.with(|portal| portal.passwords), 2);
}

#[test]
fn an_accepted_password_clears_the_ledger() {
    let house = House::new("first", None);
    assert_eq!(failure(&house.sign_in("second")), Code::InvalidCredentials);
    assert_eq!(house.sign_in("first").state.name(), "succeeded");
    house.portal.with(|portal| portal.password = "second");
    assert_eq!(house.sign_in("second").state.name(), "succeeded");
}

#[test]
fn a_pause_that_the_portal_asked_for_is_kept_by_the_next_login() {
    let house = House::new("right", None);
    let until = house.time.now() + SignedDuration::from_secs(122);
    house.portal.with(|portal| portal.flood = Some(until));
    assert_eq!(failure(&house.sign_in("right")), Code::PortalRateLimited);
    house.portal.with(|portal| portal.flood = None);
    let LoginState::Failed { failure } = house.sign_in("right").state else {
        panic!("the pause is not kept")
    };
    assert_eq!((failure.code, failure.retry_at), (Code::PortalRateLimited, Some(until)));
    assert_eq!(house.portal.with(|portal| portal.passwords), 1);
    house.time.pass(SignedDuration::from_secs(122));
    assert_eq!(house.sign_in("right").state.name(), "succeeded");
}

#[test]
fn a_second_caller_gets_the_running_login_and_a_foreign_one_is_told_to_wait() {
    let house = House::new("right", Some("123456"));
    let (me, _) = user("me");
    let (other, _) = user("other");
    let mine = house.start(&me, asked("right")).unwrap().login();
    house.run();
    let Started::Running(second) = house.start(&me, asked("right")).unwrap() else {
        panic!("a second login")
    };
    assert_eq!(second.id, mine.id);
    assert_eq!(refusal(house.start(&other, asked("right"))), Code::AccountBusy);
    assert_eq!(refusal(now(house.logins.get(&other, mine.id, None))), Code::LoginNotFound);
    assert_eq!(house.portal.with(|portal| portal.passwords), 1);
}

#[test]
fn a_user_signs_in_for_itself_and_in_nobody_elses_name() {
    let house = House::new("right", None);
    let (me, my_id) = user("me");
    let (_, other_id) = user("other");
    let foreign = NewLogin { user_id: Some(other_id.clone()), ..asked("right") };
    assert_eq!(refusal(house.start(&me, foreign.clone())), Code::InsufficientScope);
    assert_eq!(house.start(&me, asked("right")).unwrap().login().user_id, Some(my_id));
    house.run();
    assert_eq!(refusal(house.start(&me, foreign.clone())), Code::InsufficientScope);
    assert_eq!(house.start(&Tenant::All, foreign).unwrap().login().user_id, Some(other_id));
}

#[test]
fn another_users_store_is_refused_to_a_service_at_once_and_to_a_user_after_the_proof() {
    let house = House::new("right", None);
    let (me, id) = user("me");
    let uid = MerchantUid::parse("11").unwrap();
    house.memory.hold_store(&uid, Some(user("other").1), house.time.now());
    let named = NewLogin { wanted: Some(uid), ..asked("right") };
    let for_me = NewLogin { user_id: Some(id), ..named.clone() };
    assert_eq!(refusal(house.start(&Tenant::All, for_me)), Code::StoreTaken);
    assert_eq!(house.portal.with(|portal| portal.passwords), 0);
    // Before the proof the answer would tell a user whose customers others are.
    let mine = house.start(&me, named).unwrap().login();
    house.run();
    assert_eq!(failure(&house.read(mine.id)), Code::StoreTaken);
    let unnamed = house.start(&me, asked("right")).unwrap().login();
    house.run();
    assert_eq!(failure(&house.read(unnamed.id)), Code::StoreTaken);
}

#[test]
fn the_same_answer_under_the_same_key_is_sent_once() {
    let house = House::new("right", Some("123456"));
    let id = house.sign_in("right").id;
    let answer = |text: &str, key: &str| {
        let answered = now(house.logins.answer(&Tenant::All, id, code(text), Some(key.to_owned())));
        house.run();
        answered
    };
    answer("111111", "a").unwrap();
    answer("111111", "a").unwrap();
    assert_eq!(house.portal.with(|portal| portal.answers), 1);
    assert_eq!(refusal(answer("222222", "a")), Code::IdempotencyKeyReused);
    let Some(Challenge::Code(asked)) = house.read(id).state.challenge().cloned() else {
        panic!("no code asked")
    };
    assert_eq!((asked.attempts_left, asked.last_error.unwrap().code), (4, Code::CodeRejected));
    answer("123456", "b").unwrap();
    assert_eq!(answer("123456", "b").unwrap().state.name(), "succeeded", "a repeat reads the outcome");
    assert_eq!(house.portal.with(|portal| portal.answers), 2);
    assert_eq!(refusal(answer("123456", "c")), Code::LoginFinished);
}

#[test]
fn a_login_that_is_cancelled_while_it_finishes_stays_cancelled_and_stores_nothing() {
    let house = House::new("right", None);
    let id = house.start(&Tenant::All, asked("right")).unwrap().login().id;
    let elsewhere = house.node().logins;
    let cancel = move || drop(now(elsewhere.cancel(&Tenant::All, id, Timestamp::MIN)).unwrap());
    house.portal.with(|portal| portal.meanwhile = Some(Box::new(cancel)));
    house.run();
    assert_eq!(house.read(id).state.name(), "cancelled");
    assert!(house.memory.tables().stores.is_empty());
    assert_eq!(house.portal.with(|portal| portal.given_up), 1, "what the engine held is let go");
    assert_eq!(refusal(now(house.logins.cancel(&Tenant::All, id, Timestamp::MIN))), Code::LoginFinished);
}

#[test]
fn a_login_whose_node_died_before_the_password_is_taken_over() {
    let house = House::new("right", None);
    let id = house.start(&Tenant::All, asked("right")).unwrap().login().id;
    drop(house.take_work());
    let other = house.node();
    assert_eq!(now(other.logins.recover()).unwrap(), 0, "its node may still live");
    house.time.pass(SignedDuration::from_secs(16));
    assert_eq!(now(other.logins.recover()).unwrap(), 1);
    other.run();
    assert_eq!(other.read(id).state.name(), "succeeded");
    assert_eq!(house.portal.with(|portal| portal.passwords), 1);
}

#[test]
fn a_login_whose_node_died_with_the_password_under_way_fails_and_sends_it_no_second_time() {
    let house = House::new("right", None);
    let id = house.start(&Tenant::All, asked("right")).unwrap().login().id;
    house.portal.with(|portal| portal.silent = true);
    let work = house.take_work().unwrap();
    assert!(dies_waiting(house.logins.drive(work)).is_none());
    let other = house.node();
    house.time.pass(SignedDuration::from_secs(16));
    now(other.logins.recover()).unwrap();
    other.run();
    assert_eq!(failure(&other.read(id)), Code::LoginInterrupted);
    assert_eq!(house.portal.with(|portal| portal.passwords), 1);
}

#[test]
fn a_login_that_waits_for_a_code_goes_on_at_any_node() {
    let house = House::new("right", Some("123456"));
    let id = house.sign_in("right").id;
    let other = house.node();
    house.time.pass(SignedDuration::from_mins(5));
    assert_eq!(now(other.logins.recover()).unwrap(), 0, "nobody needs to take it over");
    now(other.logins.answer(&Tenant::All, id, code("123456"), None)).unwrap();
    other.run();
    assert_eq!(other.read(id).state.name(), "succeeded");
}

#[test]
fn time_ends_a_login_that_nobody_answers_and_frees_its_account() {
    let house = House::new("right", Some("123456"));
    let id = house.sign_in("right").id;
    assert_eq!(now(house.logins.expire()).unwrap(), 0);
    house.time.pass(SignedDuration::from_mins(10));
    assert_eq!(refusal(now(house.logins.answer(&Tenant::All, id, code("123456"), None))), Code::LoginExpired);
    assert_eq!(now(house.logins.expire()).unwrap(), 1);
    house.run();
    assert_eq!(house.read(id).state.name(), "expired");
    assert!(house.memory.tables().logins[0].secrets.is_none());
    assert!(matches!(house.start(&Tenant::All, asked("right")), Ok(Started::New(_))));
}

#[test]
fn who_reads_a_login_past_its_time_sees_its_end_without_waiting_for_a_pass() {
    let house = House::new("right", Some("123456"));
    let id = house.sign_in("right").id;
    house.time.pass(SignedDuration::from_mins(10));
    assert_eq!(house.read(id).state.name(), "expired");
}

#[test]
fn who_waits_gets_the_state_that_needs_the_caller() {
    let house = House::new("right", Some("123456"));
    let id = house.start(&Tenant::All, asked("right")).unwrap().login().id;
    let until = house.time.now() + SignedDuration::from_secs(30);
    assert_eq!(now(house.logins.get(&Tenant::All, id, Some(until))).unwrap().state.name(), "awaiting_code");
    assert!(house.time.now() < until, "and gets it before the time is over");
}

#[test]
fn another_code_is_sent_after_the_pause_and_a_refusal_leaves_the_login_alive() {
    let house = House::new("right", Some("123456"));
    let id = house.sign_in("right").id;
    let resend =
        || now(house.logins.resend(&Tenant::All, id, house.time.now() + SignedDuration::from_secs(5)));
    assert_eq!(refusal(resend()), Code::ResendTooEarly);
    house.time.pass(SignedDuration::from_secs(60));
    resend().unwrap();
    assert_eq!(house.portal.with(|portal| portal.codes), 2);
    house.time.pass(SignedDuration::from_secs(60));
    let until = house.time.now() + SignedDuration::from_secs(90);
    house.portal.with(|portal| portal.flood = Some(until));
    let refused = resend().expect_err("a refusal");
    assert_eq!((refused.code(), refused.retry_at()), (Code::PortalRateLimited, Some(until)));
    assert_eq!(house.read(id).state.name(), "awaiting_code");
    now(house.logins.answer(&Tenant::All, id, code("123456"), None)).unwrap();
    house.run();
    assert_eq!(house.read(id).state.name(), "succeeded");
}
