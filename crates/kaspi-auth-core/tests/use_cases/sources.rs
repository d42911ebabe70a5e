//! Logins that nobody waits for and that come to a code: who reads it, when none is asked for, and when a person must come.

use jiff::SignedDuration;
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::explain::{Actor, Cause};
use kaspi_auth_core::keeper::Kept;
use kaspi_auth_core::keeping::{AttemptBudget, Origin, Policy, RefreshReason, Rung};
use kaspi_auth_core::login::Channel;
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Timestamp};

use crate::house::{House, asked_by, now};
use crate::keeping::{
    HOUR, MINUTE, account, codes, explain, keeping, kill, last_rung, pass, passwords, remember_device, serve,
    sign_in, signed_in, store, uid, visit,
};
use crate::{code, refusal};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A store that was signed in to with a code, by day, and whose session is dead.
fn dead_by_day(policy: &Policy) -> House {
    let house = House::keeping("right", Some("123456"), policy);
    sign_in(&house, "11");
    // 9 in the morning in Almaty.
    pass(&house, 4 * HOUR);
    kill(&house, "11");
    house
}

fn reads(house: &House, channels: &[Channel]) {
    house.mailbox.with(|mailbox| mailbox.reads = channels.to_vec());
}

fn asked(house: &House) -> Vec<(Channel, u32)> {
    house.mailbox.with(|mailbox| mailbox.asked.clone())
}

fn sms(house: &House) -> u32 {
    house.portal.with(|portal| portal.sms)
}

fn reason(house: &House) -> Option<String> {
    store(house, "11").reauth_reason
}

#[test]
fn a_login_that_needs_a_mailed_code_gets_it_from_the_source() {
    let house = dead_by_day(&Policy::default());
    assert_eq!(explain(&house, "11").can_refresh.reason, RefreshReason::SsoAlive);
    reads(&house, &[Channel::Email]);
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!((passwords(&house), codes(&house), last_rung(&house)), (2, 2, Some(Rung::CodeSource)));
    assert_eq!(asked(&house), [(Channel::Email, 0)]);
    assert!(!store(&house, "11").needs_reauth);
}

#[test]
fn the_keeper_renews_through_the_source_before_the_end() {
    let house = signed_in(Some("123456"));
    reads(&house, &[Channel::Email]);
    // 28 hours: 9 in the morning again.
    pass(&house, 28 * HOUR);
    assert_eq!(visit(&house, "11"), Kept::Renewed);
    assert_eq!((store(&house, "11").generation, codes(&house)), (2, 2));
}

#[test]
fn a_code_that_comes_although_the_device_is_remembered_is_read_too() {
    let house = dead_by_day(&Policy::default());
    remember_device(&house);
    reads(&house, &[Channel::Email]);
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!(asked(&house), [(Channel::Email, 0)]);
}

#[test]
fn at_night_no_code_is_asked_for_and_in_the_morning_it_is() {
    let house = signed_in(Some("123456"));
    reads(&house, &[Channel::Email]);
    // 23 in Almaty.
    pass(&house, 18 * HOUR);
    kill(&house, "11");
    let refused = serve(&house, "11").unwrap_err();
    let morning = Timestamp::UNIX_EPOCH + 27 * HOUR;
    assert_eq!((refused.code(), refused.retry_at()), (Code::AttemptsExhausted, Some(morning)));
    assert_eq!((passwords(&house), codes(&house), reason(&house)), (1, 1, None), "it passes by itself");
    let told = explain(&house, "11");
    assert_eq!((told.cause, told.actor), (Cause::Obstacle(RefreshReason::QuietHours), Actor::Nobody));
    pass(&house, MINUTE);
    visit(&house, "11");
    assert!(asked(&house).is_empty());
    let due = keeping(&house, "11").due_at.unwrap();
    assert!(due > house.time.now(), "it is looked after");
    pass(&house, house.time.now().duration_until(morning));
    assert_eq!(visit(&house, "11"), Kept::Renewed);
}

#[test]
fn a_remembered_device_is_tried_at_night_too() {
    let house = signed_in(Some("123456"));
    remember_device(&house);
    house.portal.with(|portal| portal.code = None);
    reads(&house, &[Channel::Email]);
    pass(&house, 18 * HOUR);
    kill(&house, "11");
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!(last_rung(&house), Some(Rung::Password));
}

#[test]
fn a_code_that_comes_unforeseen_at_night_is_not_waited_for() {
    let house = signed_in(Some("123456"));
    remember_device(&house);
    reads(&house, &[Channel::Email]);
    pass(&house, 18 * HOUR);
    kill(&house, "11");
    assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
    assert_eq!((asked(&house).len(), codes(&house)), (0, 2));
}

