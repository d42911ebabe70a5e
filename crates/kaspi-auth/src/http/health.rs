//! `/healthz`, `/readyz`, `/metrics`. The first two need no credentials and tell nothing but their word.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::header;
use axum::response::IntoResponse;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::port::Database as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::authentication::Caller;
use super::openapi::Problems;
use super::problem::Problem;
use crate::wiring::Service;

/// How it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the process lives
#[utoipa::path(
    get, path = "/healthz", tag = "health", operation_id = "healthz", security(()),
    responses((status = 200, description = "It lives", body = Health))
)]
pub(super) async fn healthz() -> Answer<Health> {
    Answer(Health { status: "ok" })
}

/// Whether it can serve: the database answers
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz", security(()),
    responses((status = 200, description = "It can", body = Health), Problems)
)]
pub(super) async fn readyz(Shared(service): Shared<Arc<Service>>) -> Result<Answer<Health>, Problem> {
    service.database.ping().await.map_err(kaspi_auth_core::Error::from)?;
    Ok(Answer(Health { status: "ok" }))
}

/// Figures for Prometheus. Scope `admin`
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain"), Problems)
)]
pub(super) async fn metrics(
    Shared(state): Shared<State>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Scope::Admin)?;
    metrics::gauge!("kaspi_auth_logins_running")
        .set(u32::try_from(state.service.runner.len()).unwrap_or(u32::MAX));
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], state.metrics.render()))
}
