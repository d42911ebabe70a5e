//! Deleting a store with all its secrets: the row, and the devices that its account left.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_core::tenant::Tenant;

use super::credentials::SecretsRow;
use super::statements::{DELETE, SECRETS};
use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::pool::{transaction, tx_rows, tx_write};
use crate::statements::accounts::FORGET_DEVICE;

impl SqlDatabase {
    pub(super) async fn delete(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<bool, RepositoryError> {
        let Some(seen) = self.seen(tenant) else { return Ok(false) };
        let deleted = transaction!(&self.pool, |tx| {
            let rows = tx_rows!(tx, SECRETS => SecretsRow, uid.as_str(), seen.all, &seen.user)?;
            for device in rows.first().and_then(|row| self.devices_of(uid, row)).into_iter().flatten() {
                tx_write!(tx, FORGET_DEVICE, device)?;
            }
            tx_write!(tx, DELETE, uid.as_str(), seen.all, &seen.user)?
        });
        self.announcer.announce(Change::Store(uid.clone()));
        Ok(deleted > 0)
    }

    /// The devices of the account that signed in: its holder's, and that of a service. A session that does not open is
    /// deleted all the same.
    fn devices_of(&self, uid: &MerchantUid, row: &SecretsRow) -> Option<[Vec<u8>; 2]> {
        let guid = self.sealer.open_guid(uid, row.stored(uid).ok()??, row.is_ours()).ok()?;
        let account = guid.account()?;
        let holder = super::row::holder(uid, row.user_id.as_deref()).ok()?;
        Some([self.device_key(holder.as_ref(), &account), self.device_key(None, &account)])
    }
}
