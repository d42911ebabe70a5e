//! What the contract leaves open about the page (CONTRACT 8.6, 8.9, 8.11), as a browser sees it.

use crate::visit::{CODE, NAVBAR, PASSWORD, SUBMIT, Visit};
use serde_json::{Value, json};

const GENERAL: &str = ".notification.is-danger";
const HELP: &str = ".help.is-danger";

/// The login page with some knobs turned.
async fn turned(change: Value) -> Visit {
    let visit = Visit::at_the_login().await;
    let control = visit.control();
    control.set_knobs(control.knobs().changed(&change).expect("known knobs"));
    visit.goto(&visit.login("/login")).await;
    visit
}

#[tokio::test]
async fn the_codes_field_has_the_id_and_the_name_of_the_knobs() {
    let visit = turned(json!({"page": {"code_id": "otp_field", "code_name": "otp"}})).await;
    visit.submit_password("code@sandbox.test", PASSWORD).await;
    visit.find("input#otp_field[name=otp]").await;
    assert_eq!(visit.count(CODE).await, 0);
    assert_eq!(visit.count("label[for=otp_field]").await, 1);
    visit.keys("#otp_field", &visit.newest_code("code@sandbox.test")).await;
    visit.click(SUBMIT).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn each_kind_of_error_is_told_where_its_knob_says() {
    let places = json!({"page": {
        "credentials_error": "help", "code_error": "notification", "phone_error": "help", "flood_error": "help",
        "other_error": "help",
    }});
    let visit = turned(places).await;
    visit.submit_password("wrong@sandbox.test", PASSWORD).await;
    assert_eq!(visit.text(HELP).await, "Неверные почта или пароль");
    visit.fill("#user_email_field", "flood@sandbox.test").await;
    visit.click(SUBMIT).await;
    visit.until("a countdown", &format!("document.querySelector('{HELP} .timer')")).await;
    visit.fill("#user_email_field", "noperm@sandbox.test").await;
    visit.click(SUBMIT).await;
    visit
        .until("no rights", &format!("document.querySelector('{HELP}')?.innerText.includes('нет прав')"))
        .await;
    visit.click("#phone_tab").await;
    visit.fill("#user_phone_field", "77009999999").await;
    visit.click(SUBMIT).await;
    assert!(visit.text(HELP).await.starts_with("По этому номеру войти нельзя"));
    assert_eq!(visit.count(GENERAL).await, 0);
    visit.click("#email_tab").await;
    visit.submit_password("code@sandbox.test", PASSWORD).await;
    visit.find(CODE).await;
    visit.submit_code("wrong!").await;
    assert!(visit.text(GENERAL).await.starts_with("Неверный код"));
    assert_eq!(visit.count(HELP).await, 0);
    visit.submit_code(&visit.newest_code("code@sandbox.test")).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn the_codes_field_takes_as_many_digits_as_an_sms_has() {
    let visit = turned(json!({"code": {"sms_length": 4}})).await;
    visit.submit_phone("77000000001").await;
    assert_eq!(visit.count(&format!("{CODE}[maxlength='4']")).await, 1);
    visit.submit_code(&visit.newest_code("77000000001")).await;
    visit.arrives().await;
    visit.goto(&visit.login("/login")).await;
    visit.submit_password("code@sandbox.test", PASSWORD).await;
    visit.find(&format!("{CODE}[maxlength='6']")).await;
    visit.end().await;
}

#[tokio::test]
async fn a_captcha_stands_in_the_form_and_nobody_comes_in() {
    let visit = turned(json!({"login": {"captcha": true}})).await;
    assert!(visit.find("form iframe").await.is_displayed().await.expect("an answer"));
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    assert!(visit.text(GENERAL).await.starts_with("Доступ временно ограничен"));
    assert_eq!(visit.count(NAVBAR).await, 0);
    visit.goto(&visit.login("/login?sandbox=changed")).await;
    visit.find("form iframe").await;
    visit.end().await;
}
