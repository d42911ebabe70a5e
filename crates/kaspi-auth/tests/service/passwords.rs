//! A password that was refused once is not sent again; a portal that asks to wait is waited for. The sandbox's counters
//! prove it.

use jiff::SignedDuration;
use kaspi_sandbox::{AccountSpec, Fault, FaultKind};
use serde_json::json;

use crate::harness::{Login, PASSWORD, World, on_both, until};

async fn a_rejected_password_is_not_sent_again(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", "wrong-1").await.stands("failed");
    assert_eq!((login.code(), world.passwords()), ("invalid_credentials", 1));
    for _ in 0..3 {
        let again = world.admin.sign_in_as("plain@sandbox.test", "wrong-1").await.stands("failed");
        assert_eq!(again.code(), "invalid_credentials");
        assert!(again.error.unwrap().detail.contains("not sent again"));
    }
    // Another spelling of the account, another user, another way to ask: the same password.
    world.admin.sign_in_as("PLAIN@sandbox.TEST", "wrong-1").await.stands("failed");
    let user = world.node().user("somebody").await;
    user.sign_in_as("plain@sandbox.test", "wrong-1").await.stands("failed");
    let body = json!({"email": "plain@sandbox.test", "password": "wrong-1"});
    world.admin.post("/api/kaspi/auth/login", &body).await.is_problem(401, "invalid_credentials");
    assert_eq!(world.passwords(), 1, "only the first one went out");

    let another = world.admin.sign_in_as("plain@sandbox.test", "wrong-2").await.stands("failed");
    assert_eq!((another.code(), world.passwords()), ("invalid_credentials", 2), "another password is sent");
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    assert_eq!(world.passwords(), 3);
}

async fn a_rejected_password_of_one_account_is_sent_for_another(world: &World) {
    world.admin.sign_in_as("plain@sandbox.test", "shared-wrong").await.stands("failed");
    world
        .portal
        .add_account(AccountSpec::email("other@shop.test").password("shared-wrong").merchant("60000001"));
    world.admin.sign_in_as("other@shop.test", "shared-wrong").await.stands("succeeded");
}

async fn no_login_is_tried_while_the_portal_asks_to_wait(world: &World) {
    let login = world.admin.sign_in_as("flood@sandbox.test", PASSWORD).await.stands("failed");
    let until = login.error.clone().unwrap().retry_at.unwrap();
    assert_eq!((login.code(), world.passwords()), ("portal_rate_limited", 1));
    for password in [PASSWORD, "another-one"] {
        let again = world.admin.sign_in_as("flood@sandbox.test", password).await.stands("failed");
        assert_eq!(again.code(), "portal_rate_limited");
        assert_eq!(again.error.unwrap().retry_at, Some(until), "the same time is told");
    }
    assert_eq!(world.passwords(), 1);
    let body = json!({"email": "flood@sandbox.test", "password": PASSWORD});
    let answer = world.admin.post("/api/kaspi/auth/login", &body).await;
    answer.is_problem(429, "portal_rate_limited");
    assert!((100..=122).contains(&answer.retry_after()), "{answer:?}");
    world.advance(SignedDuration::from_secs(123));
    world.admin.sign_in_as("flood@sandbox.test", PASSWORD).await.stands("failed");
    assert_eq!(world.passwords(), 2, "after the wait it is tried again");
}

async fn a_phone_waits_too_when_the_portal_asks_for_it(world: &World) {
    let body = json!({"phone": "+77000000003"});
    world.admin.sign_in(&body).await.stands("failed");
    let posts = world.posts();
    let again = world.admin.sign_in(&body).await.stands("failed");
    assert_eq!((again.code(), world.posts()), ("portal_rate_limited", posts));
}

async fn a_locked_account_is_told_from_a_wrong_password(world: &World) {
    for number in 0..3 {
        let login =
            world.admin.sign_in_as("locked@sandbox.test", &format!("wrong-{number}")).await.stands("failed");
        assert_eq!(login.code(), "invalid_credentials");
    }
    let login = world.admin.sign_in_as("locked@sandbox.test", PASSWORD).await.stands("failed");
    let error = login.error.unwrap();
    assert_eq!((error.code.as_str(), error.retryable), ("account_locked", false));
    assert!(error.retry_at.is_some(), "the portal said when: {error:?}");
    let passwords = world.passwords();
    let again = world.admin.sign_in_as("locked@sandbox.test", "yet-another").await.stands("failed");
    assert_eq!(
        (again.error.unwrap().retry_at, world.passwords()),
        (error.retry_at, passwords),
        "it is left alone"
    );
    world.advance(SignedDuration::from_mins(16));
    world.admin.sign_in_as("locked@sandbox.test", PASSWORD).await.stands("succeeded");
}

async fn a_password_that_was_changed_back_at_the_portal_can_be_sent_after_another_was_accepted(
    world: &World,
) {
    world.admin.sign_in_as("plain@sandbox.test", "next-year").await.stands("failed");
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    world
        .portal
        .add_account(AccountSpec::email("plain@sandbox.test").password("next-year").merchant("30000001"));
    world.admin.sign_in_as("plain@sandbox.test", "next-year").await.stands("succeeded");
}

async fn of_several_rejected_passwords_none_is_sent_again(world: &World) {
    for password in ["wrong-1", "wrong-2", "wrong-3", "wrong-1", "wrong-2", "wrong-3"] {
        let login = world.admin.sign_in_as("plain@sandbox.test", password).await.stands("failed");
        assert_eq!(login.code(), "invalid_credentials");
    }
    assert_eq!(world.passwords(), 3);
}

async fn a_rejection_counts_although_the_login_was_given_up_meanwhile(world: &World) {
    let faults = world.portal.counters().faults;
    world.portal.set_fault(Fault::new(FaultKind::Delay(500)).role("login").path("/api/p/login").times(1));
    let body = json!({"email": "plain@sandbox.test", "password": "wrong-1"});
    let login: Login = world.admin.post("/v1/logins", &body).await.is(201).read();
    until("the password is on its way", || world.portal.counters().faults > faults).await;
    let given_up = world.admin.delete(&format!("/v1/logins/{}", login.id)).await;
    assert!(matches!(given_up.status, 200 | 409), "{given_up:?}");
    until("the portal has answered", || world.node().service().runner.is_empty()).await;
    assert_eq!(world.passwords(), 1);
    let again = world.admin.sign_in_as("plain@sandbox.test", "wrong-1").await.stands("failed");
    assert_eq!((again.code(), world.passwords()), ("invalid_credentials", 1));
}

on_both!(
    of_several_rejected_passwords_none_is_sent_again,
    a_rejection_counts_although_the_login_was_given_up_meanwhile,
    a_rejected_password_is_not_sent_again,
    a_rejected_password_of_one_account_is_sent_for_another,
    no_login_is_tried_while_the_portal_asks_to_wait,
    a_phone_waits_too_when_the_portal_asks_for_it,
    a_locked_account_is_told_from_a_wrong_password,
    a_password_that_was_changed_back_at_the_portal_can_be_sent_after_another_was_accepted,
);
