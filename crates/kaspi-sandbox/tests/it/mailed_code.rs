//! Flow M, e-mail and password with a mailed code (CONTRACT 3.6, 6), remembered devices and resending.
//! It must not read codes from anywhere but the inbox.

use crate::client::{Answer, PASSWORD, Portal};
use http::header;
use kaspi_sandbox::Channel;
use serde_json::{Value, json};

const EMAIL: &str = "code@sandbox.test";

async fn ask(portal: &Portal, cookies: &[&str], remember: bool) -> Answer {
    portal.sign_in(cookies, &json!({"_u": EMAIL, "_p": PASSWORD, "_r_d": remember})).await
}

async fn give(portal: &Portal, sso: &str, user: &str, remember: Value) -> Answer {
    let body = json!({"_u": user, "_m_c": portal.code(EMAIL), "_r_d": remember});
    portal.sign_in(&[sso], &body).await
}

#[tokio::test]
async fn a_mailed_code_completes_the_login() {
    let portal = Portal::start().await;
    let password = ask(&portal, &[], false).await;
    assert_eq!(password.status, 200);
    assert_eq!(password.json(), json!({"email": "c***@sandbox.test"}));
    let message = portal.control().inbox(Some(EMAIL)).pop().expect("a message");
    assert_eq!((message.channel, message.to.as_str()), (Channel::Email, EMAIL));
    let code = message.body.strip_prefix("Ваш код подтверждения: ").expect("the text");
    assert_eq!((code.chars().count(), Some(code)), (6, message.code.as_deref()));
    let done = give(&portal, &password.last_cookie("MS_AUTH_SSO"), EMAIL, json!(true)).await;
    assert_eq!(done.status, 200);
    let session = portal.walk(&done.last_cookie("MS_AUTH_SSO")).await;
    assert_eq!(portal.merchants(&[&session]).await.json()["merchants"][0]["uid"], "30000002");
}

#[tokio::test]
async fn the_code_may_come_without_a_json_type() {
    let portal = Portal::start().await;
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    let body = json!({"_u": EMAIL, "_m_c": portal.code(EMAIL), "_r_d": true}).to_string();
    let request = portal.http.post(format!("{}/api/p/login", portal.login)).header(header::COOKIE, &sso);
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    assert_eq!(portal.send(request).await.status, 200);
}

#[tokio::test]
async fn the_user_of_the_code_may_be_the_masked_address() {
    let portal = Portal::start().await;
    let password = ask(&portal, &[], false).await;
    let masked = password.json()["email"].as_str().expect("email").to_owned();
    let done = give(&portal, &password.cookie("MS_AUTH_SSO"), &masked, Value::Null).await;
    assert_eq!(done.status, 200);
}

#[tokio::test]
async fn another_user_or_no_cookie_fails_the_code() {
    let portal = Portal::start().await;
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    assert_eq!(give(&portal, &sso, "plain@sandbox.test", json!(true)).await.error(), (401, "FAILED".into()));
    assert_eq!(give(&portal, "a=b", EMAIL, json!(true)).await.error(), (401, "FAILED".into()));
    assert_eq!(give(&portal, &sso, EMAIL, json!(true)).await.status, 200);
}

#[tokio::test]
async fn without_the_cookie_the_code_may_still_fit_where_the_knob_says_so() {
    let portal = Portal::start().await;
    portal.turn(&json!({"code": {"mail_needs_cookie": false}}));
    ask(&portal, &[], false).await;
    assert_eq!(give(&portal, "a=b", EMAIL, json!(true)).await.status, 200);
}

#[tokio::test]
async fn a_remembered_device_needs_no_second_code() {
    let portal = Portal::start().await;
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    let done = give(&portal, &sso, EMAIL, json!(true)).await;
    let device = done.cookie("MS_AUTH_DEVICE");
    done.last_cookie("MS_AUTH_SSO");
    let again = ask(&portal, &[&device], true).await;
    assert!(again.json()["redirectUrl"].is_string());
    let elsewhere = ask(&portal, &[], true).await;
    assert!(elsewhere.json()["email"].is_string());
    portal.advance(91 * 24 * 3_600);
    assert!(ask(&portal, &[&device], true).await.json()["email"].is_string());
    assert_eq!(portal.control().counters().codes_sent.email, 3);
}

