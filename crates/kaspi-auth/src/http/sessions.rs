//! `/v1/stores/{merchant_uid}/session`: read, validate, refresh.

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
use super::extract::{Path, Wait, longest_wait};
use super::model::{LoginView, SessionView, ValidationView};
use super::openapi::Problems;
use super::problem::Problem;
use crate::process::traces;
use crate::wiring::Service;

/// Read a live session
///
/// The answer holds cookies in clear: keep it out of logs and caches. A session that the last look found dead is the problem
/// `session_expired`.
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}/session", tag = "sessions", operation_id = "get_session",
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "The session", body = SessionView), Problems)
)]
pub(super) async fn get_session(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
) -> Result<Answer<SessionView>, Problem> {
    let tenant = caller.may(Scope::SessionsRead)?;
    let session = service.sessions.get(tenant, &uid).await?;
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
    let tenant = caller.may(Scope::SessionsRead)?;
    let found = service.sessions.validate(tenant, &uid).await?;
    Ok(Answer(ValidationView::new(uid.to_string(), found)))
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
