//! What happened to stores.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::{Answered, TimelineRepository};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::{Entry, NewEntry};

use crate::database::SqlDatabase;

impl TimelineRepository for SqlDatabase {
    fn append_entry<'a>(&'a self, _entry: &'a NewEntry) -> Answered<'a, ()> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn list_entries<'a>(
        &'a self,
        _tenant: &'a Tenant,
        _uid: &'a MerchantUid,
        _before: Option<i64>,
        _limit: u32,
    ) -> Answered<'a, Option<Vec<Entry>>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn prune_entries(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
