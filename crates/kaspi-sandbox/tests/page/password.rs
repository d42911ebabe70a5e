//! The way in by e-mail and password.

use crate::{
    browser::ENTER,
    visit::{PASSWORD, SUBMIT, Visit},
};

/// Where one client looks for the submit button.
const SUBMIT_PATH: &str = "/html/body/div/main/div/div/div/div[2]/section/section/form/button";

#[tokio::test]
async fn email_and_password_end_in_the_cabinet() {
    let visit = Visit::at_the_login().await;
    assert_eq!(visit.count("#password_field").await, 0);
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    assert!(visit.text("nav.navbar").await.contains("ID - "));
    visit.end().await;
}

#[tokio::test]
async fn one_button_serves_both_steps_and_is_the_first_of_the_page() {
    let visit = Visit::at_the_login().await;
    let button = visit.find(SUBMIT).await;
    assert_eq!(button.text().await.expect("a label"), "Продолжить");
    let found = format!(
        "document.evaluate('{SUBMIT_PATH}', document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue"
    );
    assert_eq!(visit.eval(&format!("{found} === document.querySelector('.button.is-primary')")).await, true);
    assert_eq!(visit.eval(&format!("{found} === document.querySelector('.button')")).await, true);

    visit.fill("#user_email_field", "plain@sandbox.test").await;
    button.click().await.expect("a click");
    visit.fill("#password_field", PASSWORD).await;
    assert!(visit.find("#user_email_field").await.is_displayed().await.expect("an answer"));
    visit.fill("#user_email_field", "plain@sandbox.test").await;
    assert_eq!(visit.count("#password_field").await, 1);
    assert_eq!(button.text().await.expect("the same element still"), "Войти");
    button.click().await.expect("a click on the same element");
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn enter_submits_every_step() {
    let visit = Visit::at_the_login().await;
    visit.keys("#user_email_field", &format!("plain@sandbox.test{ENTER}")).await;
    visit.keys("#password_field", &format!("{PASSWORD}{ENTER}")).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn the_email_tab_is_open_at_first_and_keeps_what_was_typed() {
    let visit = Visit::at_the_login().await;
    visit.fill("#user_email_field", "plain@sandbox.test").await;
    visit.click("#phone_tab").await;
    visit.find("#user_phone_field").await;
    assert_eq!(visit.count("#user_email_field").await, 0);
    visit.click("#email_tab").await;
    assert_eq!(visit.value("#user_email_field").await, "plain@sandbox.test");
    visit.end().await;
}

#[tokio::test]
async fn the_focus_follows_the_steps() {
    let visit = Visit::at_the_login().await;
    for field in ["#user_email_field", "#password_field", "input[name=security-code]"] {
        visit.until(field, &format!("document.activeElement?.matches('{field}')")).await;
        if field == "input[name=security-code]" {
            break;
        }
        let text = if field == "#password_field" { PASSWORD } else { "code@sandbox.test" };
        visit.keys(field, &format!("{text}{ENTER}")).await;
    }
    visit.end().await;
}

#[tokio::test]
async fn a_page_with_changed_markup_still_lets_a_person_in() {
    let visit = Visit::at_the_login().await;
    visit.goto(&visit.login("/login?sandbox=changed")).await;
    assert!(visit.text("body").await.contains("SANDBOX"));
    for known in
        ["#user_email_field", "[name=username]", "#email_tab", "#phone_tab", ".button", ".tabs", "main"]
    {
        assert_eq!(visit.count(known).await, 0, "{known}");
    }
    visit.keys("input[autocomplete=username]", &format!("plain@sandbox.test{ENTER}")).await;
    visit.keys("input[type=password]", &format!("{PASSWORD}{ENTER}")).await;
    visit.arrives().await;
    visit.end().await;
}
