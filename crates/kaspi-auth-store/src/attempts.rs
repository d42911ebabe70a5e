//! The attempt ledger: accounts stand in it as keyed digests. An attempt is in the window while it is younger than the window is
//! long.

use jiff::Timestamp;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::keeping::{Attempt, AttemptKind, AttemptRequest};
use kaspi_auth_core::port::{Answered, AttemptRepository, RepositoryError};

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_rows, tx_write, write};
use crate::statements::attempts as statements;
use crate::values::from_micros;

impl AttemptRepository for SqlDatabase {
    fn take_attempt<'a>(&'a self, request: AttemptRequest<'a>) -> Answered<'a, Attempt> {
        Box::pin(self.take(request))
    }

    fn attempts<'a>(
        &'a self,
        account: &'a Account,
        kind: AttemptKind,
        since: Timestamp,
    ) -> Answered<'a, (u32, Option<Timestamp>)> {
        Box::pin(async move {
            let key = self.sealer.account_key(account);
            let rows = read!(
                &self.pool, statements::COUNT => (i64, Option<i64>), key.as_slice(), kind.as_str(),
                since.as_microsecond(),
            )?;
            let (count, oldest) = rows.into_iter().next().unwrap_or_default();
            Ok((u32::try_from(count).unwrap_or(u32::MAX), oldest.map(from_micros)))
        })
    }

    fn prune_attempts(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(
            async move { write!(&self.pool, statements::PRUNE, before.as_microsecond(), i64::from(limit)) },
        )
    }
}

impl SqlDatabase {
    async fn take(&self, request: AttemptRequest<'_>) -> Result<Attempt, RepositoryError> {
        let AttemptRequest { account, kind, origin, budget, now } = request;
        let key = self.sealer.account_key(account);
        let now = now.as_microsecond();
        let window = i64::try_from(budget.window.as_micros()).unwrap_or(i64::MAX);
        let since = now.saturating_sub(window);
        let limit = if budget.limit == 0 { i64::MAX } else { i64::from(budget.limit) };
        let full_since = transaction!(&self.pool, |tx| {
            tx_write!(tx, statements::LOCK, key.as_slice(), now)?;
            let taken = tx_write!(
                tx,
                statements::TAKE,
                key.as_slice(),
                kind.as_str(),
                now,
                origin.as_str(),
                since,
                limit,
            )?;
            if taken > 0 {
                None
            } else {
                let rows = tx_rows!(
                    tx, statements::FULL_SINCE => (i64,), key.as_slice(), kind.as_str(), since, limit - 1,
                )?;
                Some(rows.first().map_or(now, |(at,)| *at))
            }
        });
        Ok(match full_since {
            None => Attempt::Granted,
            Some(at) => Attempt::Refused { until: from_micros(at.saturating_add(window)) },
        })
    }
}
