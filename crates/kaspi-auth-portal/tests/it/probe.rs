//! The three-valued probe: alive and dead need a clear word, everything else is unknown.

use kaspi_auth_core::egress::Route;
use std::time::Duration;

use kaspi_auth_core::port::Cabinet as _;
use kaspi_auth_core::session::{Probe, Validity, cookie_header};
use kaspi_sandbox::{Fault, FaultKind, Renewal};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::harness::{Desk, mail, uid};

fn validity(probe: &Probe) -> Validity {
    assert!(!probe.reason.is_empty());
    probe.validity
}

#[tokio::test]
async fn a_session_is_alive_for_its_own_merchant_and_dead_for_another() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    let probe = desk.engine.probe(&Route::direct(), &cookies, &uid("30000001")).await;
    assert_eq!((validity(&probe), probe.renewed), (Validity::Alive, false));
    assert_eq!(
        validity(&desk.engine.probe(&Route::direct(), &cookies, &uid("30000002")).await),
        Validity::Dead
    );
}

#[tokio::test]
async fn a_killed_session_is_dead_and_its_cookies_are_returned() {
    let desk = Desk::new().await;
    let session = desk.sign_in(&mail("plain")).await;
    desk.control().kill_sessions(None);
    let probe = desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000001")).await;
    assert_eq!(validity(&probe), Validity::Dead);
    assert!(probe.cookies.iter().any(|cookie| cookie.name == "MS_AUTH_SSO"), "renewal needs it");
    assert_eq!(validity(&desk.engine.probe(&Route::direct(), &[], &uid("30000001")).await), Validity::Dead);
}

#[tokio::test]
async fn every_other_answer_has_its_verdict() {
    let desk = Desk::new().await;
    let session = desk.sign_in(&mail("plain")).await;
    let refused = json!({"message": "no"});
    for (kind, expected) in [
        (FaultKind::Status(401), Validity::Dead),
        (FaultKind::LoginPage, Validity::Dead),
        (FaultKind::RedirectToLogin, Validity::Dead),
        (FaultKind::Json { status: 200, body: json!({"merchants": []}) }, Validity::Dead),
        (FaultKind::Json { status: 200, body: json!({"merchants": [{"uid": 30_000_001}]}) }, Validity::Alive),
        (FaultKind::Json { status: 200, body: json!({"items": []}) }, Validity::Unknown),
        (FaultKind::Json { status: 403, body: refused.clone() }, Validity::Dead),
        (FaultKind::Status(403), Validity::Dead),
        (FaultKind::Json { status: 429, body: refused }, Validity::Unknown),
        (FaultKind::Wall(403), Validity::Unknown),
        (FaultKind::Wall(429), Validity::Unknown),
        (FaultKind::Wall(200), Validity::Unknown),
        (FaultKind::Broken, Validity::Unknown),
        (FaultKind::Status(404), Validity::Unknown),
        (FaultKind::Garbage, Validity::Unknown),
        (FaultKind::BrokenBody, Validity::Unknown),
        (FaultKind::LostAnswer, Validity::Unknown),
    ] {
        desk.control().set_fault(Fault::new(kind.clone()).path("/s/m").times(1));
        let probe = desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000001")).await;
        assert_eq!(validity(&probe), expected, "{kind:?}: {}", probe.reason);
    }
    let desk_gone = desk.sandbox;
    desk_gone.stop().await;
    assert_eq!(
        validity(&desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000001")).await),
        Validity::Unknown
    );
}

#[tokio::test]
async fn a_cookie_that_the_cabinet_renews_on_the_fly_is_kept() {
    let desk = Desk::with(|knobs| knobs.session.renewal = Renewal::Rotate).await;
    let session = desk.sign_in(&mail("plain")).await;
    desk.control().advance_clock(Duration::from_secs(901));
    let probe = desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000001")).await;
    assert_eq!((validity(&probe), probe.renewed, probe.replaced), (Validity::Alive, true, true));
    let header = |cookies| cookie_header(cookies).expose_secret().to_owned();
    assert_ne!(header(&session.cookies), header(&probe.cookies));
    desk.control().advance_clock(Duration::from_secs(400));
    assert_eq!(
        validity(&desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000001")).await),
        Validity::Dead
    );
    assert_eq!(
        validity(&desk.engine.probe(&Route::direct(), &probe.cookies, &uid("30000001")).await),
        Validity::Alive
    );
}

#[tokio::test]
async fn a_cookie_beside_the_sessions_own_is_kept_and_replaces_no_session() {
    let desk = Desk::new().await;
    let mut cookies = desk.sign_in(&mail("plain")).await.cookies;
    cookies.retain(|cookie| cookie.name != "mc-session");
    let probe = desk.engine.probe(&Route::direct(), &cookies, &uid("30000001")).await;
    assert_eq!((validity(&probe), probe.renewed, probe.replaced), (Validity::Alive, true, false));
    assert!(probe.cookies.iter().any(|cookie| cookie.name == "mc-session"));
}

#[tokio::test]
async fn a_session_that_came_with_an_answer_that_broke_off_is_not_lost() {
    let desk = Desk::with(|knobs| knobs.session.renewal = Renewal::Rotate).await;
    let session = desk.sign_in(&mail("plain")).await;
    desk.control().advance_clock(Duration::from_secs(901));
    desk.control().set_fault(Fault::new(FaultKind::BrokenBody).path("/s/m").times(1));
    let probe = desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000001")).await;
    assert_eq!((validity(&probe), probe.renewed, probe.replaced), (Validity::Unknown, true, true));
    desk.control().advance_clock(Duration::from_secs(400));
    let probe = desk.engine.probe(&Route::direct(), &probe.cookies, &uid("30000001")).await;
    assert_eq!(validity(&probe), Validity::Alive);
}

#[tokio::test]
async fn sessions_that_die_by_time_or_by_calls_are_found_dead() {
    let desk = Desk::new().await;
    let session = desk.sign_in(&mail("dies-seconds")).await;
    assert_eq!(
        validity(&desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000051")).await),
        Validity::Alive
    );
    desk.control().advance_clock(Duration::from_secs(31));
    assert_eq!(
        validity(&desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000051")).await),
        Validity::Dead
    );
    let session = desk.sign_in(&mail("dies-calls")).await;
    let mut last = Validity::Alive;
    for _ in 0..10 {
        last = validity(&desk.engine.probe(&Route::direct(), &session.cookies, &uid("30000052")).await);
    }
    assert_eq!(last, Validity::Dead);
}

#[tokio::test]
async fn the_cabinets_headers_and_host_open_it_for_others_too() {
    let desk = Desk::with(|knobs| knobs.cabinet.auth_version_required = true).await;
    assert_eq!(desk.engine.host(), "mc.shop.kaspi.localhost");
    let headers = desk.engine.headers();
    let has = |name: &str, value: &str| headers.iter().any(|(n, v)| *n == name && v == value);
    assert!(has("x-auth-version", "3") && has("Origin", &desk.sandbox.origins().site));
    assert!(headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("cookie")));
}
