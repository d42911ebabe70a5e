//! The cabinet's shell, the pages around it, and that none of them reaches out.

use crate::visit::{NAVBAR, PASSWORD, Visit};
use kaspi_sandbox::{AccountSpec, Fault, FaultKind};

#[tokio::test]
async fn the_shell_sends_a_stranger_to_the_login_and_takes_them_back() {
    let visit = Visit::at_the_login().await;
    visit.goto(&visit.site("/mc/")).await;
    visit.find("#user_email_field").await;
    assert!(visit.url().await.starts_with(&visit.login("/login")));
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_dead_session_leads_to_the_login_form() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    visit.control().kill_sessions(None);
    visit.control().kill_sso(None);
    visit.goto(&visit.site("/mc/")).await;
    visit.find("#user_email_field").await;
    assert_eq!(visit.count(NAVBAR).await, 0);
    visit.end().await;
}

#[tokio::test]
async fn a_session_that_dies_alone_is_renewed_in_silence() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    visit.control().kill_sessions(None);
    visit.goto(&visit.site("/mc/")).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_faulted_401_reaches_the_script_as_a_401() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    let kick_offs = || visit.control().counters().calls_to("GET", "cabinet", "/oauth2/authorization/1");
    let before = kick_offs();
    visit.control().set_fault(Fault::new(FaultKind::Status(401)).role("cabinet").path("/s/m").times(1));
    visit.goto(&visit.site("/mc/")).await;
    visit.arrives().await;
    assert_eq!((kick_offs(), visit.control().faults().len()), (before + 1, 0));
    visit.end().await;
}

#[tokio::test]
async fn the_shell_does_not_turn_in_circles() {
    let visit = Visit::at_the_login().await;
    let account = AccountSpec {
        session_calls: Some(0),
        ..AccountSpec::email("circles@shop.test").merchant("30000099")
    };
    visit.control().add_account(account);
    visit.submit_password("circles@shop.test", PASSWORD).await;
    visit
        .until("the way out", "document.querySelector('.notice')?.innerText.includes('Сеанс не открылся')")
        .await;
    assert_eq!(visit.count(NAVBAR).await, 0);
    visit.press("Войти заново").await;
    visit.find("#user_email_field").await;
    visit.end().await;
}

#[tokio::test]
async fn the_settings_show_the_shop_and_make_a_token() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    visit.goto(&visit.site("/mc/#/settings")).await;
    assert!(!visit.text("[data-testid='merchant-name']").await.is_empty());
    visit.goto(&visit.site("/mc/#/settings?activeTab=5")).await;
    visit.find(".token__field input.input").await;
    visit.press("Сформировать").await;
    visit.until("a token", "document.querySelector('.token__field input.input').value.length > 0").await;
    visit.end().await;
}

#[tokio::test]
async fn offers_and_orders_come_as_tables() {
    let visit = Visit::at_the_login().await;
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    visit.goto(&visit.site("/mc/#/offers")).await;
    visit.find("td[data-label='Артикул']").await;
    visit.press("Дальше").await;
    visit.until("the second page", "document.body.innerText.includes('Страница 2 из')").await;
    visit.goto(&visit.site("/mc/#/orders?status=ARCHIVE")).await;
    visit.until("the orders", "document.querySelector('input[placeholder=\"Номер заказа\"]')").await;
    assert_eq!(visit.count(".is-danger").await, 0);
    visit.gone(".loading-overlay").await;
    visit.end().await;
}

#[tokio::test]
async fn every_page_says_sandbox_and_asks_nobody_outside() {
    let visit = Visit::at_the_login().await;
    let pages = [visit.login("/login"), visit.site("/"), visit.site("/sandbox/inbox")];
    for page in pages {
        visit.goto(&page).await;
        stays_inside(&visit).await;
    }
    visit.goto(&visit.login("/login")).await;
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    visit.find("td[data-label], tbody:empty").await;
    stays_inside(&visit).await;
    visit.control().set_fault(Fault::new(FaultKind::Wall(403)).path("/login").times(1));
    visit.control().set_fault(Fault::new(FaultKind::Broken).path("/login").times(1));
    for text in ["Доступ ограничен", "Internal Server Error"] {
        visit.goto(&visit.login("/login")).await;
        assert_eq!(visit.text("h1").await, text);
        stays_inside(&visit).await;
    }
    visit.end().await;
}

/// The page that is open says SANDBOX, and all that it asked for came from this machine.
async fn stays_inside(visit: &Visit) {
    assert!(visit.text("body").await.contains("SANDBOX"), "{}", visit.url().await);
    let entries = visit
        .eval("performance.getEntries().filter(entry => entry.name.includes('://')).map(entry => entry.name)")
        .await;
    let entries: Vec<String> = serde_json::from_value(entries).expect("a list of addresses");
    assert!(!entries.is_empty());
    for entry in entries {
        let host = url::Url::parse(&entry).expect("an address").host_str().unwrap_or_default().to_owned();
        assert!(host.ends_with(".localhost"), "{entry}");
    }
}