#[test]
fn a_login_that_waits_for_its_turn_into_the_night_makes_the_portal_send_nothing() {
    let house = dead_by_day(&Policy::default());
    let new = NewLogin {
        origin: Origin::Automatic,
        code_source: Some(Channel::Email),
        wanted: Some(uid("11")),
        ..asked_by(&account("11"), "right")
    };
    // Five minutes before the quiet hours, and five minutes into them.
    pass(&house, 13 * HOUR - 5 * MINUTE);
    let id = house.start(&Tenant::All, new).unwrap().login().id;
    pass(&house, 10 * MINUTE);
    house.run();
    assert_eq!(crate::failure(&house.read(id)), Code::AttemptsExhausted);
    assert_eq!((passwords(&house), codes(&house)), (1, 1));
}

#[test]
fn an_account_whose_codes_are_used_up_waits_for_the_window() {
    let codes_a_day = AttemptBudget { limit: 1, window: DAY };
    let house = dead_by_day(&Policy { codes: codes_a_day, ..Policy::default() });
    reads(&house, &[Channel::Email]);
    let refused = serve(&house, "11").unwrap_err();
    let room = Timestamp::UNIX_EPOCH + DAY;
    assert_eq!((refused.code(), refused.retry_at()), (Code::AttemptsExhausted, Some(room)));
    assert_eq!((passwords(&house), codes(&house), reason(&house)), (1, 1, None));
    pass(&house, DAY);
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
}

#[test]
fn a_source_that_stays_silent_brings_a_person_and_is_not_asked_again_before_one_has_come() {
    let house = dead_by_day(&Policy::default());
    reads(&house, &[Channel::Email]);
    house.mailbox.with(|mailbox| mailbox.silent = true);
    let begun = house.time.now();
    assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
    assert!(begun.duration_until(house.time.now()) >= 2 * MINUTE, "it had its time");
    assert_eq!(reason(&house).as_deref(), Some("needs_code_email"));
    assert_eq!(last_rung(&house), Some(Rung::CodeSource));
    let told = explain(&house, "11");
    assert_eq!((told.cause, told.actor), (Cause::Obstacle(RefreshReason::NeedsCodeEmail), Actor::Merchant));
    let sent = (passwords(&house), codes(&house));
    for _ in 0..30 {
        pass(&house, HOUR);
        assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
        visit(&house, "11");
    }
    assert_eq!((passwords(&house), codes(&house), asked(&house).len()), (sent.0, sent.1, 1));
    // Its login holds nobody up, and who signs in makes the source worth a try again.
    house.mailbox.with(|mailbox| mailbox.silent = false);
    pass(&house, MINUTE);
    sign_in(&house, "11");
    kill(&house, "11");
    assert_eq!(serve(&house, "11").unwrap().generation, 3);
}

#[test]
fn a_silent_source_costs_few_codes_even_where_its_failure_is_forgotten() {
    let house = dead_by_day(&Policy { quiet_hours: None, ..Policy::default() });
    reads(&house, &[Channel::Email]);
    house.mailbox.with(|mailbox| mailbox.silent = true);
    house.portal.with(|portal| portal.on_renew = None);
    for _ in 0..12 {
        assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
        // Another program takes the mark away, and a caller's silent try stands in the place of what had failed.
        house.memory.tables().stores[0].needs_reauth = false;
        house.memory.forget_outcome(&uid("11"));
        pass(&house, HOUR);
    }
    assert_eq!(codes(&house), 1 + 3, "one of them is the person's own");
}

#[test]
fn a_source_that_is_wrong_once_may_look_again_and_one_that_repeats_itself_is_not_heard() {
    let house = dead_by_day(&Policy::default());
    reads(&house, &[Channel::Email]);
    house.mailbox.with(|mailbox| mailbox.mistakes = ["000000"].into());
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!(asked(&house), [(Channel::Email, 0), (Channel::Email, 1)]);
    let answers = house.portal.with(|portal| portal.answers);
    kill(&house, "11");
    house.mailbox.with(|mailbox| mailbox.mistakes = ["000000", "000000"].into());
    assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
    assert_eq!(house.portal.with(|portal| portal.answers), answers + 1, "the same code is not sent twice");
    assert_eq!(reason(&house).as_deref(), Some("needs_code_email"));
}

#[test]
fn what_no_portal_could_have_sent_is_no_code() {
    let house = dead_by_day(&Policy::default());
    reads(&house, &[Channel::Email]);
    house.mailbox.with(|mailbox| mailbox.mistakes = ["Your code is in the attachment"].into());
    assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
    assert_eq!(house.portal.with(|portal| portal.answers), 1, "the person's own");
}

/// A store of a phone's, by day, whose session is dead.
fn dead_phone() -> House {
    let house = House::new("right", Some("123456"));
    house.portal.with(|portal| portal.shops.insert("77001234567".to_owned(), "11"));
    let new = NewLogin {
        credentials: Credentials::phone("77001234567").unwrap(),
        ..asked_by("nobody@example.kz", "right")
    };
    let login = house.sign_in_as(new);
    now(house.logins.answer(&Tenant::All, login.id, code("123456"), None)).unwrap();
    house.run();
    assert_eq!(house.read(login.id).state.name(), "succeeded");
    pass(&house, 4 * HOUR);
    kill(&house, "11");
    house
}

