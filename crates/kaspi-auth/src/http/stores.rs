//! `/v1/stores`: list, read, change, delete.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::MerchantUid;

use super::authentication::Caller;
use super::extract::{Json, Path, Query};
use super::model::{StoreChangeBody, StorePage, StoreQuery, StoreView};
use super::openapi::Problems;
use super::problem::Problem;
use crate::wiring::Service;

/// List stores
#[utoipa::path(
    get, path = "/v1/stores", tag = "stores", operation_id = "list_stores", params(StoreQuery),
    responses((status = 200, description = "A page of stores", body = StorePage), Problems)
)]
pub(super) async fn list_stores(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Query(query): Query<StoreQuery>,
) -> Result<Answer<StorePage>, Problem> {
    let tenant = caller.may(Scope::StoresRead)?;
    Ok(Answer(service.stores.list(tenant, query.read()?).await?.into()))
}

/// Read a store
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}", tag = "stores", operation_id = "get_store",
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "The store", body = StoreView), Problems)
)]
pub(super) async fn get_store(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
) -> Result<Answer<StoreView>, Problem> {
    let tenant = caller.may(Scope::StoresRead)?;
    Ok(Answer((&service.stores.get(tenant, &uid).await?).into()))
}

/// Change a store
#[utoipa::path(
    patch, path = "/v1/stores/{merchant_uid}", tag = "stores", operation_id = "change_store", request_body = StoreChangeBody,
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "The changed store", body = StoreView), Problems)
)]
pub(super) async fn change_store(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
    Json(body): Json<StoreChangeBody>,
) -> Result<Answer<StoreView>, Problem> {
    let tenant = caller.may(Scope::StoresWrite)?;
    Ok(Answer((&service.stores.change(tenant, &uid, body.read()?).await?).into()))
}

/// Delete a store
///
/// Its row, its session and its credentials are erased.
#[utoipa::path(
    delete, path = "/v1/stores/{merchant_uid}", tag = "stores", operation_id = "delete_store",
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 204, description = "Deleted"), Problems)
)]
pub(super) async fn delete_store(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
) -> Result<StatusCode, Problem> {
    let tenant = caller.may(Scope::StoresWrite)?;
    service.stores.delete(tenant, &uid).await?;
    Ok(StatusCode::NO_CONTENT)
}
