//! Several merchants: chosen during the login, or in the cabinet after it.

use crate::visit::{NAVBAR, PASSWORD, SUBMIT, Visit};

#[tokio::test]
async fn the_login_asks_which_merchant_and_takes_the_answer() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("su@sandbox.test", PASSWORD).await;
    visit.find("input[type=radio]").await;
    assert!(visit.count("input[type=radio]").await > 1);
    visit.click(SUBMIT).await;
    visit.find(".help.is-danger").await;
    let uid = visit.eval("[...document.querySelectorAll('input[type=radio]')].at(-1).value").await;
    let uid = uid.as_str().expect("a uid").to_owned();
    visit.click(&format!("input[value='{uid}']")).await;
    visit.click(SUBMIT).await;
    visit.arrives().await;
    assert!(visit.text(NAVBAR).await.contains(&format!("ID - {uid}")));
    visit.end().await;
}

#[tokio::test]
async fn the_cabinet_offers_every_merchant_of_the_account() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("several@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    let first = visit.text(".merchant-id").await;
    assert!(visit.count("nav.navbar select option").await > 1);
    visit.click("nav.navbar select option:last-child").await;
    visit
        .until("another merchant", &format!("document.querySelector('.merchant-id').innerText !== '{first}'"))
        .await;
    let chosen = visit.text(".merchant-id").await;
    visit.goto(&visit.site("/mc/#/settings")).await;
    let uid = chosen.trim_start_matches("ID - ");
    visit
        .until(
            "its settings",
            &format!("[...document.querySelectorAll('dd')].some(dd => dd.innerText === '{uid}')"),
        )
        .await;
    visit.end().await;
}
