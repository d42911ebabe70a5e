//! Lists of stores, page by page in the order of their uid.

use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_core::store::{Store, StoreFilter, StoreStatus};
use kaspi_auth_core::tenant::Tenant;

use super::row::StoreRow;
use super::statements::LIST;
use crate::database::SqlDatabase;
use crate::pool::read;

impl SqlDatabase {
    /// A row of an adopted table that is no store (its merchant_id is no uid) is left out, not the page with it.
    pub(super) async fn list(
        &self,
        tenant: &Tenant,
        filter: &StoreFilter,
    ) -> Result<Vec<Store>, RepositoryError> {
        let Some(seen) = self.seen(tenant) else { return Ok(Vec::new()) };
        let holder = match &filter.user_id {
            None => self.users.nobody(),
            Some(user) => match self.users.find(user) {
                Some(user) => user,
                None => return Ok(Vec::new()),
            },
        };
        let status = filter.status.map_or("any", StoreStatus::as_str);
        let limit = filter.limit as usize;
        let mut stores = Vec::new();
        let mut after = filter.after.as_ref().map_or_else(String::new, ToString::to_string);
        while stores.len() < limit {
            let wanted = limit - stores.len();
            let rows = read!(
                &self.pool, LIST => StoreRow, after.as_str(), seen.all, &seen.user, !holder.is_somebody(), &holder,
                status, i64::try_from(wanted).unwrap_or(i64::MAX),
            )?;
            let is_last = rows.len() < wanted;
            if let Some(last) = rows.last() {
                after.clone_from(&last.merchant_id);
            }
            for row in rows {
                match row.store(&self.sealer) {
                    Ok(store) => stores.push(store),
                    Err(error @ RepositoryError::Corrupt { .. }) => {
                        tracing::warn!(%error, "a row of kaspi_stores is no store and is left out");
                    }
                    Err(error) => return Err(error),
                }
            }
            if is_last {
                break;
            }
        }
        Ok(stores)
    }
}
