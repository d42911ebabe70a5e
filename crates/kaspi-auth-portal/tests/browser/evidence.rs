//! Evidence of what failed, without anything that was typed.

use kaspi_auth_core::Code;
use kaspi_auth_core::login::Driver;

use crate::bench::{Bench, Visit};
use crate::harness::{code_of, mail, with_password, wrong_code};

const CANARIES: [&str; 3] = ["canary-password-7", "canary@sandbox.test", "CANARY"];

#[tokio::test]
async fn a_failed_step_leaves_its_steps_its_page_and_a_picture_but_nothing_that_was_typed() {
    let bench = Bench::with(|wish| {
        // The portal's answer names nothing typed; the page itself shows the account in its field.
        wish.knobs.code.attempts = 1;
    })
    .await;
    let who = with_password("canary", "canary-password-7");
    let visit = Visit::new(&*bench.browser, &who);
    assert_eq!(code_of(visit.submit().await), "invalid_credentials");
    let evidence = bench.told.last_evidence();
    assert_eq!((evidence.driver, evidence.code), (Driver::Browser, Some(Code::InvalidCredentials)));
    let steps: Vec<&str> = evidence.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["lease", "e-mail", "password", "password"]);
    assert_eq!(evidence.steps[3].outcome, "invalid_credentials");
    assert!(evidence.page.as_deref().is_some_and(|page| page.ends_with("/login")));
    let skeleton = evidence.skeleton.as_deref().expect("a skeleton");
    assert!(skeleton.contains("user_email_field") && skeleton.contains("<form"), "{skeleton}");
    assert!(!skeleton.contains("<script"));
    assert!(
        evidence.screenshot.as_deref().is_some_and(|png| png.starts_with(b"\x89PNG") && png.len() > 1_000)
    );
    let all = serde_json::to_string(&evidence).unwrap();
    for canary in CANARIES {
        assert!(!all.contains(canary), "{canary}");
    }
}

#[tokio::test]
async fn a_code_is_in_no_evidence_either() {
    let bench = Bench::with(|wish| wish.knobs.code.attempts = 1).await;
    let who = mail("code");
    let visit = Visit::new(&*bench.browser, &who);
    let (_, at) = crate::harness::code_sent(visit.submit().await.unwrap());
    assert_eq!(
        code_of(visit.answer(visit.at(at.continuation), &wrong_code()).await),
        "code_attempts_exhausted"
    );
    let all = serde_json::to_string(&bench.told.last_evidence()).unwrap();
    for typed in ["000000", "sandbox-password", "code@sandbox.test"] {
        assert!(!all.contains(typed), "{typed}");
    }
}

#[tokio::test]
async fn the_direct_engine_keeps_its_steps_and_the_page_that_came() {
    let bench = Bench::new().await;
    assert_eq!(code_of(Visit::new(&*bench.direct, &mail("wall")).submit().await), "portal_blocked");
    let evidence = bench.told.last_evidence();
    assert_eq!((evidence.driver, evidence.code), (Driver::Direct, Some(Code::PortalBlocked)));
    assert_eq!(evidence.steps.last().unwrap().outcome, "403");
    assert!(evidence.skeleton.is_some_and(|page| page.contains("<h1>")));
    assert!(evidence.screenshot.is_none());
}

#[tokio::test]
async fn a_picture_has_black_bars_where_something_was_typed() {
    let bench = Bench::new().await;
    let who = mail("code");
    let visit = Visit::new(&*bench.browser, &who);
    crate::harness::code_sent(visit.submit().await.unwrap());
    // The bars are there while the picture is taken, and gone afterwards.
    let veil = include_str!("../../src/browser/page/evidence.js");
    bench.browser.act_in_page(visit.login, veil, &["veil".into(), "".into()]).await.unwrap();
    let count = "() => document.querySelectorAll('[data-kaspi-veil] i').length";
    let bars = bench.browser.act_in_page(visit.login, count, &[]).await.unwrap();
    assert!(bars.as_u64().unwrap() >= 1, "{bars}");
    bench.browser.act_in_page(visit.login, veil, &["unveil".into(), "".into()]).await.unwrap();
    assert_eq!(bench.browser.act_in_page(visit.login, count, &[]).await.unwrap(), 0);
}
