//! The ways out: which one an account takes, when it moves, when a way rests, and what operators and the configuration change.

use jiff::SignedDuration;
use kaspi_auth_core::Code;
use kaspi_auth_core::egress::{Egress, EgressId, Proxy, ProxyScheme, Way};
use kaspi_auth_core::egresses::{EgressChange, NewEgress};
use kaspi_auth_core::event::Happening;
use kaspi_auth_core::login::Driver;
use kaspi_auth_core::port::{Clock, EgressRepository};
use kaspi_auth_core::rate::Budget;
use kaspi_auth_core::tenant::Tenant;
use uuid::Uuid;

use crate::house::{House, asked, asked_by, now};
use crate::{failure, refusal};

fn proxy(host: &str) -> Way {
    Way::Proxy(Proxy {
        scheme: ProxyScheme::Socks5,
        host: host.to_owned(),
        port: 1080,
        username: Some("us".to_owned()),
        password: Some("hidden".to_owned().into()),
    })
}

fn named(name: &str) -> NewEgress {
    NewEgress { name: name.to_owned(), way: proxy(name), enabled: true, budget: Budget::default() }
}

fn add(house: &House, name: &str) -> Egress {
    now(house.egresses.add(named(name))).unwrap()
}

fn change(house: &House, id: EgressId, change: EgressChange) -> Result<Egress, kaspi_auth_core::Error> {
    now(house.egresses.change(id, change))
}

fn switch(house: &House, id: EgressId, on: bool) -> Egress {
    change(house, id, EgressChange { enabled: Some(on), ..EgressChange::default() }).unwrap()
}

fn get(house: &House, id: EgressId) -> Egress {
    now(house.egresses.get(id)).unwrap()
}

/// A house whose built-in way is switched off, with these proxies instead.
fn with_proxies<const N: usize>(names: [&str; N]) -> (House, [EgressId; N]) {
    let house = House::new("right", None);
    switch(&house, EgressId::DIRECT, false);
    let ids = names.map(|name| add(&house, name).id);
    (house, ids)
}

/// Lets so many accounts meet a wall on this way.
fn block(house: &House, id: EgressId, times: u32) {
    house.portal.with(|portal| portal.broken.insert(id, Code::PortalBlocked));
    let egress = get(house, id);
    for _ in 0..times {
        now(house.egresses.note(&egress, kaspi_auth_core::egress::Sign::Blocked)).unwrap();
    }
}

fn moves(house: &House) -> Vec<(EgressId, EgressId, String)> {
    let happened = house.memory.happened().into_iter();
    happened
        .filter_map(|happening| match happening {
            Happening::EgressReplaced { from, to, reason, .. } => Some((from, to, reason)),
            _ => None,
        })
        .collect()
}

#[test]
fn an_account_keeps_its_way_while_others_come_and_go() {
    let (house, [first]) = with_proxies(["first"]);
    assert_eq!(house.sign_in("right").egress, first);
    add(&house, "second");
    switch(&house, EgressId::DIRECT, true);
    for _ in 0..3 {
        assert_eq!(house.sign_in("right").egress, first);
    }
    assert!(house.portal.with(|portal| portal.sent.iter().all(|sent| sent.2 == first)));
    assert_eq!(moves(&house), []);
}

#[test]
fn new_accounts_go_where_the_fewest_are() {
    let (house, ids) = with_proxies(["a", "b", "c"]);
    for email in ["1@x.kz", "2@x.kz", "3@x.kz"] {
        house.sign_in_as(asked_by(email, "right"));
    }
    assert_eq!(ids.map(|id| get(&house, id).pinned), [1, 1, 1]);
}

#[test]
fn new_accounts_keep_off_a_way_that_fares_worse() {
    let (house, [a, b]) = with_proxies(["a", "b"]);
    block(&house, a, 1);
    for email in ["1@x.kz", "2@x.kz"] {
        assert_eq!(house.sign_in_as(asked_by(email, "right")).egress, b);
    }
}

#[test]
fn an_account_moves_with_an_event_when_its_way_is_switched_off() {
    let (house, [a]) = with_proxies(["a"]);
    house.sign_in("right");
    let b = add(&house, "b").id;
    switch(&house, a, false);
    let moved = house.sign_in("right");
    assert_eq!((moved.egress, moved.state.name()), (b, "succeeded"));
    assert_eq!(moves(&house), [(a, b, "it is switched off".to_owned())]);
    switch(&house, a, true);
    assert_eq!(house.sign_in("right").egress, b, "it does not move back");
    assert_eq!(moves(&house).len(), 1);
    let told = serde_json::to_string(&house.memory.happened()).unwrap();
    assert!(told.contains("m***@example.kz") && !told.contains("merchant@"), "{told}");
}

