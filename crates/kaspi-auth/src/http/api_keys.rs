//! `/v1/api-keys`: make, list, revoke. Scope `admin`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use jiff::Timestamp;
use kaspi_auth_core::api_key::{ApiKey, Scope};
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::{Code, Error};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::authentication::Caller;
use super::extract::{ApiKeyId, Json, Path};
use super::openapi::Problems;
use super::problem::Problem;
use crate::wiring::Service;

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "pricing", "scopes": ["stores:read", "sessions:read"]}))]
pub(super) struct NewApiKeyBody {
    /// What it is for, 1 to 100 characters.
    name: String,
    /// `logins:write`, `stores:read`, `stores:write`, `sessions:read`, `admin`.
    scopes: Vec<String>,
    /// Binds the key to one user's stores.
    user_id: Option<String>,
}

/// A key, without its text.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyView {
    /// Names it.
    id: String,
    /// What it is for.
    name: String,
    /// Its first characters.
    prefix: String,
    /// What it may do.
    scopes: Vec<&'static str>,
    /// Whose stores it is bound to.
    user_id: Option<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last used, to the minute.
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    revoked_at: Option<Timestamp>,
}

/// A new key with its text, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedApiKeyView {
    /// The text to send as `Authorization: Bearer …`.
    key: String,
    /// The rest.
    #[serde(flatten)]
    view: ApiKeyView,
}

/// All keys, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyList {
    /// The keys.
    api_keys: Vec<ApiKeyView>,
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
            user_id: key.user_id.as_ref().map(ToString::to_string),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

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
    let unknown = || Error::new(Code::InvalidValue, "Scopes are logins:write, stores:read, stores:write, sessions:read, admin.");
    let scopes: Option<Vec<Scope>> = body.scopes.iter().map(|scope| Scope::parse(scope)).collect();
    let user_id = body.user_id.as_deref().map(UserId::parse).transpose();
    let user_id = user_id.map_err(|error| Error::new(Code::InvalidValue, error.0))?;
    let (key, text) = service.api_keys.create(&body.name, &scopes.ok_or_else(unknown)?, user_id).await?;
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
