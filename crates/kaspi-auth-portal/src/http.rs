//! One exchange with the portal: cookies in, cookies out, bounded in time and size, never redirected by itself.
//!
//! It judges no answer; that is `wire`'s. It must not log a body, a cookie, a query or a `Location`.

mod answer;
mod breaker;
mod client;
mod resolver;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kaspi_auth_core::egress::Way;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::{Code, Error};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use url::Url;

pub(crate) use self::answer::{Answer, later, wanted_wait};
use self::breaker::{Breaker, Permit};
use crate::origins::Origins;
use crate::settings::{ExchangeObserver, HostRole, PortalSettings};
use crate::visitor::Visitor;

/// One way to the portal: a client with its pool of connections, shared by all logins that go this way.
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn ExchangeObserver>>,
    breaker: Option<Breaker>,
    /// The longest silence in a streamed exchange.
    pub(crate) stall: Duration,
    /// The largest body of a caller's that is passed on.
    pub(crate) request_limit: u64,
    body_limit: usize,
    pub(crate) origins: Origins,
    pub(crate) hop_limit: usize,
    pub(crate) user_agent: String,
}

/// A request to the portal, without its cookies.
pub(crate) struct Request {
    /// What it is for, as the log names it.
    pub(crate) step: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    /// A `GET` with no headers of its own.
    pub(crate) fn get(step: &'static str, url: Url) -> Self {
        Self { step, method: Method::GET, url, headers: HeaderMap::new(), body: None }
    }

    /// A `POST` of JSON.
    pub(crate) fn post(step: &'static str, url: Url, body: Vec<u8>) -> Self {
        let request = Self { step, method: Method::POST, url, headers: HeaderMap::new(), body: Some(body) };
        request.with(header::CONTENT_TYPE, "application/json")
    }

    /// Adds a header. A value that no header can hold is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl Http {
    /// Builds the client.
    ///
    /// # Errors
    /// `invalid_value`: an address, a certificate, a user agent or a proxy that cannot be used. `internal`: no root certificates.
    pub(crate) fn new(settings: &PortalSettings, clock: Arc<dyn Clock>, way: &Way) -> Result<Self, Error> {
        let origins = Origins::new(settings)?;
        let client = client::build(settings, origins.all_plain(), way)?;
        let breaker = settings.breaker.as_ref();
        Ok(Self {
            client,
            clock,
            observer: settings.observer.clone(),
            breaker: breaker.map(|breaker| Breaker::new(breaker, settings.observer.clone())),
            stall: settings.timeout,
            request_limit: settings.request_limit,
            body_limit: settings.body_limit,
            origins,
            hop_limit: settings.hop_limit,
            user_agent: settings.user_agent.clone(),
        })
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Leave for one exchange with a host; `None` where no breaker is wanted.
    ///
    /// # Errors
    /// `portal_unavailable`: the host failed again and again and is left alone until `retry_at`.
    pub(crate) fn permit(&self, role: HostRole) -> Result<Option<Permit<'_>>, Error> {
        let Some(breaker) = &self.breaker else { return Ok(None) };
        breaker.permit(role, self.now()).map(Some).map_err(|until| {
            let host = role.as_str();
            let detail = format!(
                "The portal's {host} host failed again and again and is left alone. Try again later."
            );
            Error::new(Code::PortalUnavailable, detail).with_retry_at(until)
        })
    }

    /// Says how the permitted exchange ended: whether the host answered with anything but an outage.
    pub(crate) fn settle(&self, permit: Option<Permit<'_>>, heard: bool) {
        if let Some(permit) = permit {
            permit.settle(heard, self.now());
        }
    }

    /// Sends the request once, with the jar's cookies, and keeps the cookies that the answer sets.
    ///
    /// # Errors
    /// `portal_unavailable`: no connection, no answer in time, or one that was cut off; or as [`permit`](Self::permit).
    pub(crate) async fn exchange(&self, visitor: &mut Visitor, request: Request) -> Result<Answer, Error> {
        let asked = format!("{} {}", request.method, request.url.path());
        let Some(role) = self.origins.role(&request.url) else {
            return Err(Error::new(
                Code::PortalChanged,
                "The portal points to an address that is not its own; it was not followed.",
            ));
        };
        let (step, url) = (request.step, request.url.clone());
        let permit = self.permit(role).inspect_err(|_| {
            visitor.did(step, &url, "not asked: the host is left alone", Duration::ZERO);
        })?;
        let started = Instant::now();
        let answer = self.send(visitor, request, asked).await;
        let elapsed = started.elapsed();
        let status = answer.as_ref().ok().map(|answer| answer.status);
        self.settle(permit, status.is_some_and(|status| status < 500));
        log(step, role, url.path(), status, elapsed);
        if let Some(observer) = &self.observer {
            observer.exchanged(role, url.path(), status, elapsed);
        }
        let outcome = status.map_or("no answer".to_owned(), |status| status.to_string());
        visitor.did(step, &url, outcome, elapsed);
        if let Ok(Answer { status: 400.., media, body: Some(body), .. }) = &answer
            && media == "text/html"
        {
            visitor.saw(body);
        }
        answer
    }

    async fn send(&self, visitor: &mut Visitor, request: Request, asked: String) -> Result<Answer, Error> {
        let Request { method, url, mut headers, body, .. } = request;
        if let Some(cookies) = visitor.jar.header(&url) {
            headers.insert(header::COOKIE, cookies);
        }
        let name = visitor.user_agent.as_deref().and_then(|name| HeaderValue::from_str(name).ok());
        if let Some(name) = name {
            headers.insert(header::USER_AGENT, name);
        }
        headers
            .entry(header::ACCEPT_LANGUAGE)
            .or_insert(HeaderValue::from_static("ru-RU,ru;q=0.9,kk;q=0.8,en;q=0.7"));
        let mut builder = self.client.request(method, url.clone()).headers(headers);
        if let Some(body) = body {
            builder = builder.body(body);
        }
        let mut response = builder.send().await.map_err(|error| unavailable(error, &asked))?;
        visitor.jar.take(&url, response.headers());
        let body = match read(&mut response, self.body_limit).await {
            Ok(body) => body,
            // Nobody needs the body of a redirect.
            Err(_) if response.status().is_redirection() => Some(Vec::new()),
            Err(error) => return Err(unavailable(error, &asked)),
        };
        Ok(Answer::new(asked, &url, response.status().as_u16(), response.headers(), body))
    }
}

/// Reads a body up to the limit; `None`: there was more.
async fn read(response: &mut Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

pub(crate) fn unavailable(error: reqwest::Error, asked: &str) -> Error {
    let what = if error.is_timeout() {
        "did not answer in time"
    } else if error.is_dns() {
        "has a host name that does not resolve"
    } else if error.is_connect() {
        "cannot be connected to"
    } else if error.is_body() || error.is_decode() {
        "broke off its answer"
    } else {
        "closed the connection without an answer"
    };
    let detail = format!("The portal {what} ({asked}). Try again later.");
    // The address may hold an authorization code.
    Error::new(Code::PortalUnavailable, detail).with_source(error.without_url())
}

pub(crate) fn log(step: &str, role: HostRole, path: &str, status: Option<u16>, elapsed: Duration) {
    let host = role.as_str();
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(step, host, path, status, millis, "portal exchange");
}
