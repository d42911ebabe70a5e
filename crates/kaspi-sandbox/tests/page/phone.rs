//! The way in by phone and SMS, and the mask of its field.

use crate::visit::{CODE, DANGER, NAVBAR, SUBMIT, Visit};

const PHONE: &str = "+7 (700) 000-00-01";
const FIELD: &str = "#user_phone_field";
/// The spellings that clients type.
const SPELLINGS: [&str; 5] =
    ["77000000001", "87000000001", "+77000000001", "7000000001", "+7 (700) 000-00-01"];

#[tokio::test]
async fn the_mask_takes_every_spelling_key_by_key_and_at_once() {
    let visit = Visit::at_the_login().await;
    visit.click("#phone_tab").await;
    for spelling in SPELLINGS {
        visit.fill(FIELD, spelling).await;
        assert_eq!(visit.value(FIELD).await, PHONE, "{spelling} key by key");
        visit.eval(&format!("document.querySelector('{FIELD}').select()")).await;
        visit
            .eval(&format!(
                "(field => {{ field.value = '{spelling}'; field.dispatchEvent(new Event('input', {{bubbles: true}})); }})\
                 (document.querySelector('{FIELD}'))"
            ))
            .await;
        assert_eq!(visit.value(FIELD).await, PHONE, "{spelling} at once");
    }
    visit.end().await;
}

#[tokio::test]
async fn the_mask_lets_go_of_what_is_erased() {
    let visit = Visit::at_the_login().await;
    visit.click("#phone_tab").await;
    visit.keys(FIELD, "77000000001\u{e003}\u{e003}\u{e003}").await;
    assert_eq!(visit.value(FIELD).await, "+7 (700) 000-0");
    visit.click(SUBMIT).await;
    visit.find(".help.is-danger").await;
    visit.keys(FIELD, "001").await;
    visit.gone(DANGER).await;
    assert_eq!(visit.value(FIELD).await, PHONE);
    visit.end().await;
}

#[tokio::test]
async fn a_code_by_sms_ends_in_the_cabinet() {
    let visit = Visit::at_the_login().await;
    visit.submit_phone("77000000001").await;
    let text = visit.text("form").await;
    assert!(text.contains("Мы отправили сообщение с кодом на номер телефона +7 ("), "{text}");
    assert!(text.contains(", введите код из SMS"), "{text}");
    visit.submit_code(&visit.newest_code(PHONE)).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_wrong_sms_code_is_told_and_the_right_one_then_works() {
    let visit = Visit::at_the_login().await;
    visit.submit_phone("7000000001").await;
    let code = visit.newest_code(PHONE);
    let wrong = if code == "000000" { "111111" } else { "000000" };
    visit.submit_code(wrong).await;
    visit.find(".help.is-danger").await;
    assert_eq!(visit.count(NAVBAR).await, 0);
    visit.submit_code(&code).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_new_sms_code_is_the_phone_posted_again() {
    let visit = Visit::at_the_login().await;
    visit.submit_phone(PHONE).await;
    visit.press("Отправить код ещё раз").await;
    visit.find(".notification.is-info").await;
    assert_eq!(visit.control().inbox(Some(PHONE)).len(), 2);
    visit.submit_code(&visit.newest_code(PHONE)).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn beginning_anew_leads_back_to_the_phone() {
    let visit = Visit::at_the_login().await;
    visit.submit_phone("77000000001").await;
    visit.press("Начать заново").await;
    assert_eq!(visit.value(FIELD).await, PHONE);
    assert_eq!(visit.count(CODE).await, 0);
    visit.end().await;
}
