//! Sessions that stay alive by themselves: what is sent to the portal for it, and what is never sent.

use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use kaspi_auth_core::explain::{Actor, Cause, Explanation, Explanations};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::keeper::Kept;
use kaspi_auth_core::keeping::{
    AttemptBudget, Basis, Breaker, BreakerPolicy, Keeping, LeaseAsked, Origin, Policy, RefreshOutcome,
    RefreshReason, Rung,
};
use kaspi_auth_core::login::Driver;
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::port::{Clock, Device, KeepingRepository, StoreRepository};
use kaspi_auth_core::session::{Session, Validity};
use kaspi_auth_core::sessions::{Outcome, Refreshed, Report, Wanted};
use kaspi_auth_core::store::Store;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};

use crate::house::{House, asked_by, now};
use crate::{code, refusal};

pub const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub fn uid(text: &str) -> MerchantUid {
    MerchantUid::parse(text).unwrap()
}

/// Moves the clock on, and the portal's with it.
pub fn pass(house: &House, span: SignedDuration) {
    house.time.pass(span);
    let now = house.time.now();
    house.portal.with(|portal| portal.today = now);
}

/// The account of this shop.
pub fn account(shop: &'static str) -> String {
    format!("m{shop}@example.kz")
}

/// A store that was signed in to with the password `right`.
pub fn sign_in(house: &House, shop: &'static str) {
    sign_in_to(house, shop, true);
}

pub fn sign_in_to(house: &House, shop: &'static str, store_password: bool) {
    house.portal.with(|portal| portal.shops.insert(account(shop), shop));
    let new = NewLogin { store_password, ..asked_by(&account(shop), "right") };
    let mut login = house.sign_in_as(new);
    if login.state.name() == "awaiting_code" {
        now(house.logins.answer(&Tenant::All, login.id, code("123456"), None)).unwrap();
        house.run();
        login = house.read(login.id);
    }
    assert_eq!(login.state.name(), "succeeded");
}

/// A service with one store, 11, that was signed in to.
pub fn signed_in(code: Option<&'static str>) -> House {
    let house = House::new("right", code);
    sign_in(&house, "11");
    house
}

/// The portal ends the store's session, and a look has found it so.
pub fn kill(house: &House, shop: &'static str) {
    house.portal.with(|portal| portal.verdicts.push_back(Validity::Dead));
    now(house.sessions.validate(&Tenant::All, &uid(shop))).unwrap();
}

pub fn remember_device(house: &House) {
    house.memory.tables().kept.device = Some(Device("remembered".to_owned().into()));
}

pub fn serve(house: &House, shop: &str) -> Result<Session, Error> {
    serve_within(house, shop, None)
}

pub fn serve_within(house: &House, shop: &str, max_age: Option<SignedDuration>) -> Result<Session, Error> {
    let until = house.time.now() + MINUTE;
    now(house.sessions.serve(&Tenant::All, &uid(shop), Wanted { max_age, min_ttl: None, until }))
}

pub fn visit(house: &House, shop: &str) -> Kept {
    now(house.keeper.visit(&uid(shop))).unwrap()
}

pub fn store(house: &House, shop: &str) -> Store {
    now(house.memory.find_store(&Tenant::All, &uid(shop))).unwrap().unwrap()
}

pub fn keeping(house: &House, shop: &str) -> Keeping {
    now(house.memory.keeping(&uid(shop))).unwrap().unwrap()
}

pub fn passwords(house: &House) -> u32 {
    house.portal.with(|portal| portal.passwords)
}

pub fn codes(house: &House) -> u32 {
    house.portal.with(|portal| portal.codes)
}

pub fn looks(house: &House) -> usize {
    house.portal.with(|portal| portal.probed.len())
}

fn silent_tries(house: &House) -> usize {
    house.portal.with(|portal| portal.renewed.len())
}

pub fn last_rung(house: &House) -> Option<Rung> {
    house.heard.refreshed.lock().unwrap().last().and_then(|(_, outcome)| outcome.rung)
}

#[test]
fn a_dead_session_is_renewed_from_the_login_hosts_memory_without_a_password() {
    let house = signed_in(None);
    house.portal.with(|portal| portal.remembers = true);
    kill(&house, "11");
    let served = serve(&house, "11").unwrap();
    assert_eq!((served.generation, served.validity), (2, Validity::Alive));
    assert_eq!((passwords(&house), last_rung(&house)), (1, Some(Rung::Silent)));
}

