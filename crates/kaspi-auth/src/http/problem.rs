//! Errors as `application/problem+json` (RFC 9457). The only file that maps kinds of trouble to statuses.

use std::task::Poll;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::{Code, Error, Kind};
use serde::Serialize;
use tracing::Instrument as _;

use super::middleware;
use crate::process::Chain;

/// What a caller is told to wait where nobody knows better: when the service cannot now, and when somebody was too fast.
const UNAVAILABLE_PAUSE: SignedDuration = SignedDuration::from_secs(5);
const RATE_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// A problem document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "type": "/docs/problems/store_not_found", "title": "store not found", "status": 404, "detail": "There is no such store.",
    "code": "store_not_found", "retryable": false, "request_id": "0198f0c2c5d27b1e8d0c1f2a3b4c5d6e"
}))]
pub(super) struct ProblemBody {
    /// Where the problem is explained.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened and what to do.
    detail: String,
    /// The stable code.
    code: &'static str,
    /// Whether a new try may succeed although nothing is changed.
    retryable: bool,
    /// From when a new try makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
    /// The portal's own words, where it said any.
    #[serde(skip_serializing_if = "Option::is_none")]
    portal_message: Option<String>,
    /// Finds the request in the logs.
    request_id: String,
}

/// An error on its way out.
#[derive(Debug)]
pub(super) struct Problem(Error);

impl Problem {
    /// The problem of a code, with the code's own explanation.
    pub(super) fn of(code: Code) -> Self {
        Self(Error::of(code))
    }

    /// Its code.
    pub(super) fn code(&self) -> Code {
        self.0.code()
    }

    /// The problem of a code, with this explanation.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Error::new(code, detail))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// Runs a use case to its end, also when the caller goes away in the middle: what is begun is not left half done.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done.map_err(Problem),
        Err(panicked) => Err(Problem(Error::of(Code::Internal).with_source(panicked))),
    }
}

/// As [`to_the_end`], without a task of its own for what is answered at once, from memory.
pub(super) async fn at_once_or_to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Problem> {
    let mut work = Box::pin(work);
    match futures_util::poll!(work.as_mut()) {
        Poll::Ready(done) => done.map_err(Problem),
        Poll::Pending => to_the_end(work).await,
    }
}

/// The status of a code.
pub(super) fn status(code: Code) -> StatusCode {
    match code.kind() {
        Kind::Accepted => StatusCode::ACCEPTED,
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthorized => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Upstream => StatusCode::BAD_GATEWAY,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// How long to wait before another try: every 503 and 429 says so.
fn pause(status: StatusCode) -> Option<SignedDuration> {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Some(UNAVAILABLE_PAUSE),
        StatusCode::TOO_MANY_REQUESTS => Some(RATE_PAUSE),
        _ => None,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = self.0;
        let (code, status) = (error.code(), status(error.code()));
        // Logged once, here, with the whole chain; what the caller did wrong is the caller's matter.
        if status.is_server_error() && matches!(code.kind(), Kind::Internal | Kind::Unavailable) {
            tracing::error!(code = code.as_str(), error = %Chain(&error), "request failed");
        } else {
            tracing::debug!(code = code.as_str(), error = %Chain(&error), "request refused");
        }
        let (request_id, now) = middleware::current().map_or((None, None), |(id, now)| (Some(id), Some(now)));
        let retry_at = error.retry_at().or_else(|| now?.checked_add(pause(status)?).ok());
        let body = ProblemBody {
            kind: format!("/docs/problems/{}", code.as_str()),
            title: code.as_str().replace('_', " "),
            status: status.as_u16(),
            detail: error.detail().to_owned(),
            code: code.as_str(),
            retryable: code.retryable(),
            retry_at,
            portal_message: error.portal_message().map(str::to_owned),
            request_id: request_id.as_deref().unwrap_or_default().to_owned(),
        };
        let mut response = (status, Json(body)).into_response();
        // For those who write down what came of the request.
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let (Some(at), Some(now)) = (retry_at, now) {
            // Rounded up: who comes back after that many seconds must not be too early.
            let left = now.duration_until(at);
            let seconds = (left.as_secs() + i64::from(left.subsec_nanos() > 0)).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
