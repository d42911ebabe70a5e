//! The stories that end badly: each with its own code, and never with the wrong password's.

use std::time::Duration;

use kaspi_auth_core::port::Engine as _;
use kaspi_sandbox::NoMerchants;

use crate::harness::{Desk, accepted, code_of, engine, failure, mail, open, settings, with_password};

#[tokio::test]
async fn every_story_of_refusal_has_its_own_outcome() {
    let desk = Desk::new().await;
    for (name, code, retryable) in [
        ("none", "no_merchants", false),
        ("noperm", "insufficient_permissions", false),
        ("wall", "portal_blocked", true),
        ("broken", "portal_unavailable", true),
        ("changed", "portal_changed", false),
    ] {
        for password in ["sandbox-password", "another password"] {
            let result = desk.submit(&with_password(name, password)).await;
            let refused_first =
                matches!(name, "none" | "noperm" | "changed") && password != "sandbox-password";
            let expected = if refused_first { "invalid_credentials" } else { code };
            let error = failure(result);
            assert_eq!(error.code().as_str(), expected, "{name}");
            assert!(refused_first || error.code().retryable() == retryable, "{name}");
        }
    }
    assert_eq!(desk.counters().passwords, 10, "none was sent twice");
}

#[tokio::test]
async fn refusals_are_told_apart_whatever_their_status() {
    for status in [200, 400, 403, 422] {
        let desk = Desk::with(|knobs| knobs.login.refusal_status = status).await;
        assert_eq!(code_of(desk.submit(&mail("noperm")).await), "insufficient_permissions", "{status}");
        assert_eq!(code_of(desk.submit(&mail("none")).await), "no_merchants", "{status}");
    }
}

#[tokio::test]
async fn an_account_without_merchants_is_found_out_by_the_empty_list_too() {
    let desk = Desk::with(|knobs| knobs.login.no_merchants = NoMerchants::EmptyList).await;
    let at = accepted(desk.submit(&mail("none")).await.unwrap());
    assert_eq!(code_of(desk.engine.finish(at, None).await), "no_merchants");
}

#[tokio::test]
async fn a_portal_that_is_too_slow_is_unavailable_and_gets_one_password() {
    let desk = Desk::new().await;
    let mut settings = settings(&desk.sandbox);
    settings.timeout = Duration::from_millis(300);
    let engine = engine(settings);
    let who = mail("slow");
    let at = open(&engine, &who, None).await.unwrap();
    let error = failure(engine.submit(at, &who).await);
    assert_eq!(error.code().as_str(), "portal_unavailable");
    assert!(error.detail().contains("did not answer in time"), "{}", error.detail());
    assert_eq!(desk.counters().passwords, 1);
}
