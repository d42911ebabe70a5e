//! A caller of our own HTTP API, as any other program would be one. Must not know how the service works inside.

use std::time::{Duration, Instant};

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::super::failure::{Failure, Outcome};

/// The longest wait that the service grants, and a little more.
const TIMEOUT: Duration = Duration::from_secs(70);

/// The API at one address, with a key.
pub struct Api {
    client: reqwest::Client,
    site: String,
    key: SecretString,
}

/// What a call came to.
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The JSON of the body; null without one.
    pub body: Value,
    /// How long it took, on this side.
    pub took: Duration,
}

impl Api {
    /// Calls `site` with `key`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(site: &str, key: SecretString) -> Outcome<Self> {
        let client = reqwest::Client::builder()
            // The service is on this machine: a proxy would not find it.
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Failure::new("the HTTP client cannot be built").because(error))?;
        Ok(Self { client, site: site.to_owned(), key })
    }

    /// One call.
    ///
    /// # Errors
    /// No answer, no JSON, or a problem, with its code.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Outcome<Answered> {
        let failed = |error: reqwest::Error| Failure::new(format!("{method} {path} failed")).because(error);
        let began = Instant::now();
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.site));
        request = request.bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let text = response.bytes().await.map_err(failed)?;
        let took = began.elapsed();
        let body: Value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&text)
                .map_err(|error| Failure::new(format!("{method} {path} answered no JSON")).because(error))?
        };
        if !status.is_success() {
            let word = |key: &str| body[key].as_str().unwrap_or("no word").to_owned();
            return Err(Failure::new(format!(
                "{method} {path} answered {status}: {} ({})",
                word("detail"),
                word("code")
            )));
        }
        Ok(Answered { status: status.as_u16(), body, took })
    }
}
