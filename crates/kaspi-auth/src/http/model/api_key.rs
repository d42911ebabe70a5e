//! API keys on the wire. Only [`CreatedApiKeyView`] holds a key's text, once.

use jiff::Timestamp;
use kaspi_auth_core::api_key::ApiKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "pricing", "scopes": ["stores:read", "sessions:read"]}))]
pub struct NewApiKeyBody {
    /// What it is for, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub(crate) name: String,
    /// `logins:write`, `stores:read`, `stores:write`, `sessions:read`, `cabinet:call`, `admin`.
    #[schema(min_items = 1)]
    pub(crate) scopes: Vec<String>,
    /// Binds the key to one user's stores.
    #[schema(min_length = 1, max_length = 255)]
    pub(crate) user_id: Option<String>,
    /// Paths of the cabinet that it may call with the scope `cabinet:call`: `/bff/*`, `GET /s/m`. None when left out.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub(crate) cabinet_paths: Vec<String>,
}

/// A key, without its text.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyView {
    /// Names it.
    id: String,
    /// What it is for.
    name: String,
    /// Its first characters.
    prefix: String,
    /// What it may do.
    scopes: Vec<&'static str>,
    /// Paths of the cabinet that it may call.
    cabinet_paths: Vec<String>,
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
pub struct CreatedApiKeyView {
    /// The text to send as `Authorization: Bearer …`.
    pub(crate) key: String,
    /// The rest.
    #[serde(flatten)]
    pub(crate) view: ApiKeyView,
}

/// All keys, newest first.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyList {
    /// The keys.
    pub(crate) api_keys: Vec<ApiKeyView>,
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
            cabinet_paths: key.cabinet_paths.clone(),
            user_id: key.user_id.as_ref().map(ToString::to_string),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}
