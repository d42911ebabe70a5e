//! What the contract leaves open about the login (CONTRACT 8.3 to 8.7, 8.9, 8.11): each knob does what its row says.
//! It must see each default before it turns the knob.

use crate::client::{Answer, PASSWORD, Portal};
use kaspi_sandbox::{AccountSpec, Behaviour};
use serde_json::{Value, json};

const EMAIL: &str = "code@sandbox.test";
const PHONE: &str = "+7 (700) 000-00-01";

#[tokio::test]
async fn an_unknown_email_may_be_told_apart_from_a_wrong_password() {
    let portal = Portal::start().await;
    let unknown = json!({"_u": "nobody@sandbox.test", "_p": PASSWORD});
    assert_eq!(portal.sign_in(&[], &unknown).await.error(), (401, "CREDENTIALS_INVALID".into()));
    portal.turn(&json!({"login": {"unknown_email": "USER_NOT_FOUND"}}));
    assert_eq!(portal.sign_in(&[], &unknown).await.error(), (401, "USER_NOT_FOUND".into()));
    for body in [
        json!({"_u": "plain@sandbox.test", "_p": "wrong"}),
        json!({"_u": "nobody@sandbox.test"}),
        json!({"_u": "77000000001", "_p": PASSWORD}),
        json!({}),
    ] {
        assert_eq!(portal.sign_in(&[], &body).await.error(), (401, "CREDENTIALS_INVALID".into()), "{body}");
    }
}

#[tokio::test]
async fn errors_may_carry_a_message() {
    let portal = Portal::start().await;
    let wrong = json!({"_u": "plain@sandbox.test", "_p": "wrong"});
    assert_eq!(portal.sign_in(&[], &wrong).await.json(), json!({"errorCode": "CREDENTIALS_INVALID"}));
    portal.turn(&json!({"login": {"error_message": "Ошибка"}}));
    let told = json!({"errorCode": "CREDENTIALS_INVALID", "message": "Ошибка"});
    assert_eq!(portal.sign_in(&[], &wrong).await.json(), told);
    let flood = portal.password("flood@sandbox.test").await.json();
    assert_eq!((&flood["message"], &flood["errorData"]["breakTimeSeconds"]), (&json!("Ошибка"), &json!(122)));
    assert_eq!(portal.password("plain@sandbox.test").await.json(), json!({"redirectUrl": "/?continue"}));
}

/// A login that a saved authorization request waits for: its `redirectUrl`, and the walk that follows it.
async fn with_saved_request(portal: &Portal) -> (String, Answer) {
    let kick_off = portal.get(&format!("{}/oauth2/authorization/1", portal.cabinet), &[]).await;
    let sso = portal.get(&kick_off.location(), &[]).await.cookie("MS_AUTH_SSO");
    let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD});
    let done = portal.sign_in(&[&sso], &body).await;
    let redirect = done.json()["redirectUrl"].as_str().expect("redirectUrl").to_owned();
    let login = url::Url::parse(&portal.login).expect("an address");
    let target = login.join(&redirect).expect("an address");
    (redirect, portal.get(target.as_str(), &[&done.cookie("MS_AUTH_SSO")]).await)
}

#[tokio::test]
async fn a_saved_request_comes_back_relative_absolute_or_not_at_all() {
    let portal = Portal::start().await;
    let callback = format!("{}/login/oauth2/code/1?", portal.cabinet);
    let (redirect, silent) = with_saved_request(&portal).await;
    assert!(redirect.starts_with("/oauth2/authorize?") && redirect.ends_with("&continue"), "{redirect}");
    assert!(silent.location().starts_with(&callback));
    portal.turn(&json!({"login": {"saved_redirect_url": "absolute"}}));
    let (redirect, silent) = with_saved_request(&portal).await;
    assert!(redirect.starts_with(&format!("{}/oauth2/authorize?", portal.login)), "{redirect}");
    assert!(silent.location().starts_with(&callback));
    portal.turn(&json!({"login": {"saved_redirect_url": "ignored"}}));
    let (redirect, landing) = with_saved_request(&portal).await;
    assert_eq!((redirect.as_str(), landing.location()), ("/?continue", format!("{}/mc/", portal.site)));
}

#[tokio::test]
async fn sending_again_may_want_a_body_that_names_the_account() {
    let portal = Portal::start().await;
    let sso = portal.password(EMAIL).await.cookie("MS_AUTH_SSO");
    let url = format!("{}/api/p/mfa/send", portal.login);
    let raw = async |body: &'static str| {
        let request = portal.http.post(&url).header(http::header::COOKIE, &sso);
        portal.send(request.body(body)).await.status.as_u16()
    };
    assert_eq!(raw("no json").await, 200);
    portal.turn(&json!({"code": {"resend_body": "strict"}}));
    assert_eq!([raw("no json").await, raw("").await, raw("[]").await], [500, 500, 500]);
    for body in [json!({}), json!({"_u": "plain@sandbox.test"}), json!({"_u": null})] {
        assert_eq!(portal.post(&url, &[&sso], &body).await.error(), (401, "FAILED".into()), "{body}");
    }
    for name in [EMAIL, "c***@sandbox.test"] {
        assert_eq!(portal.post(&url, &[&sso], &json!({"_u": name})).await.status, 200, "{name}");
    }
    assert_eq!(portal.control().counters().codes_sent.email, 4);
}