#[test]
fn where_nothing_is_remembered_the_password_is_sent_with_the_remembered_device() {
    let house = signed_in(Some("123456"));
    remember_device(&house);
    house.portal.with(|portal| portal.code = None);
    kill(&house, "11");
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!((passwords(&house), codes(&house), last_rung(&house)), (2, 1, Some(Rung::Password)));
}

#[test]
fn without_a_password_the_ladder_ends_at_the_login_hosts_memory() {
    let house = House::keeping("right", None, &Policy::default());
    sign_in_to(&house, "11", false);
    kill(&house, "11");
    assert_eq!(refusal(serve(&house, "11")), Code::NeedsReauth);
    assert_eq!(store(&house, "11").reauth_reason.as_deref(), Some("no_credentials"));
    assert_eq!((passwords(&house), silent_tries(&house)), (1, 1));
}

#[test]
fn a_session_that_was_just_seen_alive_is_served_without_a_look() {
    let house = signed_in(None);
    let before = looks(&house);
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    assert_eq!(looks(&house), before);
    pass(&house, 2 * MINUTE);
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    assert_eq!(looks(&house), before + 1);
}

#[test]
fn the_keeper_renews_a_session_before_its_expected_end() {
    let house = signed_in(None);
    house.portal.with(|portal| portal.remembers = true);
    assert_eq!(visit(&house, "11"), Kept::Nothing);
    let due = keeping(&house, "11").due_at.unwrap();
    assert!(due > house.time.now() && due < house.time.now() + 24 * HOUR);
    pass(&house, 23 * HOUR);
    assert_eq!(visit(&house, "11"), Kept::Renewed);
    assert_eq!((store(&house, "11").generation, passwords(&house)), (2, 1));
}

pub fn explain(house: &House, shop: &str) -> Explanation {
    let explain = Explanations::new(house.memory.clone(), house.refreshes.clone(), house.time.clone());
    now(explain.explain(&Tenant::All, &uid(shop))).unwrap()
}

#[test]
fn an_explanation_says_who_must_act_and_when_the_next_try_is() {
    let house = House::new("right", None);
    sign_in_to(&house, "11", false);
    let well = explain(&house, "11");
    assert_eq!((well.cause, well.actor), (Cause::Alive, Actor::Nobody));
    assert_eq!(well.valid_until_estimate, Some(house.time.now() + 24 * HOUR));
    kill(&house, "11");
    let dead = explain(&house, "11");
    assert_eq!((dead.cause, dead.actor), (Cause::DeadUnmended, Actor::Nobody));
    assert_eq!(visit(&house, "11"), Kept::Missed(Code::CredentialsMissing));
    let hopeless = explain(&house, "11");
    let cause = Cause::Obstacle(RefreshReason::NoCredentials);
    assert_eq!((hopeless.cause, hopeless.actor, hopeless.next_try), (cause, Actor::Merchant, None));
}

#[test]
fn an_account_that_the_portal_asks_for_a_code_is_not_tried_again_until_somebody_signs_in() {
    let house = signed_in(Some("123456"));
    remember_device(&house);
    kill(&house, "11");
    assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
    assert_eq!(store(&house, "11").reauth_reason.as_deref(), Some("needs_code_email"));
    let sent = (passwords(&house), codes(&house));
    for _ in 0..50 {
        pass(&house, HOUR);
        assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
        // A caller who only tries the silent way wipes nothing out.
        visit(&house, "11");
    }
    assert_eq!((passwords(&house), codes(&house)), sent);
    assert_eq!(sent.1, 2, "one of them is the person's own");
    sign_in(&house, "11");
    assert!(!store(&house, "11").needs_reauth);
}

#[test]
fn a_code_that_is_asked_of_a_session_that_lives_is_asked_once() {
    let house = signed_in(Some("123456"));
    remember_device(&house);
    pass(&house, 20 * HOUR);
    for _ in 0..100 {
        visit(&house, "11");
        pass(&house, 2 * MINUTE);
    }
    assert_eq!(codes(&house), 2, "one of them is the person's own");
    assert!(!store(&house, "11").needs_reauth, "it lives and is not spoken of as lost");
}

