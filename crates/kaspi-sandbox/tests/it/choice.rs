//! The choice of a merchant during the login (CONTRACT 3.2, 3.3, 8.5).
//! It must not choose by anything that the answer did not offer.

use crate::client::{Answer, PASSWORD, Portal};
use serde_json::{Value, json};

async fn asked(portal: &Portal) -> Answer {
    portal.password("su@sandbox.test").await
}

async fn opened(portal: &Portal, chosen: &Answer) -> Value {
    assert_eq!(chosen.status, 200, "{chosen:?}");
    assert!(chosen.json()["redirectUrl"].is_string());
    let session = portal.walk(&chosen.last_cookie("MS_AUTH_SSO")).await;
    portal.merchants(&[&session]).await.json()["merchants"].clone()
}

#[tokio::test]
async fn the_chosen_merchant_is_the_only_one_opened() {
    let portal = Portal::start().await;
    let asked = asked(&portal).await;
    let su = asked.json()["su"].clone();
    assert_eq!(su[1]["uid"], "30000022");
    let chosen = portal.sign_in(&[&asked.cookie("MS_AUTH_SSO")], &json!({"_s_m": su[1]["uid"]})).await;
    let merchants = opened(&portal, &chosen).await;
    assert_eq!(merchants, json!([{"uid": "30000022", "name": su[1]["name"]}]));
}

#[tokio::test]
async fn a_choice_is_read_in_each_shape() {
    let portal = Portal::start().await;
    let bodies = [
        json!({"_u": "su@sandbox.test", "_s_m": "30000021"}),
        json!({"_s_u": "user-30000021"}),
        json!({"_s_m": 30_000_021}),
        json!({"_s_m": {"uid": "30000021"}}),
    ];
    for body in bodies {
        let sso = asked(&portal).await.cookie("MS_AUTH_SSO");
        let chosen = portal.sign_in(&[&sso], &body).await;
        assert_eq!(opened(&portal, &chosen).await[0]["uid"], "30000021");
    }
}

#[tokio::test]
async fn the_shape_of_the_offer_is_a_knob() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"su": "users"}}));
    assert_eq!(asked(&portal).await.json()["su"][0]["merchants"][0]["uid"], "30000021");
    portal.turn(&json!({"login": {"su": "object"}}));
    let su = asked(&portal).await.json()["su"].clone();
    assert_eq!(
        (&su["merchants"][0]["uid"], &su["users"][0]["id"]),
        (&json!("30000021"), &json!("user-30000021"))
    );
}

#[tokio::test]
async fn a_wrong_choice_fails_and_can_be_made_again() {
    let portal = Portal::start().await;
    let sso = asked(&portal).await.cookie("MS_AUTH_SSO");
    for body in [json!({"_s_m": "30000001"}), json!({"_s_m": ""}), json!({"_s_u": true})] {
        assert_eq!(portal.sign_in(&[&sso], &body).await.error(), (401, "FAILED".into()));
    }
    assert_eq!(portal.sign_in(&[], &json!({"_s_m": "30000021"})).await.error(), (401, "FAILED".into()));
    assert_eq!(portal.sign_in(&[&sso], &json!({"_s_m": "30000021"})).await.status, 200);
    assert_eq!(portal.sign_in(&[&sso], &json!({"_s_m": "30000021"})).await.error(), (401, "FAILED".into()));
}

#[tokio::test]
async fn nobody_is_signed_in_before_the_choice() {
    let portal = Portal::start().await;
    let sso = asked(&portal).await.cookie("MS_AUTH_SSO");
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await;
    let authorize = portal.get(&kick_off.location(), &[&sso]).await;
    assert_eq!(authorize.location(), format!("{}/login", portal.login));
}

#[tokio::test]
async fn a_choice_comes_too_late() {
    let portal = Portal::start().await;
    let sso = asked(&portal).await.cookie("MS_AUTH_SSO");
    portal.advance(1_200);
    let late = portal.sign_in(&[&sso], &json!({"_s_m": "30000021"})).await;
    assert_eq!(late.error(), (401, "TIMEOUT_EXCEEDED".into()));
}

#[tokio::test]
async fn a_code_comes_before_the_choice() {
    let portal = Portal::start().await;
    let email = "su-code@sandbox.test";
    let password = portal.sign_in(&[], &json!({"_u": email, "_p": PASSWORD})).await;
    let sso = password.cookie("MS_AUTH_SSO");
    let code = portal.sign_in(&[&sso], &json!({"_u": email, "_m_c": portal.code(email)})).await;
    assert!(code.json()["su"].is_array());
    let chosen = portal.sign_in(&[&code.cookie("MS_AUTH_SSO")], &json!({"_s_m": "30000024"})).await;
    assert_eq!(opened(&portal, &chosen).await[0]["uid"], "30000024");
}
