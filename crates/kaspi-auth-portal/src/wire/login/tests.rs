//! Every body of CONTRACT 3.3, every disagreement about it, and everything that is no answer of the API at all.

use jiff::Timestamp;
use kaspi_auth_core::Code;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().expect("a time")
}

fn say(step: Step, status: u16, media: &'static str, body: impl Into<Vec<u8>>) -> Result<Said, Error> {
    read(&Answer::of(status, media, body), step, &Words::without(&["hunter22"]), now())
}

fn said(step: Step, status: u16, body: &Value) -> Result<Said, Error> {
    say(step, status, "application/json", body.to_string())
}

/// What came of it, in one word: a code, or what was said.
fn outcome(said: Result<Said, Error>) -> &'static str {
    match said {
        Ok(Said::Redirect(_)) => "accepted",
        Ok(Said::MailedCode(_)) => "mailed",
        Ok(Said::SentSms(_)) => "sms",
        Ok(Said::Choose(_)) => "choose",
        Ok(Said::Unspecific(_)) => "unspecific",
        Ok(Said::Rejected(error)) => match error.code {
            Code::CodeRejected => "rejected",
            Code::CodeExpired => "expired",
            _ => "rejected otherwise",
        },
        Err(error) => error.code().as_str(),
    }
}

#[test]
fn every_success_is_understood_with_whatever_stands_beside_it() {
    let table = [
        (json!({"redirectUrl": "/"}), "accepted"),
        (json!({"redirectUrl": "/?continue", "email": "a@x.kz", "new": {"field": []}}), "accepted"),
        (json!({"redirectUrl": null, "email": "a***@x.kz", "errorCode": null}), "mailed"),
        (json!({"email": "a@x.kz"}), "mailed"),
        (json!({"phone": "+7 (700) 000-00-01"}), "sms"),
        (json!({"su": [{"uid": "1", "name": "A"}]}), "choose"),
        (json!({"su": {"17": "A"}, "email": "a@x.kz"}), "choose"),
        (json!({"su": []}), "portal_changed"),
        (json!({"su": [{"uid": "../../etc"}]}), "portal_changed"),
        (json!({"redirectUrl": 5}), "portal_changed"),
        (json!({"status": "OK", "result": {"next": "/"}}), "portal_changed"),
        (json!({}), "portal_changed"),
        (json!([]), "portal_changed"),
        (json!("ok"), "portal_changed"),
    ];
    for step in [Step::Password, Step::Code, Step::Choice] {
        for status in [200, 201] {
            for (body, expected) in &table {
                assert_eq!(outcome(said(step, status, body)), *expected, "{step:?} {status} {body}");
            }
        }
    }
}

#[test]
fn every_error_code_has_its_outcome_at_every_step_whatever_the_status() {
    use Step::{Choice, Code as CodeStep, Password, Phone, Resend};
    let table = [
        ("CREDENTIALS_INVALID", Password, "invalid_credentials"),
        ("CREDENTIALS_INVALID", Phone, "invalid_credentials"),
        ("CREDENTIALS_INVALID", CodeStep, "portal_login_timeout"),
        ("CREDENTIALS_INVALID", Choice, "portal_login_timeout"),
        ("FAILED", Password, "kaspi_auth_error"),
        ("FAILED", Phone, "unspecific"),
        ("FAILED", CodeStep, "rejected"),
        ("FAILED", Choice, "portal_login_timeout"),
        ("SECURITY_CODE_INVALID", CodeStep, "rejected"),
        ("MFA_CODE_INVALID", CodeStep, "rejected"),
        ("INACTIVE_CODE_ERROR", CodeStep, "expired"),
        ("TIMEOUT_EXCEEDED", CodeStep, "portal_login_timeout"),
        ("TIMEOUT_EXCEEDED", Resend, "portal_login_timeout"),
        ("MFA_CODE_ATTEMPT_LIMIT", CodeStep, "code_attempts_exhausted"),
        ("MFA_SEND_FLOOD", Password, "portal_rate_limited"),
        ("MFA_CODE_TOO_MANY_SEND", Phone, "portal_rate_limited"),
        ("INSUFFICIENT_PERMISSIONS", Password, "insufficient_permissions"),
        ("NO_MERCHANTS", CodeStep, "no_merchants"),
        ("ACCOUNT_LOCKED", Password, "account_locked"),
        ("USER_IS_BLOCKED", Phone, "account_locked"),
        ("CAPTCHA_REQUIRED", Password, "portal_blocked"),
        ("PHONE_NOT_FOUND", Phone, "kaspi_auth_error"),
        ("SOMETHING_NEW", Password, "kaspi_auth_error"),
        ("SECURITY_CODE_INVALID", Password, "kaspi_auth_error"),
    ];
    for (name, step, expected) in table {
        for status in [200, 400, 401, 403, 409, 422, 429] {
            for body in [
                json!({"errorCode": name}),
                json!({"errorCode": name.to_lowercase(), "message": "words", "path": "/api/p/login"}),
                json!({"error": {"code": name}}),
                json!({"error": {"type": name}, "redirectUrl": "/"}),
            ] {
                assert_eq!(outcome(said(step, status, &body)), expected, "{step:?} {status} {body}");
            }
        }
        assert_eq!(outcome(said(step, 401, &json!({"error": name}))), expected, "{name} as a plain error");
        assert_eq!(
            outcome(said(step, 503, &json!({"errorCode": name}))),
            "portal_unavailable",
            "{name} with 503"
        );
    }
}

