//! Faults at every step of the way: an outage, a wall or a changed page is told as such wherever it strikes.

use kaspi_auth_core::Error;
use kaspi_auth_core::port::{At, Engine as _};
use kaspi_sandbox::{Fault, FaultKind};

use crate::harness::{Desk, accepted, code_of, code_sent, mail, session};

async fn whole_login(desk: &Desk) -> Result<(), Error> {
    let who = mail("plain");
    let at = desk.open(&who, None).await?;
    let at = accepted(desk.engine.submit(at, &who).await?);
    desk.engine.finish(at, None).await.map(|_| ())
}

const STEPS: [(&str, &str); 6] = [
    ("login", "/login"),
    ("login", "/api/p/login"),
    ("cabinet", "/oauth2/authorization"),
    ("login", "/oauth2/authorize"),
    ("cabinet", "/login/oauth2/code"),
    ("cabinet", "/s/m"),
];

#[tokio::test]
async fn an_outage_or_a_wall_is_told_as_such_wherever_it_strikes() {
    let desk = Desk::new().await;
    for (kind, expected) in [
        (FaultKind::Broken, "portal_unavailable"),
        (FaultKind::Status(503), "portal_unavailable"),
        (
            FaultKind::Json { status: 502, body: serde_json::json!({"errorCode": "CREDENTIALS_INVALID"}) },
            "portal_unavailable",
        ),
        (FaultKind::Wall(403), "portal_blocked"),
        (FaultKind::Wall(429), "portal_blocked"),
    ] {
        for (role, path) in STEPS {
            desk.control().set_fault(Fault::new(kind.clone()).role(role).path(path));
            assert_eq!(code_of(whole_login(&desk).await), expected, "{kind:?} at {path}");
            desk.control().clear_faults();
        }
    }
}

#[tokio::test]
async fn an_outage_before_the_password_spends_no_password() {
    let desk = Desk::new().await;
    for kind in [FaultKind::Broken, FaultKind::Wall(403), FaultKind::Status(429), FaultKind::BrokenBody] {
        desk.control().set_fault(Fault::new(kind).path("/login").times(1));
        whole_login(&desk).await.unwrap_err();
    }
    assert_eq!(desk.counters().passwords, 0);
}

#[tokio::test]
async fn answers_of_another_kind_are_a_changed_portal() {
    let desk = Desk::new().await;
    for kind in [FaultKind::Garbage, FaultKind::LoginPage, FaultKind::Status(404), FaultKind::RedirectToLogin]
    {
        desk.control().set_fault(Fault::new(kind.clone()).path("/api/p/login").times(1));
        assert_eq!(code_of(whole_login(&desk).await), "portal_changed", "{kind:?}");
    }
    for kind in [FaultKind::Garbage, FaultKind::LoginPage, FaultKind::Status(404)] {
        desk.control().set_fault(Fault::new(kind.clone()).path("/s/m").times(1));
        assert_eq!(code_of(whole_login(&desk).await), "portal_changed", "{kind:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_password_is_an_outage_and_the_password_is_not_sent_again() {
    for kind in [FaultKind::LostAnswer, FaultKind::BrokenBody] {
        let desk = Desk::new().await;
        desk.control().set_fault(Fault::new(kind).path("/api/p/login"));
        assert_eq!(code_of(whole_login(&desk).await), "portal_unavailable");
        assert_eq!(desk.counters().passwords, 1);
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_code_is_an_outage_and_the_code_is_not_sent_again() {
    let desk = Desk::new().await;
    let who = mail("code");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    desk.control().set_fault(Fault::new(FaultKind::LostAnswer).path("/api/p/login"));
    assert_eq!(code_of(desk.answer(at, &who, &desk.code("code@sandbox.test")).await), "portal_unavailable");
    assert_eq!(desk.counters().calls_to("POST", "login", "/api/p/login"), 2);
}

async fn accepted_login(desk: &Desk) -> At {
    accepted(desk.submit(&mail("plain")).await.unwrap())
}

#[tokio::test]
async fn a_finish_that_failed_can_be_repeated_once_the_outage_is_over() {
    let desk = Desk::new().await;
    let at = accepted_login(&desk).await;
    for (role, path) in &STEPS[2..] {
        desk.control().set_fault(Fault::new(FaultKind::Broken).role(*role).path(*path).times(1));
        assert_eq!(code_of(desk.engine.finish(at.clone(), None).await), "portal_unavailable");
    }
    let (session, _) = session(desk.engine.finish(at, None).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "30000001");
    assert_eq!(desk.counters().passwords, 1);
}

#[tokio::test]
async fn a_cabinet_that_refuses_its_first_visitor_is_entered_at_the_second_try() {
    let desk = Desk::new().await;
    let at = accepted_login(&desk).await;
    desk.control().set_fault(Fault::new(FaultKind::Status(401)).path("/s/m").times(1));
    session(desk.engine.finish(at.clone(), None).await.unwrap());
    desk.control().set_fault(Fault::new(FaultKind::Status(401)).path("/login/oauth2/code").times(1));
    session(desk.engine.finish(at.clone(), None).await.unwrap());
    desk.control().set_fault(Fault::new(FaultKind::RedirectToLogin).path("/s/m").times(1));
    session(desk.engine.finish(at.clone(), None).await.unwrap());
    desk.control().set_fault(Fault::new(FaultKind::Status(401)).path("/s/m"));
    assert_eq!(code_of(desk.engine.finish(at, None).await), "kaspi_auth_error");
}

#[tokio::test]
async fn a_role_that_is_missing_in_the_cabinet_is_no_wall() {
    let desk = Desk::new().await;
    let at = accepted_login(&desk).await;
    let forbidden = FaultKind::Json { status: 403, body: serde_json::json!({"message": "no role"}) };
    desk.control().set_fault(Fault::new(forbidden).path("/s/m"));
    let error = crate::harness::failure(desk.engine.finish(at, None).await);
    assert_eq!(
        (error.code().as_str(), error.portal_message()),
        ("insufficient_permissions", Some("no role"))
    );
}

#[tokio::test]
async fn a_login_host_that_forgets_an_accepted_login_has_run_out_of_time() {
    let desk = Desk::new().await;
    let at = accepted_login(&desk).await;
    desk.control().kill_sso(None);
    assert_eq!(code_of(desk.engine.finish(at, None).await), "portal_login_timeout");
}
