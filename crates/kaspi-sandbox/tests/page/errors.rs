//! What the page shows when the portal refuses, and that it shows it no longer than it holds.

use crate::visit::{DANGER, PASSWORD, SUBMIT, Visit};
use kaspi_sandbox::{Fault, FaultKind};

const GENERAL: &str = ".notification.is-danger";

#[tokio::test]
async fn a_wrong_password_is_told_and_the_right_one_then_works() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("plain@sandbox.test", "wrong").await;
    assert_eq!(visit.text(GENERAL).await, "Неверные почта или пароль");
    visit.fill("#password_field", PASSWORD).await;
    visit.click(SUBMIT).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_flood_counts_down() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("flood@sandbox.test", PASSWORD).await;
    let text = visit.text(GENERAL).await;
    assert!(text.starts_with("Слишком много запросов. Повторите через "), "{text}");
    visit
        .until("a lower number", &format!("document.querySelector('{GENERAL}').innerText !== '{text}'"))
        .await;
    visit.end().await;
}

#[tokio::test]
async fn a_flood_ends_by_itself() {
    let visit = Visit::at_the_login().await;
    let body = serde_json::json!({"errorCode": "MFA_SEND_FLOOD", "errorData": {"breakTimeSeconds": 1}});
    let fault = Fault::new(FaultKind::Json { status: 401, body }).path("/api/p/login").times(1);
    visit.control().set_fault(fault);
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.find(GENERAL).await;
    visit.gone(DANGER).await;
    visit.click(SUBMIT).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_wall_is_told_apart_from_wrong_credentials() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("wall@sandbox.test", PASSWORD).await;
    assert!(visit.text(GENERAL).await.starts_with("Доступ временно ограничен"));
    visit.end().await;
}

#[tokio::test]
async fn an_outage_is_told_apart_from_wrong_credentials() {
    let visit = Visit::at_the_login().await;
    visit.control().set_fault(Fault::new(FaultKind::Broken).path("/api/p/login").times(1));
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    assert!(visit.text(GENERAL).await.starts_with("Портал сейчас не отвечает"));
    visit.click(SUBMIT).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn an_answer_of_another_shape_is_told_apart_from_wrong_credentials() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("changed@sandbox.test", PASSWORD).await;
    assert!(visit.text(GENERAL).await.starts_with("Портал ответил непонятно"));
    visit.end().await;
}

#[tokio::test]
async fn a_broken_connection_is_told() {
    let visit = Visit::at_the_login().await;
    visit.control().set_fault(Fault::new(FaultKind::BrokenBody).path("/api/p/login"));
    visit.submit_password("plain@sandbox.test", "wrong").await;
    assert_eq!(visit.text(GENERAL).await, "Нет связи с порталом. Проверьте сеть и попробуйте ещё раз.");
    visit.end().await;
}

#[tokio::test]
async fn a_shop_less_account_is_told() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("none@sandbox.test", PASSWORD).await;
    assert_eq!(visit.text(GENERAL).await, "У этой учётной записи нет магазинов.");
    visit.end().await;
}

#[tokio::test]
async fn an_unknown_error_shows_its_code() {
    let visit = Visit::at_the_login().await;
    let body = serde_json::json!({"errorCode": "SOMETHING_NEW"});
    visit
        .control()
        .set_fault(Fault::new(FaultKind::Json { status: 401, body }).path("/api/p/login").times(1));
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    assert!(visit.text(GENERAL).await.contains("SOMETHING_NEW"));
    visit.end().await;
}
