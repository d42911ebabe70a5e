//! The answers of the login endpoint that are not about codes (CONTRACT 3.2, 3.3, 7).
//! It must hold them against the contract's words, not against the sandbox's own.

use crate::client::{PASSWORD, Portal};
use http::header;
use kaspi_sandbox::AccountSpec;
use serde_json::json;

#[tokio::test]
async fn wrong_credentials_have_one_answer() {
    let portal = Portal::start().await;
    let bodies = [
        json!({"_u": "plain@sandbox.test", "_p": "wrong"}),
        json!({"_u": "nobody@sandbox.test", "_p": PASSWORD}),
        json!({"_u": "plain@sandbox.test"}),
        json!({"_u": "77000000001", "_p": PASSWORD}),
        json!({"_u": null, "_p": null}),
        json!({"_u": ["plain@sandbox.test"], "_p": {}}),
        json!({}),
    ];
    for body in bodies {
        let answer = portal.sign_in(&[], &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (401, json!({"errorCode": "CREDENTIALS_INVALID"}))
        );
        assert!(!answer.has_cookie("MS_AUTH_SSO"), "{body}");
    }
}

#[tokio::test]
async fn an_email_is_read_in_any_case_of_letters() {
    let portal = Portal::start().await;
    assert_eq!(portal.password(" Plain@Sandbox.TEST").await.status, 200);
}

#[tokio::test]
async fn json_is_read_whatever_its_type() {
    let portal = Portal::start().await;
    let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD}).to_string();
    for kind in [None, Some("application/x-www-form-urlencoded"), Some("text/plain"), Some("nonsense")] {
        let mut request = portal.http.post(format!("{}/api/p/login", portal.login)).body(body.clone());
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        assert_eq!(portal.send(request).await.status, 200, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_a_server_error() {
    let portal = Portal::start().await;
    let url = format!("{}/api/p/login", portal.login);
    let bodies: [&[u8]; 5] =
        [b"_u=plain%40sandbox.test&_p=sandbox-password", b"", b"[]", b"{\"_u\":", b"{\"_u\":\"\xff\xfe\"}"];
    for body in bodies {
        let request =
            portal.http.post(&url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_eq!(portal.send(request.body(body)).await.status, 500);
    }
}

#[tokio::test]
async fn extra_keys_are_ignored() {
    let portal = Portal::start().await;
    let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD, "email": "x", "password": "y", "_m_c": null, "deep": [{}]});
    assert_eq!(portal.sign_in(&[], &body).await.status, 200);
}

#[tokio::test]
async fn strict_headers_are_a_knob() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"strict_headers": true}}));
    assert_eq!(portal.password("plain@sandbox.test").await.status, 403);
    let login = portal.login.clone();
    for (name, value) in [
        (header::ORIGIN, login.clone()),
        (header::REFERER, format!("{login}/login")),
        (header::ORIGIN, portal.site.clone()),
    ] {
        let request = portal.http.post(format!("{login}/api/p/login")).header(name, value);
        let answer = portal.send(request.json(&json!({"_u": "plain@sandbox.test", "_p": PASSWORD}))).await;
        assert_eq!(answer.status, 200);
    }
    let request =
        portal.http.post(format!("{login}/api/p/login")).header(header::ORIGIN, format!("{login}.evil.test"));
    assert_eq!(portal.send(request.body("{}")).await.status, 403);
}

