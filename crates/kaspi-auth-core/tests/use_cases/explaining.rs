//! Why a store stands as it does: each cause, since when, and who must act.

use kaspi_auth_core::Code;
use kaspi_auth_core::explain::{Actor, Cause};
use kaspi_auth_core::keeping::{AttemptBudget, BreakerPolicy, Policy, RefreshReason};
use kaspi_auth_core::login::Driver;
use kaspi_auth_core::port::{Clock, KeepingRepository};
use kaspi_auth_core::session::Validity;

use crate::house::{House, now};
use crate::keeping::{
    HOUR, MINUTE, account, explain, keeping, kill, pass, passwords, remember_device, serve, sign_in,
    sign_in_to, signed_in, uid, visit,
};
use crate::refusal;

/// What stands in the way, and who must act.
fn obstacle(house: &House) -> (RefreshReason, Actor) {
    let told = explain(house, "11");
    let Cause::Obstacle(reason) = told.cause else { panic!("{:?}", told.cause) };
    (reason, told.actor)
}

/// A store that was signed in to two hours ago, and whose session was found dead an hour ago.
fn dead() -> House {
    let house = signed_in(None);
    pass(&house, HOUR);
    kill(&house, "11");
    pass(&house, HOUR);
    house
}

/// The cause that another program's mark on a dead session is told as.
fn marked(reason: &str) -> Cause {
    let house = dead();
    let mut tables = house.memory.tables();
    tables.stores[0].needs_reauth = true;
    tables.stores[0].reauth_reason = Some(reason.to_owned());
    drop(tables);
    explain(&house, "11").cause
}

#[test]
fn a_store_that_lives_needs_nobody_since_it_was_signed_in_to() {
    let house = signed_in(None);
    pass(&house, HOUR);
    let told = explain(&house, "11");
    assert_eq!((told.cause, told.actor), (Cause::Alive, Actor::Nobody));
    assert_eq!(told.since, Some(house.time.now() - HOUR));
}

#[test]
fn a_session_at_which_nobody_has_looked_is_another_programs() {
    let house = signed_in(None);
    house.memory.tables().stores[0].validity = Validity::Unknown;
    let told = explain(&house, "11");
    assert_eq!((told.cause, told.actor, told.since), (Cause::Unseen, Actor::Nobody, None));
}

#[test]
fn a_store_without_a_session_waits_for_its_merchant() {
    let house = House::new("right", None);
    house.memory.hold_store(&uid("11"), None, house.time.now());
    let told = explain(&house, "11");
    assert_eq!((told.cause, told.actor, told.next_try), (Cause::NeverSignedIn, Actor::Merchant, None));
}

#[test]
fn a_store_that_is_being_renewed_is_told_so_until_the_lease_is_over() {
    let house = dead();
    let at = house.time.now();
    let (shop, node) = (uid("11"), house.logins.node());
    now(house.memory.acquire_refresh_lease(&shop, node, at, at + MINUTE)).unwrap();
    assert_eq!(explain(&house, "11").cause, Cause::Refreshing);
    pass(&house, MINUTE);
    assert_eq!(explain(&house, "11").cause, Cause::DeadUnmended);
}

#[test]
fn a_dead_session_that_will_be_renewed_needs_nobody() {
    let house = dead();
    let told = explain(&house, "11");
    assert_eq!((told.cause, told.actor), (Cause::DeadUnmended, Actor::Nobody));
    assert_eq!((told.since, told.valid_until_estimate), (Some(house.time.now() - HOUR), None));
}

#[test]
fn a_store_that_is_switched_off_is_the_operators_and_says_nothing_of_since_when() {
    let house = dead();
    serve(&house, "11").unwrap();
    house.memory.tables().stores[0].is_active = false;
    assert_eq!(obstacle(&house), (RefreshReason::Inactive, Actor::Operator));
    assert_eq!(explain(&house, "11").since, None, "the renewal before was something else");
}

