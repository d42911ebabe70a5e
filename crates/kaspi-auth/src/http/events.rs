//! `/v1/events`: what an operator should hear of. Scope `admin`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use kaspi_auth_core::api_key::Scope;

use super::authentication::Caller;
use super::extract::Query;
use super::model::{EventPage, EventQuery};
use super::openapi::Problems;
use super::problem::Problem;
use crate::wiring::Service;

/// Read events
///
/// Oldest first. Call again with `after` = `next_after` for what came since.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "list_events", params(EventQuery),
    responses((status = 200, description = "What happened after the cursor", body = EventPage), Problems)
)]
pub(super) async fn list_events(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Result<Answer<EventPage>, Problem> {
    caller.may(Scope::Admin)?;
    let (after, limit) = query.read()?;
    Ok(Answer(EventPage::new(&service.records.events(after, limit).await?, after)))
}
