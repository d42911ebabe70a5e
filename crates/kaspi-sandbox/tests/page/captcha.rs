//! Captchas that a person passes, and walls that only a browser gets through.

use crate::visit::{NAVBAR, PASSWORD, Visit};
use kaspi_sandbox::Captcha;

async fn guarded(captcha: Captcha) -> Visit {
    let visit = Visit::at_the_login().await;
    let mut knobs = visit.control().knobs();
    knobs.login.captcha = captcha;
    visit.control().set_knobs(knobs);
    visit.goto(&visit.login("/login")).await;
    visit
}

#[tokio::test]
async fn a_login_goes_on_by_itself_once_the_box_is_ticked() {
    let visit = guarded(Captcha::Passable).await;
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    assert!(visit.text(".notification.is-danger").await.starts_with("Подтвердите, что вы не робот"));
    assert_eq!(visit.control().counters().passwords, 0);
    visit
        .until(
            "the frame",
            "document.querySelector('.captcha iframe').contentDocument?.querySelector('#human')",
        )
        .await;
    visit
        .eval("document.querySelector('.captcha iframe').contentDocument.querySelector('#human').click()")
        .await;
    visit.arrives().await;
    assert_eq!(visit.control().counters().passwords, 1);
    assert_eq!(visit.control().counters().page_views("captcha"), 1);
    visit.end().await;
}

#[tokio::test]
async fn the_word_of_the_picture_is_typed_before_the_login() {
    let visit = guarded(Captcha::Picture).await;
    visit.until("the picture", "document.querySelector('.captcha img')?.naturalWidth > 0").await;
    let words = visit.control().captcha_words();
    visit.fill("input[name=captcha]", &words[0]).await;
    visit.eval("document.querySelector('input[name=captcha]').blur()").await;
    visit.gone(".captcha").await;
    visit.submit_password("code@sandbox.test", PASSWORD).await;
    visit.submit_code(&visit.newest_code_once_sent("code@sandbox.test").await).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn the_control_passes_a_captcha_as_a_person_would() {
    let visit = guarded(Captcha::Passable).await;
    visit.submit_phone_without_code("77000000001").await;
    assert!(visit.text(".is-danger").await.starts_with("Подтвердите"));
    visit.control().pass_captchas();
    visit.find(crate::visit::CODE).await;
    visit.submit_code(&visit.newest_code("77000000001")).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_browser_comes_in_where_a_bare_client_meets_the_wall() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("wall.direct@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    assert_eq!(visit.count(NAVBAR).await, 1);
    visit.goto(&visit.login("/login?sandbox=changed")).await;
    let proven = "/(^|; )ms_proof=[^.]+\\.\\d+/.test(document.cookie)";
    visit.until("the script's cookie", proven).await;
    visit.end().await;
}
