//! Flow P, phone and SMS, as CONTRACT 3.4 lists it and as each family of clients does it.
//! It must replay the steps literally, cookie by cookie.

use crate::client::Portal;
use http::header;
use serde_json::json;

const PHONE: &str = "+7 (700) 000-00-01";

#[tokio::test]
async fn the_first_family_signs_in_with_the_cookie_from_before_the_phone() {
    let portal = Portal::start().await;
    let amp = "amp_6e9c16=abcdefghij.12345678...1hkqv2g0v.1hkqv2g0v.1.0.1";
    // 1, 2: the shell and the feature flags.
    assert_eq!(portal.get(&format!("{}/mc/", portal.site), &[]).await.status, 200);
    let flags = portal.get(&format!("{}/yml/ms/feat/p/ft/pre/e?d=true", portal.site), &[amp]).await;
    assert_eq!(flags.status, 200);
    assert!(flags.json().is_object());
    // 3: not signed in; the last cookie is kept.
    let url = format!("{}/s/m", portal.cabinet);
    let request =
        portal.http.get(&url).header("X-Auth-Version", "3").header(header::ORIGIN, "https://kaspi.kz");
    let unauthorized = portal.send(request.header(header::COOKIE, amp)).await;
    assert_eq!((unauthorized.status.as_u16(), unauthorized.body.as_str()), (401, ""));
    let affinity = unauthorized.last_cookie("mc-session");
    // 4: the kick-off.
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[&affinity]).await;
    assert_eq!(kick_off.status, 302);
    let (authorize_url, request_cookie) = (kick_off.location(), kick_off.last_cookie("mc_arr"));
    // 5, 6: to the login page.
    let authorize = portal.get(&authorize_url, &[]).await;
    assert_eq!(authorize.status, 302);
    assert_eq!(authorize.location(), format!("{}/login", portal.login));
    let early_sso = authorize.last_cookie("MS_AUTH_SSO");
    let page = portal.get(&authorize.location(), &[&early_sso]).await;
    assert_eq!(page.status, 200);
    // 7, 8: the cookie of step 7 is ignored, that of step 5 goes with the code.
    let phone = portal.sign_in(&[&early_sso], &json!({"_ph": PHONE})).await;
    assert_eq!((phone.status.as_u16(), phone.json()), (200, json!({"phone": PHONE})));
    assert_ne!(phone.last_cookie("MS_AUTH_SSO"), early_sso);
    let code = portal.sign_in(&[&early_sso], &json!({"_c": portal.code(PHONE)})).await;
    assert_eq!(code.status, 200, "{code:?}");
    assert!(code.json()["redirectUrl"].is_string());
    let sso = code.last_cookie("MS_AUTH_SSO");
    // 9, 10: silently through, with `&continue`.
    let silent = portal.get(&format!("{authorize_url}&continue"), &[&sso]).await;
    assert_eq!(silent.status, 302);
    assert!(silent.location().starts_with(&format!("{}/login/oauth2/code/1?code=", portal.cabinet)));
    let callback = portal.get(&silent.location(), &[&affinity, &request_cookie]).await;
    assert_eq!(callback.status, 302);
    assert_eq!(callback.location(), format!("{}/mc/", portal.site));
    let session = callback.last_cookie("mc-sid");
    // 11, 12: signed in.
    assert_eq!(portal.get(&callback.location(), &[amp]).await.status, 200);
    let merchants = portal.merchants(&[&affinity, &session]).await;
    assert_eq!(merchants.status, 200);
    assert_eq!(merchants.json()["merchants"][0]["uid"], "30000031");
}

#[tokio::test]
async fn the_second_family_primes_with_the_page_and_walks_the_kick_off_again() {
    let portal = Portal::start().await;
    let page = portal.get(&format!("{}/login", portal.login), &[]).await;
    let sso = page.last_cookie("MS_AUTH_SSO");
    let phone = portal.sign_in(&[&sso], &json!({"_ph": PHONE})).await;
    let sso = phone.last_cookie("MS_AUTH_SSO");
    let code = portal.sign_in(&[&sso], &json!({"_c": portal.code(PHONE)})).await;
    let sso = code.last_cookie("MS_AUTH_SSO");
    let url = format!("{}/oauth2/authorization/1?redirectUrl=https%3A%2F%2Fkaspi.kz%2Fmc%2F", portal.cabinet);
    let kick_off = portal.get(&url, &[]).await;
    let silent = portal.get(&kick_off.location(), &[&sso]).await;
    let callback = portal.get(&silent.location(), &[&kick_off.cookie("mc_arr")]).await;
    assert_eq!(callback.location(), "https://kaspi.kz/mc/");
    assert_eq!(portal.merchants(&[&callback.cookie("mc-sid")]).await.status, 200);
}

#[tokio::test]
async fn the_sixth_family_starts_without_any_cookie() {
    let portal = Portal::start().await;
    let request = portal.http.post(format!("{}/api/p/login", portal.login));
    let request = request.header(header::ORIGIN, "https://kaspi.kz").json(&json!({"_ph": PHONE}));
    let phone = portal.send(request).await;
    let sso = phone.last_cookie("MS_AUTH_SSO");
    let code = portal.sign_in(&[&sso], &json!({"_c": portal.code("77000000001")})).await;
    assert_eq!(code.status, 200);
    // Its cookies of the login host alone do not open the cabinet.
    let sso = code.cookie("MS_AUTH_SSO");
    assert_eq!(portal.merchants(&[&sso]).await.status, 401);
    let session = portal.walk(&sso).await;
    assert_eq!(portal.merchants(&[&session]).await.status, 200);
}

#[tokio::test]
async fn a_phone_is_read_in_every_spelling() {
    let portal = Portal::start().await;
    for phone in ["77000000001", "87000000001", "+77000000001", "+7 700 000 00 01"] {
        let answer = portal.sign_in(&[], &json!({"_ph": phone})).await;
        assert_eq!(answer.json(), json!({"phone": PHONE}));
    }
}

#[tokio::test]
async fn the_old_sso_ends_when_the_code_is_confirmed() {
    let portal = Portal::start().await;
    let page = portal.get(&format!("{}/login", portal.login), &[]).await;
    let first = page.cookie("MS_AUTH_SSO");
    let phone = portal.sign_in(&[&first], &json!({"_ph": PHONE})).await;
    let second = phone.cookie("MS_AUTH_SSO");
    let code = portal.sign_in(&[&second], &json!({"_c": portal.code(PHONE)})).await;
    let third = code.cookie("MS_AUTH_SSO");
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await;
    for (sso, path) in [(&first, "/login"), (&second, "/login"), (&third, "/login/oauth2/code/1")] {
        let answer = portal.get(&kick_off.location(), &[sso]).await;
        let location = url::Url::parse(&answer.location()).expect("an address");
        assert_eq!(location.path(), path);
    }
}

#[tokio::test]
async fn two_merchants_of_one_phone_are_listed() {
    let portal = Portal::start().await;
    let phone = portal.sign_in(&[], &json!({"_ph": "+7 (700) 000-00-02"})).await;
    let code = json!({"_c": portal.code("+7 (700) 000-00-02")});
    let code = portal.sign_in(&[&phone.cookie("MS_AUTH_SSO")], &code).await;
    let session = portal.walk(&code.cookie("MS_AUTH_SSO")).await;
    let merchants = portal.merchants(&[&session]).await.json();
    assert_eq!(merchants["merchants"].as_array().map(Vec::len), Some(2));
}
