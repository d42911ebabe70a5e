//! Sessions that stay alive by themselves: what is sent to the portal for it, and what is never sent.

use jiff::SignedDuration;
use kaspi_auth_core::explain::{Actor, Cause, Explanation, Explanations};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::keeper::Kept;
use kaspi_auth_core::keeping::{Keeping, Policy, RefreshReason, Rung};
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::port::{Clock, Device, KeepingRepository, StoreRepository};
use kaspi_auth_core::session::{Session, Validity};
use kaspi_auth_core::sessions::Wanted;
use kaspi_auth_core::store::Store;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};

use crate::house::{House, asked_by, now};
use crate::{code, refusal};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn uid(text: &str) -> MerchantUid {
    MerchantUid::parse(text).unwrap()
}

/// Moves the clock on, and the portal's with it.
fn pass(house: &House, span: SignedDuration) {
    house.time.pass(span);
    let now = house.time.now();
    house.portal.with(|portal| portal.today = now);
}

/// The account of this shop.
fn account(shop: &'static str) -> String {
    format!("m{shop}@example.kz")
}

/// A store that was signed in to with the password `right`.
fn sign_in(house: &House, shop: &'static str) {
    sign_in_to(house, shop, true);
}

fn sign_in_to(house: &House, shop: &'static str, store_password: bool) {
    house.portal.with(|portal| portal.shops.insert(account(shop), shop));
    let new = NewLogin { store_password, ..asked_by(&account(shop), "right") };
    let mut login = house.sign_in_as(new);
    if login.state.name() == "awaiting_code" {
        now(house.logins.answer(&Tenant::All, login.id, code("123456"), None)).unwrap();
        house.run();
        login = house.read(login.id);
    }
    assert_eq!(login.state.name(), "succeeded");
    // A real database makes a store due whose session has changed.
    now(house.memory.hasten(&uid(shop), house.time.now())).unwrap();
}

/// A service with one store, 11, that was signed in to.
fn signed_in(code: Option<&'static str>) -> House {
    let house = House::new("right", code);
    sign_in(&house, "11");
    house
}

/// The portal ends the store's session, and a look has found it so.
fn kill(house: &House, shop: &'static str) {
    house.portal.with(|portal| portal.verdicts.push_back(Validity::Dead));
    now(house.sessions.validate(&Tenant::All, &uid(shop))).unwrap();
}

fn remember_device(house: &House) {
    house.memory.tables().kept.device = Some(Device("remembered".to_owned().into()));
}

fn serve(house: &House, shop: &str) -> Result<Session, Error> {
    serve_within(house, shop, None)
}

fn serve_within(house: &House, shop: &str, max_age: Option<SignedDuration>) -> Result<Session, Error> {
    let until = house.time.now() + MINUTE;
    now(house.sessions.serve(&Tenant::All, &uid(shop), Wanted { max_age, min_ttl: None, until }))
}

fn visit(house: &House, shop: &str) -> Kept {
    now(house.keeper.visit(&uid(shop))).unwrap()
}

fn store(house: &House, shop: &str) -> Store {
    now(house.memory.find_store(&Tenant::All, &uid(shop))).unwrap().unwrap()
}

fn keeping(house: &House, shop: &str) -> Keeping {
    now(house.memory.keeping(&uid(shop))).unwrap().unwrap()
}

fn passwords(house: &House) -> u32 {
    house.portal.with(|portal| portal.passwords)
}

fn codes(house: &House) -> u32 {
    house.portal.with(|portal| portal.codes)
}

fn looks(house: &House) -> usize {
    house.portal.with(|portal| portal.probed.len())
}

fn silent_tries(house: &House) -> usize {
    house.portal.with(|portal| portal.renewed.len())
}

fn last_rung(house: &House) -> Option<Rung> {
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

fn explain(house: &House, shop: &str) -> Explanation {
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
