//! Logins whose time is over: nobody answered, or the whole took too long. The clock is moved by hand.

use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{PASSWORD, World, on_both, on_sqlite};

async fn a_question_that_nobody_answers_ends_the_login(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let ends = login.asked().sent_at.duration_until(login.asked().expires_at);
    assert_eq!(ends, SignedDuration::from_mins(10));
    world.advance(SignedDuration::from_mins(9));
    world.admin.login(login.id).await.stands("awaiting_code");
    world.advance(SignedDuration::from_mins(1));
    let login = world.admin.login(login.id).await.stands("expired");
    assert_eq!((login.code(), login.error.as_ref().unwrap().retryable), ("login_expired", true));
    let posts = world.posts();
    let code = world.code("code@sandbox.test");
    world.admin.answer(login.id, &json!({"code": code})).await.is_problem(409, "login_finished");
    world.admin.call(&format!("/v1/logins/{}/resend", login.id)).await.is_problem(409, "login_finished");
    assert_eq!(world.posts(), posts, "nothing more was sent");
    // The account is free again.
    world.admin.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
}

async fn an_answer_that_comes_too_late_is_told_so(world: &World) {
    let login = world.admin.sign_in_as("several@sandbox.test", PASSWORD).await.stands("awaiting_merchant");
    world.advance(SignedDuration::from_mins(11));
    world.admin.answer(login.id, &json!({"merchant_uid": "SBX"})).await.is_problem(409, "login_expired");
    world.admin.login(login.id).await.stands("expired");
    world.admin.get("/v1/stores/SBX").await.is_problem(404, "store_not_found");
}

async fn new_codes_do_not_prolong_the_login_beyond_its_end(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    assert_eq!(login.created_at.duration_until(login.expires_at), SignedDuration::from_mins(20));
    for _ in 0..2 {
        world.advance(SignedDuration::from_mins(9));
        world.admin.call(&format!("/v1/logins/{}/resend", login.id)).await.is(200);
    }
    let login = world.admin.login(login.id).await.stands("awaiting_code");
    assert_eq!(login.asked().expires_at, login.expires_at, "no question outlives its login");
    world.advance(SignedDuration::from_mins(3));
    world.admin.login(login.id).await.stands("expired");
}

async fn the_background_ends_what_nobody_looks_at(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    world.advance(SignedDuration::from_mins(21));
    assert_eq!(world.node().service().logins.expire().await.unwrap(), 1);
    assert_eq!(world.node().service().logins.expire().await.unwrap(), 0);
    let stored = world.database.texts("select state from kaspi_auth_logins").await;
    assert_eq!(stored, ["expired"]);
    let sealed = world.database.texts("select secrets from kaspi_auth_logins").await;
    assert_eq!(sealed, Vec::<String>::new(), "the secrets of an ended login are erased");
    world.admin.login(login.id).await.stands("expired");
}

async fn records_of_ended_logins_are_deleted_when_they_are_old(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await;
    let waits = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let logins = &world.node().service().logins;
    let now = || kaspi_auth_core::port::Clock::now(&*world.clock);
    assert_eq!(logins.prune(now() - SignedDuration::from_hours(1)).await.unwrap(), 0);
    world.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(logins.prune(now() - SignedDuration::from_hours(1)).await.unwrap(), 1);
    world.admin.get(&format!("/v1/logins/{}", login.id)).await.is_problem(404, "login_not_found");
    world.admin.login(waits.id).await.stands("expired");
    world.admin.session("30000001").await;
}

on_both!(
    a_question_that_nobody_answers_ends_the_login,
    an_answer_that_comes_too_late_is_told_so,
    the_background_ends_what_nobody_looks_at,
    records_of_ended_logins_are_deleted_when_they_are_old,
);
on_sqlite!(new_codes_do_not_prolong_the_login_beyond_its_end);
