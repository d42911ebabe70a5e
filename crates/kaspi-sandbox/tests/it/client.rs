//! A started sandbox with a bare HTTP client: no cookie store, no redirects followed. Tests do both by hand.
//! It must not hide what is on the wire.

use http::{HeaderMap, StatusCode, header};
use kaspi_sandbox::{Control, Options, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// The password of the story accounts.
pub const PASSWORD: &str = "sandbox-password";

/// A started sandbox.
pub struct Portal {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
    pub site: String,
    pub login: String,
    pub cabinet: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Portal {
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> Self {
        let sandbox = Sandbox::start(Options { listen: ([127, 0, 0, 1], 0).into(), ..options }).await;
        let sandbox = sandbox.expect("a started sandbox");
        let origins = sandbox.origins();
        let hosts = ["kaspi.localhost", "idmc.shop.kaspi.localhost", "mc.shop.kaspi.localhost"];
        let builder = hosts
            .iter()
            .fold(reqwest::Client::builder(), |builder, host| builder.resolve(host, sandbox.addr()))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .no_proxy();
        Self {
            http: builder.build().expect("a client"),
            sandbox,
            site: origins.site,
            login: origins.login,
            cabinet: origins.cabinet,
        }
    }

    pub fn control(&self) -> Control {
        self.sandbox.control()
    }

    pub fn advance(&self, seconds: u64) {
        self.control().advance_clock(Duration::from_secs(seconds));
    }

    /// Changes settings.
    pub fn turn(&self, change: &Value) {
        let control = self.control();
        control.set_knobs(control.knobs().changed(change).expect("a known knob"));
    }

    /// The newest code sent to a destination.
    pub fn code(&self, to: &str) -> String {
        let messages = self.control().inbox(Some(to));
        messages.last().and_then(|message| message.code.clone()).expect("a code")
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.expect("a body"),
        }
    }

    pub async fn get(&self, url: &str, cookies: &[&str]) -> Answer {
        self.send(with_cookies(self.http.get(url), cookies)).await
    }

    pub async fn post(&self, url: &str, cookies: &[&str], body: &Value) -> Answer {
        let request = with_cookies(self.http.post(url), cookies);
        self.send(request.header(header::CONTENT_TYPE, "application/json").body(body.to_string())).await
    }

    /// `POST /api/p/login`.
    pub async fn sign_in(&self, cookies: &[&str], body: &Value) -> Answer {
        self.post(&format!("{}/api/p/login", self.login), cookies, body).await
    }

    /// E-mail and password, without any cookie.
    pub async fn password(&self, email: &str) -> Answer {
        self.sign_in(&[], &json!({"_u": email, "_p": PASSWORD, "_r_d": true})).await
    }

    /// The walk from the kick-off to the session, with a live single sign-on; `mc-sid=…`.
    pub async fn walk(&self, sso: &str) -> String {
        let callback = self.walk_to_callback(sso).await;
        assert_eq!(callback.status, 302, "{callback:?}");
        callback.cookie("mc-sid")
    }

    async fn walk_to_callback(&self, sso: &str) -> Answer {
        let kick_off = self.get(&format!("{}/oauth2/authorization/1", self.cabinet), &[]).await;
        let authorize = self.get(&kick_off.location(), &[sso]).await;
        self.get(&authorize.location(), &[&kick_off.cookie("mc_arr")]).await
    }

    /// A whole sign-in by e-mail and password; `mc-sid=…`.
    pub async fn session(&self, email: &str) -> String {
        let answer = self.password(email).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.walk(&answer.cookie("MS_AUTH_SSO")).await
    }

    /// `GET /s/m`.
    pub async fn merchants(&self, cookies: &[&str]) -> Answer {
        self.get(&format!("{}/s/m", self.cabinet), cookies).await
    }
}

fn with_cookies(request: reqwest::RequestBuilder, cookies: &[&str]) -> reqwest::RequestBuilder {
    if cookies.is_empty() { request } else { request.header(header::COOKIE, cookies.join("; ")) }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `errorCode`, with the status.
    pub fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["errorCode"].as_str().unwrap_or_default().to_owned())
    }

    pub fn location(&self) -> String {
        let location = self.headers.get(header::LOCATION).unwrap_or_else(|| panic!("no Location: {self:?}"));
        location.to_str().expect("text").to_owned()
    }

    /// Whole `Set-Cookie` values, in order.
    pub fn set_cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().expect("text").to_owned()).collect()
    }

    /// `name=value` of each cookie that is set, in order.
    pub fn cookies(&self) -> Vec<String> {
        self.set_cookies().iter().map(|line| line.split(';').next().unwrap_or_default().to_owned()).collect()
    }

    /// `name=value` of a cookie that must be set.
    pub fn cookie(&self, name: &str) -> String {
        let mut cookies = self.cookies().into_iter();
        cookies.find(|cookie| is_named(cookie, name)).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    /// `name=value` of the last cookie that is set, which must be this one, behind at least one other.
    pub fn last_cookie(&self, name: &str) -> String {
        let cookies = self.cookies();
        assert!(cookies.len() > 1, "one cookie only: {self:?}");
        let last = cookies.last().cloned().unwrap_or_default();
        assert!(is_named(&last, name), "{name} is not last: {self:?}");
        last
    }

    pub fn has_cookie(&self, name: &str) -> bool {
        self.cookies().iter().any(|cookie| is_named(cookie, name))
    }
}

fn is_named(cookie: &str, name: &str) -> bool {
    cookie.split_once('=').is_some_and(|(found, _)| found == name)
}
