//! The mass-failure breaker, one for all nodes. Whoever changes it holds its row to the end of the transaction.

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::keeping::{Breaker, CLOCKS_DIFFER, CountedFailure, Freeze};
use kaspi_auth_core::port::{Answered, BreakerRepository, RepositoryError};

use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::{read, transaction, tx_rows, tx_write, write};
use crate::statements::breaker as statements;
use crate::values::from_micros;

const TABLE: &str = "kaspi_auth_freeze";

/// The row that was read.
#[derive(Debug, sqlx::FromRow)]
struct FreezeRow {
    signature: Option<String>,
    since: Option<i64>,
    stores: Option<i64>,
    canary: Option<String>,
    canary_until: Option<i64>,
    next_canary_at: Option<i64>,
}

impl FreezeRow {
    fn breaker(self) -> Result<Breaker, RepositoryError> {
        let (Some(signature), Some(since), Some(next)) = (self.signature, self.since, self.next_canary_at)
        else {
            return Ok(Breaker::Closed);
        };
        let canary = match self.canary.zip(self.canary_until) {
            Some((uid, until)) => {
                let uid = MerchantUid::parse(&uid)
                    .map_err(|error| failure::corrupt(TABLE, "canary", &signature, error))?;
                Some((uid, from_micros(until)))
            }
            None => None,
        };
        Ok(Breaker::Frozen(Freeze {
            signature,
            since: from_micros(since),
            stores: self.stores.and_then(|stores| u32::try_from(stores).ok()).unwrap_or_default(),
            canary,
            next_canary_at: from_micros(next),
        }))
    }
}

impl BreakerRepository for SqlDatabase {
    fn breaker(&self) -> Answered<'_, Breaker> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::FIND => FreezeRow)?;
            rows.into_iter().next().map_or(Ok(Breaker::Closed), FreezeRow::breaker)
        })
    }

    fn count_failure<'a>(&'a self, failure: CountedFailure<'a>) -> Answered<'a, bool> {
        Box::pin(self.count(failure))
    }

    fn take_canary<'a>(
        &'a self,
        uid: &'a MerchantUid,
        now: Timestamp,
        until: Timestamp,
        next: Timestamp,
    ) -> Answered<'a, bool> {
        Box::pin(async move {
            let (now, until, next) = (now.as_microsecond(), until.as_microsecond(), next.as_microsecond());
            let wrong = until.max(next).saturating_add(micros(CLOCKS_DIFFER));
            Ok(write!(&self.pool, statements::TAKE_CANARY, uid.as_str(), now, until, next, wrong)? > 0)
        })
    }

    fn thaw(&self) -> Answered<'_, bool> {
        Box::pin(async move {
            let was_frozen = transaction!(&self.pool, |tx| {
                let rows = tx_rows!(tx, statements::LOCK => FreezeRow)?;
                tx_write!(tx, statements::THAW)?;
                tx_write!(tx, statements::FORGET)?;
                rows.first().is_some_and(|row| row.signature.is_some())
            });
            Ok(was_frozen)
        })
    }
}

impl SqlDatabase {
    async fn count(&self, failure: CountedFailure<'_>) -> Result<bool, RepositoryError> {
        let CountedFailure { signature, merchant_uid, now, policy } = failure;
        let uid = merchant_uid.as_str();
        let now = now.as_microsecond();
        let since = now.saturating_sub(micros(policy.window));
        let next_canary_at = now.saturating_add(micros(policy.canary_every));
        let enough = i64::from(policy.stores);
        let froze = transaction!(&self.pool, |tx| {
            let rows = tx_rows!(tx, statements::LOCK => FreezeRow)?;
            tx_write!(tx, statements::FORGET_OLD, since)?;
            tx_write!(tx, statements::NOTE, signature, uid, now)?;
            if rows.first().is_some_and(|row| row.signature.is_some()) {
                tx_write!(tx, statements::CANARY_FAILED, uid, next_canary_at)?;
                false
            } else {
                let counted = tx_rows!(tx, statements::COUNT => (i64,), signature, since)?;
                let stores = counted.first().map_or(0, |(stores,)| *stores);
                if enough > 0 && stores >= enough {
                    tx_write!(tx, statements::FREEZE, signature, now, stores, next_canary_at)? > 0
                } else {
                    false
                }
            }
        });
        Ok(froze)
    }
}

fn micros(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
