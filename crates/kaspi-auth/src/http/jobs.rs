//! `/v1/jobs`: work in the background. Scope `admin`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use kaspi_auth_core::api_key::Scope;

use super::authentication::Caller;
use super::extract::Query;
use super::model::{JobList, JobQuery};
use super::openapi::Problems;
use super::problem::Problem;
use crate::wiring::Service;

/// List jobs
///
/// Newest first, with how the whole queue fares.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs", params(JobQuery),
    responses((status = 200, description = "Jobs and figures", body = JobList), Problems)
)]
pub(super) async fn list_jobs(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Query(query): Query<JobQuery>,
) -> Result<Answer<JobList>, Problem> {
    caller.may(Scope::Admin)?;
    let jobs = service.records.jobs(&query.read()?).await?;
    Ok(Answer(JobList::new(&jobs, service.records.job_figures().await?)))
}
