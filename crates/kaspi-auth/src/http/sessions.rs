//! `/v1/stores/{merchant_uid}/session`: read, validate, refresh, report.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::sessions::Refreshed;
use tracing::Instrument as _;

use super::State;
use super::authentication::Caller;
use super::extract::{Fresh, Json, Path, Wait, longest_wait};
use super::model::{LoginView, ReportBody, ReportView, SessionView, ValidationView};
use super::openapi::Problems;
use super::problem::{Problem, at_once_or_to_the_end, to_the_end};
use crate::process::traces;
use crate::wiring::Service;

/// Read a live session
///
/// The answer holds cookies in clear: keep it out of logs and caches. Without a query it comes as it is stored; one that the last look found
/// dead is the problem `session_expired`. With `max_age`, `min_ttl` or `wait` it comes as fresh as that: from memory where that will do, else the
/// cabinet is asked, else the session is renewed, once for all who wait; where that cannot be, a problem says why and what to do. While the
/// portal is down, the last good session is served: its `checked_at` tells.
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}/session", tag = "sessions", operation_id = "get_session",
    params(
        ("merchant_uid" = String, Path, description = "The portal's id of the merchant"),
        ("max_age" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m|h)?$", description = "It was seen alive within this time: `60s`"),
        ("min_ttl" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m|h)?$", description = "It is believed to live for so long yet: `10m`. One that could not be renewed is served while it lives"),
        ("wait" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m|h)?$", description = "How long to wait for a look and a renewal: `10s`, at most 60s, which is also the default")
    ),
    responses((status = 200, description = "The session", body = SessionView), Problems)
)]
pub(super) async fn get_session(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
    Fresh(wanted): Fresh,
) -> Result<Answer<SessionView>, Problem> {
    let tenant = caller.may(Scope::SessionsRead)?;
    let session = match wanted {
        None => service.sessions.get(tenant, &uid).await?,
        Some(wanted) => service.sessions.serve(tenant, &uid, wanted).await?,
    };
    Ok(Answer(SessionView::new(&session, service.portal.as_ref(), service.clock.now())))
}

/// Ask the cabinet whether the session lives
#[utoipa::path(
    post, path = "/v1/stores/{merchant_uid}/session/validate", tag = "sessions", operation_id = "validate_session",
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "What was found; `unknown` changes nothing", body = ValidationView), Problems)
)]
pub(super) async fn validate_session(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
) -> Result<Answer<ValidationView>, Problem> {
    let tenant = caller.may(Scope::SessionsRead)?.clone();
    let (sessions, asked) = (Arc::clone(&service.sessions), uid.clone());
    let found = to_the_end(async move { sessions.validate(&tenant, &asked).await }).await?;
    Ok(Answer(ValidationView::new(uid.to_string(), found)))
}

/// Report how a call of the cabinet went
///
/// What consumers tell stands for most of the service's own looks. A session that was refused is looked at, and renewed if it is dead. A report of
/// an older generation is ignored.
#[utoipa::path(
    post, path = "/v1/stores/{merchant_uid}/session/report", tag = "sessions", operation_id = "report_session", request_body = ReportBody,
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "What is known of the session now", body = ReportView), Problems)
)]
pub(super) async fn report_session(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
    Json(body): Json<ReportBody>,
) -> Result<Answer<ReportView>, Problem> {
    let tenant = caller.may(Scope::SessionsRead)?.clone();
    let (sessions, report) = (Arc::clone(&service.sessions), body.read()?);
    let told = at_once_or_to_the_end(async move { sessions.report(&tenant, &uid, report).await }).await?;
    Ok(Answer((&told).into()))
}

/// Sign in again
///
/// By the login host's own memory first, then by the stored password. When the portal asks for a code, the login comes back with
/// status 202: answer it under `/v1/logins`.
#[utoipa::path(
    post, path = "/v1/stores/{merchant_uid}/session/refresh", tag = "sessions", operation_id = "refresh_session",
    params(
        ("merchant_uid" = String, Path, description = "The portal's id of the merchant"),
        ("wait" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m)?$", description = "How long to wait for the end: `30s`, at most 60s, which is also the default")
    ),
    responses(
        (status = 200, description = "The new session", body = SessionView),
        (status = 202, description = "A login that goes on and may need you", body = LoginView),
        Problems
    )
)]
pub(super) async fn refresh_session(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
    Wait(until): Wait,
) -> Result<Response, Problem> {
    caller.may(Scope::LoginsWrite)?;
    // The answer holds the session, so reading it must be allowed as well.
    let tenant = caller.may(Scope::SessionsRead)?;
    let until = until.unwrap_or_else(|| longest_wait(&state));
    let refreshed = state.service.sessions.refresh(tenant, &uid, until).instrument(traces::refresh()).await?;
    Ok(match refreshed {
        Refreshed::Session(session) => {
            let service = &state.service;
            Answer(SessionView::new(&session, service.portal.as_ref(), service.clock.now())).into_response()
        }
        Refreshed::Login(login) => (StatusCode::ACCEPTED, Answer(LoginView::from(&login))).into_response(),
    })
}
