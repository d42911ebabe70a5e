//! A login goes on from its data alone: on another node, after a restart, and never from what is not its data.

use kaspi_auth_core::login::Continuation;
use kaspi_auth_core::port::{At, Engine as _};
use secrecy::{ExposeSecret as _, SecretString};

use crate::harness::{
    Desk, accepted, code_of, code_sent, engine, here, mail, pick, session, settings, wrong_code,
};

/// What a store does to it: text out, text in.
fn stored(at: &At) -> At {
    here(Continuation(SecretString::from(at.continuation.0.expose_secret().to_owned())))
}

#[tokio::test]
async fn every_step_can_be_taken_by_another_node() {
    let desk = Desk::new().await;
    let node = || engine(settings(&desk.sandbox));
    let who = mail("su-code");
    let at = crate::harness::open(&node(), &who, None).await.unwrap();
    let (_, at) = code_sent(node().submit(stored(&at), &who).await.unwrap());
    let at = here(node().resend(stored(&at), &who).await.unwrap());
    let (_, at) = crate::harness::rejected(node().answer(stored(&at), &who, &wrong_code()).await.unwrap());
    let code = desk.code("su-code@sandbox.test");
    let (_, at) = crate::harness::asked(node().answer(stored(&at), &who, &code).await.unwrap());
    let at = accepted(node().answer(stored(&at), &who, &pick("30000024")).await.unwrap());
    let (session, _) = session(node().finish(stored(&at), None).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "30000024");
    assert_eq!(desk.counters().passwords, 1);
}

#[tokio::test]
async fn a_continuation_holds_no_password_and_does_not_print() {
    let desk = Desk::new().await;
    let (_, at) = code_sent(desk.submit(&mail("code")).await.unwrap());
    assert!(at.continuation.0.expose_secret().contains("MS_AUTH_SSO"));
    assert!(!at.continuation.0.expose_secret().contains("sandbox-password"));
    assert!(!format!("{at:?}").contains("MS_AUTH_SSO"));
}

#[tokio::test]
async fn what_is_no_continuation_is_a_typed_error_and_sends_nothing() {
    let desk = Desk::new().await;
    let who = mail("plain");
    let table = [
        ("", "internal"),
        ("{}", "internal"),
        ("[1]", "internal"),
        (r#"{"v":1}"#, "internal"),
        (r#"{"v":1,"cookies":[{"name":5}],"accepted":true}"#, "internal"),
        (r#"{"v":2,"cookies":[]}"#, "login_interrupted"),
        (r#"{"v":0,"future":{}}"#, "login_interrupted"),
    ];
    for (text, expected) in table {
        let at = || here(Continuation(SecretString::from(text)));
        assert_eq!(code_of(desk.engine.submit(at(), &who).await), expected, "{text}");
        assert_eq!(code_of(desk.engine.answer(at(), &who, &wrong_code()).await), expected, "{text}");
        assert_eq!(code_of(desk.engine.resend(at(), &who).await), expected, "{text}");
        assert_eq!(code_of(desk.engine.finish(at(), None).await), expected, "{text}");
        desk.engine.give_up(at()).await;
    }
    assert!(desk.counters().calls.is_empty());
}
