//! The control API over HTTP: the same operations as in the process, and nothing unless asked for.
//! It must use nothing but HTTP for what it controls.

use crate::client::{Answer, Portal};
use http::Method;
use kaspi_sandbox::Options;
use serde_json::{Value, json};

async fn controlled() -> Portal {
    Portal::start_with(Options { control: true, ..Options::default() }).await
}

async fn post(portal: &Portal, path: &str, body: &Value) -> Answer {
    portal.post(&format!("{}/sandbox/control/{path}", portal.site), &[], body).await
}

async fn get(portal: &Portal, path: &str) -> Answer {
    portal.get(&format!("http://{}/sandbox/control/{path}", portal.sandbox.addr()), &[]).await
}

#[tokio::test]
async fn there_is_no_control_unless_it_was_asked_for() {
    let portal = Portal::start().await;
    assert_eq!(get(&portal, "counters").await.status, 404);
    assert_eq!(post(&portal, "reset", &json!({})).await.status, 404);
    let controlled = controlled().await;
    assert_eq!(get(&controlled, "counters").await.status, 200);
    for origin in [&controlled.login, &controlled.cabinet] {
        assert_eq!(controlled.get(&format!("{origin}/sandbox/control/counters"), &[]).await.status, 404);
    }
}

#[tokio::test]
async fn the_clock_moves() {
    let portal = controlled().await;
    let session = portal.session("dies-seconds@sandbox.test").await;
    let before = get(&portal, "clock").await.json()["now"].clone();
    let after = post(&portal, "clock", &json!({"advance_seconds": 30})).await.json()["now"].clone();
    assert!(before.as_str() < after.as_str());
    assert_eq!(portal.merchants(&[&session]).await.status, 401);
    for body in [
        json!({}),
        json!({"advance_seconds": -1}),
        json!({"advance_seconds": "1"}),
        json!({"advance_seconds": 1e300}),
    ] {
        assert_eq!(post(&portal, "clock", &body).await.status, 400, "{body}");
    }
    assert_eq!(post(&portal, "clock", &json!({"advance_seconds": 1e18})).await.status, 200);
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
}

#[tokio::test]
async fn faults_are_set_listed_and_cleared() {
    let portal = controlled().await;
    let wall = json!({"kind": {"wall": 403}, "role": "login", "path": "/api/p/login", "times": 2});
    assert_eq!(post(&portal, "faults", &json!([wall, {"kind": "broken"}])).await.status, 200);
    assert_eq!(portal.password("plain@sandbox.test").await.status, 403);
    let list = get(&portal, "faults").await.json();
    assert_eq!((&list["faults"][0]["times"], &list["faults"][1]["kind"]), (&json!(1), &json!("broken")));
    let url = format!("{}/sandbox/control/faults", portal.site);
    portal.send(portal.http.request(Method::DELETE, url)).await;
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
    assert_eq!(post(&portal, "faults", &json!({"kind": "unheard of"})).await.status, 400);
}

#[tokio::test]
async fn accounts_are_added_and_counted() {
    let portal = controlled().await;
    let account = json!({
        "email": "own@shop.test", "password": "secret", "code": "always",
        "merchants": [{"uid": "123456", "name": "Own", "points": [{"name": "PP1", "city": {"id": "750000000", "name": "Алматы"}}]}],
    });
    assert_eq!(post(&portal, "accounts", &json!([account])).await.status, 200);
    let answer = portal.sign_in(&[], &json!({"_u": "own@shop.test", "_p": "secret"})).await;
    assert!(answer.json()["email"].is_string());
    portal.sign_in(&[], &json!({"_u": "own@shop.test", "_p": "wrong"})).await;
    let counted = get(&portal, "counters?account=own%40shop.test").await.json();
    assert_eq!(
        counted,
        json!({"passwords": 2, "wrong_passwords": 1, "codes_sent": 1, "logins": 0, "sessions": 0})
    );
    assert_eq!(get(&portal, "counters?account=nobody").await.status, 404);
    assert_eq!(post(&portal, "accounts", &json!({"mail": "x"})).await.status, 400);
}

#[tokio::test]
async fn knobs_are_read_and_turned() {
    let portal = controlled().await;
    let turned = post(&portal, "knobs", &json!({"code": {"wrong_sms": "FAILED"}})).await.json();
    assert_eq!(turned["code"]["wrong_sms"], "FAILED");
    assert_eq!(get(&portal, "knobs").await.json(), turned);
    for change in [json!({"code": {"attempts": -1}}), json!({"x": 1}), json!([])] {
        assert_eq!(post(&portal, "knobs", &change).await.status, 400);
    }
    post(&portal, "reset", &json!({})).await;
    assert_eq!(get(&portal, "knobs").await.json()["code"]["wrong_sms"], "SECURITY_CODE_INVALID");
}

#[tokio::test]
async fn sessions_and_logins_are_killed() {
    let portal = controlled().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    let session = portal.walk(&sso).await;
    post(&portal, "sessions/kill", &json!({"merchant_uid": "30000001"})).await;
    assert_eq!(portal.merchants(&[&session]).await.status, 401);
    portal.walk(&sso).await;
    post(&portal, "sessions/kill", &json!({"what": "all"})).await;
    let landing = portal.get(&format!("{}/", portal.login), &[&sso]).await;
    assert_eq!(landing.location(), format!("{}/login", portal.login));
    let empty = portal.http.post(format!("{}/sandbox/control/sessions/kill", portal.site));
    assert_eq!(portal.send(empty).await.status, 200);
}

#[tokio::test]
async fn counters_tell_what_was_sent_and_a_reset_forgets_it() {
    let portal = controlled().await;
    portal.password("code@sandbox.test").await;
    portal.sign_in(&[], &json!({"_ph": "77000000001"})).await;
    let session = portal.session("plain@sandbox.test").await;
    portal.merchants(&[&session]).await;
    let counters = portal.control().counters();
    assert_eq!((counters.passwords, counters.logins, counters.sessions), (2, 1, 1));
    assert_eq!((counters.codes_sent.email, counters.codes_sent.sms), (1, 1));
    assert_eq!(counters.calls_to("POST", "login", "/api/p/login"), 3);
    assert_eq!(counters.calls_to("GET", "cabinet", "/s/m"), 1);
    assert_eq!(get(&portal, "counters").await.json()["codes_sent"], json!({"email": 1, "sms": 1}));
    assert_eq!(post(&portal, "reset", &json!({})).await.status, 200);
    assert_eq!(portal.control().counters().passwords, 0);
    assert!(portal.control().inbox(None).is_empty());
    assert_eq!(portal.merchants(&[&session]).await.status, 401);
}

#[tokio::test]
async fn devices_can_be_forgotten() {
    let portal = controlled().await;
    let email = "remembered@sandbox.test";
    let sso = portal.password(email).await.cookie("MS_AUTH_SSO");
    let done = portal.sign_in(&[&sso], &json!({"_u": email, "_m_c": portal.code(email), "_r_d": true})).await;
    let device = done.cookie("MS_AUTH_DEVICE");
    portal.control().forget_devices(email);
    let again = portal.sign_in(&[&device], &json!({"_u": email, "_p": "sandbox-password"})).await;
    assert!(again.json()["email"].is_string());
}