#[test]
fn an_account_moves_with_an_event_when_its_way_is_deleted() {
    let (house, [a]) = with_proxies(["a"]);
    house.sign_in("right");
    let b = add(&house, "b").id;
    now(house.egresses.delete(a)).unwrap();
    assert_eq!(house.sign_in("right").egress, b);
    assert_eq!(moves(&house), [(a, b, "it was deleted".to_owned())]);
}

#[test]
fn an_account_moves_with_an_event_when_the_check_of_its_way_fails() {
    let (house, [a]) = with_proxies(["a"]);
    house.sign_in("right");
    let b = add(&house, "b").id;
    house.portal.with(|portal| portal.broken.insert(a, Code::PortalUnavailable));
    let checked = now(house.egresses.check(a)).unwrap();
    assert!(checked.check_error.is_some_and(|error| error.starts_with("portal_unavailable: ")));
    assert_eq!(house.sign_in("right").egress, b);
    assert_eq!(moves(&house), [(a, b, "its check failed".to_owned())]);
}

#[test]
fn an_account_waits_for_a_short_rest_of_its_way() {
    let (house, [a]) = with_proxies(["a"]);
    house.sign_in("right");
    add(&house, "b");
    block(&house, a, 5);
    let refused = house.start(&Tenant::All, asked("right")).expect_err("a refusal");
    let awake = house.time.now() + SignedDuration::from_mins(1);
    assert_eq!((refused.code(), refused.retry_at()), (Code::EgressUnusable, Some(awake)));
    house.portal.with(|portal| portal.broken.clear());
    house.time.pass(SignedDuration::from_mins(1));
    assert_eq!(house.sign_in("right").egress, a);
    assert_eq!(moves(&house), []);
}

#[test]
fn an_account_moves_with_an_event_when_its_way_rests_long() {
    let (house, [a]) = with_proxies(["a"]);
    house.sign_in("right");
    let b = add(&house, "b").id;
    block(&house, a, 5);
    for minutes in [1, 2, 4, 8] {
        house.time.pass(SignedDuration::from_mins(minutes));
        block(&house, a, 1);
    }
    assert_eq!(house.sign_in("right").egress, b, "16 minutes are too long");
    assert_eq!(moves(&house), [(a, b, "it rests".to_owned())]);
}

#[test]
fn where_no_way_can_be_used_the_first_to_wake_says_when() {
    let (house, [a, b]) = with_proxies(["a", "b"]);
    block(&house, a, 5);
    house.time.pass(SignedDuration::from_secs(10));
    block(&house, b, 5);
    let refused = house.start(&Tenant::All, asked("right")).expect_err("a refusal");
    assert_eq!(refused.code(), Code::EgressUnusable);
    assert_eq!(refused.retry_at(), Some(house.time.now() + SignedDuration::from_secs(50)));
    for id in [a, b] {
        switch(&house, id, false);
    }
    let refused = house.start(&Tenant::All, asked("right")).expect_err("a refusal");
    assert_eq!((refused.code(), refused.retry_at()), (Code::EgressUnusable, None), "nobody knows when");
}

#[test]
fn five_blocked_logins_in_a_row_send_the_way_to_rest_once() {
    let (house, [a]) = with_proxies(["a"]);
    house.portal.with(|portal| portal.on_open.insert(Driver::Direct, Code::PortalBlocked));
    for place in 1..=5 {
        assert!(!get(&house, a).health.is_resting(house.time.now()));
        let login = house.sign_in_as(asked_by(&format!("{place}@x.kz"), "right"));
        assert_eq!(failure(&login), Code::PortalBlocked);
    }
    let resting = get(&house, a);
    let until = house.time.now() + SignedDuration::from_mins(1);
    assert_eq!((resting.health.blocks, resting.health.rest_until), (5, Some(until)));
    let event = Happening::EgressResting { egress: a, name: "a".to_owned(), until };
    assert_eq!(house.memory.happened(), [event]);
    assert_eq!(refusal(house.start(&Tenant::All, asked("right"))), Code::EgressUnusable);
}

#[test]
fn walls_that_come_in_during_a_rest_are_no_further_rests() {
    let (house, [a]) = with_proxies(["a"]);
    block(&house, a, 20);
    let health = get(&house, a).health;
    assert_eq!(health.rest_until, Some(house.time.now() + SignedDuration::from_mins(1)));
    assert_eq!(house.memory.happened().len(), 1, "and no further events");
}

