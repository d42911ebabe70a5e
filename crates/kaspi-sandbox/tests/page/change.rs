//! A page that changed: renamed fields, heavy loads, half a document, and pages that were seen elsewhere.

use crate::visit::{CODE, PASSWORD, SUBMIT, Visit};
use kaspi_sandbox::{Fault, FaultKind, Fixture, RenamedField};

async fn renamed(field: RenamedField, bare: bool) -> Visit {
    let visit = Visit::at_the_login().await;
    let mut knobs = visit.control().knobs();
    (knobs.page.renamed_field, knobs.page.renamed_bare) = (Some(field), bare);
    visit.control().set_knobs(knobs);
    visit.goto(&visit.login("/login")).await;
    visit
}

#[tokio::test]
async fn a_renamed_field_has_another_id_and_name_and_works_as_before() {
    let visit = renamed(RenamedField::Password, false).await;
    visit.fill("#user_email_field", "code@sandbox.test").await;
    visit.click(SUBMIT).await;
    visit.fill("input#renamed_password_field[name=renamed_password][type=password]", PASSWORD).await;
    assert_eq!(visit.count("#password_field").await, 0);
    assert_eq!(visit.count("label[for=renamed_password_field]").await, 1);
    visit.click(SUBMIT).await;
    visit.find(CODE).await;
    visit.submit_code(&visit.newest_code("code@sandbox.test")).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_bare_field_can_be_known_by_nothing_but_its_new_name() {
    let visit = renamed(RenamedField::Code, true).await;
    visit.submit_password("code@sandbox.test", PASSWORD).await;
    visit.find("#renamed_code_field").await;
    assert_eq!(visit.count(&format!("{CODE}, [autocomplete=one-time-code], [data-field=code]")).await, 0);
    visit.keys("input[name=renamed_code]", &visit.newest_code("code@sandbox.test")).await;
    visit.click(SUBMIT).await;
    visit.arrives().await;
    visit.end().await;

    let visit = renamed(RenamedField::Password, true).await;
    visit.fill("#user_email_field", "plain@sandbox.test").await;
    visit.click(SUBMIT).await;
    visit.fill("#renamed_password_field[type=text]", PASSWORD).await;
    assert_eq!(visit.count("input[type=password], [placeholder='Пароль']").await, 0);
    visit.click(SUBMIT).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_heavy_page_loads_everything_and_signs_in() {
    let visit = Visit::at_the_login().await;
    let mut knobs = visit.control().knobs();
    knobs.page.heavy = true;
    visit.control().set_knobs(knobs);
    visit.goto(&visit.login("/login")).await;
    visit.until("the portal's script", "document.documentElement.dataset.portalScript === 'ready'").await;
    let all = |kind: &str, count: u64| {
        let control = visit.control();
        let kind = kind.to_owned();
        move || control.counters().loaded(&kind) >= count
    };
    for (kind, count) in
        [("style", 1), ("script", 1), ("json", 1), ("image", 8), ("font", 3), ("media", 1), ("tracker", 4)]
    {
        visit.once(kind, all(kind, count)).await;
    }
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.arrives().await;
    visit.end().await;
}

#[tokio::test]
async fn a_page_that_was_seen_elsewhere_is_shown_and_reaches_nobody() {
    let visit = Visit::at_the_login().await;
    let html = "<!doctype html><title>seen</title><form id=seen><input name=sign-in></form>\
        <img src='http://metrics.kaspi.localhost/pixel.gif' onerror=\"document.title='kept inside'\">";
    let fixture = Fixture::page("https://idmc.shop.kaspi.kz/login", html).expect("a fixture");
    visit.control().set_fixture(Some(fixture));
    visit.goto(&visit.login("/login")).await;
    visit.find("form#seen input[name=sign-in]").await;
    visit.until("a refused load", "document.title === 'kept inside'").await;
    assert_eq!(visit.control().counters().loaded("tracker"), 0);
    visit.end().await;
}

#[tokio::test]
async fn a_login_whose_answer_never_comes_keeps_the_page_busy() {
    let visit = Visit::at_the_login().await;
    visit.control().set_fault(Fault::new(FaultKind::Hang).path("/api/p/login"));
    visit.submit_password("plain@sandbox.test", PASSWORD).await;
    visit.find(".button.is-primary.is-loading").await;
    let control = visit.control();
    visit.once("the fault", move || control.counters().faults == 1).await;
    assert_eq!(visit.control().counters().passwords, 0);
    visit.end().await;
}
