//! Logins whose page a browser holds: other nodes forward to its node, and when that is gone they fail clearly.

use jiff::SignedDuration;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::egresses::EgressChange;
use kaspi_auth_core::login::{Answer, Challenge, EngineChoice, Login};
use kaspi_auth_core::logins::{Logins, NewLogin};
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error, Timestamp};

use crate::house::{House, asked_by, dies_waiting, now};
use crate::{code, failure, refusal};

/// Two nodes with a browser each, and a login that waits for a code in the page that the first one holds.
fn waiting() -> (House, House, Login) {
    let holder = House::with_browser("right", Some("123456"));
    let other = holder.node();
    let login = holder.sign_in_as(by_browser("merchant@example.kz"));
    assert_eq!((login.state.name(), login.holder), ("awaiting_code", Some(holder.logins.node())));
    assert!(holds(&holder, &login));
    (holder, other, login)
}

fn by_browser(email: &str) -> NewLogin {
    NewLogin { engine: Some(EngineChoice::Browser), ..asked_by(email, "right") }
}

fn holds(house: &House, login: &Login) -> bool {
    house.browser.as_ref().unwrap().holds(login.id)
}

fn answer(house: &House, login: &Login, answer: Answer) -> Result<Login, Error> {
    now(house.logins.answer(&Tenant::All, login.id, answer, None))
}

fn answers(house: &House) -> u32 {
    house.portal.with(|portal| portal.answers)
}

/// Longer than a node may be silent.
fn silence(house: &House) {
    house.time.pass(Logins::LEASE + SignedDuration::from_secs(1));
}

#[test]
fn a_code_that_another_node_takes_is_carried_out_by_the_holder_and_once() {
    let (holder, other, login) = waiting();
    assert_eq!(answer(&other, &login, code("123456")).unwrap().state.name(), "verifying");
    other.hear();
    assert_eq!(answers(&other), 0, "it has no page to type the code into");
    holder.hear();
    assert_eq!(other.read(login.id).state.name(), "succeeded");
    holder.hear();
    other.hear();
    now(holder.logins.pick_up_all()).unwrap();
    holder.run();
    assert_eq!(answers(&holder), 1);
    assert!(!holds(&holder, &login), "an ended login holds no page");
}

#[test]
fn word_that_comes_twice_before_it_is_acted_on_brings_one_answer() {
    let (holder, other, login) = waiting();
    answer(&other, &login, code("123456")).unwrap();
    now(holder.logins.pick_up(login.id)).unwrap();
    now(holder.logins.pick_up(login.id)).unwrap();
    now(holder.logins.pick_up_all()).unwrap();
    holder.run();
    assert_eq!((answers(&holder), holder.read(login.id).state.name()), (1, "succeeded"));
}

#[test]
fn a_holder_that_missed_the_word_looks_after_its_logins_all_the_same() {
    let (holder, other, login) = waiting();
    answer(&other, &login, code("123456")).unwrap();
    holder.miss_the_word();
    now(holder.logins.pick_up_all()).unwrap();
    holder.run();
    assert_eq!((answers(&holder), holder.read(login.id).state.name()), (1, "succeeded"));
}

#[test]
fn a_wrong_code_that_another_node_took_leaves_the_question_open_for_any_node() {
    let (holder, other, login) = waiting();
    answer(&other, &login, code("999999")).unwrap();
    holder.hear();
    let Some(Challenge::Code(asked)) = other.read(login.id).state.challenge().cloned() else {
        panic!("no code is asked")
    };
    assert_eq!((asked.attempts_left, asked.last_error.unwrap().code), (4, Code::CodeRejected));
    answer(&holder, &login, code("123456")).unwrap();
    holder.run();
    assert_eq!((answers(&holder), other.read(login.id).state.name()), (2, "succeeded"));
}

#[test]
fn another_code_that_another_node_is_asked_for_is_waited_for_there() {
    let (_holder, other, login) = waiting();
    let resend = || {
        other.time.pass(SignedDuration::from_secs(60));
        now(other.logins.resend(&Tenant::All, login.id, other.time.now() + SignedDuration::from_secs(5)))
    };
    let sent = resend().unwrap();
    assert_eq!(other.portal.with(|portal| portal.codes), 2, "it came before the call's answer");
    let Some(Challenge::Code(asked)) = sent.state.challenge() else { panic!("no code is asked") };
    assert_eq!(asked.sent_at, other.time.now());
    let until = other.time.now() + SignedDuration::from_secs(300);
    other.portal.with(|portal| portal.flood = Some(until));
    let refused = resend().expect_err("a refusal");
    assert_eq!((refused.code(), refused.retry_at()), (Code::PortalRateLimited, Some(until)));
}

