//! Giving a login up, at every state: nothing is stored, the account is free, nothing more is sent.

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::harness::{Login, PASSWORD, World, eventually, on_both, on_sqlite, until};

async fn a_login_that_waits_can_be_given_up(world: &World) {
    for (account, state) in
        [("code@sandbox.test", "awaiting_code"), ("several@sandbox.test", "awaiting_merchant")]
    {
        let login = world.admin.sign_in_as(account, PASSWORD).await.stands(state);
        let path = format!("/v1/logins/{}", login.id);
        let cancelled: Login = world.admin.delete(&path).await.is(200).read();
        assert_eq!(cancelled.stands("cancelled").code(), "login_cancelled");
        world.admin.delete(&path).await.is_problem(409, "login_finished");
        world.admin.answer(login.id, &json!({"code": "123456"})).await.is_problem(409, "login_finished");
        world.admin.sign_in_as(account, PASSWORD).await.stands(state);
    }
}

async fn a_login_that_runs_can_be_given_up_at_every_step(world: &World) {
    // Where the portal takes its time, and the state that the login is in meanwhile.
    let steps = [
        ("login", "/login", "opening"),
        ("login", "/api/p/login", "submitting"),
        ("cabinet", "/s/m", "finishing"),
        ("cabinet", "/mc/facade/graphql", "finishing"),
    ];
    for (number, (role, path, state)) in steps.into_iter().enumerate() {
        let email = world.account(&format!("given-up-{number}"), &format!("5000000{number}"));
        let faults = world.portal.counters().faults;
        world.portal.set_fault(Fault::new(FaultKind::Delay(1_000)).role(role).path(path));
        let body = json!({"email": email, "password": PASSWORD});
        let login: Login = world.admin.post("/v1/logins", &body).await.is(201).read();
        let place = format!("/v1/logins/{}", login.id);
        eventually("the login is under way", async || {
            let now: Login = world.admin.get(&place).await.is(200).read();
            assert!(!matches!(now.state.as_str(), "succeeded" | "failed"), "{path}: {now:?}");
            (now.state == state && world.portal.counters().faults > faults).then_some(())
        })
        .await;
        let cancelled: Login = world.admin.delete(&place).await.is(200).read();
        cancelled.stands("cancelled");
        world.portal.clear_faults();
        until("the driver has let go", || world.node().service().runner.is_empty()).await;
        world.admin.login(login.id).await.stands("cancelled");
        world.admin.get(&format!("/v1/stores/5000000{number}")).await.is_problem(404, "store_not_found");
        world.admin.sign_in_as(&email, PASSWORD).await.stands("succeeded");
    }
}

async fn a_login_that_has_ended_cannot_be_given_up(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    world.admin.delete(&format!("/v1/logins/{}", login.id)).await.is_problem(409, "login_finished");
    world.admin.session("30000001").await;
}

async fn many_who_give_up_at_once_give_up_once(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    let path = format!("/v1/logins/{}", login.id);
    let answers = futures_util::future::join_all((0..8).map(|_| world.admin.delete(&path))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is_problem(409, "login_finished");
    }
}

on_both!(a_login_that_waits_can_be_given_up, many_who_give_up_at_once_give_up_once);
on_sqlite!(a_login_that_runs_can_be_given_up_at_every_step, a_login_that_has_ended_cannot_be_given_up);
