//! Several merchants: asked for by the login itself (`su`), or listed by the cabinet (CONTRACT, section 6).

use kaspi_auth_core::port::{Engine as _, Finished, Reply};
use kaspi_sandbox::ChoiceShape;

use crate::harness::{Desk, accepted, asked, code_of, code_sent, mail, pick, session, uid};

/// The listed merchants with their names, leaked so that tests read well.
pub fn several(finished: Finished) -> (Vec<(&'static str, &'static str)>, kaspi_auth_core::port::At) {
    match finished {
        Finished::SeveralMerchants { merchants, continuation } => {
            let leak = |text: &str| -> &'static str { text.to_owned().leak() };
            let listed = merchants
                .iter()
                .map(|choice| (leak(choice.uid.as_str()), leak(choice.name.as_deref().unwrap_or("-"))));
            (listed.collect(), crate::harness::here(continuation))
        }
        other @ Finished::Session { .. } => panic!("nothing was asked: {other:?}"),
    }
}

#[tokio::test]
async fn a_choice_during_the_login_works_in_every_shape_of_su() {
    for shape in [ChoiceShape::Merchants, ChoiceShape::Users, ChoiceShape::Object] {
        let desk = Desk::with(|knobs| knobs.login.su = shape).await;
        let who = mail("su");
        let reply = desk.submit(&who).await.unwrap();
        if let Reply::MerchantAsked { merchants, .. } = &reply {
            let names: Vec<_> = merchants.iter().map(|choice| choice.name.as_deref().unwrap()).collect();
            assert_eq!(names, ["Магазин 30000021", "Магазин 30000022"], "{shape:?}");
        }
        let (merchants, at) = asked(reply);
        assert_eq!(merchants, ["30000021", "30000022"], "{shape:?}");
        let at = accepted(desk.answer(at, &who, &pick("30000022")).await.unwrap());
        let (session, _) = session(desk.engine.finish(at, None).await.unwrap());
        assert_eq!(session.merchant.uid.as_str(), "30000022", "{shape:?}");
        assert_eq!(desk.counters().passwords, 1);
    }
}

#[tokio::test]
async fn a_code_and_then_a_choice_both_lead_on() {
    let desk = Desk::new().await;
    let who = mail("su-code");
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let (merchants, at) = asked(desk.answer(at, &who, &desk.code("su-code@sandbox.test")).await.unwrap());
    assert_eq!(merchants, ["30000023", "30000024"]);
    let at = accepted(desk.answer(at, &who, &pick("30000023")).await.unwrap());
    let (session, _) = session(desk.engine.finish(at, None).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "30000023");
}

#[tokio::test]
async fn a_merchant_that_was_not_offered_is_not_sent() {
    let desk = Desk::new().await;
    let who = mail("su");
    let (_, at) = asked(desk.submit(&who).await.unwrap());
    assert_eq!(code_of(desk.answer(at, &who, &pick("99")).await), "merchant_not_listed");
    assert_eq!(desk.counters().calls_to("POST", "login", "/api/p/login"), 1);
}

#[tokio::test]
async fn several_merchants_are_listed_with_their_names_and_one_is_taken() {
    for named in [true, false] {
        let desk = Desk::with(|knobs| knobs.cabinet.merchants_have_names = named).await;
        let at = accepted(desk.submit(&mail("several")).await.unwrap());
        let (merchants, at) = several(desk.engine.finish(at, None).await.unwrap());
        let expected =
            [("30000011", "Магазин 30000011"), ("30000012", "Магазин 30000012"), ("SBX", "Старый магазин")];
        assert_eq!(merchants, expected);
        let (session, _) = session(desk.engine.finish(at, Some(&uid("SBX"))).await.unwrap());
        assert_eq!(session.merchant.name.as_deref(), Some("Старый магазин"));
    }
}

#[tokio::test]
async fn a_wanted_merchant_is_taken_without_asking_and_another_one_is_refused() {
    let desk = Desk::new().await;
    let at = accepted(desk.submit(&mail("several")).await.unwrap());
    let (session, _) = session(desk.engine.finish(at.clone(), Some(&uid("30000012"))).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "30000012");
    assert_eq!(code_of(desk.engine.finish(at, Some(&uid("30000001"))).await), "account_mismatch");
}
