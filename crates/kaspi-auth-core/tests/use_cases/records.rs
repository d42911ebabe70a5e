//! What is kept for operators: shapes of the portal's steps with an event for a new one, evidence with its pictures, events.

use jiff::SignedDuration;
use kaspi_auth_core::Code;
use kaspi_auth_core::canary::Canary;
use kaspi_auth_core::event::Happening;
use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::{Driver, EngineChoice};
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::records::{Records, Spans};
use kaspi_auth_core::tenant::Tenant;

use crate::house::{House, asked, now, user};
use crate::refusal;

fn canary(house: &House) -> Canary {
    Canary::new(house.memory.clone(), house.time.clone())
}

fn see(house: &House, step: &str, shape: &str) -> bool {
    now(canary(house).see(step, shape)).unwrap()
}

fn records(house: &House) -> Records {
    let day = SignedDuration::from_hours(24);
    let keep = Spans { evidence: day * 7, events: day, timelines: day * 30, audit: day * 365 };
    Records::new(house.memory.clone(), house.time.clone(), keep)
}

fn evidence(house: &House, picture: Option<&[u8]>) -> Evidence {
    Evidence {
        driver: Driver::Browser,
        code: None,
        at: house.time.now(),
        page: None,
        steps: vec![],
        skeleton: None,
        screenshot: Some(b"the page".to_vec()),
        picture: picture.map(<[u8]>::to_vec),
    }
}

#[test]
fn the_first_shape_of_a_step_is_the_measure_and_a_new_one_is_told_once() {
    let house = House::new("right", None);
    assert!(!see(&house, "login_page.direct", "form: login"));
    assert!(!see(&house, "login_page.direct", "form: login"));
    assert_eq!(house.memory.happened(), []);
    assert!(see(&house, "login_page.direct", "form: login, captcha"));
    assert!(!see(&house.node(), "login_page.direct", "form: login, captcha"), "also not by another node");
    assert!(!see(&house, "login_page.direct", "form: login"), "a shape that was known stays known");
    let told = Happening::PortalChanged {
        step: "login_page.direct".to_owned(),
        shape: "form: login, captcha".to_owned(),
        before: "form: login".to_owned(),
    };
    assert_eq!(house.memory.happened(), [told]);
}

#[test]
fn each_step_has_shapes_of_its_own() {
    let house = House::new("right", None);
    for (step, shape) in [("login_page.direct", "a"), ("login_page.browser", "b"), ("password", "c")] {
        assert!(!see(&house, step, shape), "{step}");
    }
    assert!(see(&house, "password", "a"));
}

#[test]
fn a_shape_of_any_length_is_taken() {
    let house = House::new("right", None);
    let long = "ё".repeat(10_000);
    assert!(!see(&house, "password", &format!("a{long}")));
    assert!(see(&house, "password", &long));
    let Some(Happening::PortalChanged { shape, .. }) = house.memory.happened().pop() else {
        panic!("no event")
    };
    assert!(shape.len() <= 8 * 1024 && long.starts_with(&shape));
}

#[test]
fn evidence_is_read_by_its_own_tenant_until_its_time_is_over() {
    let house = House::new("right", None);
    let records = records(&house);
    let (me, _) = user("me");
    let login = house.start(&me, asked("wrong")).unwrap().login();
    house.run();
    assert_eq!(refusal(now(records.evidence(&me, login.id))), Code::EvidenceNotFound);
    let kept = evidence(&house, None);
    now(records.keep(login.id, &kept)).unwrap();
    let newest = Evidence { code: Some(Code::InvalidCredentials), ..kept };
    now(records.keep(login.id, &newest)).unwrap();
    assert_eq!(now(records.evidence(&me, login.id)).unwrap(), newest);
    assert_eq!(now(records.evidence(&Tenant::All, login.id)).unwrap(), newest);
    assert_eq!(refusal(now(records.evidence(&user("other").0, login.id))), Code::LoginNotFound);
    let unknown = LoginId(uuid::Uuid::max());
    assert_eq!(refusal(now(records.evidence(&Tenant::All, unknown))), Code::LoginNotFound);
    house.time.pass(SignedDuration::from_hours(7 * 24));
    assert_eq!(refusal(now(records.evidence(&me, login.id))), Code::EvidenceNotFound);
    assert_eq!(now(records.prune()).unwrap(), 1);
    assert_eq!(now(records.prune()).unwrap(), 0);
}

#[test]
fn a_picture_is_shown_while_a_person_is_asked_and_the_page_where_there_is_none() {
    let house = House::with_browser("right", None);
    let records = records(&house);
    house.portal.with(|portal| portal.asks_person = Some(true));
    let login = house.sign_in_as(NewLogin { engine: Some(EngineChoice::Browser), ..asked("right") });
    let picture = || now(records.picture(&Tenant::All, login.id));
    assert_eq!(refusal(picture()), Code::EvidenceNotFound);
    now(records.keep(login.id, &evidence(&house, None))).unwrap();
    assert_eq!(picture().unwrap(), b"the page");
    now(records.keep(login.id, &evidence(&house, Some(b"letters")))).unwrap();
    assert_eq!(picture().unwrap(), b"letters");
    house.time.pass(SignedDuration::from_mins(10));
    house.read(login.id);
    assert_eq!(refusal(picture()), Code::LoginNotAwaiting);
}

#[test]
fn events_are_read_from_a_cursor_on_and_deleted_after_their_time() {
    let house = House::new("right", None);
    let records = records(&house);
    for shape in ["a", "b", "c", "d"] {
        see(&house, "password", shape);
    }
    let first = now(records.events(0, 2)).unwrap();
    let rest = now(records.events(first[1].sequence, 10)).unwrap();
    let shapes: Vec<_> = first.iter().chain(&rest).map(|event| &event.happening).collect();
    assert_eq!(shapes, house.memory.happened().iter().collect::<Vec<_>>());
    assert_eq!((first.len(), rest.len()), (2, 1));
    house.time.pass(SignedDuration::from_hours(25));
    assert_eq!(now(records.prune()).unwrap(), 3);
    assert_eq!(now(records.events(0, 10)).unwrap(), []);
}
