//! The Python predecessor's four endpoints, called as its client calls them: the same paths, bodies and statuses.

use kaspi_sandbox::AccountSpec;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, World, on_both, on_sqlite};

const LOGIN: &str = "/api/kaspi/auth/login";
const VERIFY: &str = "/api/kaspi/auth/verify-sms";

fn session_of(uid: &str) -> String {
    format!("/api/kaspi/auth/session/{uid}")
}

async fn a_login_without_a_code_answers_200(world: &World) {
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let answer = world.admin.post(LOGIN, &body).await.is(200).json();
    let expected = json!({
        "success": true, "merchant_uid": "30000001", "shop_name": "Магазин 30000001", "requires_sms": false,
        "message": answer["message"],
    });
    assert_eq!(answer, expected);
    assert!(answer["message"].is_string());
    assert_eq!(world.admin.session("30000001").await.generation, 1);
}

async fn a_login_with_a_code_answers_202_and_goes_on_with_what_it_gave(world: &World) {
    let body = json!({"email": "code@sandbox.test", "password": PASSWORD, "merchant_id": "30000002"});
    let answer = world.admin.post(LOGIN, &body).await.is(202).json();
    assert_eq!((&answer["success"], &answer["requires_sms"]), (&json!(false), &json!(true)));
    assert_eq!(answer["merchant_id"], "30000002");
    assert!(answer["message"].is_string());
    let partial = answer["partial_session"].clone();
    assert!(partial.is_object() || partial.is_string(), "{answer}");
    let shown = answer.to_string();
    assert!(
        !shown.contains(PASSWORD) && !shown.contains("MS_AUTH_SSO") && !shown.contains("code@sandbox.test"),
        "{shown}"
    );

    let verify = |code: &str, partial: &Value| json!({"merchant_id": "30000002", "sms_code": code, "partial_session": partial});
    let wrong = world.admin.post(VERIFY, &verify("000000", &partial)).await;
    wrong.is_problem(400, "code_rejected");
    let code = world.code("code@sandbox.test");
    let done = world.admin.post(VERIFY, &verify(&code, &partial)).await.is(200).json();
    let expected = json!({
        "success": true, "merchant_uid": "30000002", "shop_name": "Магазин 30000002", "requires_sms": false,
        "message": done["message"],
    });
    assert_eq!(done, expected);
    world.admin.post(VERIFY, &verify(&code, &partial)).await.is_problem(409, "login_finished");
}

async fn what_was_given_may_come_back_as_an_object_as_its_id_or_as_text(world: &World) {
    for form in 0..3 {
        let body = json!({"email": "always@sandbox.test", "password": PASSWORD});
        let answer = world.admin.post(LOGIN, &body).await.is(202).json();
        let given = &answer["partial_session"];
        let partial = match form {
            0 => given.clone(),
            1 => given["login_id"].clone(),
            // A client that keeps it in a text column.
            _ => json!(given.to_string()),
        };
        let code = world.code("always@sandbox.test");
        let body =
            json!({"merchant_id": answer["merchant_id"], "sms_code": code, "partial_session": partial});
        world.admin.post(VERIFY, &body).await.is(200);
    }
}

async fn wrong_codes_answer_400_to_the_last(world: &World) {
    let body = json!({"email": "code@sandbox.test", "password": PASSWORD});
    let partial = world.admin.post(LOGIN, &body).await.is(202).json()["partial_session"].clone();
    let verify = json!({"merchant_id": "x", "sms_code": "0000", "partial_session": partial});
    for _ in 0..5 {
        world.admin.post(VERIFY, &verify).await.is_problem(400, "code_rejected");
    }
    world.admin.post(VERIFY, &verify).await.is_problem(409, "login_finished");
}

async fn wrong_credentials_answer_401_and_bodies_that_do_not_fit_422(world: &World) {
    let wrong = json!({"email": "plain@sandbox.test", "password": "wrong"});
    world.admin.post(LOGIN, &wrong).await.is_problem(401, "invalid_credentials");
    let partial = uuid::Uuid::nil();
    for (path, body) in [
        (LOGIN, json!({})),
        (LOGIN, json!({"email": "plain@sandbox.test"})),
        (LOGIN, json!({"email": "nonsense", "password": "x"})),
        (LOGIN, json!({"email": "plain@sandbox.test", "password": ""})),
        (LOGIN, json!({"email": 1, "password": 2})),
        (LOGIN, json!({"email": "plain@sandbox.test", "password": PASSWORD, "merchant_id": "../x"})),
        (VERIFY, json!({"merchant_id": "1", "sms_code": "123", "partial_session": partial})),
        (VERIFY, json!({"merchant_id": "1", "sms_code": "1234567", "partial_session": partial})),
        (VERIFY, json!({"merchant_id": "1", "sms_code": "12 4!", "partial_session": partial})),
        (VERIFY, json!({"merchant_id": "1", "sms_code": "123456", "partial_session": {"cookies": []}})),
        (VERIFY, json!({"merchant_id": "1", "sms_code": "123456", "partial_session": "nonsense"})),
        (VERIFY, json!({"merchant_id": "1", "sms_code": "123456"})),
    ] {
        world.admin.post(path, &body).await.is_problem(422, "invalid_value");
    }
    let unknown = json!({"merchant_id": "1", "sms_code": "123456", "partial_session": partial});
    world.admin.post(VERIFY, &unknown).await.is_problem(404, "login_not_found");
}