#[tokio::test]
async fn a_flood_without_a_number_of_its_own_has_the_knobs() {
    let portal = Portal::start().await;
    let flood = Behaviour::Flood { break_seconds: None };
    portal.control().add_account(AccountSpec::email("flooded@shop.test").merchant("1").behaviour(flood));
    let wait = async |email| portal.password(email).await.json()["errorData"]["breakTimeSeconds"].clone();
    assert_eq!(wait("flooded@shop.test").await, 60);
    portal.turn(&json!({"code": {"break_seconds": 7}}));
    assert_eq!((wait("flooded@shop.test").await, wait("flood@sandbox.test").await), (json!(7), json!(122)));
    let read: AccountSpec =
        serde_json::from_value(json!({"behaviour": {"flood": {}}})).expect("an account without a number");
    assert_eq!(read.behaviour, flood);
}

#[tokio::test]
async fn an_sms_code_has_as_many_digits_as_the_knob_says() {
    let portal = Portal::start().await;
    for (knob, digits) in [(Value::Null, 6), (json!(4), 4), (json!(5), 5), (json!(1), 4), (json!(99), 6)] {
        if knob.is_number() {
            portal.turn(&json!({"code": {"sms_length": knob, "sends": 9}}));
        }
        let sso = portal.sign_in(&[], &json!({"_ph": PHONE})).await.cookie("MS_AUTH_SSO");
        let code = portal.code(PHONE);
        assert!(code.len() == digits && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
        assert_eq!(portal.sign_in(&[&sso], &json!({"_c": code})).await.status, 200);
        let page = portal.get(&format!("{}/login", portal.login), &[]).await.body;
        assert!(page.contains(&format!("\"smsLength\":{digits}")), "{digits}");
    }
}

fn is_wall(answer: &Answer, status: u16) -> bool {
    answer.status == status && answer.body.starts_with("<!doctype html>") && answer.body.contains("SANDBOX")
}

#[tokio::test]
async fn too_many_logins_from_one_address_meet_the_wall() {
    let portal = Portal::start().await;
    for _ in 0..20 {
        assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
    }
    portal.turn(&json!({"login": {"per_minute": 2}}));
    let sso = portal.password(EMAIL).await.cookie("MS_AUTH_SSO");
    assert_eq!(portal.sign_in(&[], &json!({"_ph": PHONE})).await.status, 200);
    for body in [json!({"_u": EMAIL, "_p": PASSWORD}), json!({"_ph": PHONE})] {
        let refused = portal.sign_in(&[], &body).await;
        assert!(is_wall(&refused, 429) && refused.body.contains(">429<"), "{refused:?}");
    }
    let code = json!({"_u": EMAIL, "_m_c": portal.code(EMAIL)});
    assert_eq!(portal.sign_in(&[&sso], &code).await.status, 200);
    portal.turn(&json!({"login": {"per_minute_status": 403}}));
    assert!(is_wall(&portal.password(EMAIL).await, 403));
    let elsewhere = reqwest::Client::builder()
        .no_proxy()
        .local_address(std::net::IpAddr::from([127, 0, 0, 2]))
        .build()
        .expect("a client at another address");
    let request = elsewhere.post(format!("http://{}/api/p/login", portal.sandbox.addr()));
    let request = request.header(http::header::HOST, "idmc.shop.kaspi.localhost");
    let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD});
    assert_eq!(portal.send(request.json(&body)).await.status, 200);
    portal.advance(60);
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
}

#[tokio::test]
async fn a_captcha_shows_on_the_page_and_walls_the_endpoint() {
    let portal = Portal::start().await;
    let page = async || portal.get(&format!("{}/login", portal.login), &[]).await.body;
    assert!(page().await.contains("\"captcha\":false"));
    portal.turn(&json!({"login": {"captcha": true}}));
    assert!(page().await.contains("\"captcha\":true"));
    for body in [json!({"_u": "plain@sandbox.test", "_p": PASSWORD}), json!({"_c": "1"}), json!({})] {
        assert!(is_wall(&portal.sign_in(&[], &body).await, 403), "{body}");
    }
    assert_eq!(portal.control().counters().passwords, 0);
}

#[tokio::test]
async fn the_page_gets_its_settings_and_they_cannot_break_out_of_it() {
    let portal = Portal::start().await;
    portal.turn(
        &json!({"page": {"code_id": "</script><b>", "code_name": "otp", "code_error": "notification"}}),
    );
    for path in ["/login", "/login?sandbox=changed"] {
        let page = portal.get(&format!("{}{path}", portal.login), &[]).await.body;
        let (_, rest) = page
            .split_once("<script id=\"settings\" type=\"application/json\">")
            .expect("the settings' element");
        let settings: Value =
            serde_json::from_str(rest.split("</script>").next().expect("its text")).expect("JSON");
        assert_eq!((&settings["codeId"], &settings["codeName"]), (&json!("</script><b>"), &json!("otp")));
        assert_eq!(settings["errors"]["code"], "notification");
        assert_eq!(settings["errors"]["credentials"], "notification");
    }
}
