//! Silent signing in again: no password, no code, and only ever for the right merchant.

use kaspi_auth_core::egress::Route;
use kaspi_auth_core::port::{Cabinet as _, Engine as _};
use kaspi_auth_core::session::{Cookie, Validity};

use crate::harness::{Desk, code_of, mail, names, uid};

#[tokio::test]
async fn a_dead_session_is_renewed_while_the_login_host_remembers() {
    let desk = Desk::new().await;
    let old = desk.sign_in(&mail("plain")).await;
    desk.control().kill_sessions(None);
    let new = desk.engine.renew(&Route::direct(), &old.cookies, &uid("30000001")).await.unwrap();
    assert!(names(&new).contains(&"mc-sid") && new.merchant.name.is_some());
    let probe = desk.engine.probe(&Route::direct(), &new.cookies, &uid("30000001")).await;
    assert_eq!(probe.validity, Validity::Alive);
    let counters = desk.counters();
    assert_eq!((counters.passwords, counters.codes_sent.email, counters.sessions), (1, 0, 2));
}

#[tokio::test]
async fn a_login_host_that_forgot_says_sso_expired() {
    let desk = Desk::new().await;
    let old = desk.sign_in(&mail("plain")).await;
    desk.control().kill_sso(None);
    assert_eq!(
        code_of(desk.engine.renew(&Route::direct(), &old.cookies, &uid("30000001")).await),
        "sso_expired"
    );
    assert_eq!(desk.counters().passwords, 1);
}

#[tokio::test]
async fn without_a_cookie_of_the_login_host_nothing_is_asked() {
    let desk = Desk::new().await;
    let old = desk.sign_in(&mail("plain")).await;
    let before = desk.counters().calls;
    let kept: Vec<Cookie> =
        old.cookies.into_iter().filter(|cookie| !cookie.domain.starts_with("idmc")).collect();
    assert_eq!(code_of(desk.engine.renew(&Route::direct(), &kept, &uid("30000001")).await), "sso_expired");
    assert_eq!(desk.counters().calls, before);
}

#[tokio::test]
async fn cookies_of_another_merchant_are_an_account_mismatch() {
    let desk = Desk::new().await;
    let old = desk.sign_in(&mail("plain")).await;
    assert_eq!(
        code_of(desk.engine.renew(&Route::direct(), &old.cookies, &uid("30000002")).await),
        "account_mismatch"
    );
}

#[tokio::test]
async fn an_outage_while_renewing_is_no_end_of_the_login_hosts_memory() {
    use kaspi_sandbox::{Fault, FaultKind};
    let desk = Desk::new().await;
    let old = desk.sign_in(&mail("plain")).await;
    for path in ["/oauth2/authorization", "/oauth2/authorize", "/login/oauth2/code", "/s/m"] {
        for (kind, expected) in
            [(FaultKind::Broken, "portal_unavailable"), (FaultKind::Wall(403), "portal_blocked")]
        {
            desk.control().set_fault(Fault::new(kind).path(path).times(1));
            assert_eq!(
                code_of(desk.engine.renew(&Route::direct(), &old.cookies, &uid("30000001")).await),
                expected,
                "{path}"
            );
        }
    }
    desk.engine.renew(&Route::direct(), &old.cookies, &uid("30000001")).await.unwrap();
}