async fn fields_of_its_own_that_a_client_adds_do_not_matter(world: &World) {
    let body =
        json!({"email": "plain@sandbox.test", "password": PASSWORD, "merchant_id": null, "user_agent": "x"});
    world.admin.post(LOGIN, &body).await.is(200);
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD, "merchant_id": ""});
    world.admin.post(LOGIN, &body).await.is(200);
}

async fn the_first_of_several_merchants_is_taken_unless_one_is_named(world: &World) {
    for account in ["several@sandbox.test", "su@sandbox.test"] {
        let body = json!({"email": account, "password": PASSWORD});
        let first = world.admin.post(LOGIN, &body).await.is(200).json();
        let expected = if account.starts_with("several") { "30000011" } else { "30000021" };
        assert_eq!(first["merchant_uid"], expected);
    }
    let body = json!({"email": "several@sandbox.test", "password": PASSWORD, "merchant_id": "SBX"});
    assert_eq!(world.admin.post(LOGIN, &body).await.is(200).json()["merchant_uid"], "SBX");
    let body = json!({"email": "several@sandbox.test", "password": PASSWORD, "merchant_id": "123"});
    world.admin.post(LOGIN, &body).await.is_problem(409, "account_mismatch");
}

async fn a_session_is_told_valid_or_not(world: &World) {
    world.admin.get(&session_of("30000001")).await.is_problem(404, "store_not_found");
    world.admin.post(LOGIN, &json!({"email": "plain@sandbox.test", "password": PASSWORD})).await.is(200);
    let read = async || world.admin.get(&session_of("30000001")).await.is(200).json();
    let answer = read().await;
    let expected = json!({
        "is_valid": true, "merchant_uid": "30000001", "shop_name": "Магазин 30000001", "message": answer["message"],
    });
    assert_eq!(answer, expected);
    world
        .portal
        .set_fault(kaspi_sandbox::Fault::new(kaspi_sandbox::FaultKind::Status(500)).role("cabinet").times(1));
    assert_eq!(read().await["is_valid"], true, "an outage says nothing");
    world.portal.kill_sessions(None);
    assert_eq!(read().await["is_valid"], false);
    world
        .portal
        .set_fault(kaspi_sandbox::Fault::new(kaspi_sandbox::FaultKind::Status(500)).role("cabinet").times(1));
    assert_eq!(read().await["is_valid"], false, "the last known word stands");
}

async fn a_session_is_refreshed_with_credentials(world: &World) {
    world.admin.post(LOGIN, &json!({"email": "plain@sandbox.test", "password": PASSWORD})).await.is(200);
    let path = format!("{}/refresh", session_of("30000001"));
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let answer = world.admin.post(&path, &body).await.is(200).json();
    assert_eq!((&answer["success"], &answer["merchant_uid"]), (&json!(true), &json!("30000001")));
    assert_eq!(world.admin.session("30000001").await.generation, 2);
    let wrong = json!({"email": "plain@sandbox.test", "password": "wrong"});
    world.admin.post(&path, &wrong).await.is_problem(401, "invalid_credentials");
    world.portal.add_account(AccountSpec::email("other@shop.test").merchant("7000001"));
    let other = json!({"email": "other@shop.test", "password": PASSWORD});
    world.admin.post(&path, &other).await.is_problem(409, "account_mismatch");
    assert_eq!(world.admin.session("30000001").await.generation, 2, "the store is unchanged");
    world.admin.post(&path, &json!({})).await.is_problem(422, "invalid_value");
}

on_both!(a_login_without_a_code_answers_200, a_login_with_a_code_answers_202_and_goes_on_with_what_it_gave);
on_sqlite!(
    what_was_given_may_come_back_as_an_object_as_its_id_or_as_text,
    wrong_codes_answer_400_to_the_last,
    wrong_credentials_answer_401_and_bodies_that_do_not_fit_422,
    fields_of_its_own_that_a_client_adds_do_not_matter,
    the_first_of_several_merchants_is_taken_unless_one_is_named,
    a_session_is_told_valid_or_not,
    a_session_is_refreshed_with_credentials,
);