#[tokio::test]
async fn a_device_is_not_remembered_unless_asked() {
    let portal = Portal::start().await;
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    assert!(!give(&portal, &sso, EMAIL, json!(false)).await.has_cookie("MS_AUTH_DEVICE"));
}

#[tokio::test]
async fn the_device_of_one_account_is_no_device_of_another() {
    let portal = Portal::start().await;
    let sso = ask(&portal, &[], true).await.cookie("MS_AUTH_SSO");
    let device = give(&portal, &sso, EMAIL, json!(true)).await.cookie("MS_AUTH_DEVICE");
    let body = json!({"_u": "remembered@sandbox.test", "_p": PASSWORD});
    assert!(portal.sign_in(&[&device], &body).await.json()["email"].is_string());
}

#[tokio::test]
async fn a_code_can_be_sent_again_and_the_old_one_is_dead() {
    let portal = Portal::start().await;
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    let old = portal.code(EMAIL);
    let url = format!("{}/api/p/mfa/send", portal.login);
    let sent = portal.post(&url, &[&sso], &json!({})).await;
    assert_eq!((sent.status.as_u16(), sent.json()), (200, json!({"email": "c***@sandbox.test"})));
    let dead = portal.sign_in(&[&sso], &json!({"_u": EMAIL, "_m_c": old})).await;
    assert_eq!(dead.error(), (401, "INACTIVE_CODE_ERROR".into()));
    assert_eq!(give(&portal, &sso, EMAIL, json!(false)).await.status, 200);
    assert_eq!(portal.post(&url, &[&sso], &json!({})).await.error(), (401, "FAILED".into()));
}

#[tokio::test]
async fn the_answer_of_sending_again_is_a_knob() {
    let portal = Portal::start().await;
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    let url = format!("{}/api/p/mfa/send", portal.login);
    portal.turn(&json!({"code": {"resend_answer": "object"}}));
    assert_eq!(portal.post(&url, &[&sso], &json!({})).await.body, "{}");
    portal.turn(&json!({"code": {"resend_answer": "empty", "mask_email": false}}));
    assert_eq!(portal.post(&url, &[&sso], &json!({})).await.body, "");
    portal.turn(&json!({"code": {"resend_answer": "destination"}}));
    assert_eq!(portal.post(&url, &[&sso], &json!({})).await.json(), json!({"email": EMAIL}));
}

#[tokio::test]
async fn too_many_codes_are_a_flood() {
    let portal = Portal::start().await;
    portal.turn(&json!({"code": {"sends": 2}}));
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    portal.advance(10);
    assert_eq!(ask(&portal, &[&sso], false).await.status, 200);
    let flood = ask(&portal, &[&sso], false).await;
    assert_eq!(flood.error(), (401, "MFA_SEND_FLOOD".into()));
    let wait = flood.json()["errorData"]["breakTimeSeconds"].as_u64().expect("seconds");
    assert!((1..=50).contains(&wait), "{wait}");
    let again = portal.post(&format!("{}/api/p/mfa/send", portal.login), &[&sso], &json!({})).await;
    assert_eq!(again.error(), (401, "MFA_CODE_TOO_MANY_SEND".into()));
    portal.advance(wait);
    assert_eq!(ask(&portal, &[&sso], false).await.status, 200);
}

#[tokio::test]
async fn a_flood_may_keep_its_seconds_to_itself() {
    let portal = Portal::start().await;
    portal.turn(&json!({"code": {"flood_tells_break_time": false}}));
    let flood = portal.password("flood@sandbox.test").await;
    assert_eq!((flood.status.as_u16(), flood.json()), (401, json!({"errorCode": "MFA_SEND_FLOOD"})));
}

#[tokio::test]
async fn two_codes_keep_the_distance_of_the_knob() {
    let portal = Portal::start().await;
    portal.turn(&json!({"code": {"resend_seconds": 30}}));
    let sso = ask(&portal, &[], false).await.cookie("MS_AUTH_SSO");
    let url = format!("{}/api/p/mfa/send", portal.login);
    assert_eq!(portal.post(&url, &[&sso], &json!({})).await.error().1, "MFA_CODE_TOO_MANY_SEND");
    portal.advance(30);
    assert_eq!(portal.post(&url, &[&sso], &json!({})).await.status, 200);
}
