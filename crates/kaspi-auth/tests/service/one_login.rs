//! One login an account at a time: a second caller gets the running one, a stranger is told that it is busy.

use std::collections::BTreeSet;

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::harness::{Login, PASSWORD, World, on_both};

async fn fifty_callers_at_once_get_one_login(world: &World) {
    let body = json!({"email": "code@sandbox.test", "password": PASSWORD});
    world.portal.set_fault(Fault::new(FaultKind::Delay(300)).role("login").path("/api/p/login").times(1));
    let calls = (0..50).map(|_| world.admin.post("/v1/logins?wait=30s", &body));
    let answers = futures_util::future::join_all(calls).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let ids: BTreeSet<_> =
        answers.iter().map(|answer| answer.read::<Login>().stands("awaiting_code").id).collect();
    assert_eq!((made, ids.len()), (1, 1), "one is new, all are the same");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)));
    let places: BTreeSet<_> = answers.iter().map(|answer| answer.header("location").to_owned()).collect();
    assert_eq!(places.into_iter().collect::<Vec<_>>(), [format!("/v1/logins/{}", ids.first().unwrap())]);
    assert_eq!((world.passwords(), world.codes()), (1, 1));
}

async fn a_login_that_waits_for_its_code_is_the_one_that_a_second_caller_gets(world: &World) {
    let first = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let body = json!({"email": "CODE@sandbox.test", "password": PASSWORD});
    let second: Login = world.admin.post("/v1/logins", &body).await.is(200).read();
    assert_eq!(second, first);
    assert_eq!((world.passwords(), world.codes()), (1, 1));
}

async fn another_tenants_login_is_busy_and_is_not_shown(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    let running = one.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
    let body = json!({"email": "code@sandbox.test", "password": PASSWORD});
    let busy = other.post("/v1/logins", &body).await;
    let problem = busy.is_problem(409, "account_busy");
    assert!(problem.retryable && !busy.text.contains(&running.id.to_string()), "{busy:?}");
    other.get(&format!("/v1/logins/{}", running.id)).await.is_problem(404, "login_not_found");
    let code = world.code("code@sandbox.test");
    other.answer(running.id, &json!({"code": code})).await.is_problem(404, "login_not_found");
    other.call(&format!("/v1/logins/{}/resend", running.id)).await.is_problem(404, "login_not_found");
    other.delete(&format!("/v1/logins/{}", running.id)).await.is_problem(404, "login_not_found");
    one.answer_code(running.id, &code).await.stands("succeeded");
    assert_eq!((world.passwords(), world.codes()), (1, 1));
}

async fn a_service_that_signs_in_for_one_user_does_not_get_the_login_of_another(world: &World) {
    let body = |user: &str| json!({"email": "code@sandbox.test", "password": PASSWORD, "user_id": user});
    let running = world.admin.sign_in(&body("one")).await.stands("awaiting_code");
    world.admin.post("/v1/logins", &body("other")).await.is_problem(409, "account_busy");
    let same: Login = world.admin.post("/v1/logins", &body("one")).await.is(200).read();
    assert_eq!(same.id, running.id);
}

async fn only_who_asks_for_the_same_gets_the_running_login(world: &World) {
    let body = json!({"email": "code@sandbox.test", "password": PASSWORD});
    let running = world.admin.sign_in(&body).await.stands("awaiting_code");
    let with = |key: &str, value: &str| {
        let mut body = body.clone();
        body[key] = json!(value);
        body
    };
    for other in [with("password", "guessed"), with("merchant_uid", "30000002"), with("user_id", "u-1")] {
        let busy = world.admin.post("/v1/logins", &other).await;
        busy.is_problem(409, "account_busy");
        assert!(!busy.text.contains(&running.id.to_string()), "{busy:?}");
    }
    assert_eq!((world.passwords(), world.codes()), (1, 1));
}

async fn an_account_is_free_again_as_soon_as_its_login_has_ended(world: &World) {
    let first = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let second = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    assert_ne!(first.id, second.id);
    assert_eq!(world.admin.store("30000001").await.generation, 2);
}

on_both!(
    fifty_callers_at_once_get_one_login,
    a_login_that_waits_for_its_code_is_the_one_that_a_second_caller_gets,
    another_tenants_login_is_busy_and_is_not_shown,
    a_service_that_signs_in_for_one_user_does_not_get_the_login_of_another,
    only_who_asks_for_the_same_gets_the_running_login,
    an_account_is_free_again_as_soon_as_its_login_has_ended,
);
