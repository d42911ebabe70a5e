//! What surrounds every request: its id, its time limit, a net for panics, its log line, headers that always hold.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
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
use crate::config;
use crate::process::{UuidV7, traces};

const REQUEST_ID: &str = "x-request-id";

/// Limits of every request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    timeout: Duration,
    body: usize,
}

impl Limits {
    pub(super) fn new(settings: &config::Server) -> Self {
        Self {
            timeout: Duration::from_secs(settings.request_timeout_seconds),
            body: settings.body_limit_bytes,
        }
    }

    /// The longest that a call may wait for something to happen: a little less than the whole request may take.
    pub(super) fn longest_wait(self) -> Duration {
        self.timeout.mul_f32(0.7).min(Duration::from_mins(1))
    }

    /// The largest body.
    pub(super) fn body(self) -> usize {
        self.body
    }
}

/// What surrounds every request.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
}

tokio::task_local! {
    static CURRENT: (Arc<str>, Arc<dyn Clock>);
}

/// The id of the request that is answered now, and the time; `None` outside of one.
pub(super) fn current() -> Option<(Arc<str>, Timestamp)> {
    CURRENT.try_with(|(id, clock)| (Arc::clone(id), clock.now())).ok()
}

/// Wraps a request.
pub(super) async fn around(State(here): State<Surroundings>, request: Request<Body>, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let span = traces::request(&method, route, request.headers());
    let inner = async {
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(here.limits.timeout, answered).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Problem::of(Code::Internal).into_response(),
            Err(_) => Problem::of(Code::RequestTimeout).into_response(),
        }
    };
    let mut response = CURRENT.scope((Arc::clone(&id), here.clock), inner).instrument(span.clone()).await;
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
