//! `/v1/stores`: list, read, change, delete; what happened to a store, how its calls went, and why it stands as it does.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::MerchantUid;

use super::authentication::Caller;
use super::extract::{Json, Language, Path, Query};
use super::model::{
    ExplanationView, StoreCalls, StoreChangeBody, StoreDetailsView, StorePage, StoreQuery, StoreView,
    TimelinePage, TimelineQuery,
};
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
///
/// Beside what lists say of it: whether and why its session can be renewed without a person, and when it is believed to end.
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}", tag = "stores", operation_id = "get_store",
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "The store", body = StoreDetailsView), Problems)
)]
pub(super) async fn get_store(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
) -> Result<Answer<StoreDetailsView>, Problem> {
    let tenant = caller.may(Scope::StoresRead)?;
    Ok(Answer((&service.explanations.explain(tenant, &uid).await?).into()))
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

/// Read what happened to a store
///
/// Logins, refreshes, looks and reports, newest first. Call again with `before` = `next_before` for what is older.
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}/timeline", tag = "stores", operation_id = "get_timeline",
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant"), TimelineQuery),
    responses((status = 200, description = "What happened before the cursor", body = TimelinePage), Problems)
)]
pub(super) async fn get_timeline(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
    Query(query): Query<TimelineQuery>,
) -> Result<Answer<TimelinePage>, Problem> {
    let tenant = caller.may(Scope::StoresRead)?;
    let (before, limit) = query.read()?;
    Ok(Answer(TimelinePage::new(&service.records.timeline(tenant, &uid, before, limit + 1).await?, limit)))
}

/// Read how a store's calls of the cabinet went
///
/// How many services have made through the gateway, what they came to, and how long they took: over all nodes; what others have counted comes some seconds late.
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}/calls", tag = "stores", operation_id = "get_calls",
    params(("merchant_uid" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "By what they came to", body = StoreCalls), Problems)
)]
pub(super) async fn get_calls(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
) -> Result<Answer<StoreCalls>, Problem> {
    let tenant = caller.may(Scope::StoresRead)?;
    // This node's calls of the last moments stand in it, too.
    service.gateway.write_calls().await?;
    Ok(Answer(StoreCalls::new(&service.records.calls(tenant, &uid).await?)))
}

/// Read why a store stands as it does
///
/// The cause, since when, who must act, and when the service tries next by itself: as values, and in words in the caller's language.
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}/explain", tag = "stores", operation_id = "explain_store",
    params(
        ("merchant_uid" = String, Path, description = "The portal's id of the merchant"),
        ("lang" = Option<String>, Query, pattern = "^(en|ru|kk)$", description = "The language: `en`, `ru` or `kk`; left out, what `Accept-Language` asks for, else English"),
        ("Accept-Language" = Option<String>, Header, description = "The languages that are wanted: `kk, ru;q=0.8`")
    ),
    responses((status = 200, description = "Why", body = ExplanationView, headers(("Content-Language" = String, description = "The language of `text`"))), Problems)
)]
pub(super) async fn explain_store(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
    Language(language): Language,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::StoresRead)?;
    let known = service.explanations.explain(tenant, &uid).await?;
    let mut response = Answer(ExplanationView::new(&known, language, service.clock.now())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}
