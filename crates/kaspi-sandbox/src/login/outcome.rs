//! What a step of a login answers (CONTRACT 3.3), and the cookies that go with it: `MS_AUTH_SSO` is the last.
//! It must not decide which outcome a step has.

use crate::{cookies, host::Origins, knobs::Knobs, pages, reply};
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// The answer of a step.
pub(super) struct Outcome {
    answer: Answer,
    sso: Option<String>,
    device: Option<String>,
    /// Whether the answer takes its time.
    pub(super) slow: bool,
}

enum Answer {
    Json(StatusCode, Value),
    Flood { code: &'static str, wait: u64 },
    Nothing,
    Wall,
    Broken,
}

impl Outcome {
    fn new(answer: Answer) -> Self {
        Self { answer, sso: None, device: None, slow: false }
    }

    fn ok(body: Value) -> Self {
        Self::new(Answer::Json(StatusCode::OK, body))
    }

    /// Signed in.
    pub(super) fn done(redirect_url: &str) -> Self {
        Self::ok(json!({ "redirectUrl": redirect_url }))
    }

    /// A code was mailed.
    pub(super) fn mailed(email: &str) -> Self {
        Self::ok(json!({ "email": email }))
    }

    /// A code was sent by SMS.
    pub(super) fn texted(phone: &str) -> Self {
        Self::ok(json!({ "phone": phone }))
    }

    /// A merchant has to be chosen.
    pub(super) fn choice(su: &Value) -> Self {
        Self::ok(json!({ "su": su }))
    }

    /// 200 with a shape that nobody knows.
    pub(super) fn changed() -> Self {
        Self::ok(json!({ "status": "OK", "result": { "next": { "href": "/", "kind": "navigate" } } }))
    }

    /// 200 `{}`.
    pub(super) fn object() -> Self {
        Self::ok(json!({}))
    }

    /// 200 without a body.
    pub(super) fn nothing() -> Self {
        Self::new(Answer::Nothing)
    }

    /// An error by its code.
    pub(super) fn error(status: u16, code: &str) -> Self {
        Self::new(Answer::Json(reply::status(status), json!({ "errorCode": code })))
    }

    /// An error by its code, with the seconds to wait.
    pub(super) fn error_with_wait(status: u16, code: &str, wait: u64) -> Self {
        let body = json!({ "errorCode": code, "errorData": { "breakTimeSeconds": wait } });
        Self::new(Answer::Json(reply::status(status), body))
    }

    /// 401 `CREDENTIALS_INVALID`.
    pub(super) fn wrong_credentials() -> Self {
        Self::error(401, "CREDENTIALS_INVALID")
    }

    /// 401 `FAILED`.
    pub(super) fn failed() -> Self {
        Self::error(401, "FAILED")
    }

    /// Too many codes: `MFA_SEND_FLOOD` or `MFA_CODE_TOO_MANY_SEND`.
    pub(super) fn flood(code: &'static str, wait: u64) -> Self {
        Self::new(Answer::Flood { code, wait })
    }

    /// The HTML wall.
    pub(super) fn wall() -> Self {
        Self::new(Answer::Wall)
    }

    /// 500.
    pub(super) fn broken() -> Self {
        Self::new(Answer::Broken)
    }

    /// With a new value of `MS_AUTH_SSO`.
    pub(super) fn with_sso(mut self, token: String) -> Self {
        self.sso = Some(token);
        self
    }

    /// With a remembered device.
    pub(super) fn with_device(mut self, device: Option<String>) -> Self {
        self.device = device;
        self
    }

    /// Slowly, where asked.
    pub(super) fn slow(mut self, slow: bool) -> Self {
        self.slow = slow;
        self
    }

    /// The answer on the wire.
    pub(super) fn into_response(self, knobs: &Knobs, secure: bool) -> Response {
        let mut response = match self.answer {
            Answer::Json(status, body) => reply::json(status, &worded(body, knobs)),
            Answer::Flood { code, wait } => {
                let mut body = json!({ "errorCode": code });
                if knobs.code.flood_tells_break_time {
                    body["errorData"] = json!({ "breakTimeSeconds": wait });
                }
                reply::json(StatusCode::UNAUTHORIZED, &worded(body, knobs))
            }
            Answer::Nothing => reply::empty(StatusCode::OK),
            Answer::Wall => wall(StatusCode::FORBIDDEN),
            Answer::Broken => reply::server_error("/api/p/login"),
        };
        if let Some(device) = &self.device {
            let name = &knobs.cookie.device_name;
            reply::add_cookie(&mut response, cookies::set(name, device, &knobs.cookie.device, secure));
        }
        if let Some(token) = &self.sso {
            add_sso(&mut response, token, knobs, secure);
        }
        response
    }
}

/// An error's body with the knob's `message`; any other body as it is.
fn worded(mut body: Value, knobs: &Knobs) -> Value {
    if let Some(message) = &knobs.login.error_message
        && body.get("errorCode").is_some()
    {
        body["message"] = json!(message);
    }
    body
}

/// The HTML wall.
pub(crate) fn wall(status: StatusCode) -> Response {
    barred(&pages::WALL, status)
}

/// An HTML page with a captcha.
pub(super) fn captcha_wall(status: StatusCode) -> Response {
    barred(&pages::CAPTCHA_WALL, status)
}

fn barred(page: &pages::Page, status: StatusCode) -> Response {
    let nowhere = Origins { site: String::new(), login: String::new(), cabinet: String::new() };
    reply::html(status, page.render(&nowhere, status.as_str()))
}

/// Adds `MS_AUTH_SSO` as the last cookie, after another one (CONTRACT 3.1).
pub(crate) fn add_sso(response: &mut Response, token: &str, knobs: &Knobs, secure: bool) {
    if knobs.cookie.companions {
        reply::add_cookie(
            response,
            Some(HeaderValue::from_static("idmc-affinity=sandbox; Path=/; HttpOnly")),
        );
    }
    reply::add_cookie(response, cookies::set(cookies::SSO, token, &knobs.cookie.sso, secure));
}
