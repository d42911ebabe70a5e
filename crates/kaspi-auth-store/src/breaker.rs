//! The mass-failure breaker, one for all nodes.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::keeping::{Breaker, CountedFailure};
use kaspi_auth_core::port::{Answered, BreakerRepository};

use crate::database::SqlDatabase;

impl BreakerRepository for SqlDatabase {
    fn breaker(&self) -> Answered<'_, Breaker> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn count_failure<'a>(&'a self, _failure: CountedFailure<'a>) -> Answered<'a, bool> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn take_canary<'a>(
        &'a self,
        _uid: &'a MerchantUid,
        _now: Timestamp,
        _until: Timestamp,
        _next: Timestamp,
    ) -> Answered<'a, bool> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn thaw(&self) -> Answered<'_, bool> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
