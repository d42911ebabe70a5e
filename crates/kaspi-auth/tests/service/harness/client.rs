//! A client of the service under test. Every problem that it reads is held against the shape that all problems have.

use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::wire::{Keeping, Login, Problem, Session, Store};

/// Reads an address that a test wrote.
pub fn url(text: &str) -> reqwest::Url {
    text.parse().unwrap()
}

/// Calls one node with one set of credentials.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    bearer: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Client {
    /// Without credentials.
    pub fn new(base: impl Into<String>) -> Self {
        let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1));
        let http = builder.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, base: base.into(), bearer: None }
    }

    /// The same node, with these credentials.
    pub fn with(&self, bearer: impl Into<String>) -> Self {
        Self { bearer: Some(bearer.into()), ..self.clone() }
    }

    /// The same credentials, on another node.
    pub fn at(&self, base: impl Into<String>) -> Self {
        Self { base: base.into(), ..self.clone() }
    }

    /// Where the node is: `http://host:port`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What is sent as the bearer.
    pub fn bearer(&self) -> &str {
        self.bearer.as_deref().unwrap_or_default()
    }

    /// A request to make by hand.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let builder = self.http.request(method, format!("{}{path}", self.base));
        match &self.bearer {
            Some(bearer) => builder.header(header::AUTHORIZATION, format!("Bearer {bearer}")),
            None => builder,
        }
    }

    /// Sends a request that was made by hand.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// As [`Client::send`], for requests during which a node may die.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// A `POST` without a body.
    pub async fn call(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    /// Starts a login and waits for where it comes to.
    pub async fn sign_in(&self, body: &Value) -> Login {
        let answer = self.post("/v1/logins?wait=30s", body).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        answer.read()
    }

    /// Starts a login by e-mail and password and waits for where it comes to.
    pub async fn sign_in_as(&self, email: &str, password: &str) -> Login {
        self.sign_in(&json!({"email": email, "password": password})).await
    }

    /// Reads a login, waiting while it runs.
    pub async fn login(&self, id: uuid::Uuid) -> Login {
        self.get(&format!("/v1/logins/{id}?wait=30s")).await.is(200).read()
    }

    /// Answers with a code and waits for where that leads.
    pub async fn answer_code(&self, id: uuid::Uuid, code: &str) -> Login {
        self.answer(id, &json!({"code": code})).await.is(200).read()
    }

    /// Answers with a merchant and waits for where that leads.
    pub async fn choose(&self, id: uuid::Uuid, uid: &str) -> Login {
        self.answer(id, &json!({"merchant_uid": uid})).await.is(200).read()
    }

    /// Answers a challenge and waits for where that leads.
    pub async fn answer(&self, id: uuid::Uuid, body: &Value) -> Answer {
        self.post(&format!("/v1/logins/{id}/answer?wait=30s"), body).await
    }

    /// Answers a challenge under a key.
    pub async fn answer_under(&self, key: &str, id: uuid::Uuid, body: &Value) -> Answer {
        let request = self.request(Method::POST, &format!("/v1/logins/{id}/answer?wait=30s"));
        self.send(request.header("idempotency-key", key).json(body)).await
    }

    pub async fn store(&self, uid: &str) -> Store {
        self.store_and_keeping(uid).await.0
    }

    /// What is known of keeping the store's session.
    pub async fn keeping(&self, uid: &str) -> Keeping {
        self.store_and_keeping(uid).await.1
    }

    async fn store_and_keeping(&self, uid: &str) -> (Store, Keeping) {
        let Value::Object(mut all) = self.get(&format!("/v1/stores/{uid}")).await.is(200).json() else {
            panic!("a store is an object")
        };
        let keeping = Keeping::FIELDS
            .iter()
            .filter_map(|field| all.remove(*field).map(|value| ((*field).to_owned(), value)))
            .collect();
        let read =
            (serde_json::from_value(Value::Object(all)), serde_json::from_value(Value::Object(keeping)));
        (read.0.unwrap(), read.1.unwrap())
    }

    pub async fn session(&self, uid: &str) -> Session {
        self.get(&format!("/v1/stores/{uid}/session")).await.is(200).read()
    }

    /// The verdict of a validation.
    pub async fn validity(&self, uid: &str) -> String {
        let answer = self.call(&format!("/v1/stores/{uid}/session/validate")).await.is(200);
        answer.json()["validity"].as_str().unwrap().to_owned()
    }

    /// Asks to sign in again.
    pub async fn refresh(&self, uid: &str) -> Answer {
        self.call(&format!("/v1/stores/{uid}/session/refresh?wait=30s")).await
    }
}

impl Answer {
    /// Fails unless the status is this.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The body as it is.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body as what it should be.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header's text; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem that this is, held against what all problems have in common.
    #[track_caller]
    pub fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Problem = self.read();
        assert_eq!(problem.status, self.status, "{problem:?}");
        assert_eq!(problem.kind, format!("/docs/problems/{}", problem.code));
        assert_eq!(problem.title, problem.code.replace('_', " "));
        assert!(!problem.detail.is_empty(), "{problem:?}");
        assert_eq!(problem.request_id, self.header("x-request-id"), "{self:?}");
        assert!(!problem.request_id.is_empty(), "{problem:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(problem.retry_at.is_some(), self.headers.contains_key("retry-after"), "{self:?}");
        problem
    }

    /// Fails unless this is the problem of that status and code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> Problem {
        let problem = self.problem();
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{problem:?}");
        problem
    }

    /// The seconds of `Retry-After`.
    #[track_caller]
    pub fn retry_after(&self) -> i64 {
        self.header("retry-after").parse().unwrap_or_else(|_| panic!("no Retry-After: {self:?}"))
    }
}
