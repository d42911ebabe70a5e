//! The credentials that a store keeps: in columns of their own, and within the session of older rows.

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_core::session::StoredCredentials;
use kaspi_auth_core::tenant::Tenant;
use secrecy::{ExposeSecret, SecretString};

use super::statements::SECRETS;
use super::{TABLE, guid_error, stored_guid};
use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::read;
use crate::sealed::{Encrypted, Guid, StoredGuid};

/// What is sealed of a store.
#[derive(sqlx::FromRow)]
pub(super) struct SecretsRow {
    guid: Option<String>,
    kaspi_email: Option<String>,
    kaspi_password: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) auth_generation: i64,
    pub(super) auth_revision: i64,
    auth_method: Option<String>,
}

impl SecretsRow {
    /// Whether the session stands there unsealed.
    pub(super) fn stored(&self, uid: &MerchantUid) -> Result<Option<StoredGuid>, RepositoryError> {
        stored_guid(uid, self.guid.as_deref())
    }

    /// Whether kaspi-auth wrote the session.
    pub(super) fn is_ours(&self) -> bool {
        self.auth_method.is_some()
    }
}

impl SqlDatabase {
    pub(super) async fn read_credentials(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
    ) -> Result<Option<StoredCredentials>, RepositoryError> {
        let Some(seen) = self.seen(tenant) else { return Ok(None) };
        let rows = read!(&self.pool, SECRETS => SecretsRow, uid.as_str(), seen.all, &seen.user)?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let stored = row.stored(uid)?;
        let was_plain = matches!(stored, Some(StoredGuid::Plain(_)));
        let guid = match stored {
            Some(stored) => Some(
                self.sealer.open_guid(uid, stored, row.is_ours()).map_err(|error| guid_error(uid, error))?,
            ),
            None => None,
        };
        if let Some(guid) = guid.as_ref().filter(|_| was_plain) {
            self.seal_plain(uid, guid, row.auth_revision).await;
        }
        let (email, password) = (row.kaspi_email.as_deref(), row.kaspi_password.as_deref());
        self.open_credentials(uid, guid.as_ref(), email, password).map(Some)
    }

    /// The columns are the newer generation: where both are, they count.
    pub(super) fn open_credentials(
        &self,
        uid: &MerchantUid,
        guid: Option<&Guid>,
        email: Option<&str>,
        password: Option<&str>,
    ) -> Result<StoredCredentials, RepositoryError> {
        let within = |key: &str| guid.and_then(|guid| guid.text(key)).map(str::to_owned);
        let email = self.open_column(uid, "kaspi_email", "email", email)?;
        let password = self.open_column(uid, "kaspi_password", "password", password)?;
        Ok(StoredCredentials {
            email: email.map(|email| email.expose_secret().to_owned()).or_else(|| within("email")),
            password: password.or_else(|| guid.and_then(Guid::password)),
            phone: within("phone"),
            code_verified: guid.is_some_and(Guid::code_verified),
        })
    }

    /// The session with its password taken out, sealed; `None` when there is no session.
    pub(super) fn without_password(
        &self,
        uid: &MerchantUid,
        row: &SecretsRow,
        now: Timestamp,
    ) -> Result<Option<Encrypted>, RepositoryError> {
        let Some(stored) = row.stored(uid)? else { return Ok(None) };
        let guid =
            self.sealer.open_guid(uid, stored, row.is_ours()).map_err(|error| guid_error(uid, error))?;
        Ok(Some(self.sealer.seal_guid(uid, &guid.without_password(), now)))
    }

    fn open_column(
        &self,
        uid: &MerchantUid,
        column: &'static str,
        key: &str,
        token: Option<&str>,
    ) -> Result<Option<SecretString>, RepositoryError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        self.sealer.open_value(uid, key, token).map_err(|error| failure::sealed(TABLE, column, uid, error))
    }
}
