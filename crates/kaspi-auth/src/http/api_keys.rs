//! `/v1/api-keys`: make, list, revoke. Scope `admin`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::{Code, Error};
use secrecy::ExposeSecret;

use super::authentication::Caller;
use super::extract::{ApiKeyId, Json, Path};
use super::middleware;
use super::model::{ApiKeyList, CreatedApiKeyView, NewApiKeyBody};
use super::openapi::Problems;
use super::problem::Problem;
use crate::wiring::Service;

/// List API keys
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "api-keys", operation_id = "list_api_keys",
    responses((status = 200, description = "All keys, without their texts", body = ApiKeyList), Problems)
)]
pub(super) async fn list_api_keys(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
) -> Result<Answer<ApiKeyList>, Problem> {
    caller.may(Scope::Admin)?;
    let keys = service.api_keys.list().await?;
    Ok(Answer(ApiKeyList { api_keys: keys.iter().map(Into::into).collect() }))
}

/// Make an API key
///
/// The text of the key is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "api-keys", operation_id = "create_api_key", request_body = NewApiKeyBody,
    responses((status = 201, description = "The key with its text", body = CreatedApiKeyView), Problems)
)]
pub(super) async fn create_api_key(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Json(body): Json<NewApiKeyBody>,
) -> Result<(StatusCode, Answer<CreatedApiKeyView>), Problem> {
    caller.may(Scope::Admin)?;
    let unknown = || {
        Error::new(
            Code::InvalidValue,
            "Scopes are logins:write, stores:read, stores:write, sessions:read, cabinet:call, admin.",
        )
    };
    let scopes: Option<Vec<Scope>> = body.scopes.iter().map(|scope| Scope::parse(scope)).collect();
    let user_id = body.user_id.as_deref().map(UserId::parse).transpose();
    let user_id = user_id.map_err(|error| Error::new(Code::InvalidValue, error.0))?;
    let scopes = scopes.ok_or_else(unknown)?;
    let made = service.api_keys.create(&body.name, &scopes, user_id, &body.cabinet_paths);
    let (key, text) = made.await?;
    middleware::made(&key.id);
    let created = CreatedApiKeyView { key: text.expose_secret().to_owned(), view: (&key).into() };
    Ok((StatusCode::CREATED, Answer(created)))
}

/// Revoke an API key
///
/// It opens nothing from now on.
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "api-keys", operation_id = "revoke_api_key",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Revoked"), Problems)
)]
pub(super) async fn revoke_api_key(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    caller.may(Scope::Admin)?;
    service.api_keys.revoke(&id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
