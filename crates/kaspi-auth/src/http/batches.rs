//! `/v1/sessions:validate`, `/v1/sessions:refresh`, `/v1/batches`: many stores at once, in the background.

use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kaspi_auth_core::Error;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::batch::{Batch, BatchId, BatchKind};
use kaspi_auth_core::tenant::Tenant;

use super::State;
use super::authentication::Caller;
use super::extract::{Json, Path, Query, Wait};
use super::model::{BatchBody, BatchStorePage, BatchStoreQuery, BatchView};
use super::openapi::Problems;
use super::problem::{Problem, to_the_end};
use crate::wiring::Service;

/// How often a batch that is waited for is looked at: any node may end it, and tells nobody.
const LOOK: Duration = Duration::from_millis(500);

/// Ask the cabinet about many sessions
///
/// In the background: read how far the batch is under `Location`.
#[utoipa::path(
    post, path = "/v1/sessions:validate", tag = "batches", operation_id = "validate_sessions", request_body = BatchBody,
    responses(
        (status = 202, description = "The batch", body = BatchView, headers(("Location" = String, description = "Where it is read"))),
        Problems
    )
)]
pub(super) async fn validate_sessions(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Json(body): Json<BatchBody>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::SessionsRead)?.clone();
    begin(service, tenant, BatchKind::Validate, &body).await
}

/// Sign in again to many stores
///
/// In the background, as far as that goes without a person: read how far the batch is under `Location`.
#[utoipa::path(
    post, path = "/v1/sessions:refresh", tag = "batches", operation_id = "refresh_sessions", request_body = BatchBody,
    responses(
        (status = 202, description = "The batch", body = BatchView, headers(("Location" = String, description = "Where it is read"))),
        Problems
    )
)]
pub(super) async fn refresh_sessions(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Json(body): Json<BatchBody>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?.clone();
    begin(service, tenant, BatchKind::Refresh, &body).await
}

/// Read a batch
///
/// With `wait`, the answer comes when all its stores are done.
#[utoipa::path(
    get, path = "/v1/batches/{id}", tag = "batches", operation_id = "get_batch",
    params(
        ("id" = uuid::Uuid, Path, description = "The batch"),
        ("wait" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m)?$", description = "How long to wait for its end: `30s`, at most 60s")
    ),
    responses((status = 200, description = "The batch", body = BatchView), Problems)
)]
pub(super) async fn get_batch(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<BatchId>,
    Wait(until): Wait,
) -> Result<Answer<BatchView>, Problem> {
    let tenant = may_read(&caller)?;
    Ok(Answer((&waited(&state, tenant, id, until).await?).into()))
}

/// Read what came of each store
#[utoipa::path(
    get, path = "/v1/batches/{id}/stores", tag = "batches", operation_id = "list_batch_stores",
    params(("id" = uuid::Uuid, Path, description = "The batch"), BatchStoreQuery),
    responses((status = 200, description = "A page of the batch's stores", body = BatchStorePage), Problems)
)]
pub(super) async fn list_batch_stores(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<BatchId>,
    Query(query): Query<BatchStoreQuery>,
) -> Result<Answer<BatchStorePage>, Problem> {
    let tenant = may_read(&caller)?;
    let (after, limit) = query.read()?;
    let found = service.batches.items(tenant, id, after.as_ref(), limit + 1).await?;
    Ok(Answer(BatchStorePage::new(&found, limit)))
}

/// Who may begin one may see what came of it.
fn may_read(caller: &Caller) -> Result<&Tenant, Problem> {
    caller.may(Scope::SessionsRead).or_else(|_| caller.may(Scope::LoginsWrite))
}

async fn begin(
    service: Arc<Service>,
    tenant: Tenant,
    kind: BatchKind,
    body: &BatchBody,
) -> Result<Response, Problem> {
    let stores = body.read()?;
    let batch = to_the_end(async move { service.batches.begin(&tenant, kind, stores).await }).await?;
    let mut response = (StatusCode::ACCEPTED, Answer(BatchView::from(&batch))).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/batches/{}", batch.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Reads a batch, waiting while it goes on. A service that is told to stop keeps nobody waiting.
async fn waited(
    state: &State,
    tenant: &Tenant,
    id: BatchId,
    until: Option<Timestamp>,
) -> Result<Batch, Error> {
    let (batches, clock) = (&state.service.batches, &state.service.clock);
    loop {
        let batch = batches.get(tenant, id).await?;
        let now = clock.now();
        let Some(left) = until.filter(|until| batch.ended_at.is_none() && now < *until) else {
            return Ok(batch);
        };
        let left = Duration::try_from(now.duration_until(left)).unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(left.min(LOOK)) => {}
            () = state.stopping.cancelled() => return Ok(batch),
        }
    }
}
