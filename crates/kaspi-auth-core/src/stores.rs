//! List, read, change and delete stores.

use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::port::{Clock, Database};
use crate::store::{Store, StoreChange, StoreFilter};
use crate::tenant::Tenant;

/// The use cases around a store.
pub struct Stores {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// What is on it.
    pub stores: Vec<Store>,
    /// Where the next one begins; `None` on the last.
    pub next: Option<MerchantUid>,
}

impl Stores {
    /// Wires the use cases.
    pub fn new(database: Arc<dyn Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// Lists a page of the tenant's stores.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self, tenant: &Tenant, filter: StoreFilter) -> Result<Page> {
        let size = filter.limit as usize;
        // One more than asked for tells whether there is another page.
        let wider = StoreFilter { limit: filter.limit + 1, ..filter };
        let mut stores = self.database.list_stores(tenant, &wider).await?;
        let more = stores.len() > size;
        stores.truncate(size);
        let next = stores.last().filter(|_| more).map(|last| last.merchant_uid.clone());
        Ok(Page { stores, next })
    }

    /// Reads a store.
    ///
    /// # Errors
    /// `store_not_found`, also for another tenant's; the database's.
    pub async fn get(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Store> {
        self.database.find_store(tenant, uid).await?.ok_or_else(|| Code::StoreNotFound.into())
    }

    /// Changes a store. Only a service may give a store to another user.
    ///
    /// # Errors
    /// `store_not_found`, `insufficient_scope`, and the database's.
    pub async fn change(&self, tenant: &Tenant, uid: &MerchantUid, change: StoreChange) -> Result<Store> {
        if change.user_id.is_some() && tenant.user().is_some() {
            return Err(Error::new(
                Code::InsufficientScope,
                "Only a service's key may give a store to another user.",
            ));
        }
        let changed = self.database.change_store(tenant, uid, &change, self.clock.now()).await?;
        changed.ok_or_else(|| Code::StoreNotFound.into())
    }

    /// Deletes a store and erases its secrets.
    ///
    /// # Errors
    /// `store_not_found`, and the database's.
    pub async fn delete(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<()> {
        if self.database.delete_store(tenant, uid).await? { Ok(()) } else { Err(Code::StoreNotFound.into()) }
    }
}