#[test]
fn no_background_work_makes_the_portal_send_a_code_where_none_is_remembered() {
    let house = signed_in(Some("123456"));
    kill(&house, "11");
    assert_eq!(refusal(serve(&house, "11")), Code::CodeRequired);
    for _ in 0..24 {
        pass(&house, HOUR);
        visit(&house, "11");
    }
    assert_eq!((codes(&house), passwords(&house)), (1, 1));
    assert_eq!(keeping(&house, "11").due_at, None);
}

#[test]
fn one_rejection_stops_automation_until_the_credentials_change() {
    let house = signed_in(None);
    house.portal.with(|portal| portal.password = "changed");
    kill(&house, "11");
    assert_eq!(refusal(serve(&house, "11")), Code::NeedsReauth);
    for _ in 0..10 {
        pass(&house, HOUR);
        assert_eq!(refusal(serve(&house, "11")), Code::NeedsReauth);
        visit(&house, "11");
    }
    assert_eq!(passwords(&house), 2);
    assert_eq!((keeping(&house, "11").due_at, explain(&house, "11").actor), (None, Actor::Merchant));
    let login = house.sign_in_as(asked_by(&account("11"), "changed"));
    assert_eq!(login.state.name(), "succeeded");
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert!(!store(&house, "11").needs_reauth);
    assert!(keeping(&house, "11").due_at.is_some(), "who signs in makes it due");
}

#[test]
fn people_and_robots_share_the_accounts_window_of_passwords() {
    let passwords_an_hour = AttemptBudget { limit: 2, window: HOUR };
    let house = House::keeping("right", None, &Policy { passwords: passwords_an_hour, ..Policy::default() });
    sign_in(&house, "11");
    kill(&house, "11");
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    kill(&house, "11");
    let refused = serve(&house, "11").unwrap_err();
    assert_eq!(refused.code(), Code::AttemptsExhausted);
    assert_eq!(refused.retry_at(), Some(house.time.now() + HOUR));
    assert_eq!(explain(&house, "11").actor, Actor::Portal);
    let login = house.sign_in_as(asked_by(&account("11"), "right"));
    assert_eq!(crate::failure(&login), Code::AttemptsExhausted);
    pass(&house, HOUR + MINUTE);
    assert_eq!(serve(&house, "11").unwrap().generation, 3);
    assert_eq!(passwords(&house), 3);
}

#[test]
fn another_code_counts_and_its_refusal_leaves_the_account_alone() {
    let codes_a_day = AttemptBudget { limit: 2, window: 24 * HOUR };
    let house = House::keeping("right", Some("123456"), &Policy { codes: codes_a_day, ..Policy::default() });
    let login = house.sign_in("right");
    let resend = |house: &House| {
        pass(house, 2 * MINUTE);
        now(house.logins.resend(&Tenant::All, login.id, house.time.now() + MINUTE))
    };
    resend(&house).unwrap();
    assert_eq!(refusal(resend(&house)), Code::AttemptsExhausted);
    assert_eq!(codes(&house), 2);
    now(house.logins.answer(&Tenant::All, login.id, code("123456"), None)).unwrap();
    house.run();
    assert_eq!(house.read(login.id).state.name(), "succeeded");
    house.portal.with(|portal| portal.code = None);
    assert_eq!(house.sign_in("right").state.name(), "succeeded", "no pause was noted for the account");
}

/// A service of three shops, two of whose failures freeze; both have failed and a look finds the third dead.
pub fn frozen() -> House {
    let breaker = BreakerPolicy { stores: 2, ..BreakerPolicy::default() };
    let house = House::keeping("right", None, &Policy { breaker, ..Policy::default() });
    for shop in ["11", "12", "13"] {
        sign_in(&house, shop);
        kill(&house, shop);
    }
    house.portal.with(|portal| portal.on_submit.insert(Driver::Direct, Code::PortalChanged));
    for shop in ["11", "12"] {
        assert_eq!(refusal(serve(&house, shop)), Code::PortalChanged);
    }
    assert!(matches!(house.heard.breakers.lock().unwrap()[..], [Breaker::Frozen(_)]));
    house
}

#[test]
fn many_stores_that_fail_in_the_same_way_freeze_the_logins_of_all() {
    let house = frozen();
    let sent = passwords(&house);
    let refused = serve(&house, "13").unwrap_err();
    assert_eq!(refused.code(), Code::LoginsFrozen);
    assert_eq!(refused.retry_at(), Some(house.time.now() + 2 * MINUTE));
    assert_eq!(passwords(&house), sent);
    assert_eq!(explain(&house, "13").actor, Actor::Operator);
}