#[test]
fn a_login_that_is_cancelled_at_another_node_lets_its_page_go() {
    let (holder, other, login) = waiting();
    let cancelled = now(other.logins.cancel(&Tenant::All, login.id, Timestamp::MIN)).unwrap();
    assert_eq!(cancelled.state.name(), "cancelled");
    other.hear();
    assert!(holds(&holder, &login), "the other node cannot close it");
    holder.hear();
    assert!(!holds(&holder, &login));
}

#[test]
fn a_login_that_expires_at_another_node_lets_its_page_go() {
    let (holder, other, login) = waiting();
    other.time.pass(SignedDuration::from_mins(10));
    assert_eq!(now(other.logins.expire()).unwrap(), 1);
    other.hear();
    holder.miss_the_word();
    now(holder.logins.pick_up_all()).unwrap();
    assert!(!holds(&holder, &login));
}

#[test]
fn a_page_is_let_go_although_its_way_is_gone() {
    for at_holder in [true, false] {
        let (holder, other, login) = waiting();
        let off = EgressChange { enabled: Some(false), ..EgressChange::default() };
        now(holder.egresses.change(EgressId::DIRECT, off)).unwrap();
        let node = if at_holder { &holder } else { &other };
        now(node.logins.cancel(&Tenant::All, login.id, Timestamp::MIN)).unwrap();
        holder.miss_the_word();
        if at_holder {
            holder.run();
        } else {
            now(holder.logins.pick_up_all()).unwrap();
        }
        assert!(!holds(&holder, &login), "cancelled at the holder: {at_holder}");
    }
}

#[test]
fn a_login_that_waits_fails_when_its_holder_is_gone_and_not_before() {
    let (holder, other, login) = waiting();
    silence(&holder);
    now(holder.logins.beat()).unwrap();
    assert_eq!(now(other.logins.fail_orphans()).unwrap(), 0, "it lives");
    holder.die();
    silence(&other);
    assert_eq!(now(other.logins.fail_orphans()).unwrap(), 1);
    other.hear();
    assert_eq!(failure(&other.read(login.id)), Code::BrowserLost);
    assert_eq!(now(other.logins.fail_orphans()).unwrap(), 0);
    let again = other.sign_in("right");
    assert_eq!(again.state.name(), "awaiting_code", "its account is free");
}

#[test]
fn a_login_that_is_driven_directly_is_no_orphan() {
    let node = House::with_browser("right", Some("123456"));
    let other = node.node();
    let login = node.sign_in("right");
    node.die();
    silence(&other);
    assert_eq!(now(other.logins.fail_orphans()).unwrap(), 0);
    answer(&other, &login, code("123456")).unwrap();
    other.run();
    assert_eq!(other.read(login.id).state.name(), "succeeded");
}

#[test]
fn a_code_that_was_left_for_a_dead_holder_is_never_sent() {
    let (holder, other, login) = waiting();
    holder.die();
    answer(&other, &login, code("123456")).unwrap();
    assert_eq!(now(other.logins.recover()).unwrap(), 0, "the holder has its time");
    silence(&other);
    assert_eq!(now(other.logins.recover()).unwrap(), 1);
    other.run();
    assert_eq!(failure(&other.read(login.id)), Code::LoginInterrupted);
    assert_eq!(answers(&other), 0);
}

#[test]
fn a_holder_that_dies_with_a_code_under_way_interrupts_its_login() {
    let (holder, other, login) = waiting();
    answer(&holder, &login, code("123456")).unwrap();
    holder.portal.with(|portal| portal.silent = true);
    let work = holder.take_work().unwrap();
    assert!(dies_waiting(holder.logins.drive(work)).is_none());
    holder.die();
    other.portal.with(|portal| portal.silent = false);
    silence(&other);
    now(other.logins.recover()).unwrap();
    other.run();
    assert_eq!(failure(&other.read(login.id)), Code::LoginInterrupted);
    assert_eq!(other.portal.with(|portal| (portal.passwords, portal.answers)), (1, 1));
}

#[test]
fn what_the_login_host_has_accepted_is_finished_by_another_node() {
    let (holder, other, login) = waiting();
    answer(&holder, &login, code("123456")).unwrap();
    let portal = holder.portal.clone();
    let falls_silent = move || portal.with(|portal| portal.silent = true);
    holder.portal.with(|portal| portal.meanwhile = Some(Box::new(falls_silent)));
    let work = holder.take_work().unwrap();
    assert!(dies_waiting(holder.logins.drive(work)).is_none());
    assert_eq!(other.read(login.id).state.name(), "finishing");
    holder.die();
    other.portal.with(|portal| portal.silent = false);
    silence(&other);
    assert_eq!(now(other.logins.recover()).unwrap(), 1);
    other.run();
    let done = other.read(login.id);
    assert_eq!((done.state.name(), done.holder), ("succeeded", None));
    assert_eq!(other.portal.with(|portal| (portal.passwords, portal.answers)), (1, 1));
}

