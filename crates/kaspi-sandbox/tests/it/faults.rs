//! Faults on demand.
//! It must see each as a client does.

use crate::client::Portal;
use http::header;
use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

async fn struck(kind: FaultKind) -> (Portal, crate::client::Answer) {
    let portal = Portal::start().await;
    portal.control().set_fault(Fault::new(kind).role("login").path("/api/p/login").times(1));
    let answer = portal.password("plain@sandbox.test").await;
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
    assert_eq!(portal.control().counters().faults, 1);
    (portal, answer)
}

#[tokio::test]
async fn a_status_a_json_and_a_wall_replace_the_answer() {
    let (portal, answer) = struck(FaultKind::Status(503)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (503, ""));
    assert_eq!(portal.control().counters().passwords, 1);
    let body = json!({"errorCode": "NEW_ERROR"});
    let (_, answer) = struck(FaultKind::Json { status: 401, body }).await;
    assert_eq!(answer.error(), (401, "NEW_ERROR".into()));
    let (_, answer) = struck(FaultKind::Wall(429)).await;
    assert!(answer.status == 429 && answer.body.starts_with("<!doctype html>"));
    let (_, answer) = struck(FaultKind::Broken).await;
    assert!(answer.status == 500 && answer.body.starts_with("<!doctype html>"));
}

#[tokio::test]
async fn the_login_page_stands_in_for_any_answer() {
    let (_, answer) = struck(FaultKind::LoginPage).await;
    assert!(answer.status == 200 && answer.body.contains("user_email_field"));
    let (portal, answer) = struck(FaultKind::RedirectToLogin).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (302, format!("{}/login", portal.login)));
}

#[tokio::test]
async fn a_lost_answer_still_had_its_effect() {
    let (portal, answer) = struck(FaultKind::LostAnswer).await;
    assert_eq!(answer.status, 502);
    assert_eq!(portal.control().counters().logins, 2);
}

#[tokio::test]
async fn garbage_and_late_answers_are_carried_out() {
    let (_, answer) = struck(FaultKind::Garbage).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_err());
    let (_, answer) = struck(FaultKind::Delay(1)).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_body_breaks_off_in_the_middle() {
    let portal = Portal::start().await;
    portal.control().set_fault(Fault::new(FaultKind::BrokenBody).path("/mc/"));
    for http2 in [false, true] {
        let client = reqwest::Client::builder().no_proxy().resolve("kaspi.localhost", portal.sandbox.addr());
        let client = if http2 { client.http2_prior_knowledge() } else { client };
        let request = client.build().expect("a client").get(format!("{}/mc/", portal.site));
        let mut answer = request.send().await.expect("a head");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.chunk().await.expect("a beginning").as_deref(), Some(&b"{\""[..]));
        assert!(answer.chunk().await.is_err(), "{http2}");
    }
}

#[tokio::test]
async fn the_sites_script_can_read_a_faulted_answer_of_the_cabinet() {
    let kinds = [
        (FaultKind::Status(401), 401),
        (FaultKind::Json { status: 500, body: json!({}) }, 500),
        (FaultKind::Wall(403), 403),
        (FaultKind::Broken, 500),
        (FaultKind::LoginPage, 200),
        (FaultKind::RedirectToLogin, 302),
        (FaultKind::LostAnswer, 502),
        (FaultKind::Garbage, 401),
    ];
    let portal = Portal::start().await;
    let url = format!("{}/s/m", portal.cabinet);
    for (kind, status) in kinds {
        portal.control().set_fault(Fault::new(kind.clone()).role("cabinet").times(1));
        let preflight = portal.http.request(http::Method::OPTIONS, &url).header(header::ORIGIN, &portal.site);
        let preflight = preflight.header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
        assert_eq!(portal.send(preflight).await.status, 200, "{kind:?}");
        let answer = portal.send(portal.http.get(&url).header(header::ORIGIN, &portal.site)).await;
        assert_eq!(answer.status, status, "{kind:?}");
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], portal.site.as_str(), "{kind:?}");
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer.headers.get_all(header::VARY).iter().count(), 1);
    }
    portal.control().set_fault(Fault::new(FaultKind::Status(503)).times(1));
    let foreign = portal.send(portal.http.get(&url).header(header::ORIGIN, "https://evil.test")).await;
    assert!(foreign.status == 503 && !foreign.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn faults_wait_their_turn_and_can_be_cleared() {
    let portal = Portal::start().await;
    let control = portal.control();
    control.set_fault(Fault {
        skip: 1,
        method: Some("get".into()),
        ..Fault::new(FaultKind::Status(503)).role("cabinet")
    });
    assert_eq!(portal.merchants(&[]).await.status, 401);
    assert_eq!(portal.merchants(&[]).await.status, 503);
    assert_eq!(portal.get(&format!("{}/sandbox/inbox", portal.site), &[]).await.status, 200);
    assert_eq!(control.faults().len(), 1);
    control.clear_faults();
    assert_eq!(portal.merchants(&[]).await.status, 401);
}
