//! Serving a session: from memory where that is safe, else from the row, which is sealed if it was plain.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_core::session::Session;
use kaspi_auth_core::tenant::Tenant;
use sqlx::types::Json;

use super::session_row::SessionRow;
use super::statements::{RESEAL, SESSION};
use super::{guid_error, stored_guid};
use crate::cache::Stamp;
use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::pool::{read, write};
use crate::sealed::{Guid, StoredGuid};

impl SqlDatabase {
    pub(super) async fn read_session(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
    ) -> Result<Option<Session>, RepositoryError> {
        // Before the row is read: see cache.rs.
        let stamp = self.cache.stamp(uid);
        if let Some(stamp) = stamp {
            if let Some(opened) = self.cache.opened(uid, stamp) {
                self.cache.count(true);
                return Ok(opened.session(tenant, self.users));
            }
            if let Some(sealed) = self.cache.sealed(uid, stamp) {
                if !sealed.is_seen(tenant, self.users) {
                    return Ok(None);
                }
                self.cache.count(true);
                return self.open_session(uid, &sealed.row, Some(stamp)).await;
            }
        }
        let Some(seen) = self.seen(tenant) else { return Ok(None) };
        self.cache.count(false);
        let rows = read!(&self.pool, SESSION => SessionRow, uid.as_str(), seen.all, &seen.user)?;
        let Some(row) = rows.into_iter().next().filter(|row| row.is_active) else { return Ok(None) };
        let session = self.open_session(uid, &row, stamp).await?;
        if let (Some(stamp), Some(_)) = (stamp, &session) {
            self.cache.keep_sealed(uid, row, stamp);
        }
        Ok(session)
    }

    async fn open_session(
        &self,
        uid: &MerchantUid,
        row: &SessionRow,
        stamp: Option<Stamp>,
    ) -> Result<Option<Session>, RepositoryError> {
        let Some(stored) = stored_guid(uid, row.guid.as_deref())? else { return Ok(None) };
        let was_plain = matches!(stored, StoredGuid::Plain(_));
        let guid =
            self.sealer.open_guid(uid, stored, row.is_ours()).map_err(|error| guid_error(uid, error))?;
        if was_plain {
            self.seal_plain(uid, &guid, row.auth_revision).await;
        }
        let session = row.session(uid, &guid).map_err(|error| guid_error(uid, error))?;
        if let (Some(stamp), Some(session)) = (stamp, &session) {
            self.cache.keep_opened(session.clone(), row.holder(self.users), stamp);
        }
        Ok(session)
    }

    /// Seals a row of the oldest generation that was touched. That it cannot be written does not keep it from being read.
    pub(super) async fn seal_plain(&self, uid: &MerchantUid, guid: &Guid, revision: i64) {
        let sealed = Json(self.sealer.seal_guid(uid, guid, self.opened_at));
        match write!(&self.pool, RESEAL, uid.as_str(), revision, &sealed) {
            Ok(_) => self.announcer.announce(Change::Store(uid.clone())),
            Err(error) => tracing::warn!(%error, store = %uid, "a plain session could not be sealed"),
        }
    }
}
