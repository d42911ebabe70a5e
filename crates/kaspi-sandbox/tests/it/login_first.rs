//! Flow E, e-mail and password, as CONTRACT 3.5 lists it and as each family of clients does it.
//! It must replay the steps literally, cookie by cookie.

use crate::client::{PASSWORD, Portal};
use http::header;
use serde_json::json;

#[tokio::test]
async fn the_first_family_signs_in_and_then_walks() {
    let portal = Portal::start().await;
    // 1, 2: the page, then the password without a cookie.
    assert_eq!(portal.get(&format!("{}/login", portal.login), &[]).await.status, 200);
    let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD, "_r_d": false});
    let password = portal.sign_in(&[], &body).await;
    let sso = password.last_cookie("MS_AUTH_SSO");
    let redirect = password.json()["redirectUrl"].as_str().expect("redirectUrl").to_owned();
    assert!(redirect.starts_with('/'));
    // 3: the landing.
    let landing = portal.http.get(format!("{}{redirect}", portal.login));
    let landing = landing.header(header::REFERER, format!("{}/login", portal.login));
    let landing = portal.send(landing.header(header::COOKIE, &sso)).await;
    assert_eq!((landing.status.as_u16(), landing.location()), (302, format!("{}/mc/", portal.site)));
    assert_eq!(portal.get(&landing.location(), &[]).await.status, 200);
    // 5: twice not signed in; the second affinity is taken.
    assert!(portal.merchants(&[]).await.has_cookie("mc-session"));
    let again = portal.merchants(&[]).await;
    assert_eq!(again.status, 401);
    let affinity = again.last_cookie("mc-session");
    // 6, 7, 8: the walk.
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[&affinity]).await;
    let silent = portal.get(&kick_off.location(), &[&sso]).await;
    let callback = portal.get(&silent.location(), &[&kick_off.last_cookie("mc_arr"), &affinity]).await;
    let session = callback.last_cookie("mc-sid");
    // 9, 10: signed in.
    assert_eq!(portal.merchants(&[&affinity, &session]).await.status, 200);
    let query = "m=30000001&p=0&l=10&a=true&t=&c=&lowStock=false";
    let offers = portal.get(&format!("{}/bff/offer-view/list?{query}", portal.cabinet), &[&session]).await;
    assert_eq!(offers.status, 200);
    assert_eq!(offers.json()["data"].as_array().map(Vec::len), Some(10));
}

#[tokio::test]
async fn an_unauthorized_affinity_is_set_even_when_it_is_there() {
    let portal = Portal::start().await;
    let affinity = portal.merchants(&[]).await.last_cookie("mc-session");
    let again = portal.merchants(&[&affinity]).await.last_cookie("mc-session");
    assert_ne!(affinity, again);
}

#[tokio::test]
async fn the_third_family_walks_before_and_after_and_ignores_the_redirect() {
    let portal = Portal::start().await;
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await;
    let authorize = portal.get(&kick_off.location(), &[]).await;
    let sso = authorize.cookie("MS_AUTH_SSO");
    let page = portal.get(&authorize.location(), &[&sso]).await;
    assert_eq!(page.status, 200);
    let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD, "_r_d": true});
    let password = portal.sign_in(&[&sso], &body).await;
    let session = portal.walk(&password.cookie("MS_AUTH_SSO")).await;
    assert_eq!(portal.merchants(&[&session]).await.status, 200);
}

#[tokio::test]
async fn the_fourth_family_follows_the_saved_request_through() {
    let portal = Portal::start().await;
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await;
    let authorize = portal.get(&kick_off.location(), &[]).await;
    let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD, "_r_d": true});
    let password = portal.sign_in(&[&authorize.cookie("MS_AUTH_SSO")], &body).await;
    let redirect = password.json()["redirectUrl"].as_str().expect("redirectUrl").to_owned();
    assert!(redirect.starts_with("/oauth2/authorize?") && redirect.ends_with("&continue"), "{redirect}");
    let address = format!("{}{redirect}", portal.login);
    let silent = portal.get(&address, &[&password.cookie("MS_AUTH_SSO")]).await;
    let callback = portal.get(&silent.location(), &[&kick_off.cookie("mc_arr")]).await;
    let list = format!("{}/bff/offer-view/list?m=30000001&p=0&l=1&a=true", portal.cabinet);
    let offers = portal.get(&list, &[&callback.cookie("mc-sid")]).await;
    assert_eq!(
        (offers.status.as_u16(), offers.headers[header::CONTENT_TYPE].as_bytes()),
        (200, &b"application/json"[..])
    );
}

#[tokio::test]
async fn the_fifth_family_skips_the_page_and_leaves_the_device_out() {
    let portal = Portal::start().await;
    let password = portal.sign_in(&[], &json!({"_u": "plain@sandbox.test", "_p": PASSWORD})).await;
    let sso = password.cookie("MS_AUTH_SSO");
    let landing = portal.get(&format!("{}/?continue", portal.login), &[&sso]).await;
    assert_eq!(landing.location(), format!("{}/mc/", portal.site));
    let callback = portal.walk(&sso).await;
    assert!(callback.starts_with("mc-sid="));
}

#[tokio::test]
async fn each_value_of_the_redirect_can_be_followed() {
    let portal = Portal::start().await;
    for (knob, wanted) in [("continue", "/?continue"), ("root", "/")] {
        portal.turn(&json!({"login": {"redirect_url": knob}}));
        let password = portal.password("plain@sandbox.test").await;
        assert_eq!(password.json()["redirectUrl"], wanted);
        let landing =
            portal.get(&format!("{}{wanted}", portal.login), &[&password.cookie("MS_AUTH_SSO")]).await;
        assert_eq!(landing.location(), format!("{}/mc/", portal.site));
    }
}

#[tokio::test]
async fn the_landing_before_a_login_is_the_login_page() {
    let portal = Portal::start().await;
    let landing = portal.get(&format!("{}/?continue", portal.login), &[]).await;
    assert_eq!(landing.location(), format!("{}/login", portal.login));
    landing.last_cookie("MS_AUTH_SSO");
}

#[tokio::test]
async fn a_live_login_signs_in_silently_without_a_password() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    for _ in 0..3 {
        let session = portal.walk(&sso).await;
        assert_eq!(portal.merchants(&[&session]).await.status, 200);
    }
    let counters = portal.control().counters();
    assert_eq!(
        (counters.passwords, counters.logins, counters.authorizations, counters.sessions),
        (1, 1, 3, 3)
    );
}
