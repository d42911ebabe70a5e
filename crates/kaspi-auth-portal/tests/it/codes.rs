//! Flow M: e-mail, password and mailed code (CONTRACT, 3.6).

use std::time::Duration;

use kaspi_auth_core::login::Channel;
use kaspi_auth_core::port::{Engine as _, Reply};
use kaspi_sandbox::ResendAnswer;

use crate::harness::{
    Desk, accepted, code_of, code_sent, failure, mail, noon, rejected, session, wrong_code,
};

const CODE: &str = "code@sandbox.test";

#[tokio::test]
async fn a_mailed_code_opens_the_cabinet_with_one_password_and_one_code() {
    for masked in [true, false] {
        let desk = Desk::with(|knobs| {
            knobs.code.mask_email = masked;
            knobs.code.accept_masked_email = false;
        })
        .await;
        let who = mail("code");
        let reply = desk.submit(&who).await.unwrap();
        assert!(matches!(reply, Reply::CodeSent { channel: Channel::Email, .. }));
        let (to, at) = code_sent(reply);
        assert_eq!(to, "c***@sandbox.test");
        let at = accepted(desk.answer(at, &who, &desk.code(CODE)).await.unwrap());
        let (session, _) = session(desk.engine.finish(at, None).await.unwrap());
        assert_eq!(session.merchant.uid.as_str(), "30000002");
        let counters = desk.counters();
        assert_eq!((counters.passwords, counters.codes_sent.email, counters.logins), (1, 1, 1));
    }
}

#[tokio::test]
async fn a_wrong_mailed_code_leaves_the_login_alive() {
    for name in ["SECURITY_CODE_INVALID", "MFA_CODE_INVALID"] {
        let desk = Desk::with(|knobs| knobs.code.wrong_mail = name.to_owned()).await;
        let who = mail("code");
        let (_, mut at) = code_sent(desk.submit(&who).await.unwrap());
        for _ in 0..3 {
            let (code, next) = rejected(desk.answer(at, &who, &wrong_code()).await.unwrap());
            assert_eq!(code.as_str(), "code_rejected");
            at = next;
        }
        accepted(desk.answer(at, &who, &desk.code(CODE)).await.unwrap());
        let counters = desk.counters();
        assert_eq!((counters.passwords, counters.codes_sent.email, counters.wrong_codes), (1, 1, 3));
    }
}

#[tokio::test]
async fn the_last_wrong_code_ends_the_login() {
    let desk = Desk::with(|knobs| knobs.code.attempts = 2).await;
    let who = mail("code");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let (_, at) = rejected(desk.answer(at, &who, &wrong_code()).await.unwrap());
    assert_eq!(code_of(desk.answer(at, &who, &wrong_code()).await), "code_attempts_exhausted");
}

#[tokio::test]
async fn a_code_that_is_too_old_is_expired_and_another_one_does() {
    for (name, status) in [("INACTIVE_CODE_ERROR", 401), ("SECURITY_CODE_EXPIRED", 400)] {
        let desk = Desk::with(|knobs| {
            knobs.code.expired = name.to_owned();
            knobs.code.error_status = status;
        })
        .await;
        let who = mail("code");
        let (_, at) = code_sent(desk.submit(&who).await.unwrap());
        desk.control().advance_clock(Duration::from_secs(601));
        let (code, at) = rejected(desk.answer(at, &who, &desk.code(CODE)).await.unwrap());
        assert_eq!(code.as_str(), "code_expired");
        let at = crate::harness::here(desk.engine.resend(at, &who).await.unwrap());
        accepted(desk.answer(at, &who, &desk.code(CODE)).await.unwrap());
        assert_eq!((desk.counters().passwords, desk.counters().codes_sent.email), (1, 2));
    }
}

#[tokio::test]
async fn a_login_that_waited_too_long_is_over() {
    let desk = Desk::new().await;
    let who = mail("code");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    desk.control().advance_clock(Duration::from_secs(1_201));
    let error = failure(desk.answer(at.clone(), &who, &desk.code(CODE)).await);
    assert_eq!(error.code().as_str(), "portal_login_timeout");
    assert!(error.code().retryable());
    assert_eq!(code_of(desk.engine.resend(at, &who).await), "portal_login_timeout");
}

#[tokio::test]
async fn another_code_is_mailed_without_the_password_whatever_the_answer_looks_like() {
    for answer in [ResendAnswer::Destination, ResendAnswer::Object, ResendAnswer::Empty] {
        let desk = Desk::with(|knobs| knobs.code.resend_answer = answer).await;
        let who = mail("code");
        let (_, at) = code_sent(desk.submit(&who).await.unwrap());
        let old = desk.code(CODE);
        let at = crate::harness::here(desk.engine.resend(at, &who).await.unwrap());
        let (code, at) = rejected(desk.answer(at, &who, &old).await.unwrap());
        assert_eq!(code.as_str(), "code_expired");
        accepted(desk.answer(at, &who, &desk.code(CODE)).await.unwrap());
        assert_eq!((desk.counters().passwords, desk.counters().codes_sent.email), (1, 2));
    }
}

#[tokio::test]
async fn a_flood_of_mails_leaves_the_login_alive_and_says_when_to_come_back() {
    let desk = Desk::with(|knobs| knobs.code.resend_seconds = 90).await;
    let who = mail("code");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let error = failure(desk.engine.resend(at.clone(), &who).await);
    assert_eq!(error.code().as_str(), "portal_rate_limited");
    let wait = error.retry_at().unwrap().duration_since(noon()).as_secs();
    assert!((88..=90).contains(&wait), "{wait}");
    desk.control().advance_clock(Duration::from_secs(91));
    let at = crate::harness::here(desk.engine.resend(at, &who).await.unwrap());
    accepted(desk.answer(at, &who, &desk.code(CODE)).await.unwrap());
}

#[tokio::test]
async fn a_flood_in_place_of_a_code_is_told_as_such() {
    let desk = Desk::new().await;
    let error = failure(desk.submit(&mail("flood")).await);
    assert_eq!(error.code().as_str(), "portal_rate_limited");
    assert_eq!(error.retry_at(), Some(noon() + Duration::from_secs(122)));
    assert_eq!(error.portal_message(), Some("MFA_SEND_FLOOD"));
}

#[tokio::test]
async fn a_right_code_given_twice_signs_in_once() {
    let desk = Desk::new().await;
    let who = mail("code");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let code = desk.code(CODE);
    accepted(desk.answer(at.clone(), &who, &code).await.unwrap());
    let (again, _) = rejected(desk.answer(at, &who, &code).await.unwrap());
    assert_eq!(again.as_str(), "code_rejected");
    assert_eq!(desk.counters().logins, 1);
}
