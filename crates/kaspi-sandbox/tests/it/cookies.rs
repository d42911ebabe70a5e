//! Cookies (CONTRACT 3.1, 7.1, 7.4, 7.8): where they are set, in which order, with which attributes.
//! It must look at whole `Set-Cookie` values.

use crate::client::{Answer, PASSWORD, Portal};
use serde_json::json;
use std::collections::BTreeSet;

/// One answer of each kind that sets cookies, by host.
async fn answers(portal: &Portal) -> (Vec<Answer>, Vec<Answer>) {
    let page = portal.get(&format!("{}/login", portal.login), &[]).await;
    let unauthorized = portal.merchants(&[]).await;
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await;
    let authorize = portal.get(&kick_off.location(), &[]).await;
    let mailed = portal.password("code@sandbox.test").await;
    let body = json!({"_u": "code@sandbox.test", "_m_c": portal.code("code@sandbox.test"), "_r_d": true});
    let done = portal.sign_in(&[&mailed.cookie("MS_AUTH_SSO")], &body).await;
    let silent = portal.get(&kick_off.location(), &[&done.cookie("MS_AUTH_SSO")]).await;
    let callback = portal.get(&silent.location(), &[&kick_off.cookie("mc_arr")]).await;
    (vec![page, authorize, mailed, done], vec![unauthorized, kick_off, callback])
}

#[tokio::test]
async fn the_wanted_cookie_is_the_last_of_several() {
    let portal = Portal::start().await;
    let (login, cabinet) = answers(&portal).await;
    for answer in &login {
        answer.last_cookie("MS_AUTH_SSO");
    }
    for (answer, name) in cabinet.iter().zip(["mc-session", "mc_arr", "mc-sid"]) {
        answer.last_cookie(name);
    }
}

#[tokio::test]
async fn cookies_are_host_only_and_share_no_name_across_hosts() {
    let portal = Portal::start().await;
    let (login, cabinet) = answers(&portal).await;
    let names = |answers: &[Answer]| -> BTreeSet<String> {
        let cookies = answers.iter().flat_map(Answer::set_cookies);
        cookies
            .map(|cookie| {
                assert!(!cookie.to_ascii_lowercase().contains("domain="), "{cookie}");
                cookie.split('=').next().unwrap_or_default().to_owned()
            })
            .collect()
    };
    assert_eq!(names(&login).intersection(&names(&cabinet)).count(), 0);
}

#[tokio::test]
async fn attributes_are_as_seen_and_can_be_changed() {
    let portal = Portal::start().await;
    let sso = |answer: &Answer| answer.set_cookies().pop().unwrap_or_default();
    let page = portal.get(&format!("{}/login", portal.login), &[]).await;
    assert!(sso(&page).ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{page:?}");
    portal.turn(&json!({"cookie": {"sso": {
        "path": "/api", "secure": true, "http_only": false, "same_site": "", "max_age_seconds": 60,
    }}}));
    let page = portal.get(&format!("{}/login", portal.login), &[]).await;
    assert!(sso(&page).ends_with("; Path=/api; Max-Age=60; Secure"), "{page:?}");
}

#[tokio::test]
async fn unproven_names_and_companions_are_knobs() {
    let portal = Portal::start().await;
    portal.turn(&json!({"cookie": {"request_name": "mc-arr", "device_name": "dev", "companions": false}}));
    let page = portal.get(&format!("{}/login", portal.login), &[]).await;
    assert_eq!(page.cookies().len(), 1);
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await;
    kick_off.last_cookie("mc-arr");
    let body = json!({"_u": "code@sandbox.test", "_p": PASSWORD, "_r_d": true});
    let sso = portal.sign_in(&[], &body).await.cookie("MS_AUTH_SSO");
    let body = json!({"_u": "code@sandbox.test", "_m_c": portal.code("code@sandbox.test")});
    assert!(portal.sign_in(&[&sso], &body).await.has_cookie("dev"));
}

#[tokio::test]
async fn values_have_the_shapes_that_were_seen() {
    let portal = Portal::start().await;
    let affinity = portal.merchants(&[]).await.cookie("mc-session");
    let (numbers, hash) = affinity["mc-session=".len()..].split_once('|').expect("two parts");
    assert_eq!(numbers.split('.').filter(|number| number.parse::<u64>().is_ok()).count(), 4);
    assert!(hash.len() == 32 && hash.chars().all(|c| c.is_ascii_hexdigit()));
    let session = portal.session("plain@sandbox.test").await;
    let session = uuid::Uuid::parse_str(&session["mc-sid=".len()..]).expect("a UUID");
    assert_eq!(session.get_version_num(), 4);
}

#[tokio::test]
async fn the_affinity_comes_with_the_first_answer_whatever_it_is() {
    let portal = Portal::start().await;
    portal.get(&format!("{}/nowhere", portal.cabinet), &[]).await.last_cookie("mc-session");
    let again = portal.get(&format!("{}/nowhere", portal.cabinet), &["mc-session=1"]).await;
    assert!(again.set_cookies().is_empty());
}

#[tokio::test]
async fn flattened_cookies_of_all_hosts_do_no_harm() {
    let portal = Portal::start().await;
    let password = portal.password("plain@sandbox.test").await;
    let sso = password.cookie("MS_AUTH_SSO");
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[&sso]).await;
    let all = [sso, kick_off.cookie("mc_arr"), kick_off.cookie("mc-session"), "amp_6e9c16=x".to_owned()];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let silent = portal.get(&kick_off.location(), &all).await;
    let callback = portal.get(&silent.location(), &all).await;
    assert_eq!(portal.merchants(&[&callback.cookie("mc-sid")]).await.status, 200);
}

#[tokio::test]
async fn the_good_one_of_several_values_counts() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    assert_eq!(portal.merchants(&["mc-sid=stale", &session]).await.status, 200);
    assert_eq!(portal.merchants(&[&session, "mc-sid=stale"]).await.status, 200);
}
