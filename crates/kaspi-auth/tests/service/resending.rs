//! Another code: when it may be had, and what the portal's refusal does to a login.

use jiff::SignedDuration;

use crate::harness::{Login, PASSWORD, World, on_both, on_sqlite};

async fn another_code_is_refused_until_its_time_has_come(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let path = format!("/v1/logins/{}/resend", login.id);
    let early = world.admin.call(&path).await;
    let problem = early.is_problem(429, "resend_too_early");
    assert_eq!(problem.retry_at, login.asked().resend_after);
    assert!((50..=60).contains(&early.retry_after()), "{early:?}");
    assert_eq!(world.codes(), 1);

    let first = world.code("code@sandbox.test");
    world.advance(SignedDuration::from_secs(61));
    let again: Login = world.admin.call(&path).await.is(200).read();
    let again = again.stands("awaiting_code");
    assert_eq!(world.codes(), 2);
    assert!(again.asked().sent_at > login.asked().sent_at);
    assert!(again.asked().resend_after > login.asked().resend_after);
    let early = world.admin.call(&path).await;
    early.is_problem(429, "resend_too_early");
    assert!((50..=60).contains(&early.retry_after()), "counted by the same clock: {early:?}");

    let replaced = world.admin.answer_code(login.id, &first).await.stands("awaiting_code");
    assert_eq!(replaced.last(), "code_expired");
    world.admin.answer_code(login.id, &world.code("code@sandbox.test")).await.stands("succeeded");
    assert_eq!(world.passwords(), 1, "the password was not sent for the second code");
}

async fn another_sms_may_be_had_too(world: &World) {
    let body = serde_json::json!({"phone": "+77000000001"});
    let login = world.admin.sign_in(&body).await.stands("awaiting_code");
    world.advance(SignedDuration::from_secs(61));
    world.admin.call(&format!("/v1/logins/{}/resend", login.id)).await.is(200);
    assert_eq!(world.codes(), 2);
    world.admin.answer_code(login.id, &world.code("+77000000001")).await.stands("succeeded");
}

async fn a_portal_that_sends_no_more_codes_leaves_the_first_one_good(world: &World) {
    let mut knobs = world.portal.knobs();
    (knobs.code.sends, knobs.code.send_window_seconds) = (1, 300);
    world.portal.set_knobs(knobs);
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    world.advance(SignedDuration::from_secs(61));
    let flood = world.admin.call(&format!("/v1/logins/{}/resend", login.id)).await;
    let problem = flood.is_problem(429, "portal_rate_limited");
    assert!(problem.retryable && flood.retry_after() > 60, "{flood:?}");
    let login = world.admin.login(login.id).await.stands("awaiting_code");
    assert_eq!((login.last(), login.asked().resend_after), ("portal_rate_limited", problem.retry_at));
    world.admin.answer_code(login.id, &world.code("code@sandbox.test")).await.stands("succeeded");
}

async fn two_who_ask_at_once_get_one_code(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    world.advance(SignedDuration::from_secs(61));
    let path = format!("/v1/logins/{}/resend", login.id);
    let answers = futures_util::future::join_all((0..8).map(|_| world.admin.call(&path))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((good, world.codes()), (1, 2), "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        let problem = answer.problem();
        assert!(matches!(problem.code.as_str(), "resend_too_early" | "conflict"), "{problem:?}");
    }
}

async fn where_there_is_no_code_none_can_be_had_again(world: &World) {
    let login = world.admin.sign_in_as("several@sandbox.test", PASSWORD).await.stands("awaiting_merchant");
    let path = format!("/v1/logins/{}/resend", login.id);
    world.admin.call(&path).await.is_problem(409, "resend_unavailable");
    world.admin.choose(login.id, "SBX").await.stands("succeeded");
    world.admin.call(&path).await.is_problem(409, "login_finished");
    assert_eq!(world.codes(), 0);
}

on_both!(another_code_is_refused_until_its_time_has_come, two_who_ask_at_once_get_one_code);
on_sqlite!(
    another_sms_may_be_had_too,
    a_portal_that_sends_no_more_codes_leaves_the_first_one_good,
    where_there_is_no_code_none_can_be_had_again,
);