#[test]
fn what_a_merchant_must_mend_is_told_since_the_session_died_however_often_it_is_asked_for() {
    let house = House::new("right", None);
    sign_in_to(&house, "11", false);
    kill(&house, "11");
    let died = house.time.now();
    for _ in 0..3 {
        pass(&house, HOUR);
        refusal(serve(&house, "11"));
    }
    assert_eq!(obstacle(&house), (RefreshReason::NoCredentials, Actor::Merchant));
    let told = explain(&house, "11");
    assert_eq!((told.since, told.can_refresh.can), (Some(died), false));
    visit(&house, "11");
    assert_eq!(explain(&house, "11").next_try, None);
}

#[test]
fn a_refused_password_is_the_merchants() {
    let house = dead();
    house.portal.with(|portal| portal.password = "changed");
    refusal(serve(&house, "11"));
    assert_eq!(obstacle(&house), (RefreshReason::CredentialsRejected, Actor::Merchant));
}

#[test]
fn another_merchants_credentials_are_the_merchants() {
    let house = dead();
    house.portal.with(|portal| portal.shops.insert(account("11"), "12"));
    refusal(serve(&house, "11"));
    assert_eq!(obstacle(&house), (RefreshReason::AccountMismatch, Actor::Merchant));
}

#[test]
fn a_code_that_nobody_reads_is_the_merchants() {
    let house = signed_in(Some("123456"));
    remember_device(&house);
    kill(&house, "11");
    refusal(serve(&house, "11"));
    assert_eq!(obstacle(&house), (RefreshReason::NeedsCodeEmail, Actor::Merchant));
}

#[test]
fn a_pause_that_the_portal_wants_passes_by_itself() {
    let house = dead();
    house.portal.with(|portal| portal.flood = Some(portal.today + HOUR));
    refusal(serve(&house, "11"));
    assert_eq!(obstacle(&house), (RefreshReason::AccountLocked, Actor::Portal));
    visit(&house, "11");
    assert!(keeping(&house, "11").due_at.is_some(), "it is tried again");
    house.portal.with(|portal| portal.flood = None);
    pass(&house, HOUR);
    assert_eq!(explain(&house, "11").cause, Cause::DeadUnmended);
}

#[test]
fn a_window_that_is_full_passes_by_itself() {
    let one_an_hour = AttemptBudget { limit: 1, window: 3 * HOUR };
    let house = House::keeping("right", None, &Policy { passwords: one_an_hour, ..Policy::default() });
    sign_in(&house, "11");
    kill(&house, "11");
    refusal(serve(&house, "11"));
    assert_eq!(obstacle(&house), (RefreshReason::AttemptsExhausted, Actor::Portal));
    assert_eq!(passwords(&house), 1);
}

#[test]
fn a_shape_that_is_not_known_is_the_operators() {
    let house = dead();
    house.portal.with(|portal| portal.on_submit.insert(Driver::Direct, Code::PortalChanged));
    refusal(serve(&house, "11"));
    assert_eq!(obstacle(&house), (RefreshReason::PortalChanged, Actor::Operator));
}

#[test]
fn a_freeze_is_the_operators_since_it_began() {
    let breaker = BreakerPolicy { stores: 1, ..BreakerPolicy::default() };
    let house = House::keeping("right", None, &Policy { breaker, ..Policy::default() });
    for shop in ["11", "12"] {
        sign_in(&house, shop);
        kill(&house, shop);
    }
    pass(&house, HOUR);
    house.portal.with(|portal| portal.on_submit.insert(Driver::Direct, Code::KaspiAuthError));
    refusal(serve(&house, "12"));
    let froze = house.time.now();
    pass(&house, MINUTE);
    // Its silent try was in vain.
    assert_eq!(refusal(serve(&house, "11")), Code::LoginsFrozen);
    assert_eq!(obstacle(&house), (RefreshReason::Frozen, Actor::Operator));
    assert_eq!(explain(&house, "11").since, Some(froze));
}

#[test]
fn marks_of_another_program_are_understood_and_unknown_ones_give_way_to_what_is_known() {
    assert_eq!(marked("sms_required"), Cause::Obstacle(RefreshReason::NeedsCodeSms));
    assert_eq!(marked("invalid_credentials"), Cause::Obstacle(RefreshReason::CredentialsRejected));
    assert_eq!(marked("no_credentials"), Cause::Obstacle(RefreshReason::NoCredentials));
    assert_eq!(marked("because"), Cause::DeadUnmended);
}
