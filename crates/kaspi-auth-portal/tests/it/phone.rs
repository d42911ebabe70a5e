//! Flow P: phone and SMS (CONTRACT, 3.4).

use kaspi_auth_core::login::Channel;
use kaspi_auth_core::port::{Engine as _, Reply};
use kaspi_sandbox::UnknownPhone;

use crate::harness::{
    Desk, accepted, asked, code_of, code_sent, failure, names, noon, phone, rejected, session, uid,
    wrong_code,
};

const ONE: &str = "+7 (700) 000-00-01";
const TWO: &str = "+7 (700) 000-00-02";
const FLOOD: &str = "+7 (700) 000-00-03";

#[tokio::test]
async fn a_phone_and_its_sms_open_the_cabinet() {
    let desk = Desk::new().await;
    let who = phone("87000000001");
    let reply = desk.submit(&who).await.unwrap();
    assert!(matches!(reply, Reply::CodeSent { channel: Channel::Sms, .. }));
    let (to, at) = code_sent(reply);
    assert_eq!(to, "+7 (7**) ***-**-01");
    let at = accepted(desk.answer(at, &who, &desk.code(ONE)).await.unwrap());
    let (session, _) = session(desk.engine.finish(at, None).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "30000031");
    assert!(names(&session).contains(&"mc-sid"));
    let counters = desk.counters();
    assert_eq!((counters.codes_sent.sms, counters.passwords, counters.logins), (1, 0, 1));
}

#[tokio::test]
async fn a_wrong_code_leaves_the_login_alive_whatever_the_portal_calls_it() {
    for (name, status) in [("SECURITY_CODE_INVALID", 401), ("FAILED", 401), ("SECURITY_CODE_INVALID", 400)] {
        let desk = Desk::with(|knobs| {
            knobs.code.wrong_sms = name.to_owned();
            knobs.code.error_status = status;
        })
        .await;
        let who = phone(ONE);
        let (_, at) = code_sent(desk.submit(&who).await.unwrap());
        let (code, at) = rejected(desk.answer(at, &who, &wrong_code()).await.unwrap());
        assert_eq!(code.as_str(), "code_rejected", "{name}");
        accepted(desk.answer(at, &who, &desk.code(ONE)).await.unwrap());
        assert_eq!(desk.counters().codes_sent.sms, 1);
    }
}

#[tokio::test]
async fn two_merchants_of_a_phone_are_asked_for_after_the_login() {
    let desk = Desk::new().await;
    let who = phone(TWO);
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let at = accepted(desk.answer(at, &who, &desk.code(TWO)).await.unwrap());
    let (merchants, at) = crate::choice::several(desk.engine.finish(at, None).await.unwrap());
    assert_eq!(merchants, [("30000032", "Магазин 30000032"), ("30000033", "Магазин 30000033")]);
    let (session, _) = session(desk.engine.finish(at, Some(&uid("30000033"))).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "30000033");
    assert_eq!(desk.counters().sessions, 1, "the second finish enters by the session of the first");
}

#[tokio::test]
async fn another_sms_is_sent_for_the_phone_alone_and_the_old_code_dies() {
    let desk = Desk::new().await;
    let who = phone(ONE);
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let old = desk.code(ONE);
    let at = crate::harness::here(desk.engine.resend(at, &who).await.unwrap());
    assert_eq!(desk.counters().codes_sent.sms, 2);
    let (code, at) = rejected(desk.answer(at, &who, &old).await.unwrap());
    assert_eq!(code.as_str(), "code_expired");
    accepted(desk.answer(at, &who, &desk.code(ONE)).await.unwrap());
}

#[tokio::test]
async fn a_flood_says_when_to_come_back() {
    let desk = Desk::new().await;
    let error = failure(desk.submit(&phone(FLOOD)).await);
    assert_eq!(error.code().as_str(), "portal_rate_limited");
    assert_eq!(error.retry_at(), Some(noon() + std::time::Duration::from_secs(122)));
    let desk = Desk::with(|knobs| knobs.code.flood_tells_break_time = false).await;
    let error = failure(desk.submit(&phone(FLOOD)).await);
    assert_eq!(error.retry_at(), Some(noon() + std::time::Duration::from_mins(1)));
}

#[tokio::test]
async fn a_flood_of_sms_leaves_the_login_alive() {
    let desk = Desk::with(|knobs| knobs.code.sends = 1).await;
    let who = phone(ONE);
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let error = failure(desk.engine.resend(at.clone(), &who).await);
    assert_eq!(error.code().as_str(), "portal_rate_limited");
    assert!(error.retry_at().is_some_and(|at| at > noon()));
    accepted(desk.answer(at, &who, &desk.code(ONE)).await.unwrap());
}

#[tokio::test]
async fn an_unknown_phone_fails_in_its_own_way_whatever_the_portal_says() {
    let outcomes = [
        (UnknownPhone::CredentialsInvalid, "invalid_credentials"),
        (UnknownPhone::Failed, "kaspi_auth_error"),
        (UnknownPhone::PhoneNotFound, "kaspi_auth_error"),
    ];
    for (knob, expected) in outcomes {
        let desk = Desk::with(|knobs| knobs.login.unknown_phone = knob).await;
        assert_eq!(code_of(desk.submit(&phone("77770000000")).await), expected);
        assert_eq!(desk.counters().codes_sent.sms, 0);
    }
    let desk = Desk::with(|knobs| knobs.login.unknown_phone = UnknownPhone::Pretend).await;
    let who = phone("77770000000");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    assert_eq!(rejected(desk.answer(at, &who, &wrong_code()).await.unwrap()).0.as_str(), "code_rejected");
}

#[tokio::test]
async fn a_phone_whose_login_asks_for_a_merchant_answers_both() {
    let desk = Desk::new().await;
    let account = kaspi_sandbox::AccountSpec::phone("77001112233").merchant("61").merchant("62");
    desk.control().add_account(kaspi_sandbox::AccountSpec { choice: true, ..account });
    let who = phone("77001112233");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let (merchants, at) = asked(desk.answer(at, &who, &desk.code("77001112233")).await.unwrap());
    assert_eq!(merchants, ["61", "62"]);
    let at = accepted(desk.answer(at, &who, &crate::harness::pick("62")).await.unwrap());
    let (session, _) = session(desk.engine.finish(at, None).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "62");
}
