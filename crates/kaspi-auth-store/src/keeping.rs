//! When stores are looked at, who refreshes them, and how long their sessions lived.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::id::{MerchantUid, NodeId};
use kaspi_auth_core::keeping::{Keeping, LeaseAsked, Observation, RefreshLease, RefreshOutcome};
use kaspi_auth_core::port::{Answered, KeepingRepository};

use crate::database::SqlDatabase;

impl KeepingRepository for SqlDatabase {
    fn keeping<'a>(&'a self, _uid: &'a MerchantUid) -> Answered<'a, Option<Keeping>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn schedule<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _due_at: Option<Timestamp>,
        _failures: u32,
    ) -> Answered<'a, ()> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn hasten<'a>(&'a self, _uid: &'a MerchantUid, _at: Timestamp) -> Answered<'a, ()> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn note_uses<'a>(&'a self, _uses: &'a [(MerchantUid, Timestamp)]) -> Answered<'a, ()> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn acquire_refresh_lease<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _node: NodeId,
        _now: Timestamp,
        _until: Timestamp,
    ) -> Answered<'a, LeaseAsked> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn renew_refresh_lease<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _lease: RefreshLease,
        _until: Timestamp,
    ) -> Answered<'a, bool> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn end_refresh<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _lease: RefreshLease,
        _outcome: &'a RefreshOutcome,
    ) -> Answered<'a, bool> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn observe<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _observation: Observation,
        _at: Timestamp,
    ) -> Answered<'a, ()> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn observations<'a>(
        &'a self,
        _uid: Option<&'a MerchantUid>,
        _limit: u32,
    ) -> Answered<'a, Vec<Observation>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn prune_observations(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
