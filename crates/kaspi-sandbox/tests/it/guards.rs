//! What guards the login from clients that are no browser: the script's cookie and captchas, as a bare client meets them.
//! It must leave what a person does to the browser's tests.

use crate::client::{Answer, PASSWORD, Portal};
use http::header;
use kaspi_sandbox::Options;
use serde_json::{Value, json};

/// The settings that the page's script reads.
fn settings(page: &Answer) -> Value {
    let (_, rest) =
        page.body.split_once("<script id=\"settings\" type=\"application/json\">").expect("settings");
    serde_json::from_str(rest.split("</script>").next().unwrap_or_default()).expect("JSON")
}

/// The cookie that the page's script would set.
async fn proof(portal: &Portal) -> String {
    let settings = settings(&portal.get(&format!("{}/login", portal.login), &[]).await);
    let seed = settings["proof"]["seed"].as_str().expect("a seed").to_owned();
    let sum = seed.chars().fold(7_u32, |sum, letter| (sum * 31 + u32::from(letter)) % 1_000_003);
    format!("{}={seed}.{sum}", settings["proof"]["cookie"].as_str().expect("a name"))
}

async fn with(portal: &Portal, email: &str, cookie: &str) -> Answer {
    portal.sign_in(&[cookie], &json!({"_u": email, "_p": PASSWORD})).await
}

#[tokio::test]
async fn the_direct_story_is_walled_without_the_scripts_cookie_only() {
    let portal = Portal::start().await;
    let email = "wall.direct@sandbox.test";
    for cookie in ["a=b", "ms_proof=", "ms_proof=abc.1"] {
        let answer = with(&portal, email, cookie).await;
        assert_eq!(answer.status, 403, "{cookie}");
        assert!(answer.body.starts_with("<!doctype html>"));
    }
    let proof = proof(&portal).await;
    assert!(with(&portal, email, &proof).await.json()["redirectUrl"].is_string());
    let wrong = portal.sign_in(&[&proof], &json!({"_u": email, "_p": "other"})).await;
    assert_eq!(wrong.error(), (401, "CREDENTIALS_INVALID".into()));
}

#[tokio::test]
async fn all_accounts_can_be_guarded_in_three_ways() {
    let portal = Portal::start().await;
    let proof = proof(&portal).await;
    for (knob, status, says) in [
        ("wall", 403, "Доступ ограничен"),
        ("captcha_page", 403, "captcha"),
        ("captcha_code", 401, "CAPTCHA_REQUIRED"),
    ] {
        portal.turn(&json!({"login": {"without_script": knob}}));
        let answer = portal.password("plain@sandbox.test").await;
        assert!(answer.status == status && answer.body.contains(says), "{answer:?}");
        assert_eq!(with(&portal, "plain@sandbox.test", &proof).await.status, 200, "{knob}");
    }
    assert_eq!(portal.control().counters().passwords, 3);
}

#[tokio::test]
async fn a_captcha_is_off_on_passable_or_a_picture_and_nothing_else() {
    let portal = Portal::start().await;
    for value in [json!(false), json!(true), json!("passable"), json!("picture")] {
        portal.turn(&json!({"login": {"captcha": value}}));
        let page = portal.get(&format!("{}/login", portal.login), &[]).await;
        assert_eq!(settings(&page)["captcha"], value);
    }
    let knobs = portal.control().knobs();
    assert!(knobs.changed(&json!({"login": {"captcha": "maybe"}})).is_err());
}

#[tokio::test]
async fn a_ticked_box_opens_the_login_of_its_own_client() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"captcha": "passable"}}));
    let sso = portal.get(&format!("{}/login", portal.login), &[]).await.cookie("MS_AUTH_SSO");
    let other = portal.get(&format!("{}/login", portal.login), &[]).await.cookie("MS_AUTH_SSO");
    let tick = format!("{}/captcha/answer", portal.login);
    assert_eq!(with(&portal, "plain@sandbox.test", &sso).await.status, 403);
    assert_eq!(portal.post(&tick, &[], &json!({"checked": true})).await.status, 400);
    assert_eq!(portal.post(&tick, &[&sso], &json!({"checked": false})).await.status, 400);
    assert_eq!(portal.post(&tick, &[&sso], &json!({"checked": true})).await.json(), json!({"passed": true}));
    let state = portal.get(&format!("{}/captcha/state", portal.login), &[&sso]).await;
    assert_eq!(state.json(), json!({"passed": true}));
    assert_eq!(with(&portal, "plain@sandbox.test", &other).await.status, 403);
    assert_eq!(with(&portal, "plain@sandbox.test", &sso).await.status, 200);
    assert_eq!(portal.control().counters().passwords, 1);
}

#[tokio::test]
async fn a_picture_wants_its_word() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"captcha": "picture"}}));
    let sso = portal.get(&format!("{}/login", portal.login), &[]).await.cookie("MS_AUTH_SSO");
    let answer = format!("{}/captcha/answer", portal.login);
    assert!(portal.control().captcha_words().is_empty());
    let picture = portal.get(&format!("{}/captcha/picture", portal.login), &[&sso]).await;
    assert_eq!(picture.headers[header::CONTENT_TYPE], "image/svg+xml");
    let words = portal.control().captcha_words();
    assert!(
        words.len() == 1
            && words[0].chars().all(|letter| picture.body.contains(&format!(">{letter}</text>")))
    );
    assert_eq!(portal.post(&answer, &[&sso], &json!({"word": "other"})).await.status, 400);
    let word = words[0].to_lowercase();
    assert_eq!(portal.post(&answer, &[&sso], &json!({"word": word})).await.status, 200);
    assert!(portal.control().captcha_words().is_empty());
    assert_eq!(with(&portal, "plain@sandbox.test", &sso).await.status, 200);
}

#[tokio::test]
async fn whoever_waits_for_a_captcha_learns_that_it_was_passed_or_that_the_sandbox_ends() {
    let portal = Portal::start_with(Options { control: true, ..Options::default() }).await;
    portal.turn(&json!({"login": {"captcha": "passable"}}));
    let sso = portal.get(&format!("{}/login", portal.login), &[]).await.cookie("MS_AUTH_SSO");
    let url = format!("{}/captcha/state", portal.login);
    let pass = format!("{}/sandbox/control/captchas/pass", portal.site);
    let (cookies, nothing) = ([sso.as_str()], json!({}));
    let (state, _) = tokio::join!(portal.get(&url, &cookies), portal.post(&pass, &[], &nothing));
    assert_eq!(state.json(), json!({"passed": true}));
    let second = portal.get(&format!("{}/login", portal.login), &[]).await.cookie("MS_AUTH_SSO");
    let request = portal.http.get(&url).header(header::COOKIE, second).send();
    let Portal { sandbox, .. } = portal;
    let (state, ()) = tokio::join!(request, sandbox.stop());
    assert!(state.is_err() || state.is_ok_and(|state| state.status() == 503));
}
