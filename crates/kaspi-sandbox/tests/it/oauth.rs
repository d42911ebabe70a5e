//! The OAuth2 walk and what it refuses (CONTRACT 3.4, 7.3, 7.5).
//! It must break one thing at a time.

use crate::client::{Answer, Portal};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use url::Url;

async fn kick_off(portal: &Portal) -> Answer {
    portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await
}

/// A kick-off and the callback's address that a live login gives to it.
async fn ready(portal: &Portal) -> (String, String) {
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    let kick_off = kick_off(portal).await;
    let callback = portal.get(&kick_off.location(), &[&sso]).await.location();
    (callback, kick_off.cookie("mc_arr"))
}

async fn is_refused(portal: &Portal, url: &str, cookies: &[&str]) -> bool {
    let answer = portal.get(url, cookies).await;
    assert!(!answer.has_cookie("mc-sid") || answer.status == 302, "{answer:?}");
    answer.status == 401
}

fn query(address: &str) -> BTreeMap<String, String> {
    Url::parse(address).expect("an address").query_pairs().into_owned().collect()
}

fn changed(address: &str, name: &str, value: &str) -> String {
    let mut pairs = query(address);
    pairs.insert(name.to_owned(), value.to_owned());
    let mut url = Url::parse(address).expect("an address");
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.into()
}

#[tokio::test]
async fn the_authorization_request_is_as_the_portal_sends_it() {
    let portal = Portal::start().await;
    let address = kick_off(&portal).await.location();
    assert!(address.starts_with(&format!("{}/oauth2/authorize?", portal.login)));
    let query = query(&address);
    let fixed = |name: &str| query[name].as_str();
    assert_eq!(fixed("response_type"), "code");
    assert_eq!(fixed("scope"), "openid");
    assert_eq!(fixed("code_challenge_method"), "S256");
    assert_eq!(fixed("redirect_uri"), format!("{}/login/oauth2/code/1", portal.cabinet));
    assert_eq!((fixed("client_id").len(), fixed("code_challenge").len()), (36, 43));
    assert!(!fixed("state").is_empty() && !fixed("nonce").is_empty());
}

#[tokio::test]
async fn a_callback_needs_the_cookie_of_its_request() {
    let portal = Portal::start().await;
    let (callback, cookie) = ready(&portal).await;
    assert!(is_refused(&portal, &callback, &[]).await);
    assert!(is_refused(&portal, &callback, &["mc_arr=unknown"]).await);
    let other = kick_off(&portal).await.cookie("mc_arr");
    assert!(is_refused(&portal, &callback, &[&other]).await);
    assert!(!is_refused(&portal, &callback, &[&cookie]).await);
}

#[tokio::test]
async fn a_callback_needs_its_state() {
    let portal = Portal::start().await;
    let (callback, cookie) = ready(&portal).await;
    assert!(is_refused(&portal, &changed(&callback, "state", "other"), &[&cookie]).await);
    assert!(is_refused(&portal, &changed(&callback, "state", ""), &[&cookie]).await);
    assert!(!is_refused(&portal, &callback, &[&cookie]).await);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let portal = Portal::start().await;
    let (callback, cookie) = ready(&portal).await;
    assert!(!is_refused(&portal, &callback, &[&cookie]).await);
    assert!(is_refused(&portal, &callback, &[&cookie]).await);
    let (other, cookie) = ready(&portal).await;
    let spent = changed(&other, "code", &query(&callback)["code"]);
    assert!(is_refused(&portal, &spent, &[&cookie]).await);
}

#[tokio::test]
async fn an_unknown_code_is_refused() {
    let portal = Portal::start().await;
    let (callback, cookie) = ready(&portal).await;
    assert!(is_refused(&portal, &changed(&callback, "code", "unknown"), &[&cookie]).await);
}

