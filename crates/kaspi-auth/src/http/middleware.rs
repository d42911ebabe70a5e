//! What surrounds every request: its id, its time limit, a net for panics, its log line, headers that always hold.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use jiff::Timestamp;
use kaspi_auth_core::Code;
use kaspi_auth_core::port::{Clock, Ids};
use tracing::Instrument as _;

use super::problem::Problem;
use super::{audit, gateway};
use crate::auditing::{Act, Auditor, Who};
use crate::config::Config;
use crate::process::{UuidV7, traces};

const REQUEST_ID: &str = "x-request-id";

/// Limits of every request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    timeout: Duration,
    upload: Duration,
    longest_wait: Duration,
    body: usize,
    repeat: usize,
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        let settings = &config.server;
        Self {
            timeout: Duration::from_secs(settings.request_timeout_seconds),
            upload: Duration::from_secs(config.gateway.upload_timeout_seconds),
            longest_wait: settings.longest_wait(),
            body: settings.body_limit_bytes,
            repeat: config.gateway.repeat_limit_bytes,
        }
    }

    /// The longest that a request may take until its answer begins.
    pub(super) fn timeout(self) -> Duration {
        self.timeout
    }

    /// The same, for what is sent on to the cabinet: a large body over a slow line is no stuck request.
    fn timeout_of(self, route: Option<&str>) -> Duration {
        match route {
            Some(gateway::ROUTE) => self.timeout.max(self.upload),
            _ => self.timeout,
        }
    }

    /// The longest that a call may wait for something to happen: a little less than the whole request may take.
    pub(super) fn longest_wait(self) -> Duration {
        self.longest_wait
    }

    /// The largest body.
    pub(super) fn body(self) -> usize {
        self.body
    }

    /// The largest body of a call of the cabinet that may be repeated.
    pub(super) fn repeat(self) -> usize {
        self.repeat
    }
}

/// What surrounds every request.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) auditor: Arc<Auditor>,
    pub(super) audited: Arc<audit::Routes>,
}

/// What is known of the request that is answered now.
struct Current {
    id: Arc<str>,
    clock: Arc<dyn Clock>,
    /// Who calls, once that is known.
    who: OnceLock<Who>,
    /// What it has made, where its answer does not say.
    made: OnceLock<String>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// The id of the request that is answered now, and the time; `None` outside of one.
pub(super) fn current() -> Option<(Arc<str>, Timestamp)> {
    CURRENT.try_with(|now| (Arc::clone(&now.id), now.clock.now())).ok()
}

/// Notes who calls, for the audit log.
pub(super) fn acts(who: Who) {
    // Noted twice, or outside of a request: the first word counts.
    let _ = CURRENT.try_with(|now| now.who.set(who));
}

/// Notes what the request has made, for the audit log.
pub(super) fn made(id: &str) {
    let _ = CURRENT.try_with(|now| now.made.set(id.to_owned()));
}

/// Wraps a request.
pub(super) async fn around(State(here): State<Surroundings>, request: Request<Body>, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map(MatchedPath::as_str);
    let span = traces::request(&method, route, request.headers());
    let audited = route.and_then(|route| here.audited.find(route, &method, &path));
    let (timeout, auditor) = (here.limits.timeout_of(route), &here.auditor);
    let inner = async {
        let mut unanswered = Unanswered { auditor, request: audited };
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
        let response = match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Problem::of(Code::Internal).into_response(),
            Err(_) => Problem::of(Code::RequestTimeout).into_response(),
        };
        if let Some(request) = &unanswered.request {
            let made = audit::made(&response).map(str::to_owned);
            write_down(auditor, request, audit::result(&response), made).await;
        }
        unanswered.request = None;
        response
    };
    let now = Current { id: Arc::clone(&id), clock: here.clock, who: OnceLock::new(), made: OnceLock::new() };
    let mut response = CURRENT.scope(now, inner).instrument(span.clone()).await;
    traces::answered(&span, response.status().as_u16());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Answers hold live sessions and states of logins: no cache may keep them.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    tracing::debug!(
        request.id = %id,
        %method,
        path,
        status = response.status().as_u16(),
        duration_ms = started.elapsed().as_millis(),
        "answered"
    );
    response
}

/// An audited request that has no answer yet. Dropped so, because its caller went away, a change is written down all the same.
struct Unanswered<'a> {
    auditor: &'a Auditor,
    request: Option<audit::Request<'a>>,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Some(request) = self.request.take() else { return };
        let Some((request_id, at, who, made)) = known() else { return };
        if audit::is_written_at_once(&request, &who) {
            let act = Act {
                who: &who,
                action: &request.action,
                store: request.store,
                subject: request.subject.or(made.as_deref()),
                result: "",
                request_id: &request_id,
            };
            self.auditor.cut_off(act, at);
        }
    }
}

/// What is known of the request that is answered now: its id, the time, who calls and what he has made.
fn known() -> Option<(Arc<str>, Timestamp, Who, Option<String>)> {
    let known = CURRENT.try_with(|now| {
        let who = now.who.get().cloned().unwrap_or(Who::Anonymous);
        (Arc::clone(&now.id), now.clock.now(), who, now.made.get().cloned())
    });
    known.ok()
}

/// Writes a change down, and counts a read.
async fn write_down(
    auditor: &Auditor,
    request: &audit::Request<'_>,
    result: &'static str,
    located: Option<String>,
) {
    let Some((request_id, at, who, made)) = known() else { return };
    let made = made.or(located);
    let act = Act {
        who: &who,
        action: &request.action,
        store: request.store,
        subject: request.subject.or(made.as_deref()),
        result,
        request_id: &request_id,
    };
    if audit::is_written_at_once(request, &who) {
        auditor.changed(act, at).await;
    } else {
        auditor.read(act, at);
    }
}

/// The caller's own id where it is fit for logs, else a new one.
fn request_id(request: &Request<Body>) -> Arc<str> {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    });
    match given {
        Some(id) => id.into(),
        None => UuidV7.uuid().simple().to_string().into(),
    }
}