#[test]
fn a_servers_phrase_for_a_status_is_no_verdict_of_the_portal() {
    for (status, phrase, expected) in [
        (404, "Not Found", "portal_changed"),
        (405, "Method Not Allowed", "portal_changed"),
        (415, "Unsupported Media Type", "portal_changed"),
        (403, "Forbidden", "portal_blocked"),
        (429, "Too Many Requests", "portal_rate_limited"),
        (500, "Internal Server Error", "portal_unavailable"),
        (401, "Unauthorized", "kaspi_auth_error"),
        (200, "Unauthorized", "portal_changed"),
    ] {
        let body = json!({"timestamp": "2026-11-22T08:00:00Z", "status": status, "error": phrase, "path": "/api/p/login"});
        assert_eq!(outcome(said(Step::Password, status, &body)), expected, "{status}");
    }
}

#[test]
fn walls_outages_and_changed_pages_are_told_apart() {
    const WALL: &str = "<!doctype html><title>Access Denied</title>";
    const PAGE: &str = "<!DOCTYPE html><html><body>Новое</body></html>";
    const LOGIN: &str = "<html><form><input id=\"user_email_field\"><p>captcha</p></form></html>";
    let table = [
        (403, "text/html", WALL, "portal_blocked"),
        (429, "text/html; charset=utf-8", PAGE, "portal_blocked"),
        (403, "", "", "portal_blocked"),
        (200, "text/html", WALL, "portal_blocked"),
        (200, "text/html", PAGE, "portal_changed"),
        (200, "text/html", LOGIN, "portal_changed"),
        (200, "application/json", PAGE, "portal_changed"),
        (401, "text/html", PAGE, "portal_changed"),
        (404, "text/html", PAGE, "portal_changed"),
        (302, "text/html", "", "portal_changed"),
        (500, "text/html", PAGE, "portal_unavailable"),
        (502, "text/html", WALL, "portal_unavailable"),
        (503, "", "", "portal_unavailable"),
        (200, "application/json", "", "portal_changed"),
        (200, "application/json", "{\"redirectUrl\":\"/", "portal_unavailable"),
        (200, "application/json", "{\"redirectUrl\" \"/\"}", "portal_changed"),
        (200, "application/json", "\u{feff} {\"redirectUrl\":\"/\"}\n", "accepted"),
        (200, "text/html", "{\"redirectUrl\":\"/\"}", "accepted"),
        (200, "", "{\"redirectUrl\":\"/\"}", "accepted"),
        (200, "image/png", "{\"redirectUrl\":\"/\"}", "portal_changed"),
        (200, "application/octet-stream", "\u{0}\u{1}\u{2}", "portal_changed"),
    ];
    for (status, media, body, expected) in table {
        assert_eq!(outcome(say(Step::Password, status, media, body)), expected, "{status} {media} {body}");
    }
}

#[test]
fn what_is_said_of_an_answer_names_no_secret_and_no_page() {
    let error = said(
        Step::Password,
        401,
        &json!({"errorCode": "CREDENTIALS_INVALID", "message": "hunter22 is wrong"}),
    )
    .err()
    .expect("refused");
    assert_eq!(error.portal_message(), Some("CREDENTIALS_INVALID: *** is wrong"));
    let wall = say(Step::Password, 403, "text/html", "<html><title> Go\naway </title>hunter22</html>");
    let wall = wall.err().expect("kept out");
    assert_eq!(wall.portal_message(), Some("Go away"));
    assert!(wall.detail().contains("(POST /api/p/login: 403 with HTML.)"), "{}", wall.detail());
}

#[test]
fn another_code_is_sent_whatever_a_success_looks_like() {
    let resent = |status, media, body: &str| {
        let answer = Answer::of(status, media, body);
        read_resent(&answer, &Words::without(&[]), now()).err().map_or("sent", |error| error.code().as_str())
    };
    for body in ["", "{}", "true", "{\"email\":\"a***@x.kz\"}", "ok"] {
        assert_eq!(resent(200, "application/json", body), "sent", "{body}");
    }
    assert_eq!(resent(204, "", ""), "sent");
    assert_eq!(
        resent(401, "application/json", "{\"errorCode\":\"MFA_CODE_TOO_MANY_SEND\"}"),
        "portal_rate_limited"
    );
    assert_eq!(resent(401, "application/json", "{\"errorCode\":\"FAILED\"}"), "portal_login_timeout");
    assert_eq!(resent(200, "text/html", "<html>Access denied</html>"), "portal_blocked");
    assert_eq!(resent(200, "text/html", "<html></html>"), "portal_changed");
    assert_eq!(resent(401, "application/json", "{}"), "portal_changed");
    assert_eq!(resent(500, "application/json", "{}"), "portal_unavailable");
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "errorCode",
        "error",
        "errorData",
        "redirectUrl",
        "email",
        "phone",
        "su",
        "code",
        "type",
        "message",
        "uid",
        "merchants",
        "breakTimeSeconds",
        "x",
    ]);
    let words =
        prop::sample::select(vec!["CREDENTIALS_INVALID", "FAILED", "LOCKED", "/", "", "1", "a@b", "ёж"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop::sample::select(vec![Step::Password, Step::Phone, Step::Code, Step::Choice, Step::Resend])
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_never_blame_the_credentials(
        body in prop::collection::vec(any::<u8>(), 0..300),
        status in 100_u16..600,
        media in prop::sample::select(vec!["", "application/json", "text/html", "x"]),
        step in any_step(),
    ) {
        prop_assert_ne!(outcome(say(step, status, media, body)), "invalid_credentials");
    }

    #[test]
    fn arbitrary_json_blames_the_credentials_only_where_the_code_says_so(
        body in any_json(),
        status in 100_u16..600,
        step in any_step(),
    ) {
        let blamed = outcome(said(step, status, &body)) == "invalid_credentials";
        let says_so = body.to_string().contains("CREDENTIALS_INVALID");
        prop_assert!(!blamed || says_so && matches!(step, Step::Password | Step::Phone), "{}", body);
    }
}
