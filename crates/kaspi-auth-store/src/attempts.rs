//! The attempt ledger: accounts stand in it as keyed digests.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::keeping::{Attempt, AttemptKind, AttemptRequest};
use kaspi_auth_core::port::{Answered, AttemptRepository};

use crate::database::SqlDatabase;

impl AttemptRepository for SqlDatabase {
    fn take_attempt<'a>(&'a self, _request: AttemptRequest<'a>) -> Answered<'a, Attempt> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn attempts<'a>(
        &'a self,
        _account: &'a Account,
        _kind: AttemptKind,
        _since: Timestamp,
    ) -> Answered<'a, (u32, Option<Timestamp>)> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn prune_attempts(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
