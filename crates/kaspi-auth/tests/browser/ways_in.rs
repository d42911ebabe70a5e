//! Every way into the portal through its own page, asked for over the API: what comes of it is what the direct engine brings.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::chromium::{by_browser, farm, on};
use crate::harness::{Kind, World};

/// A cookie without what differs from one session to the next.
fn attributes(cookie: &Value) -> Value {
    let mut cookie = cookie.clone();
    let object = cookie.as_object_mut().unwrap();
    object.remove("value");
    let lives =
        object.iter().find(|(key, _)| key.to_lowercase().starts_with("expir")).map(|(key, _)| key.clone());
    if let Some(key) = lives {
        let is_dated = object[&key].as_f64().is_some_and(|at| at > 0.0);
        object.insert(key, json!(is_dated));
    }
    cookie
}

async fn a_login_by_browser_ends_with_a_session_that_opens_the_cabinet(world: &World) {
    world.admin.sign_in_as("plain@sandbox.test", crate::harness::PASSWORD).await.stands("succeeded");
    let by_http = world.admin.session("30000001").await;
    let login = world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
    assert_eq!((login.engine.as_str(), login.driver.as_str()), ("browser", "browser"));
    assert_eq!(login.uid(), "30000001");

    let session = world.admin.session("30000001").await;
    assert_eq!(session.generation, by_http.generation + 1);
    let sorted = |cookies: &[Value]| {
        let mut all: Vec<_> = cookies.iter().map(|cookie| attributes(cookie).to_string()).collect();
        all.sort();
        all
    };
    assert_eq!(
        sorted(&session.cookies),
        sorted(&by_http.cookies),
        "names and attributes are those of a login by HTTP"
    );
    assert!(!session.cookies.is_empty());
    let (status, shown) = world.open_cabinet(&session.cookie_header).await;
    assert!(status == 200 && shown.contains("30000001"), "{status} {shown}");
    assert_eq!(world.admin.validity("30000001").await, "alive");
    let store = world.admin.store("30000001").await;
    assert_eq!((store.driver.as_deref(), store.has_password), (Some("browser"), true));
    assert_eq!(world.passwords(), 2, "one by HTTP, one by browser");
    let figures = farm(world.node());
    assert_eq!((figures.running, figures.held), (0, 0), "the page was let go");
}

async fn a_mailed_code_is_asked_for_and_may_be_wrong_once(world: &World) {
    let login = world.admin.sign_in(&by_browser("code@sandbox.test")).await.stands("awaiting_code");
    let asked = login.asked();
    assert_eq!((asked.kind.as_str(), asked.channel.as_deref()), ("code", Some("email")));
    assert!(asked.destination_masked.as_deref().unwrap().ends_with("@sandbox.test"));
    assert_eq!(farm(world.node()).held, 1);

    let code = world.code("code@sandbox.test");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let again = world.admin.answer_code(login.id, wrong).await.stands("awaiting_code");
    assert_eq!(again.last(), "code_rejected");
    assert_eq!(again.asked().attempts_left, asked.attempts_left.map(|left| left - 1));
    let done = world.admin.answer_code(login.id, &code).await.stands("succeeded");
    assert_eq!((done.uid().as_str(), done.driver.as_str()), ("30000002", "browser"));
    let counters = world.portal.counters();
    assert_eq!((counters.passwords, counters.codes_sent.email, counters.wrong_codes), (1, 1, 1));
    assert_eq!(farm(world.node()).held, 0);
    // The device was remembered: nothing is asked the next time.
    world.admin.sign_in(&by_browser("code@sandbox.test")).await.stands("succeeded");
    assert_eq!(world.codes(), 1);
}

async fn a_phone_gets_an_sms(world: &World) {
    let body = json!({"phone": "+7 (700) 000-00-01", "engine": "browser"});
    let login = world.admin.sign_in(&body).await.stands("awaiting_code");
    assert_eq!(login.asked().channel.as_deref(), Some("sms"));
    let done = world.admin.answer_code(login.id, &world.code("+77000000001")).await.stands("succeeded");
    assert_eq!((done.uid().as_str(), world.passwords(), world.codes()), ("30000031", 0, 1));
}

async fn another_code_is_sent_when_it_is_asked_for(world: &World) {
    let login = world.admin.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
    let resend = format!("/v1/logins/{}/resend", login.id);
    world.admin.call(&resend).await.is_problem(429, "resend_too_early");
    world.advance(SignedDuration::from_secs(90));
    world.admin.call(&resend).await.is(200);
    assert_eq!(world.codes(), 2);
    let code = world.code("always@sandbox.test");
    world.admin.answer_code(login.id, &code).await.stands("succeeded");
    assert_eq!((world.passwords(), world.portal.counters().wrong_codes), (1, 0));
}

async fn a_merchant_is_chosen_in_the_page_or_after_it(world: &World) {
    let login = world.admin.sign_in(&by_browser("su@sandbox.test")).await.stands("awaiting_merchant");
    let uids: Vec<_> =
        login.asked().merchants.iter().flatten().map(|merchant| merchant.uid.as_str()).collect();
    assert_eq!(uids, ["30000021", "30000022"]);
    assert_eq!(farm(world.node()).held, 1, "the page asks");
    assert_eq!(world.admin.choose(login.id, "30000022").await.stands("succeeded").uid(), "30000022");

    let login = world.admin.sign_in(&by_browser("several@sandbox.test")).await.stands("awaiting_merchant");
    assert_eq!(farm(world.node()).held, 0, "the cabinet asks: no page is needed any more");
    assert_eq!(world.admin.choose(login.id, "SBX").await.stands("succeeded").uid(), "SBX");
    let (status, shown) = world.open_cabinet(&world.admin.session("SBX").await.cookie_header).await;
    assert!(status == 200 && shown.contains("SBX"), "{status} {shown}");
    assert_eq!(world.passwords(), 2);
}

macro_rules! by_browser_on {
    ($kind:ident: $($body:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $body() {
            World::prove_with(Kind::$kind, on, super::$body).await;
        }
    )+};
}

mod on_sqlite {
    use super::*;

    by_browser_on!(Sqlite:
        a_login_by_browser_ends_with_a_session_that_opens_the_cabinet,
        a_mailed_code_is_asked_for_and_may_be_wrong_once,
        a_phone_gets_an_sms,
        another_code_is_sent_when_it_is_asked_for,
        a_merchant_is_chosen_in_the_page_or_after_it,
    );
}

mod on_postgres {
    use super::*;

    by_browser_on!(Postgres:
        a_login_by_browser_ends_with_a_session_that_opens_the_cabinet,
        a_mailed_code_is_asked_for_and_may_be_wrong_once,
    );
}