#[test]
fn no_sms_is_asked_for_in_the_background_unless_a_source_says_that_it_reads_them() {
    let house = dead_phone();
    reads(&house, &[Channel::Email]);
    for _ in 0..48 {
        assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
        visit(&house, "11");
        pass(&house, HOUR);
    }
    assert_eq!((sms(&house), reason(&house).as_deref()), (1, Some("needs_code_sms")));
    reads(&house, &[Channel::Sms]);
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!((sms(&house), asked(&house)), (2, vec![(Channel::Sms, 0)]));
}

#[test]
fn at_night_no_sms_is_asked_for_even_with_a_source() {
    let house = dead_phone();
    reads(&house, &[Channel::Sms]);
    pass(&house, 14 * HOUR);
    assert_eq!(refusal(serve(&house, "11")), Code::AttemptsExhausted);
    assert_eq!(sms(&house), 1);
}

#[test]
fn a_code_that_went_where_the_source_does_not_read_ends_the_login() {
    let house = dead_by_day(&Policy::default());
    let new = NewLogin {
        origin: Origin::Automatic,
        code_source: Some(Channel::Sms),
        wanted: Some(uid("11")),
        ..asked_by(&account("11"), "right")
    };
    assert_eq!(crate::failure(&house.sign_in_as(new)), Code::CodeRequired);
}

#[test]
fn a_person_who_comes_while_the_source_looks_answers_in_its_stead() {
    let house = dead_by_day(&Policy::default());
    reads(&house, &[Channel::Email]);
    let logins = house.logins.clone();
    let comes = move || {
        let new = NewLogin { wanted: Some(uid("11")), ..asked_by(&account("11"), "right") };
        let login = now(logins.start(&Tenant::All, new)).unwrap().login();
        assert_eq!((login.state.name(), login.origin), ("awaiting_code", Origin::Caller));
    };
    house.mailbox.with(|mailbox| {
        mailbox.silent = true;
        mailbox.meanwhile = Some(Box::new(comes));
    });
    let begun = house.time.now();
    assert_eq!(refusal(serve(&house, "11")), Code::AccountBusy);
    assert!(begun.duration_until(house.time.now()) < MINUTE, "nobody waits for the source any more");
    let id = house.memory.tables().logins.last().unwrap().login.id;
    now(house.logins.answer(&Tenant::All, id, code("123456"), None)).unwrap();
    house.run();
    assert_eq!((store(&house, "11").generation, codes(&house)), (2, 2));
}

/// A person asks for the login of the account while the portal looks at the password of one that asks nobody.
fn come_while_submitting(house: &House, new: NewLogin) {
    let logins = house.logins.clone();
    let comes =
        move || assert_eq!(now(logins.start(&Tenant::All, new)).unwrap().login().origin, Origin::Caller);
    house.portal.with(|portal| portal.while_submitting = Some(Box::new(comes)));
}

#[test]
fn a_person_who_comes_to_a_login_that_asks_nobody_is_asked_in_it() {
    let house = signed_in(Some("123456"));
    let person = NewLogin { store_password: false, ..asked_by(&account("11"), "right") };
    come_while_submitting(&house, person);
    let new =
        NewLogin { origin: Origin::Automatic, wanted: Some(uid("11")), ..asked_by(&account("11"), "right") };
    let login = house.sign_in_as(new);
    assert_eq!(login.state.name(), "awaiting_code");
    assert_eq!((login.store_password, codes(&house)), (false, 2), "no second code was sent");
    now(house.logins.answer(&Tenant::All, login.id, code("123456"), None)).unwrap();
    house.run();
    assert_eq!(house.read(login.id).state.name(), "succeeded");
}

#[test]
fn a_login_that_needs_no_code_serves_the_person_who_came_to_it() {
    let house = signed_in(None);
    come_while_submitting(&house, asked_by(&account("11"), "right"));
    let new =
        NewLogin { origin: Origin::Automatic, wanted: Some(uid("11")), ..asked_by(&account("11"), "right") };
    assert_eq!(house.sign_in_as(new).state.name(), "succeeded");
    assert_eq!(passwords(&house), 2);
}

#[test]
fn a_person_who_comes_when_the_login_has_just_ended_gets_one_of_its_own() {
    let house = signed_in(Some("123456"));
    let automatic =
        NewLogin { origin: Origin::Automatic, wanted: Some(uid("11")), ..asked_by(&account("11"), "right") };
    let running = house.start(&Tenant::All, automatic).unwrap().login().id;
    let elsewhere = house.logins.clone();
    // Between the person's look at the running login and its taking, that one ends.
    let ends = move || drop(now(elsewhere.cancel(&Tenant::All, running, Timestamp::MAX)).unwrap());
    house.memory.before_join(ends);
    let own = house.start(&Tenant::All, asked_by(&account("11"), "right")).unwrap().login();
    assert_ne!(own.id, running);
    house.run();
    assert_eq!(house.read(own.id).state.name(), "awaiting_code");
}