#[tokio::test]
async fn an_unknown_phone_has_the_answer_of_the_knob() {
    let portal = Portal::start().await;
    let body = json!({"_ph": "+7 (700) 999-99-99"});
    assert_eq!(portal.sign_in(&[], &body).await.error(), (401, "CREDENTIALS_INVALID".into()));
    for (knob, error) in [("failed", (401, "FAILED")), ("phone_not_found", (400, "PHONE_NOT_FOUND"))] {
        portal.turn(&json!({"login": {"unknown_phone": knob}}));
        assert_eq!(portal.sign_in(&[], &body).await.error(), (error.0, error.1.to_owned()));
    }
    portal.turn(&json!({"login": {"unknown_phone": "pretend"}}));
    let pretended = portal.sign_in(&[], &body).await;
    assert_eq!(pretended.json(), json!({"phone": "+7 (700) 999-99-99"}));
    for code in ["", "000000"] {
        let answer = portal.sign_in(&[&pretended.cookie("MS_AUTH_SSO")], &json!({"_c": code})).await;
        assert_eq!(answer.error(), (401, "SECURITY_CODE_INVALID".into()));
    }
    assert_eq!(portal.control().counters().codes_sent.sms, 0);
}

#[tokio::test]
async fn an_account_locks_after_wrong_passwords_and_opens_again() {
    let portal = Portal::start().await;
    let wrong = json!({"_u": "locked@sandbox.test", "_p": "wrong"});
    for _ in 0..3 {
        assert_eq!(portal.sign_in(&[], &wrong).await.error().1, "CREDENTIALS_INVALID");
    }
    let locked = portal.password("locked@sandbox.test").await;
    assert_eq!(locked.error(), (401, "ACCOUNT_LOCKED".into()));
    assert!(locked.json()["errorData"]["breakTimeSeconds"].as_u64().is_some_and(|wait| wait > 800));
    portal.turn(&json!({"login": {"lock_error": "LOCKED", "lock_tells_break_time": false}}));
    assert_eq!(portal.password("locked@sandbox.test").await.json(), json!({"errorCode": "LOCKED"}));
    portal.advance(900);
    assert_eq!(portal.password("locked@sandbox.test").await.status, 200);
}

#[tokio::test]
async fn right_passwords_forgive_wrong_ones() {
    let portal = Portal::start().await;
    for _ in 0..3 {
        for _ in 0..2 {
            portal.sign_in(&[], &json!({"_u": "locked@sandbox.test", "_p": "wrong"})).await;
        }
        assert_eq!(portal.password("locked@sandbox.test").await.status, 200);
    }
}

#[tokio::test]
async fn any_account_locks_where_the_knob_says_so() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"lock_after": 1}}));
    portal.sign_in(&[], &json!({"_u": "plain@sandbox.test", "_p": "wrong"})).await;
    assert_eq!(portal.password("plain@sandbox.test").await.error().1, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn an_account_without_merchants_is_refused_or_finds_nothing() {
    let portal = Portal::start().await;
    assert_eq!(portal.password("none@sandbox.test").await.error(), (401, "NO_MERCHANTS".into()));
    portal.turn(&json!({"login": {"refusal_status": 403}}));
    assert_eq!(portal.password("none@sandbox.test").await.error().0, 403);
    portal.turn(&json!({"login": {"no_merchants": "empty_list"}}));
    let session = portal.session("none@sandbox.test").await;
    assert_eq!(portal.merchants(&[&session]).await.json(), json!({"merchants": []}));
    portal.turn(&json!({"login": {"no_merchants": "refused"}}));
    portal.control().add_account(AccountSpec::phone("+7 (700) 000-00-09"));
    let phone = portal.sign_in(&[], &json!({"_ph": "77000000009"})).await;
    assert_eq!(phone.error().1, "NO_MERCHANTS");
}

#[tokio::test]
async fn a_wrong_password_leaves_a_live_login_alone() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    portal.sign_in(&[&sso], &json!({"_u": "several@sandbox.test", "_p": "wrong"})).await;
    assert!(portal.walk(&sso).await.starts_with("mc-sid="));
}

#[tokio::test]
async fn another_account_takes_the_login_session_over() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    let body = json!({"_u": "dies-calls@sandbox.test", "_p": PASSWORD});
    let sso = portal.sign_in(&[&sso], &body).await.cookie("MS_AUTH_SSO");
    let session = portal.walk(&sso).await;
    assert_eq!(portal.merchants(&[&session]).await.json()["merchants"][0]["uid"], "30000052");
}