#[tokio::test]
async fn a_code_for_another_verifier_is_refused() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    let kick_off = kick_off(&portal).await;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(b"another verifier"));
    let forged = changed(&kick_off.location(), "code_challenge", &challenge);
    let callback = portal.get(&forged, &[&sso]).await.location();
    assert!(is_refused(&portal, &callback, &[&kick_off.cookie("mc_arr")]).await);
}

#[tokio::test]
async fn a_code_of_another_request_is_refused() {
    let portal = Portal::start().await;
    let (first, _) = ready(&portal).await;
    let (second, cookie) = ready(&portal).await;
    let mixed = changed(&second, "code", &query(&first)["code"]);
    assert!(is_refused(&portal, &mixed, &[&cookie]).await);
}

#[tokio::test]
async fn late_callbacks_are_refused() {
    let portal = Portal::start().await;
    let (callback, cookie) = ready(&portal).await;
    portal.advance(301);
    assert!(is_refused(&portal, &callback, &[&cookie]).await);
}

#[tokio::test]
async fn a_malformed_authorization_request_is_no_redirect() {
    let portal = Portal::start().await;
    let good = kick_off(&portal).await.location();
    let changes = [
        ("response_type", "token"),
        ("client_id", "other"),
        ("scope", "profile"),
        ("state", ""),
        ("code_challenge", "short"),
        ("code_challenge_method", "plain"),
        ("redirect_uri", "https://evil.test/login/oauth2/code/1"),
        ("redirect_uri", "http://mc.shop.kaspi.localhost/elsewhere"),
        ("redirect_uri", "http://kaspi.localhost/login/oauth2/code/1"),
        ("redirect_uri", ""),
    ];
    for (name, value) in changes {
        let answer = portal.get(&changed(&good, name, value), &[]).await;
        assert_eq!(answer.status, 400, "{name}={value}");
    }
    let bare = portal.get(&format!("{}/oauth2/authorize", portal.login), &[]).await;
    assert_eq!(bare.status, 400);
    let long = format!("{good}&x={}", "x".repeat(5_000));
    assert_eq!(portal.get(&long, &[]).await.status, 400);
}

#[tokio::test]
async fn the_callback_leads_where_the_kick_off_said_if_that_is_the_site() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    let default = format!("{}/mc/", portal.site);
    let inside = format!("{}/mc/#/orders", portal.site);
    let wishes = [
        (inside.as_str(), inside.as_str()),
        ("https://kaspi.kz/mc/", "https://kaspi.kz/mc/"),
        ("https://evil.test/mc/", default.as_str()),
        ("javascript:alert(1)", default.as_str()),
        ("//evil.test", default.as_str()),
        ("", default.as_str()),
    ];
    for (wish, target) in wishes {
        let mut url = Url::parse(&format!("{}/oauth2/authorization/1", portal.cabinet)).expect("an address");
        url.query_pairs_mut().append_pair("redirectUrl", wish);
        let kick_off = portal.get(url.as_str(), &[]).await;
        let silent = portal.get(&kick_off.location(), &[&sso]).await;
        let callback = portal.get(&silent.location(), &[&kick_off.cookie("mc_arr")]).await;
        assert_eq!(callback.location(), target);
    }
}

#[tokio::test]
async fn a_browser_may_begin_twice_and_end_the_first() {
    let portal = Portal::start().await;
    let (callback, first) = ready(&portal).await;
    let second = kick_off(&portal).await.cookie("mc_arr");
    assert!(!is_refused(&portal, &callback, &[&second, &first]).await);
}

#[tokio::test]
async fn other_registrations_do_not_exist() {
    let portal = Portal::start().await;
    for path in ["/oauth2/authorization/2", "/oauth2/authorization/", "/login/oauth2/code/2"] {
        assert_eq!(portal.get(&format!("{}{path}", portal.cabinet), &[]).await.status, 404);
    }
}

#[tokio::test]
async fn a_login_that_ended_is_silent_no_more() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    portal.advance(7 * 24 * 3_600);
    let authorize = portal.get(&kick_off(&portal).await.location(), &[&sso]).await;
    assert_eq!(authorize.location(), format!("{}/login", portal.login));
}
