//! The way in by password and mailed code.

use crate::visit::{CODE, DANGER, PASSWORD, Visit};

const ACCOUNT: &str = "code@sandbox.test";

#[tokio::test]
async fn a_mailed_code_ends_in_the_cabinet() {
    let visit = Visit::at_the_login().await;
    visit.submit_password(ACCOUNT, PASSWORD).await;
    assert!(visit.find(CODE).await.is_displayed().await.expect("an answer"));
    assert_eq!(visit.count("#sms_code_field[autocomplete=one-time-code][maxlength='6']").await, 1);
    assert!(visit.text("form").await.contains("введите код из письма"));
    visit.submit_code(&visit.newest_code(ACCOUNT)).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_wrong_code_is_told_and_the_right_one_then_works() {
    let visit = Visit::at_the_login().await;
    visit.submit_password(ACCOUNT, PASSWORD).await;
    visit.submit_code("wrong!").await;
    assert!(visit.text(".help.is-danger").await.starts_with("Неверный код"));
    assert_eq!(visit.count(DANGER).await, 1);
    visit.submit_code(&visit.newest_code(ACCOUNT)).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_new_code_replaces_the_old_one() {
    let visit = Visit::at_the_login().await;
    visit.submit_password(ACCOUNT, PASSWORD).await;
    visit.find(CODE).await;
    let old = visit.newest_code(ACCOUNT);
    visit.press("Отправить код ещё раз").await;
    assert_eq!(visit.text(".notification.is-info").await, "Новый код отправлен.");
    let new = visit.newest_code(ACCOUNT);
    assert_ne!(new, old);
    visit.submit_code(&old).await;
    visit.find(".help.is-danger").await;
    visit.submit_code(&new).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn used_up_attempts_begin_the_login_anew() {
    let visit = Visit::at_the_login().await;
    visit.submit_password(ACCOUNT, PASSWORD).await;
    visit.find(CODE).await;
    let attempts = visit.control().knobs().code.attempts;
    for attempt in 1..attempts {
        visit.submit_code(&format!("bad{attempt}")).await;
        visit.find(".help.is-danger").await;
    }
    visit.submit_code("worst").await;
    assert!(visit.text(".notification.is-danger").await.starts_with("Попытки ввода кода закончились"));
    assert_eq!(visit.value("#user_email_field").await, ACCOUNT);
    assert_eq!(visit.count(CODE).await, 0);
    visit.end().await;
}

#[tokio::test]
async fn a_remembered_device_is_not_asked_again() {
    const REMEMBERED: &str = "remembered@sandbox.test";
    let visit = Visit::at_the_login().await;
    visit.submit_password(REMEMBERED, PASSWORD).await;
    visit.find(CODE).await;
    visit.submit_code(&visit.newest_code(REMEMBERED)).await;
    visit.arrives().await;
    visit.goto(&visit.login("/login")).await;
    visit.submit_password(REMEMBERED, PASSWORD).await;
    visit.arrives().await;
    assert_eq!(visit.control().inbox(Some(REMEMBERED)).len(), 1);
    visit.end().await;
}
