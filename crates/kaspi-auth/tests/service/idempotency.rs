//! Answers that come twice: under a key nothing is done twice, whatever the order and the number.

use serde_json::json;

use crate::harness::{Login, PASSWORD, World, on_both};

async fn the_same_answer_under_the_same_key_does_nothing_twice(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let wrong = json!({"code": "000000"});
    let first: Login = world.admin.answer_under("k-1", login.id, &wrong).await.is(200).read();
    assert_eq!(first.asked().attempts_left, Some(4));
    let again: Login = world.admin.answer_under("k-1", login.id, &wrong).await.is(200).read();
    assert_eq!(again, first, "no further attempt was spent");
    assert_eq!(world.portal.counters().wrong_codes, 1);

    let code = json!({"code": world.code("code@sandbox.test")});
    world.admin.answer_under("k-1", login.id, &code).await.is_problem(422, "idempotency_key_reused");
    let done: Login = world.admin.answer_under("k-2", login.id, &code).await.is(200).read();
    let done = done.stands("succeeded");
    let posts = world.posts();
    let replayed: Login = world.admin.answer_under("k-2", login.id, &code).await.is(200).read();
    assert_eq!(replayed, done, "after the end, too");
    world.admin.answer_under("k-2", login.id, &wrong).await.is_problem(422, "idempotency_key_reused");
    world.admin.answer_under("k-3", login.id, &code).await.is_problem(409, "login_finished");
    assert_eq!(world.posts(), posts);
}

async fn a_key_belongs_to_its_login(world: &World) {
    let one = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let other = world.admin.sign_in_as("always@sandbox.test", PASSWORD).await;
    let codes = [world.code("code@sandbox.test"), world.code("always@sandbox.test")];
    for (login, code) in [one, other].iter().zip(codes) {
        let done: Login =
            world.admin.answer_under("the-key", login.id, &json!({"code": code})).await.is(200).read();
        done.stands("succeeded");
    }
}

async fn many_who_answer_at_once_under_one_key_make_one_answer(world: &World) {
    for wrong in [true, false] {
        let login = world.admin.sign_in_as("always@sandbox.test", PASSWORD).await;
        let code = if wrong { "000000".to_owned() } else { world.code("always@sandbox.test") };
        let (body, posts) = (json!({"code": code}), world.posts());
        let calls = (0..16).map(|_| world.admin.answer_under("the-key", login.id, &body));
        let answers = futures_util::future::join_all(calls).await;
        for answer in &answers {
            let read: Login = answer.clone().is(200).read();
            read.stands(if wrong { "awaiting_code" } else { "succeeded" });
        }
        assert_eq!(world.posts() - posts, 1, "the portal saw one code");
        if wrong {
            let login = world.admin.login(login.id).await;
            assert_eq!(login.asked().attempts_left, Some(4));
            world.admin.delete(&format!("/v1/logins/{}", login.id)).await.is(200);
        }
    }
}

async fn many_who_answer_at_once_without_a_key_make_one_answer_too(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let (body, posts) = (json!({"code": world.code("code@sandbox.test")}), world.posts());
    let answers = futures_util::future::join_all((0..8).map(|_| world.admin.answer(login.id, &body))).await;
    assert_eq!(world.posts() - posts, 1, "the portal saw one code");
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        let problem = answer.problem();
        assert_eq!(problem.status, 409, "{problem:?}");
    }
    world.admin.login(login.id).await.stands("succeeded");
}

async fn different_answers_at_once_under_one_key_are_told_apart(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let posts = world.posts();
    let bodies = [json!({"code": "000000"}), json!({"code": "111111"})];
    let calls = (0..8).map(|number| world.admin.answer_under("the-key", login.id, &bodies[number % 2]));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(world.posts() - posts, 1, "the portal saw one code");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is_problem(422, "idempotency_key_reused");
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 4, "{answers:?}");
}

on_both!(
    the_same_answer_under_the_same_key_does_nothing_twice,
    a_key_belongs_to_its_login,
    many_who_answer_at_once_under_one_key_make_one_answer,
    many_who_answer_at_once_without_a_key_make_one_answer_too,
    different_answers_at_once_under_one_key_are_told_apart,
);