#[test]
fn the_keeper_finds_the_thaw_by_one_canary_without_any_consumer() {
    let house = frozen();
    let sent = passwords(&house);
    pass(&house, 3 * MINUTE);
    assert_eq!(visit(&house, "13"), Kept::Missed(Code::PortalChanged), "it was the canary");
    assert_eq!(passwords(&house), sent + 1);
    // Its failure puts the next one off.
    assert_eq!(refusal(serve(&house, "12")), Code::LoginsFrozen);
    assert_eq!(passwords(&house), sent + 1);
    house.portal.with(|portal| portal.on_submit.clear());
    // A shape that is not known is left alone for an hour.
    pass(&house, 2 * HOUR);
    assert_eq!(visit(&house, "13"), Kept::Renewed);
    assert_eq!(house.heard.breakers.lock().unwrap().last(), Some(&Breaker::Closed));
    assert_eq!(visit(&house, "11"), Kept::Renewed);
}

#[test]
fn a_store_that_cannot_sign_in_takes_no_canarys_place() {
    let house = frozen();
    sign_in_free(&house, "14");
    pass(&house, 3 * MINUTE);
    assert_eq!(refusal(serve(&house, "14")), Code::NeedsReauth);
    assert_eq!(visit(&house, "13"), Kept::Missed(Code::PortalChanged), "the place was free");
}

/// A store without a stored password that is dead, while the portal refuses all.
fn sign_in_free(house: &House, shop: &'static str) {
    let broken = house.portal.with(|portal| std::mem::take(&mut portal.on_submit));
    sign_in_to(house, shop, false);
    house.portal.with(|portal| portal.on_submit = broken);
    kill(house, shop);
}

#[test]
fn while_the_portal_is_away_the_last_good_session_is_served_and_few_looks_are_made() {
    let house = signed_in(None);
    pass(&house, HOUR);
    house.portal.with(|portal| portal.verdicts.extend([Validity::Unknown; 3]));
    let before = looks(&house);
    for _ in 0..100 {
        assert_eq!(serve_within(&house, "11", Some(MINUTE)).unwrap().generation, 1);
    }
    assert_eq!(looks(&house), before + 1);
    assert_eq!(store(&house, "11").validity, Validity::Alive);
    pass(&house, MINUTE);
    serve_within(&house, "11", Some(MINUTE)).unwrap();
    assert_eq!(looks(&house), before + 2);
}

#[test]
fn an_outage_changes_nothing_and_the_keeper_comes_back_later_each_time() {
    let house = signed_in(None);
    pass(&house, 7 * HOUR);
    let mut last = SignedDuration::ZERO;
    for failures in 1..5 {
        house.portal.with(|portal| portal.verdicts.push_back(Validity::Unknown));
        assert_eq!(visit(&house, "11"), Kept::Probed(Validity::Unknown));
        let kept = keeping(&house, "11");
        let pause = house.time.now().duration_until(kept.due_at.unwrap());
        assert_eq!(kept.failures, failures);
        assert!(pause > last);
        last = pause;
        pass(&house, pause);
    }
    assert_eq!(visit(&house, "11"), Kept::Probed(Validity::Alive));
    assert_eq!((keeping(&house, "11").failures, store(&house, "11").validity), (0, Validity::Alive));
    assert_eq!((passwords(&house), silent_tries(&house)), (1, 0));
}

#[test]
fn a_portal_that_is_left_alone_makes_no_store_wait_longer_than_the_others() {
    let house = signed_in(None);
    pass(&house, 7 * HOUR);
    let before = looks(&house);
    for _ in 0..20 {
        let until = house.time.now() + MINUTE / 6;
        house.portal.with(|portal| portal.left_alone = Some(until));
        assert_eq!(visit(&house, "11"), Kept::HeldBack(until));
        let kept = keeping(&house, "11");
        let pause = house.time.now().duration_until(kept.due_at.unwrap());
        assert_eq!(kept.failures, 0);
        assert!(pause >= MINUTE / 6 && pause <= MINUTE / 2, "{pause}");
        pass(&house, pause);
    }
    house.portal.with(|portal| portal.left_alone = None);
    assert_eq!(visit(&house, "11"), Kept::Probed(Validity::Alive));
    assert_eq!(looks(&house), before + 1);
}

