//! A session as a row: sealed, with what stands about it in clear.

use kaspi_auth_core::account::Method;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::session::Session;
use uuid::Uuid;

use super::row::validity;
use crate::sealed::{Guid, GuidError};
use crate::values::{UserColumn, UserParam, from_micros};

/// A row that was read.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct SessionRow {
    pub(super) guid: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) is_active: bool,
    needs_reauth: bool,
    pub(super) auth_generation: i64,
    pub(super) auth_revision: i64,
    auth_method: Option<String>,
    auth_validity: String,
    auth_checked_at: Option<i64>,
    auth_signed_in_at: Option<i64>,
    auth_egress: Option<Uuid>,
}

impl SessionRow {
    /// Bytes of its texts.
    pub(crate) fn size(&self) -> usize {
        self.guid.as_ref().map_or(0, String::len) + self.user_id.as_ref().map_or(0, String::len)
    }

    /// Who holds the store.
    pub(crate) fn holder(&self, users: UserColumn) -> Option<UserParam> {
        self.user_id.as_deref().and_then(|user| users.find_text(user))
    }

    /// Whether kaspi-auth wrote the session.
    pub(super) fn is_ours(&self) -> bool {
        self.auth_method.is_some()
    }

    /// The session; `None` when there is no cookie in it.
    pub(super) fn session(&self, uid: &MerchantUid, guid: &Guid) -> Result<Option<Session>, GuidError> {
        let cookies = guid.cookies()?;
        if cookies.is_empty() {
            return Ok(None);
        }
        let method = match self.auth_method.as_deref() {
            Some("password") => Some(Method::Password),
            Some("phone") => Some(Method::Phone),
            _ => guid.method(),
        };
        Ok(Some(Session {
            merchant_uid: uid.clone(),
            generation: self.auth_generation,
            cookies,
            method,
            authenticated_at: self.auth_signed_in_at.map(from_micros).or_else(|| guid.authenticated_at()),
            validity: validity(&self.auth_validity),
            checked_at: self.auth_checked_at.map(from_micros),
            needs_reauth: self.needs_reauth,
            egress: self.auth_egress.map(EgressId),
        }))
    }
}
