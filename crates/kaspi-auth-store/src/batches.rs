//! Batches and their stores.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::batch::{Batch, BatchId, BatchItem, BatchStores};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::job::NewJob;
use kaspi_auth_core::port::{Answered, BatchRepository};
use kaspi_auth_core::tenant::Tenant;

use crate::database::SqlDatabase;

impl BatchRepository for SqlDatabase {
    fn insert_batch<'a>(
        &'a self,
        _tenant: &'a Tenant,
        _batch: &'a Batch,
        _stores: &'a BatchStores,
    ) -> Answered<'a, Batch> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn find_batch<'a>(&'a self, _tenant: &'a Tenant, _id: BatchId) -> Answered<'a, Option<Batch>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn list_batch<'a>(
        &'a self,
        _tenant: &'a Tenant,
        _id: BatchId,
        _after: Option<&'a MerchantUid>,
        _limit: u32,
    ) -> Answered<'a, Vec<BatchItem>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn pending_of_batch(&self, _id: BatchId, _limit: u32) -> Answered<'_, Vec<MerchantUid>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn note_batch_item<'a>(&'a self, _id: BatchId, _item: &'a BatchItem) -> Answered<'a, ()> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn go_on_with_batch<'a>(
        &'a self,
        _id: BatchId,
        _next: &'a NewJob,
        _now: Timestamp,
    ) -> Answered<'a, bool> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn prune_batches(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