#[test]
fn a_renewal_that_is_held_back_does_not_count_and_one_that_fails_does() {
    let house = signed_in(None);
    kill(&house, "11");
    let until = house.time.now() + MINUTE;
    house.portal.with(|portal| {
        portal.on_renew = Some(Code::PortalUnavailable);
        portal.left_alone = Some(until);
    });
    assert_eq!(visit(&house, "11"), Kept::Missed(Code::PortalUnavailable));
    let kept = keeping(&house, "11");
    assert_eq!((kept.failures, kept.due_at), (0, Some(until)));
    pass(&house, MINUTE);
    house.portal.with(|portal| portal.left_alone = None);
    assert_eq!(visit(&house, "11"), Kept::Missed(Code::PortalUnavailable));
    assert_eq!(keeping(&house, "11").failures, 1);
}

#[test]
fn who_wants_to_be_left_alone_for_a_day_is_asked_sooner() {
    let house = signed_in(None);
    pass(&house, 7 * HOUR);
    house.portal.with(|portal| portal.left_alone = Some(house.time.now() + 24 * HOUR));
    let latest = house.time.now() + 30 * MINUTE;
    assert_eq!(visit(&house, "11"), Kept::HeldBack(latest));
    assert_eq!(keeping(&house, "11").due_at, Some(latest));
}

#[test]
fn a_turn_that_was_not_had_takes_no_failure_back() {
    let house = signed_in(None);
    pass(&house, 7 * HOUR);
    house.portal.with(|portal| portal.verdicts.extend([Validity::Unknown; 2]));
    for failures in 1..=2 {
        visit(&house, "11");
        assert_eq!(keeping(&house, "11").failures, failures);
    }
    house.memory.tables().operation.no_permits = Some(HOUR);
    assert_eq!(visit(&house, "11"), Kept::Missed(Code::RateLimited));
    assert_eq!(keeping(&house, "11").failures, 2);
}

#[test]
fn who_asks_again_and_again_while_a_refresh_fails_makes_the_service_knock_no_oftener() {
    let house = signed_in(None);
    kill(&house, "11");
    house.portal.with(|portal| portal.on_renew = Some(Code::PortalUnavailable));
    for _ in 0..200 {
        assert_eq!(refusal(serve(&house, "11")), Code::PortalUnavailable);
    }
    assert_eq!(silent_tries(&house), 1);
    house.portal.with(|portal| portal.on_renew = None);
    pass(&house, MINUTE);
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
}

#[test]
fn a_store_that_only_a_person_can_mend_is_not_visited_all_the_time_while_it_lives() {
    let house = House::new("right", None);
    sign_in_to(&house, "11", false);
    pass(&house, 23 * HOUR);
    assert_eq!(visit(&house, "11"), Kept::Missed(Code::CredentialsMissing));
    let mut visits = 0;
    let end = house.time.now() + 6 * HOUR;
    while let Some(due) = keeping(&house, "11").due_at.filter(|due| *due < end) {
        pass(&house, house.time.now().duration_until(due));
        visit(&house, "11");
        visits += 1;
    }
    assert!(visits <= 3, "{visits}");
    assert!(!store(&house, "11").needs_reauth);
}

#[test]
fn a_hint_that_comes_during_a_visit_is_not_lost() {
    let house = signed_in(None);
    now(house.memory.schedule(&uid("11"), Some(house.time.now() + HOUR), 0)).unwrap();
    pass(&house, 23 * HOUR);
    let (memory, soon) = (house.memory.clone(), house.time.now());
    now(memory.schedule(&uid("11"), Some(soon + HOUR), 0)).unwrap();
    house.portal.with(|portal| {
        portal.on_renew = Some(Code::PortalUnavailable);
        portal.while_renewing = Some(Box::new(move || now(memory.hasten(&uid("11"), soon)).unwrap()));
    });
    assert_eq!(visit(&house, "11"), Kept::Missed(Code::PortalUnavailable));
    assert_eq!(keeping(&house, "11").due_at, Some(soon));
}