#[test]
fn one_login_that_passes_mends_a_row_of_blocks() {
    let (house, [a]) = with_proxies(["a"]);
    for round in 0..3 {
        house.portal.with(|portal| portal.on_open.insert(Driver::Direct, Code::PortalBlocked));
        for place in 0..4 {
            house.sign_in_as(asked_by(&format!("{round}-{place}@x.kz"), "right"));
        }
        house.portal.with(|portal| portal.on_open.clear());
        assert_eq!(house.sign_in("right").state.name(), "succeeded");
        assert_eq!(get(&house, a).health.blocks, 0);
    }
    assert_eq!(house.memory.happened(), []);
}

#[test]
fn a_wrong_password_is_no_fault_of_the_way_and_an_outage_costs_it_a_little() {
    let (house, [a]) = with_proxies(["a"]);
    house.sign_in("wrong");
    assert!(get(&house, a).health.is_perfect());
    house.portal.with(|portal| portal.on_open.insert(Driver::Direct, Code::PortalUnavailable));
    for place in 0..20 {
        house.sign_in_as(asked_by(&format!("{place}@x.kz"), "right"));
    }
    let health = get(&house, a).health;
    assert_eq!((health.score, health.rest_until), (0, None), "an outage of the portal sends no way to rest");
}

#[test]
fn a_proxy_is_checked_before_its_first_use_and_an_unproven_one_is_not_chosen() {
    let (house, []) = with_proxies([]);
    let before = now(house.memory.list_egresses()).unwrap();
    house.portal.with(|portal| {
        // The next ids of the house's counter.
        portal.broken.extend((0..100).map(|id| (EgressId(Uuid::from_u128(id)), Code::PortalBlocked)));
    });
    let walled = add(&house, "walled");
    assert!(walled.check_error.as_deref().is_some_and(|error| error.starts_with("portal_blocked: ")));
    assert!(walled.checked_at.is_some() && !walled.is_usable(house.time.now()));
    assert_eq!(refusal(house.start(&Tenant::All, asked("right"))), Code::EgressUnusable);
    house.portal.with(|portal| portal.broken.clear());
    now(house.egresses.check(walled.id)).unwrap();
    assert_eq!(house.sign_in("right").egress, walled.id);
    // One that nobody has checked, as by a node that died while it added it.
    let unchecked = Egress {
        id: EgressId(Uuid::from_u128(7777)),
        name: "x".into(),
        way: proxy("x"),
        ..before[0].clone()
    };
    let unchecked = Egress { enabled: true, checked_at: None, ..unchecked };
    now(house.memory.insert_egress(&unchecked)).unwrap();
    for email in ["1@x.kz", "2@x.kz"] {
        assert_eq!(house.sign_in_as(asked_by(email, "right")).egress, walled.id);
    }
}

#[test]
fn a_login_keeps_to_its_way_and_fails_clearly_when_that_is_switched_off() {
    let house = House::new("right", Some("123456"));
    let waiting = house.sign_in("right");
    add(&house, "other");
    switch(&house, EgressId::DIRECT, false);
    now(house.logins.answer(&Tenant::All, waiting.id, crate::code("123456"), None)).unwrap();
    house.run();
    assert_eq!(failure(&house.read(waiting.id)), Code::EgressUnusable);
    assert_eq!(house.portal.with(|portal| portal.answers), 0, "the code took no other way");
}

#[test]
fn another_way_is_another_revision_is_checked_anew_and_starts_in_good_health() {
    let (house, [a]) = with_proxies(["a"]);
    block(&house, a, 5);
    house.portal.with(|portal| portal.broken.clear());
    let before = get(&house, a);
    let moved = EgressChange { way: Some(proxy("elsewhere")), ..EgressChange::default() };
    let after = change(&house, a, moved).unwrap();
    assert!(after.revision > before.revision);
    assert!(after.health.is_perfect() && after.is_usable(house.time.now()));
    house.portal.with(|portal| portal.broken.insert(a, Code::PortalUnavailable));
    let moved = EgressChange { way: Some(proxy("nowhere")), ..EgressChange::default() };
    assert!(!change(&house, a, moved).unwrap().is_usable(house.time.now()));
}

#[test]
fn an_operator_wakes_a_way_and_a_check_that_is_well_does_too() {
    let (house, [a]) = with_proxies(["a"]);
    block(&house, a, 5);
    let woken = change(&house, a, EgressChange { wake: true, ..EgressChange::default() }).unwrap();
    assert!(woken.health.is_perfect());
    block(&house, a, 5);
    house.portal.with(|portal| portal.broken.clear());
    assert!(now(house.egresses.check(a)).unwrap().is_usable(house.time.now()));
}

