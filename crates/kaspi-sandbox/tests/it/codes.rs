//! Codes that do not fit, come too late or too often (CONTRACT 3.3, 8.3).
//! It must not guess codes: a wrong one is made from the right one.

use crate::client::{Answer, PASSWORD, Portal};
use serde_json::json;

const PHONE: &str = "+7 (700) 000-00-01";
const EMAIL: &str = "code@sandbox.test";

async fn text(portal: &Portal) -> String {
    portal.sign_in(&[], &json!({"_ph": PHONE})).await.cookie("MS_AUTH_SSO")
}

async fn mail(portal: &Portal) -> String {
    portal.sign_in(&[], &json!({"_u": EMAIL, "_p": PASSWORD})).await.cookie("MS_AUTH_SSO")
}

async fn sms_code(portal: &Portal, sso: &str, code: &str) -> Answer {
    portal.sign_in(&[sso], &json!({"_c": code})).await
}

async fn mail_code(portal: &Portal, sso: &str, code: &str) -> Answer {
    portal.sign_in(&[sso], &json!({"_u": EMAIL, "_m_c": code})).await
}

#[tokio::test]
async fn a_wrong_sms_code_can_be_tried_again() {
    let portal = Portal::start().await;
    let sso = text(&portal).await;
    let wrong = sms_code(&portal, &sso, "wrong").await;
    assert_eq!(wrong.error(), (401, "SECURITY_CODE_INVALID".into()));
    assert!(!wrong.has_cookie("MS_AUTH_SSO"));
    portal.turn(&json!({"code": {"wrong_sms": "FAILED"}}));
    assert_eq!(sms_code(&portal, &sso, "wrong").await.error(), (401, "FAILED".into()));
    assert_eq!(sms_code(&portal, &sso, &portal.code(PHONE)).await.status, 200);
    assert_eq!(portal.control().counters().wrong_codes, 2);
}

#[tokio::test]
async fn a_wrong_mailed_code_can_be_tried_again() {
    let portal = Portal::start().await;
    let sso = mail(&portal).await;
    assert_eq!(mail_code(&portal, &sso, "").await.error(), (401, "SECURITY_CODE_INVALID".into()));
    portal.turn(&json!({"code": {"wrong_mail": "MFA_CODE_INVALID", "error_status": 400}}));
    assert_eq!(mail_code(&portal, &sso, "wrong").await.error(), (400, "MFA_CODE_INVALID".into()));
    assert_eq!(mail_code(&portal, &sso, &portal.code(EMAIL)).await.status, 200);
}

#[tokio::test]
async fn a_login_ends_with_its_last_attempt() {
    let portal = Portal::start().await;
    portal.turn(&json!({"code": {"attempts": 2}}));
    let sso = text(&portal).await;
    assert_eq!(sms_code(&portal, &sso, "wrong").await.error().1, "SECURITY_CODE_INVALID");
    assert_eq!(sms_code(&portal, &sso, "wrong").await.error(), (401, "MFA_CODE_ATTEMPT_LIMIT".into()));
    assert_eq!(sms_code(&portal, &sso, &portal.code(PHONE)).await.error(), (401, "FAILED".into()));
}

#[tokio::test]
async fn a_late_code_is_inactive_and_a_late_login_is_over() {
    let portal = Portal::start().await;
    let sso = mail(&portal).await;
    let code = portal.code(EMAIL);
    portal.advance(600);
    assert_eq!(mail_code(&portal, &sso, &code).await.error(), (401, "INACTIVE_CODE_ERROR".into()));
    assert_eq!(mail_code(&portal, &sso, "wrong").await.error().1, "SECURITY_CODE_INVALID");
    portal.advance(600);
    assert_eq!(mail_code(&portal, &sso, &code).await.error(), (401, "TIMEOUT_EXCEEDED".into()));
    assert_eq!(mail_code(&portal, &sso, &code).await.error(), (401, "FAILED".into()));
}

#[tokio::test]
async fn a_late_login_gets_no_other_code() {
    let portal = Portal::start().await;
    let sso = mail(&portal).await;
    portal.advance(1_200);
    let sent = portal.post(&format!("{}/api/p/mfa/send", portal.login), &[&sso], &json!({})).await;
    assert_eq!(sent.error(), (401, "TIMEOUT_EXCEEDED".into()));
}

#[tokio::test]
async fn a_spent_code_is_refused() {
    let portal = Portal::start().await;
    let sso = text(&portal).await;
    let code = portal.code(PHONE);
    let done = sms_code(&portal, &sso, &code).await;
    assert_eq!(done.status, 200);
    for sso in [sso, done.cookie("MS_AUTH_SSO")] {
        assert_eq!(sms_code(&portal, &sso, &code).await.error(), (401, "FAILED".into()));
    }
}

#[tokio::test]
async fn a_code_needs_the_cookie_of_its_phone() {
    let portal = Portal::start().await;
    text(&portal).await;
    let code = portal.code(PHONE);
    let other = portal.get(&format!("{}/login", portal.login), &[]).await.cookie("MS_AUTH_SSO");
    for cookies in [vec![], vec!["MS_AUTH_SSO=unknown"], vec![other.as_str()]] {
        let answer = portal.sign_in(&cookies, &json!({"_c": code})).await;
        assert_eq!(answer.error(), (401, "FAILED".into()));
    }
}

#[tokio::test]
async fn one_kind_of_code_does_not_do_for_the_other() {
    let portal = Portal::start().await;
    let mailed = mail(&portal).await;
    let code = portal.code(EMAIL);
    assert_eq!(sms_code(&portal, &mailed, &code).await.error(), (401, "FAILED".into()));
    let body = json!({"_u": EMAIL, "_p": PASSWORD, "_c": code});
    assert_eq!(portal.sign_in(&[&mailed], &body).await.error(), (401, "FAILED".into()));
    assert_eq!(mail_code(&portal, &mailed, &code).await.status, 200);
    let texted = text(&portal).await;
    let body = json!({"_u": PHONE, "_m_c": portal.code(PHONE)});
    assert_eq!(portal.sign_in(&[&texted], &body).await.error(), (401, "FAILED".into()));
}

#[tokio::test]
async fn a_second_sms_replaces_the_first() {
    let portal = Portal::start().await;
    let sso = text(&portal).await;
    let first = portal.code(PHONE);
    portal.sign_in(&[&sso], &json!({"_ph": PHONE})).await;
    assert_eq!(sms_code(&portal, &sso, &first).await.error(), (401, "INACTIVE_CODE_ERROR".into()));
    assert_eq!(sms_code(&portal, &sso, &portal.code(PHONE)).await.status, 200);
}

#[tokio::test]
async fn two_logins_of_one_phone_do_not_share_a_code() {
    let portal = Portal::start().await;
    let first = text(&portal).await;
    let code = portal.code(PHONE);
    let second = text(&portal).await;
    assert_eq!(sms_code(&portal, &second, &code).await.error(), (401, "SECURITY_CODE_INVALID".into()));
    assert_eq!(sms_code(&portal, &first, &code).await.status, 200);
}

#[tokio::test]
async fn of_two_answers_at_once_only_one_signs_in() {
    let portal = Portal::start().await;
    let sso = text(&portal).await;
    let code = portal.code(PHONE);
    let body = json!({"_c": code});
    let cookies = [sso.as_str()];
    let (first, second) = tokio::join!(portal.sign_in(&cookies, &body), portal.sign_in(&cookies, &body));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    assert_eq!(portal.control().counters().logins, 1);
}