#[test]
fn a_report_of_an_older_session_changes_nothing_and_a_refusal_is_looked_at_first() {
    let house = signed_in(None);
    let report = |generation, outcome| {
        let report = Report { generation, outcome };
        now(house.sessions.report(&Tenant::All, &uid("11"), report)).unwrap()
    };
    pass(&house, MINUTE);
    let before = looks(&house);
    assert!(report(0, Outcome::Unauthorized).ignored);
    assert_eq!(looks(&house), before);
    assert_eq!(report(1, Outcome::Unauthorized).validity, Validity::Alive);
    assert_eq!(looks(&house), before + 1);
    pass(&house, MINUTE);
    assert_eq!(report(1, Outcome::Ok).validity, Validity::Alive);
    assert_eq!((store(&house, "11").checked_at, looks(&house)), (Some(house.time.now()), before + 1));
    pass(&house, MINUTE);
    house.portal.with(|portal| portal.verdicts.extend([Validity::Dead; 2]));
    assert_eq!(report(1, Outcome::Unauthorized).validity, Validity::Dead);
    assert!(keeping(&house, "11").due_at.unwrap() <= house.time.now());
    pass(&house, MINUTE);
    assert_eq!(report(1, Outcome::Ok).validity, Validity::Dead, "a late word wakes no dead");
    assert_eq!(visit(&house, "11"), Kept::Renewed);
    assert_eq!(house.heard.died.lock().unwrap()[..], [3 * MINUTE]);
}

#[test]
fn a_stale_holder_writes_nothing_and_sends_no_password() {
    let house = signed_in(None);
    kill(&house, "11");
    let (memory, time) = (house.memory.clone(), house.time.clone());
    let other = house.node();
    house.portal.with(|portal| {
        portal.while_renewing = Some(Box::new(move || {
            // It was held up for longer than its lease, and another has taken over.
            time.pass(MINUTE);
            let (at, node) = (time.now(), other.logins.node());
            now(memory.acquire_refresh_lease(&uid("11"), node, at, at + HOUR)).unwrap();
        }));
    });
    assert_eq!(refusal(serve(&house, "11")), Code::SessionRefreshing);
    assert_eq!((passwords(&house), house.heard.refreshed.lock().unwrap().len()), (1, 0));
    assert!(keeping(&house, "11").outcome.is_none());
}

#[test]
fn a_holder_that_dies_is_taken_over_after_its_lease_with_one_more_password_at_most() {
    let house = signed_in(None);
    kill(&house, "11");
    let other = house.node();
    let at = house.time.now();
    now(house.memory.acquire_refresh_lease(&uid("11"), house.logins.node(), at, at + MINUTE / 2)).unwrap();
    house.die();
    assert_eq!(serve(&other, "11").unwrap().generation, 2);
    assert_eq!(passwords(&other), 2);
    assert!(other.time.now() >= at + MINUTE / 2);
}

#[test]
fn a_caller_who_waits_for_a_running_refresh_gets_its_result() {
    let house = signed_in(None);
    house.portal.with(|portal| portal.remembers = true);
    kill(&house, "11");
    let other = house.node();
    let waiter = Arc::new(Mutex::new(None));
    let heard = waiter.clone();
    house.portal.with(|portal| {
        portal.while_renewing = Some(Box::new(move || {
            // It does not wait here, where this node would wait for itself: it begins no renewal of its own.
            let wanted = Wanted { max_age: None, min_ttl: None, until: other.time.now() };
            let served = now(other.sessions.serve(&Tenant::All, &uid("11"), wanted));
            *heard.lock().unwrap() = Some(refusal(served));
        }));
    });
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!(*waiter.lock().unwrap(), Some(Code::SessionRefreshing));
    assert_eq!((silent_tries(&house), passwords(&house)), (1, 1));
}

#[test]
fn a_service_that_joins_a_callers_silent_try_climbs_on_to_the_password() {
    let house = signed_in(None);
    kill(&house, "11");
    let at = house.time.now();
    let LeaseAsked::Granted(lease) =
        now(house.memory.acquire_refresh_lease(&uid("11"), house.logins.node(), at, at + MINUTE)).unwrap()
    else {
        panic!("nobody else refreshes")
    };
    let outcome = RefreshOutcome {
        epoch: lease.epoch,
        at,
        rung: Some(Rung::Silent),
        code: Some(Code::SsoExpired),
        detail: String::new(),
        retry_at: None,
    };
    now(house.memory.end_refresh(&uid("11"), lease, &outcome)).unwrap();
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
    assert_eq!(passwords(&house), 2);
}

