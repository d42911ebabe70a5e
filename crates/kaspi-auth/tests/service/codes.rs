//! Codes: wrong ones, worn-out ones, and what is shown of them.

use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{PASSWORD, World, on_both, on_sqlite};

async fn a_wrong_code_leaves_the_login_waiting_with_one_attempt_less(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
    let first = login.asked().clone();
    assert_eq!((first.kind.as_str(), first.channel.as_deref()), ("code", Some("email")));
    assert_eq!(first.destination_masked.as_deref(), Some("c***@sandbox.test"));
    assert_eq!(first.attempts_left, Some(5));
    assert_eq!((first.last_error.as_ref(), login.error.as_ref()), (None, None));

    let login = world.admin.answer_code(login.id, "000000").await.stands("awaiting_code");
    let second = login.asked();
    assert_eq!(second.attempts_left, Some(4));
    assert_eq!((login.last(), login.error.as_ref()), ("code_rejected", None), "it has not failed");
    assert_eq!((second.sent_at, second.expires_at), (first.sent_at, first.expires_at));

    let code = world.code("code@sandbox.test");
    let login = world.admin.answer_code(login.id, &code).await.stands("succeeded");
    assert_eq!((login.error, world.codes(), world.passwords()), (None, 1, 1));
}

async fn wrong_codes_end_the_login_when_no_attempt_is_left(world: &World) {
    let mut login = world.admin.sign_in(&json!({"phone": "+77000000001"})).await.stands("awaiting_code");
    for left in (1..5).rev() {
        login = world.admin.answer_code(login.id, "0000").await.stands("awaiting_code");
        assert_eq!(login.asked().attempts_left, Some(left));
    }
    let login = world.admin.answer_code(login.id, "0000").await.stands("failed");
    assert_eq!((login.code(), login.error.as_ref().unwrap().retryable), ("code_attempts_exhausted", true));
    let code = world.code("+77000000001");
    world.admin.answer(login.id, &json!({"code": code})).await.is_problem(409, "login_finished");
    assert_eq!(world.posts(), 6, "a phone and five codes");
}

async fn the_portals_own_limit_of_attempts_ends_the_login(world: &World) {
    let mut knobs = world.portal.knobs();
    knobs.code.attempts = 2;
    world.portal.set_knobs(knobs);
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let login = world.admin.answer_code(login.id, "000000").await.stands("awaiting_code");
    let login = world.admin.answer_code(login.id, "000000").await.stands("failed");
    assert_eq!(login.code(), "code_attempts_exhausted");
}

async fn an_expired_code_costs_no_attempt_and_another_may_be_had_at_once(world: &World) {
    let mut knobs = world.portal.knobs();
    knobs.code.mail_seconds = 30;
    world.portal.set_knobs(knobs);
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let late = world.code("code@sandbox.test");
    world.advance(SignedDuration::from_secs(31));
    let login = world.admin.answer_code(login.id, &late).await.stands("awaiting_code");
    assert_eq!((login.last(), login.asked().attempts_left), ("code_expired", Some(5)));

    let path = format!("/v1/logins/{}/resend", login.id);
    let login: crate::harness::Login = world.admin.call(&path).await.is(200).read();
    assert_eq!(login.asked().last_error, None);
    let fresh = world.code("code@sandbox.test");
    assert_ne!(fresh, late);
    world.admin.answer_code(login.id, &fresh).await.stands("succeeded");
    assert_eq!((world.codes(), world.passwords()), (2, 1));
}

async fn a_code_that_cannot_be_one_is_refused_without_asking_the_portal(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let posts = world.posts();
    for code in ["", "123", "123456789", "12 34x!", "12345\u{0}", "١٢٣٤٥٦", "' or 1=1"] {
        world.admin.answer(login.id, &json!({"code": code})).await.is_problem(422, "invalid_value");
    }
    world.admin.answer(login.id, &json!({})).await.is_problem(422, "invalid_value");
    world
        .admin
        .answer(login.id, &json!({"code": "123456", "merchant_uid": "1"}))
        .await
        .is_problem(422, "invalid_value");
    world
        .admin
        .answer(login.id, &json!({"merchant_uid": "30000002"}))
        .await
        .is_problem(409, "login_not_awaiting");
    assert_eq!(world.posts(), posts);
    let login = world.admin.login(login.id).await.stands("awaiting_code");
    assert_eq!(login.asked().attempts_left, Some(5), "nothing was counted");
    world.admin.answer_code(login.id, &world.code("code@sandbox.test")).await.stands("succeeded");
}

async fn a_merchant_that_is_not_listed_is_refused_and_the_choice_stays_open(world: &World) {
    let login = world.admin.sign_in_as("several@sandbox.test", PASSWORD).await.stands("awaiting_merchant");
    let listed: Vec<_> =
        login.asked().merchants.iter().flatten().map(|merchant| merchant.uid.as_str()).collect();
    assert_eq!(listed, ["30000011", "30000012", "SBX"]);
    assert_eq!(login.asked().kind, "merchant");
    world
        .admin
        .answer(login.id, &json!({"merchant_uid": "30000001"}))
        .await
        .is_problem(422, "merchant_not_listed");
    world.admin.answer(login.id, &json!({"code": "123456"})).await.is_problem(409, "login_not_awaiting");
    let login = world.admin.choose(login.id, "30000012").await.stands("succeeded");
    assert_eq!((login.uid().as_str(), world.passwords()), ("30000012", 1));
}

async fn a_merchant_that_was_named_at_the_start_is_not_asked_for(world: &World) {
    for (account, uid) in [("several@sandbox.test", "SBX"), ("su@sandbox.test", "30000022")] {
        let body = json!({"email": account, "password": PASSWORD, "merchant_uid": uid});
        let login = world.admin.sign_in(&body).await.stands("succeeded");
        assert_eq!(login.uid(), uid);
    }
    let body = json!({"email": "several@sandbox.test", "password": PASSWORD, "merchant_uid": "30000001"});
    let login = world.admin.sign_in(&body).await.stands("failed");
    assert_eq!(login.code(), "account_mismatch");
    world.admin.get("/v1/stores/30000001").await.is_problem(404, "store_not_found");
}

on_both!(
    a_wrong_code_leaves_the_login_waiting_with_one_attempt_less,
    an_expired_code_costs_no_attempt_and_another_may_be_had_at_once,
);
on_sqlite!(
    wrong_codes_end_the_login_when_no_attempt_is_left,
    the_portals_own_limit_of_attempts_ends_the_login,
    a_code_that_cannot_be_one_is_refused_without_asking_the_portal,
    a_merchant_that_is_not_listed_is_refused_and_the_choice_stays_open,
    a_merchant_that_was_named_at_the_start_is_not_asked_for,
);
