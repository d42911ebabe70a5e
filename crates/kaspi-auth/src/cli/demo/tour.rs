//! The three logins, through the HTTP API, with each step told as it happens; then the session that is served.

use std::time::Duration;

use kaspi_sandbox::{Channel, Control, DEFAULT_PASSWORD, Message};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::failure::{Failure, Outcome};
use super::super::output::{self, Paint};
use super::api::{Answered, Api};

const PASSWORD: (&str, &str) = ("e-mail and password", "plain@sandbox.test");
const MAILED: (&str, &str) = ("e-mail, password and a mailed code", "code@sandbox.test");
const TEXTED: (&str, &str) = ("phone and SMS code", "+7 (700) 000-00-01");

/// Signs the three in and shows a session.
///
/// # Errors
/// A login that did not succeed, a call that failed.
pub async fn walk(api: &Api, portal: &Control) -> Outcome<()> {
    let tour = Tour { api, portal, paint: Paint::stdout() };
    let with_password = |email: &str| json!({ "email": email, "password": DEFAULT_PASSWORD });
    tour.sign_in(1, PASSWORD, with_password(PASSWORD.1)).await?;
    tour.sign_in(2, MAILED, with_password(MAILED.1)).await?;
    let uid = tour.sign_in(3, TEXTED, json!({ "phone": TEXTED.1 })).await?;
    tour.show_session(&uid).await
}

struct Tour<'a> {
    api: &'a Api,
    portal: &'a Control,
    paint: Paint,
}

impl Tour<'_> {
    /// Answers the merchant's uid.
    async fn sign_in(&self, number: u8, (how, who): (&str, &str), account: Value) -> Outcome<String> {
        output::line(format_args!("\n{}", self.paint.bold(format_args!("{number}. {who}: {how}"))));
        let mut begun = self.api.call(Method::POST, "/v1/logins?wait=30s", Some(account.clone())).await?;
        if begun.status == 200 {
            // Left over from a demo that was killed; the portal that it spoke to is gone.
            self.api.call(Method::DELETE, &path(&begun.body, ""), None).await?;
            begun = self.api.call(Method::POST, "/v1/logins?wait=30s", Some(account)).await?;
        }
        self.step("POST /v1/logins", &begun);
        let mut login = begun.body;
        if login["state"] == "awaiting_code" {
            let message = self.portal.inbox(Some(who)).pop();
            let message = message.ok_or_else(|| Failure::new(format!("the portal sent nothing to {who}")))?;
            output::line(format_args!("   {}", told(self.paint, &message)));
            let code = json!({ "code": message.code });
            let answered = self.api.call(Method::POST, &path(&login, "/answer?wait=30s"), Some(code)).await?;
            self.step("POST /v1/logins/{id}/answer", &answered);
            login = answered.body;
        }
        if login["state"] != "succeeded" {
            let error = &login["error"];
            let why = error["detail"].as_str().unwrap_or("no reason was given");
            return Err(Failure::new(format!("the login of {who} is {}: {why}", login["state"])));
        }
        let store = &login["store"];
        let uid = store["merchant_uid"].as_str().unwrap_or_default().to_owned();
        let points = store["points"].as_object().map_or(0, serde_json::Map::len);
        let shop = store["shop_name"].as_str().unwrap_or("a shop without a name");
        output::line(format_args!("   {} {shop} ({uid}), {points} points", self.paint.green("signed in:")));
        Ok(uid)
    }

    async fn show_session(&self, uid: &str) -> Outcome<()> {
        output::line(format_args!("\n{}", self.paint.bold("The session that is served now")));
        let session = self.api.call(Method::GET, &format!("/v1/stores/{uid}/session"), None).await?;
        let generation = format!("generation {}", session.body["generation"]);
        self.told_step(&format!("GET /v1/stores/{uid}/session"), &generation, session.took);
        for cookie in session.body["cookies"].as_array().into_iter().flatten() {
            let part = |key: &str| cookie[key].as_str().unwrap_or_default();
            let (name, domain, value) = (part("name"), part("domain"), shortened(part("value")));
            output::line(format_args!("     {name:<14} {domain:<28} {}", self.paint.dim(value)));
        }
        let found = self.api.call(Method::POST, &format!("/v1/stores/{uid}/session/validate"), None).await?;
        self.step_as("POST …/session/validate", &found.body["validity"], found.took);
        Ok(())
    }

    fn step(&self, call: &str, answered: &Answered) {
        self.step_as(call, &answered.body["state"], answered.took);
    }

    fn step_as(&self, call: &str, word: &Value, took: Duration) {
        self.told_step(call, word.as_str().unwrap_or_default(), took);
    }

    fn told_step(&self, call: &str, word: &str, took: Duration) {
        let millis = took.as_secs_f64() * 1000.0;
        output::line(format_args!(
            "   {call:<32} {word:<14} {}",
            self.paint.dim(format_args!("{millis:>7.1} ms"))
        ));
    }
}

fn path(login: &Value, rest: &str) -> String {
    format!("/v1/logins/{}{rest}", login["id"].as_str().unwrap_or_default())
}

/// Enough to see that there is a value, too little to use it.
fn shortened(value: &str) -> String {
    let shown: String = value.chars().take(4).collect();
    format!("{shown}… ({} characters)", value.chars().count())
}

/// A message of the portal's on one line.
pub fn told(paint: Paint, message: &Message) -> String {
    let channel = match message.channel {
        Channel::Email => "mail",
        Channel::Sms => "SMS",
    };
    let body = message.body.replace(['\r', '\n'], " ");
    paint.yellow(format_args!("{channel} to {}: {body}", message.to))
}