#[test]
fn another_merchants_account_changes_nothing() {
    let house = signed_in(None);
    house.portal.with(|portal| portal.shops.insert(account("11"), "12"));
    kill(&house, "11");
    assert_eq!(refusal(serve(&house, "11")), Code::AccountMismatch);
    assert_eq!(store(&house, "11").generation, 1);
    assert!(now(house.memory.find_store(&Tenant::All, &uid("12"))).unwrap().is_none());
    pass(&house, HOUR);
    assert_eq!(refusal(serve(&house, "11")), Code::AccountMismatch);
    assert_eq!(passwords(&house), 2);
}

#[test]
fn a_new_session_that_the_cabinet_refuses_is_not_stored() {
    let house = signed_in(None);
    house.portal.with(|portal| portal.verdicts.push_back(Validity::Dead));
    let login = house.sign_in_as(asked_by(&account("11"), "right"));
    assert_eq!(crate::failure(&login), Code::KaspiAuthError);
    let kept = store(&house, "11");
    assert_eq!((kept.generation, kept.validity), (1, Validity::Alive));
    assert_eq!(serve(&house, "11").unwrap().generation, 1);
}

#[test]
fn a_session_that_does_not_live_long_enough_is_renewed_where_that_is_possible_and_served_where_not() {
    let house = signed_in(None);
    pass(&house, 20 * HOUR);
    let serve = || {
        let until = house.time.now() + MINUTE;
        let wanted = Wanted { max_age: None, min_ttl: Some(6 * HOUR), until };
        now(house.sessions.serve(&Tenant::All, &uid("11"), wanted)).unwrap().generation
    };
    house.portal.with(|portal| portal.on_renew = Some(Code::PortalUnavailable));
    assert_eq!(serve(), 1);
    house.portal.with(|portal| (portal.on_renew, portal.remembers) = (None, true));
    pass(&house, MINUTE);
    assert_eq!((serve(), serve(), silent_tries(&house)), (2, 2, 2));
}

#[test]
fn the_lifetime_is_learned_from_deaths() {
    let house = signed_in(None);
    house.portal.with(|portal| portal.remembers = true);
    for _ in 0..3 {
        pass(&house, 3 * HOUR);
        kill(&house, "11");
        serve(&house, "11").unwrap();
    }
    let learned = explain(&house, "11").estimate;
    assert_eq!((learned.lifetime, learned.basis, learned.deaths), (3 * HOUR, Basis::Store, 3));
    assert_eq!(house.heard.died.lock().unwrap()[..], [3 * HOUR; 3]);
}

/// Another login of the account begins while the login host looks into its memory.
fn begin_while_renewing(house: &House, new: NewLogin) {
    let logins = house.logins.clone();
    let begin = move || drop(now(logins.start(&Tenant::All, new)).unwrap());
    house.portal.with(|portal| portal.while_renewing = Some(Box::new(begin)));
}

#[test]
fn a_caller_who_joins_a_login_that_asks_nobody_is_asked_in_it() {
    let house = signed_in(Some("123456"));
    let automatic =
        NewLogin { origin: Origin::Automatic, wanted: Some(uid("11")), ..asked_by(&account("11"), "right") };
    begin_while_renewing(&house, automatic);
    let until = house.time.now() + MINUTE;
    let refreshed = now(house.sessions.refresh(&Tenant::All, &uid("11"), until)).unwrap();
    let Refreshed::Login(login) = refreshed else { panic!("nobody answered the code") };
    assert_eq!((login.state.name(), login.origin), ("awaiting_code", Origin::Caller));
    assert_eq!(codes(&house), 2, "one of them is of the first sign-in");
}

#[test]
fn a_store_waits_for_the_login_of_another_that_has_the_same_account() {
    let house = signed_in(None);
    let of_another = NewLogin { wanted: Some(uid("12")), ..asked_by(&account("11"), "right") };
    kill(&house, "11");
    begin_while_renewing(&house, of_another);
    assert_eq!(serve(&house, "11").unwrap().generation, 2);
}

#[test]
fn a_store_that_is_away_for_the_keeper_comes_back_when_keeping_is_switched_on_again() {
    let house = House::keeping("right", None, &Policy { enabled: false, ..Policy::default() });
    sign_in(&house, "11");
    assert_eq!(visit(&house, "11"), Kept::Nothing);
    assert!(keeping(&house, "11").due_at.is_some());
    assert_eq!(looks(&house), 1, "the login's own proof");
}
