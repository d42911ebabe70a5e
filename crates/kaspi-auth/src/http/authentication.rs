//! Who calls: the holder of an API key, or the bearer of a JWT. Must not log or echo either.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use kaspi_auth_core::api_key::{ApiKey, Scope};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};

use super::problem::Problem;
use super::{State, middleware};
use crate::auditing::Who;

/// What a bearer of a JWT may do with its own stores.
const USER_SCOPES: &[Scope] =
    &[Scope::StoresRead, Scope::StoresWrite, Scope::LoginsWrite, Scope::SessionsRead];

/// The caller of a request.
pub(super) struct Caller {
    tenant: Tenant,
    scopes: Scopes,
}

enum Scopes {
    Key(Arc<ApiKey>),
    User,
}

impl Caller {
    /// The tenant in whose name the caller may do what `scope` says.
    pub(super) fn may(&self, scope: Scope) -> Result<&Tenant, Problem> {
        let allowed = match &self.scopes {
            Scopes::Key(key) => key.allows(scope),
            Scopes::User => USER_SCOPES.contains(&scope),
        };
        if allowed {
            return Ok(&self.tenant);
        }
        let detail =
            format!("This call needs the scope {}, which these credentials have not.", scope.as_str());
        Err(Error::new(Code::InsufficientScope, detail).into())
    }

    /// In whose name the call is made.
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The key that the caller holds; users have none.
    pub(super) fn key(&self) -> Option<&ApiKey> {
        match &self.scopes {
            Scopes::Key(key) => Some(key),
            Scopes::User => None,
        }
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let unauthorized = || Problem::of(Code::Unauthorized);
        let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(unauthorized)?;
        let text = value.to_str().map_err(|_| unauthorized())?;
        let (scheme, credentials) = text.split_once(' ').ok_or_else(unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(unauthorized());
        }
        let credentials = credentials.trim();
        // Three parts of a JWS; a key of ours has no dot.
        if credentials.contains('.') {
            let user = state.tokens.user(credentials).await?;
            middleware::acts(Who::User(user.clone()));
            return Ok(Self { tenant: Tenant::User(user), scopes: Scopes::User });
        }
        let key = Arc::new(state.service.api_keys.check(credentials).await?);
        middleware::acts(Who::Key(Arc::clone(&key)));
        let tenant = key.user_id.clone().map_or(Tenant::All, Tenant::User);
        Ok(Self { tenant, scopes: Scopes::Key(key) })
    }
}