#[test]
fn a_login_whose_node_died_before_the_password_opens_a_page_at_another() {
    let node = House::with_browser("right", Some("123456"));
    let other = node.node();
    let login = node.start(&Tenant::All, by_browser("merchant@example.kz")).unwrap().login();
    let late = node.take_work().unwrap();
    silence(&node);
    now(other.logins.recover()).unwrap();
    other.run();
    let taken = other.read(login.id);
    assert_eq!((taken.state.name(), taken.holder), ("awaiting_code", Some(other.logins.node())));
    // The first node was only slow: what it opens now is nobody's, and nothing is sent from there.
    now(node.logins.drive(late)).unwrap();
    assert!(!holds(&node, &login) && holds(&other, &login));
    answer(&node, &login, code("123456")).unwrap();
    node.hear();
    other.hear();
    assert_eq!(node.read(login.id).state.name(), "succeeded");
    assert_eq!(node.portal.with(|portal| (portal.passwords, portal.answers)), (1, 1));
}

#[test]
fn a_slow_node_takes_nothing_that_was_left_for_the_new_holder() {
    let slow = House::with_browser("right", Some("123456"));
    let holder = slow.node();
    let login = slow.start(&Tenant::All, by_browser("merchant@example.kz")).unwrap().login();
    let late = slow.take_work().unwrap();
    silence(&slow);
    now(holder.logins.recover()).unwrap();
    holder.run();
    // The slow node has just opened a page of its own and does not know yet that it is nobody's.
    let (logins, id) = (slow.logins.clone(), login.id);
    slow.memory.before_update(move || {
        now(logins.answer(&Tenant::All, id, code("123456"), None)).unwrap();
        now(logins.pick_up(id)).unwrap();
    });
    now(slow.logins.drive(late)).unwrap();
    assert!(slow.take_work().is_none() && !holds(&slow, &login));
    holder.hear();
    assert_eq!((answers(&holder), holder.read(login.id).state.name()), (1, "succeeded"));
}

#[test]
fn a_node_that_leaves_fails_what_it_holds_and_nothing_else() {
    let (holder, other, login) = waiting();
    let direct = holder.sign_in_as(asked_by("direct@example.kz", "right"));
    let elsewhere = other.sign_in_as(by_browser("elsewhere@example.kz"));
    now(holder.logins.leave()).unwrap();
    holder.run();
    assert_eq!(failure(&other.read(login.id)), Code::BrowserLost);
    assert!(!holds(&holder, &login));
    for left in [direct, elsewhere] {
        assert_eq!(other.read(left.id).state.name(), "awaiting_code");
    }
}

#[test]
fn a_login_that_comes_to_wait_after_its_node_has_left_is_an_orphan_at_once() {
    let holder = House::with_browser("right", Some("123456"));
    let other = holder.node();
    now(holder.logins.leave()).unwrap();
    let login = holder.sign_in_as(by_browser("merchant@example.kz"));
    assert_eq!(now(other.logins.fail_orphans()).unwrap(), 1);
    holder.hear();
    assert_eq!(failure(&other.read(login.id)), Code::BrowserLost);
    assert!(!holds(&holder, &login));
}

#[test]
fn a_browser_that_dies_fails_the_logins_that_wait_in_it() {
    let (holder, _, login) = waiting();
    holder.browser.as_ref().unwrap().crash();
    now(holder.logins.holder_lost(login.id)).unwrap();
    holder.run();
    assert_eq!(failure(&holder.read(login.id)), Code::BrowserLost);
    now(holder.logins.holder_lost(login.id)).unwrap();
    assert_eq!(holder.sign_in("right").state.name(), "awaiting_code", "its account is free");
}

#[test]
fn a_lost_page_is_no_matter_for_a_login_that_went_on_without_it() {
    let (holder, other, login) = waiting();
    now(other.logins.holder_lost(login.id)).unwrap();
    let direct = holder.sign_in_as(asked_by("direct@example.kz", "right"));
    now(holder.logins.holder_lost(direct.id)).unwrap();
    for login in [login, direct] {
        assert_eq!(holder.read(login.id).state.name(), "awaiting_code");
    }
}

#[test]
fn a_code_for_a_page_that_is_gone_fails_the_login_clearly() {
    let (holder, other, login) = waiting();
    holder.browser.as_ref().unwrap().crash();
    answer(&other, &login, code("123456")).unwrap();
    holder.hear();
    assert_eq!(failure(&other.read(login.id)), Code::BrowserLost);
    assert_eq!(refusal(answer(&other, &login, code("123456"))), Code::LoginFinished);
    assert_eq!(answers(&holder), 0);
    assert!(holder.memory.tables().logins[0].secrets.is_none());
}