#[test]
fn the_built_in_way_stays_and_goes_directly() {
    let house = House::new("right", None);
    let moved = EgressChange { way: Some(proxy("x")), ..EgressChange::default() };
    assert_eq!(refusal(change(&house, EgressId::DIRECT, moved)), Code::InvalidValue);
    assert_eq!(refusal(now(house.egresses.delete(EgressId::DIRECT))), Code::InvalidValue);
    let unknown = EgressId(Uuid::from_u128(404));
    assert_eq!(refusal(now(house.egresses.get(unknown))), Code::EgressNotFound);
    assert_eq!(refusal(now(house.egresses.delete(unknown))), Code::EgressNotFound);
    assert_eq!(refusal(now(house.egresses.check(unknown))), Code::EgressNotFound);
}

#[test]
fn a_name_stands_for_one_way() {
    let (house, [a, _]) = with_proxies(["a", "b"]);
    assert_eq!(refusal(now(house.egresses.add(named("b")))), Code::InvalidValue);
    let renamed = EgressChange { name: Some("b".to_owned()), ..EgressChange::default() };
    assert_eq!(refusal(change(&house, a, renamed)), Code::InvalidValue);
}

fn id_of(name: &str) -> EgressId {
    EgressId(Uuid::from_u128(name.bytes().fold(1_000_000, |id, byte| id * 256 + u128::from(byte))))
}

fn adopt(house: &House, configured: Vec<NewEgress>) -> Result<(), kaspi_auth_core::Error> {
    now(house.egresses.adopt(configured, id_of))
}

#[test]
fn the_configurations_ways_are_added_changed_and_removed() {
    let house = House::new("right", None);
    adopt(&house, vec![named("a"), named("b")]).unwrap();
    let added = get(&house, id_of("a"));
    assert!(added.managed && added.is_usable(house.time.now()), "checked before its first use");
    adopt(&house, vec![named("a"), named("b")]).unwrap();
    assert_eq!(get(&house, id_of("a")).revision, added.revision, "what is the same stays untouched");
    let budget = Budget { in_flight: 3, ..Budget::default() };
    adopt(&house, vec![NewEgress { budget, way: proxy("c"), enabled: false, ..named("a") }]).unwrap();
    let changed = get(&house, id_of("a"));
    assert!(changed.revision > added.revision && !changed.enabled && changed.budget == budget);
    assert!(matches!(changed.way, Way::Proxy(proxy) if proxy.host == "c"));
    assert_eq!(refusal(now(house.egresses.get(id_of("b")))), Code::EgressNotFound);
    let by_hand = add(&house, "by hand").id;
    adopt(&house, vec![]).unwrap();
    let left: Vec<_> = now(house.egresses.list()).unwrap().into_iter().map(|egress| egress.id).collect();
    assert_eq!(left, [by_hand, EgressId::DIRECT], "what the configuration never named stays");
}

#[test]
fn two_nodes_that_start_with_a_new_configuration_both_come_up() {
    let house = House::new("right", None);
    adopt(&house, vec![named("a")]).unwrap();
    let configured = || vec![NewEgress { way: proxy("new"), ..named("a") }, named("b")];
    let other = std::sync::Once::new();
    let beside = |name: &str| {
        // The other node does it all between this one's look and its change.
        other.call_once(|| adopt(&house, configured()).unwrap());
        id_of(name)
    };
    now(house.egresses.adopt(configured(), beside)).unwrap();
    assert_eq!(get(&house, id_of("a")).revision, 2, "it was changed once");
    assert!(get(&house, id_of("b")).managed);
}

#[test]
fn the_configuration_takes_no_name_that_was_given_by_hand() {
    let house = House::new("right", None);
    add(&house, "mine");
    assert_eq!(refusal(adopt(&house, vec![named("mine")])), Code::InvalidValue);
}

#[test]
fn a_way_of_the_configurations_is_changed_there() {
    let house = House::new("right", None);
    adopt(&house, vec![named("a")]).unwrap();
    for refused in [
        EgressChange { name: Some("z".to_owned()), ..EgressChange::default() },
        EgressChange { way: Some(proxy("z")), ..EgressChange::default() },
        EgressChange { budget: Budget::default().into(), ..EgressChange::default() },
    ] {
        assert_eq!(refusal(change(&house, id_of("a"), refused)), Code::EgressManaged);
    }
    assert_eq!(refusal(now(house.egresses.delete(id_of("a")))), Code::EgressManaged);
    assert!(!switch(&house, id_of("a"), false).enabled, "in need it is switched off at once");
}
