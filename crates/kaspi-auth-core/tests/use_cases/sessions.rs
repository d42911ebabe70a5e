//! A session and the way that it was won on: the portal sees it come from nowhere else.

use jiff::SignedDuration;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::egresses::{EgressChange, NewEgress};
use kaspi_auth_core::event::Happening;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::rate::Budget;
use kaspi_auth_core::sessions::Refreshed;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};

use crate::house::{House, now};
use crate::refusal;

fn add(house: &House, name: &str) -> EgressId {
    let way = kaspi_auth_core::egress::Way::Direct;
    let new = NewEgress { name: name.to_owned(), way, enabled: true, budget: Budget::default() };
    now(house.egresses.add(new)).unwrap().id
}

fn switch_off(house: &House, id: EgressId) {
    let off = EgressChange { enabled: Some(false), ..EgressChange::default() };
    now(house.egresses.change(id, off)).unwrap();
}

/// A store whose session was won on the returned way, while another way is there too.
fn signed_in() -> (House, EgressId, EgressId) {
    let house = House::new("right", None);
    let own = add(&house, "own");
    switch_off(&house, EgressId::DIRECT);
    assert_eq!(house.sign_in("right").state.name(), "succeeded");
    let other = add(&house, "other");
    (house, own, other)
}

fn uid() -> MerchantUid {
    MerchantUid::parse("11").unwrap()
}

fn refresh(house: &House) -> Result<Refreshed, Error> {
    let until = house.time.now() + SignedDuration::from_secs(30);
    now(house.sessions.refresh(&Tenant::All, &uid(), until))
}

#[test]
fn a_session_is_looked_at_and_renewed_on_the_way_that_it_was_won_on() {
    let (house, own, _) = signed_in();
    house.portal.with(|portal| portal.remembers = true);
    now(house.sessions.validate(&Tenant::All, &uid())).unwrap();
    let Refreshed::Session(renewed) = refresh(&house).unwrap() else { panic!("a login goes on") };
    assert_eq!((renewed.generation, renewed.egress), (2, Some(own)));
    house.portal.with(|portal| {
        assert_eq!((&portal.probed[..], &portal.renewed[..]), (&[own, own][..], &[own][..]));
        assert_eq!(portal.passwords, 1, "no second password was needed");
    });
}

#[test]
fn a_session_whose_way_is_gone_is_shown_to_the_portal_on_no_other() {
    let (house, own, _) = signed_in();
    switch_off(&house, own);
    let looked = now(house.sessions.validate(&Tenant::All, &uid()));
    assert_eq!(refusal(looked), Code::EgressUnusable);
    assert_eq!(house.portal.with(|portal| portal.probed.len()), 1, "the login's own proof");
    assert!(now(house.sessions.get(&Tenant::All, &uid())).is_ok(), "it is served all the same");
}

#[test]
fn a_session_whose_way_is_gone_is_refreshed_by_signing_in_on_another() {
    let (house, own, other) = signed_in();
    house.portal.with(|portal| portal.remembers = true);
    switch_off(&house, own);
    let Refreshed::Session(refreshed) = refresh(&house).unwrap() else { panic!("a login goes on") };
    assert_eq!((refreshed.generation, refreshed.egress), (2, Some(other)));
    assert!(house.portal.with(|portal| portal.renewed.is_empty()), "the old session went nowhere");
    let moved = house.memory.happened().into_iter().any(|happening| {
        matches!(happening, Happening::EgressReplaced { from, to, .. } if from == own && to == other)
    });
    assert!(moved, "the move is an event");
}
