//! `/v1/logins/{id}/evidence` and the picture of a challenge: what was seen of a login. Pictures are never to be kept by anybody.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::{Code, Error};
use utoipa::ToSchema;

use super::authentication::Caller;
use super::extract::{Path, Query};
use super::model::{EvidenceQuery, EvidenceView, PageFixture};
use super::openapi::Problems;
use super::problem::Problem;
use crate::wiring::Service;

/// A PNG picture that a browser shows and does nothing else with.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Png(Vec<u8>);

impl IntoResponse for Png {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("image/png")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        ];
        (headers, self.0).into_response()
    }
}

fn missing(what: &str) -> Error {
    Error::new(Code::EvidenceNotFound, format!("No {what} was kept of this login."))
}

/// Read the evidence of a login
///
/// What was seen of a step that failed or was not understood. With `format=fixture`: the page as `kaspi-auth sandbox --fixture` replays
/// it.
#[utoipa::path(
    get, path = "/v1/logins/{id}/evidence", tag = "logins", operation_id = "get_evidence",
    params(("id" = uuid::Uuid, Path, description = "The login"), EvidenceQuery),
    responses((status = 200, description = "The evidence; with `format=fixture`: a `PageFixture`", body = EvidenceView), Problems)
)]
pub(super) async fn get_evidence(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<LoginId>,
    Query(query): Query<EvidenceQuery>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let wants_fixture = query.wants_fixture()?;
    let evidence = service.records.evidence(tenant, id).await?;
    if wants_fixture {
        return Ok(Answer(PageFixture::of(&evidence)?).into_response());
    }
    Ok(Answer(EvidenceView::new(id, &evidence)).into_response())
}

/// See the page of a login's evidence
#[utoipa::path(
    get, path = "/v1/logins/{id}/evidence/screenshot", tag = "logins", operation_id = "get_evidence_screenshot",
    params(("id" = uuid::Uuid, Path, description = "The login")),
    responses((status = 200, description = "The page, inputs blacked out", body = Png, content_type = "image/png"), Problems)
)]
pub(super) async fn get_evidence_screenshot(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<LoginId>,
) -> Result<Png, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let evidence = service.records.evidence(tenant, id).await?;
    Ok(Png(evidence.screenshot.ok_or_else(|| missing("screenshot"))?))
}

/// See what a person had to look at
#[utoipa::path(
    get, path = "/v1/logins/{id}/evidence/picture", tag = "logins", operation_id = "get_evidence_picture",
    params(("id" = uuid::Uuid, Path, description = "The login")),
    responses((status = 200, description = "The element of the page", body = Png, content_type = "image/png"), Problems)
)]
pub(super) async fn get_evidence_picture(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<LoginId>,
) -> Result<Png, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let evidence = service.records.evidence(tenant, id).await?;
    Ok(Png(evidence.picture.ok_or_else(|| missing("picture"))?))
}

/// See what a challenge asks a person to look at
///
/// Only while the login is in `awaiting_captcha` or `awaiting_takeover`.
#[utoipa::path(
    get, path = "/v1/logins/{id}/challenge/picture", tag = "logins", operation_id = "get_challenge_picture",
    params(("id" = uuid::Uuid, Path, description = "The login")),
    responses((status = 200, description = "The element of the page, or the page", body = Png, content_type = "image/png"), Problems)
)]
pub(super) async fn get_challenge_picture(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<LoginId>,
) -> Result<Png, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?;
    Ok(Png(service.records.picture(tenant, id).await?))
}
