//! Extractors whose refusals are problems: body, path, query, the `wait` of long polls, how fresh a session is wanted, the language.

use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::batch::BatchId;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::{LoginId, MerchantUid};
use kaspi_auth_core::sessions::Wanted;
use kaspi_auth_core::{Code, Error};
use serde::de::DeserializeOwned;

use super::State;
use super::problem::Problem;
use crate::explain;

/// How long a body may take to arrive: bodies are small.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<State> for Json<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &State) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::of(Code::UnsupportedMediaType));
        }
        let limit = state.limits.body();
        let too_large =
            || Problem::new(Code::PayloadTooLarge, format!("The body may have {limit} bytes at most."));
        if announced(request.headers()).is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        axum::extract::DefaultBodyLimit::max(limit).apply(&mut request);
        let body = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await;
        let body = body.map_err(|_| {
            let seconds = BODY_TIMEOUT.as_secs();
            Problem::new(
                Code::InvalidRequest,
                format!("The body did not come to its end within {seconds} seconds."),
            )
        })?;
        let body = body.map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(error)
                if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE =>
            {
                too_large()
            }
            _ => Problem::new(Code::InvalidRequest, "The body could not be read to its end."),
        })?;
        serde_json::from_slice(&body).map(Self).map_err(|error| unreadable(&error))
    }
}

/// What the caller says of the body's length.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What serde says of a type, without the value: a value may be a password.
fn unreadable(error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            // "unknown field `x`" and "missing field `x`" name a key of the caller's; other messages quote values.
            let named = ["missing field", "unknown field", "unknown variant", "duplicate field"];
            let what = if named.iter().any(|start| text.starts_with(start))
                && !text.starts_with("unknown variant")
            {
                text.split(" at line").next().unwrap_or_default().to_owned()
            } else {
                "a value has another type than the API describes".to_owned()
            };
            Problem::new(Code::InvalidValue, format!("The body does not fit: {what}, at {place}. See /docs."))
        }
        _ => Problem::new(Code::InvalidRequest, format!("The body is not valid JSON, at {place}.")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A part of the path. What cannot be an id of ours is "not found", as any other id that we do not know.
pub(super) struct Path<T>(pub(super) T);

/// What a path part can be.
pub(super) trait PathPart: Sized {
    /// Reads it; `None` when it cannot be one.
    fn read(text: &str) -> Option<Self>;
    /// What is said then.
    const UNKNOWN: Code;
}

impl PathPart for LoginId {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    const UNKNOWN: Code = Code::LoginNotFound;
}

impl PathPart for MerchantUid {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
    const UNKNOWN: Code = Code::StoreNotFound;
}

impl PathPart for EgressId {
    fn read(text: &str) -> Option<Self> {
        // Spelled as we spell it: an address names one thing in one way.
        uuid::Uuid::parse_str(text).ok().filter(|_| text.len() == 36).map(Self)
    }
    const UNKNOWN: Code = Code::EgressNotFound;
}

impl PathPart for BatchId {
    fn read(text: &str) -> Option<Self> {
        uuid::Uuid::parse_str(text).ok().filter(|_| text.len() == 36).map(Self)
    }
    const UNKNOWN: Code = Code::BatchNotFound;
}

/// What is called on an egress: `{id}:check`. `None`: nothing that there is.
pub(super) struct EgressCall(pub(super) Option<EgressId>);

impl PathPart for EgressCall {
    fn read(text: &str) -> Option<Self> {
        match text.strip_suffix(":check") {
            Some(id) => EgressId::read(id).map(|id| Self(Some(id))),
            None => Some(Self(None)),
        }
    }
    const UNKNOWN: Code = Code::EgressNotFound;
}

/// The public part of an API key.
pub(super) struct ApiKeyId(pub(super) String);

impl PathPart for ApiKeyId {
    fn read(text: &str) -> Option<Self> {
        (text.len() <= 64).then(|| Self(text.to_owned()))
    }
    const UNKNOWN: Code = Code::ApiKeyNotFound;
}

impl<T: PathPart + Send> FromRequestParts<State> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let text = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let read = text.ok().and_then(|axum::extract::Path(text)| T::read(&text));
        read.map(Self).ok_or_else(|| Problem::of(T::UNKNOWN))
    }
}

/// The query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<State> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|axum::extract::Query(query)| Self(query)).map_err(
            |rejection| {
                Problem::new(Code::InvalidValue, format!("The query does not fit: {}", rejection.body_text()))
            },
        )
    }
}

/// Until when to wait: `?wait=30s`. Longer than the service waits for anybody is cut to that.
pub(super) struct Wait(pub(super) Option<Timestamp>);

