//! A portal that renames things: the default recipe fails clearly, a mended one signs in, without a restart.

use kaspi_auth_core::egress::Route;
use kaspi_auth_portal::{BrowserSettings, Recipe};
use kaspi_sandbox::RenamedField;
use std::time::Duration;

use crate::bench::{Bench, Visit, Wish};
use crate::harness::{code_of, mail, phone};

/// A page that shows nothing known is called unknown soon.
fn quick(text: &str) -> Recipe {
    Recipe::parse(&text.replace("settle_millis = 4000", "settle_millis = 400")).unwrap()
}

/// The recipe for the page with changed markup: one line for each thing that has another name.
fn mended() -> Recipe {
    let mut text = Recipe::embedded_text().to_owned();
    for (was, is) in [
        ("{ css = \"#email_tab\" }", "{ css = \"#way-mail\" }"),
        ("{ css = \"#phone_tab\" }", "{ css = \"#way-tel\" }"),
        ("{ css = \"#user_email_field\" }", "{ css = \"input[name=login]\" }"),
        ("{ css = \"#password_field\" }", "{ css = \"input[name=secret]\" }"),
        ("{ css = \"#user_phone_field\" }", "{ css = \"input[name=mobile]\" }"),
        ("{ css = \"form button.button.is-primary\" }", "{ css = \"button.go\" }"),
        ("{ css = \".button.is-loading,", "{ css = \".go.waiting, .button.is-loading,"),
        ("{ css = \"input[type=checkbox][name*=remember i]\" }", "{ css = \"input[name=trust]\" }"),
        ("{ css = \"input[name=security-code]\" }", "{ css = \"input[name=proof]\" }"),
        ("{ css = \"#sent_to\" }", "{ css = \"#f4-about\" }"),
        ("{ css = \".notification.is-danger\" }", "{ css = \".trouble\" }"),
        ("{ css = \".help.is-danger\" }", "{ css = \".wrong\" }"),
    ] {
        assert!(text.contains(was), "{was}");
        text = text.replace(was, is);
    }
    quick(&text)
}

fn changed(wish: &mut Wish) {
    wish.knobs.login.changed_page = true;
    // Nothing else to hold on to: the embedded alternatives would find the fields by their types.
    wish.recipe = blind();
    wish.settings = BrowserSettings { open_timeout: Duration::from_secs(15), ..wish.settings.clone() };
}

/// The recipe of somebody who wrote down only what the page was called once.
fn blind() -> Recipe {
    let text = Recipe::embedded_text()
        .replace("    { css = \"input[autocomplete=username]:not([type=tel])\" },\n", "")
        .replace("    { css = \"input[type=password]\" },\n", "")
        .replace("    { css = \"input[type=tel]\" },\n", "")
        .replace("    { css = \"input[autocomplete=tel], input[name=phone]\" },\n", "");
    quick(&text)
}

#[tokio::test]
async fn a_changed_page_is_told_as_such_and_signs_in_once_the_recipe_is_mended() {
    let bench = Bench::with(changed).await;
    let who = mail("su-code");
    let result = Visit::new(&*bench.browser, &who).submit().await;
    assert_eq!(code_of(result), "portal_changed");
    let evidence = bench.told.last_evidence();
    assert!(evidence.skeleton.is_some_and(|page| page.contains("signin")), "the operator sees the new page");
    assert!(evidence.screenshot.is_some());
    assert_eq!(bench.counters().passwords, 0);
    let check = bench.browser.check_page(&blind(), &Route::direct()).await.unwrap();
    assert_eq!((check.is_well(), check.shows.as_str()), (false, "strange"));
    let check = bench.browser.check_page(&mended(), &Route::direct()).await.unwrap();
    assert!(check.is_well(), "{check:?}");
    bench.browser.set_recipe(mended());
    for who in [who, phone("77000000002")] {
        let (story, finished) = Visit::new(&*bench.browser, &who).whole(&bench, None).await;
        assert!(finished.is_some(), "{story:?}");
    }
    assert_eq!(bench.counters().passwords, 1);
}

#[tokio::test]
async fn a_field_that_was_renamed_bare_is_mended_by_one_line() {
    let bench = Bench::with(|wish| {
        wish.knobs.page.renamed_field = Some(RenamedField::Password);
        wish.knobs.page.renamed_bare = true;
    })
    .await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let error = crate::harness::failure(visit.submit().await);
    assert_eq!(error.code().as_str(), "portal_changed");
    assert!(error.detail().contains("password"), "{}", error.detail());
    assert_eq!(bench.counters().passwords, 0);
    let text = Recipe::embedded_text().replace("#password_field", "#renamed_password_field");
    bench.browser.set_recipe(Recipe::parse(&text).unwrap());
    let (story, finished) = Visit::new(&*bench.browser, &who).whole(&bench, None).await;
    assert!(finished.is_some(), "{story:?}");
}

#[tokio::test]
async fn a_check_names_what_is_found_and_by_which_alternative() {
    let bench = Bench::new().await;
    let check = bench.browser.check_page(&Recipe::embedded(), &Route::direct()).await.unwrap();
    assert!(check.is_well(), "{check:?}");
    let found =
        |name: &str| check.elements.iter().find(|element| element.name == name).unwrap().found.clone();
    assert_eq!(found("email"), Some((1, "#user_email_field".to_owned())));
    assert_eq!(found("phone"), Some((1, "#user_phone_field".to_owned())), "behind its tab");
    assert_eq!(found("password"), None);
    let text = Recipe::embedded_text().replace("#user_email_field", "input:not-a-thing");
    let check = bench.browser.check_page(&Recipe::parse(&text).unwrap(), &Route::direct()).await.unwrap();
    let email = check.elements.iter().find(|element| element.name == "email").unwrap();
    assert_eq!(email.unfit.as_deref(), Some("input:not-a-thing"));
    assert_eq!(email.found.as_ref().map(|(at, _)| *at), Some(2));
    assert!(!check.is_well());
    assert_eq!(bench.counters().passwords, 0);
}
