//! `/v1/egresses`: the ways out to the portal. Scope `admin`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kaspi_auth_core::Code;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::egress::EgressId;

use super::authentication::Caller;
use super::extract::{EgressCall, Json, Path};
use super::model::{EgressChangeBody, EgressList, EgressView, NewEgressBody};
use super::openapi::Problems;
use super::problem::{Problem, to_the_end};
use crate::wiring::Service;

/// List egresses
#[utoipa::path(
    get, path = "/v1/egresses", tag = "egresses", operation_id = "list_egresses",
    responses((status = 200, description = "All egresses, by name", body = EgressList), Problems)
)]
pub(super) async fn list_egresses(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
) -> Result<Answer<EgressList>, Problem> {
    caller.may(Scope::Admin)?;
    Ok(Answer(EgressList::new(&service.egresses.list().await?, service.clock.now())))
}

/// Add an egress
///
/// It is checked against the portal's login page at once; `check_error` says what came of it. A proxy whose check was not well is
/// kept and not used.
#[utoipa::path(
    post, path = "/v1/egresses", tag = "egresses", operation_id = "add_egress", request_body = NewEgressBody,
    responses(
        (status = 201, description = "The egress", body = EgressView, headers(("Location" = String, description = "Where it is read"))),
        Problems
    )
)]
pub(super) async fn add_egress(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Json(body): Json<NewEgressBody>,
) -> Result<Response, Problem> {
    caller.may(Scope::Admin)?;
    let (new, working) = (body.read()?, Arc::clone(&service));
    let egress = to_the_end(async move { working.egresses.add(new).await }).await?;
    let view = EgressView::new(&egress, service.clock.now());
    let mut response = (StatusCode::CREATED, Answer(view)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/egresses/{}", egress.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Read an egress
#[utoipa::path(
    get, path = "/v1/egresses/{id}", tag = "egresses", operation_id = "get_egress",
    params(("id" = uuid::Uuid, Path, description = "The egress; the nil UUID is the built-in direct one")),
    responses((status = 200, description = "The egress", body = EgressView), Problems)
)]
pub(super) async fn get_egress(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<EgressId>,
) -> Result<Answer<EgressView>, Problem> {
    caller.may(Scope::Admin)?;
    Ok(Answer(EgressView::new(&service.egresses.get(id).await?, service.clock.now())))
}

/// Change an egress
///
/// Another proxy is checked at once. One that stands in the configuration can be switched off and woken, and no more.
#[utoipa::path(
    patch, path = "/v1/egresses/{id}", tag = "egresses", operation_id = "change_egress", request_body = EgressChangeBody,
    params(("id" = uuid::Uuid, Path, description = "The egress")),
    responses((status = 200, description = "The changed egress", body = EgressView), Problems)
)]
pub(super) async fn change_egress(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<EgressId>,
    Json(body): Json<EgressChangeBody>,
) -> Result<Answer<EgressView>, Problem> {
    caller.may(Scope::Admin)?;
    let (change, working) = (body.read()?, Arc::clone(&service));
    let egress = to_the_end(async move { working.egresses.change(id, change).await }).await?;
    Ok(Answer(EgressView::new(&egress, service.clock.now())))
}

/// Delete an egress
///
/// Its accounts move to another one at their next login; sessions that were won on it must be signed in to again.
#[utoipa::path(
    delete, path = "/v1/egresses/{id}", tag = "egresses", operation_id = "delete_egress",
    params(("id" = uuid::Uuid, Path, description = "The egress")),
    responses((status = 204, description = "Deleted"), Problems)
)]
pub(super) async fn delete_egress(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<EgressId>,
) -> Result<StatusCode, Problem> {
    caller.may(Scope::Admin)?;
    service.egresses.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check an egress
///
/// Fetches the portal's login page over it, without credentials. A check that is well ends a rest; what is wrong stands in
/// `check_error` and is no error of this call.
#[utoipa::path(
    post, path = "/v1/egresses/{id}:check", tag = "egresses", operation_id = "check_egress",
    params(("id" = uuid::Uuid, Path, description = "The egress")),
    responses((status = 200, description = "The egress, with what the check said", body = EgressView), Problems)
)]
pub(super) async fn check_egress(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(EgressCall(id)): Path<EgressCall>,
) -> Result<Answer<EgressView>, Problem> {
    caller.may(Scope::Admin)?;
    let id = id.ok_or_else(|| Problem::of(Code::NotFound))?;
    let working = Arc::clone(&service);
    let egress = to_the_end(async move { working.egresses.check(id).await }).await?;
    Ok(Answer(EgressView::new(&egress, service.clock.now())))
}