impl FromRequestParts<State> for Wait {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        #[derive(serde::Deserialize)]
        struct Asked {
            wait: Option<String>,
        }
        let Query(asked) = Query::<Asked>::from_request_parts(parts, state).await?;
        let Some(text) = asked.wait else { return Ok(Self(None)) };
        let wait = duration(&text)
            .ok_or_else(|| Problem::new(Code::InvalidValue, "wait is a time such as 30s, 1500ms or 1m."))?;
        Ok(Self(Some(until(state, wait.min(state.limits.longest_wait())))))
    }
}

/// The end of the longest wait that begins now.
pub(super) fn longest_wait(state: &State) -> Timestamp {
    until(state, state.limits.longest_wait())
}

fn until(state: &State, wait: Duration) -> Timestamp {
    state.service.clock.now() + signed(wait)
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::ZERO)
}

/// As [`duration`], and hours: `2h`.
fn span(text: &str) -> Option<Duration> {
    match text.strip_suffix('h') {
        Some(hours) if hours.bytes().all(|b| b.is_ascii_digit()) => {
            hours.parse::<u32>().ok().map(|hours| Duration::from_secs(u64::from(hours) * 3600))
        }
        Some(_) => None,
        None => duration(text),
    }
}

/// `30s`, `1500ms`, `1m`, or plain seconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().ok()?;
    match unit {
        "" | "s" => Some(Duration::from_secs(number.into())),
        "ms" => Some(Duration::from_millis(number.into())),
        "m" => Some(Duration::from_secs(u64::from(number) * 60)),
        _ => None,
    }
}

/// How fresh a session is wanted: `?max_age=60s&min_ttl=10m&wait=10s`. `None`: nothing is said, and the session is wanted as it is.
pub(super) struct Fresh(pub(super) Option<Wanted>);

impl FromRequestParts<State> for Fresh {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Asked {
            max_age: Option<String>,
            min_ttl: Option<String>,
            wait: Option<String>,
        }
        // Most calls say nothing.
        if parts.uri.query().is_none_or(str::is_empty) {
            return Ok(Self(None));
        }
        let Query(asked) = Query::<Asked>::from_request_parts(parts, state).await?;
        let read = |name: &str, text: Option<String>| {
            text.map(|text| {
                let unfit = || format!("{name} is a time such as 60s, 1500ms, 10m or 2h.");
                span(&text).ok_or_else(|| Problem::new(Code::InvalidValue, unfit()))
            })
            .transpose()
        };
        let longest = state.limits.longest_wait();
        let wait = read("wait", asked.wait)?.map_or(longest, |wait| wait.min(longest));
        Ok(Self(Some(Wanted {
            max_age: read("max_age", asked.max_age)?.map(signed),
            min_ttl: read("min_ttl", asked.min_ttl)?.map(signed),
            until: until(state, wait),
        })))
    }
}

/// What texts are told in: `?lang=ru`, else what the header `Accept-Language` asks for.
pub(super) struct Language(pub(super) explain::Language);

impl FromRequestParts<State> for Language {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Asked {
            lang: Option<String>,
        }
        let Query(asked) = Query::<Asked>::from_request_parts(parts, state).await?;
        if let Some(tag) = asked.lang {
            let unfit = || Problem::new(Code::InvalidValue, "lang is en, ru or kk.");
            return explain::Language::parse(&tag).map(Self).ok_or_else(unfit);
        }
        let header = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self(explain::Language::accepted(header)))
    }
}

/// The `Idempotency-Key` header.
pub(super) struct IdempotencyKey(pub(super) Option<String>);

impl FromRequestParts<State> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
        let refused = || {
            Problem::from(Error::new(
                Code::InvalidValue,
                "Idempotency-Key has 1 to 255 printable ASCII characters.",
            ))
        };
        key.map(|key| Self(Some(key.to_owned()))).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_with_their_units() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("30"), Some(Duration::from_secs(30)));
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Some(Duration::from_mins(2)));
        for bad in ["", "s", "-1s", "1h", "1.5s", "99999999999999s", "30 s"] {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn ages_may_be_hours_too() {
        assert_eq!(span("2h"), Some(Duration::from_hours(2)));
        assert_eq!(span("10m"), Some(Duration::from_mins(10)));
        assert_eq!(span("999999999h"), Some(Duration::from_hours(999_999_999)));
        for bad in ["", "h", "-1h", "+1h", "1.5h", "1hh", "1 h", "99999999999h", "1d"] {
            assert_eq!(span(bad), None, "{bad:?}");
        }
    }
}
