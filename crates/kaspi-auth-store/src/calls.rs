//! How stores' calls of the cabinet went, added up over all nodes.

use jiff::SignedDuration;
use kaspi_auth_core::calls::Calls;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::{Answered, CallRepository, RepositoryError};
use kaspi_auth_core::tenant::Tenant;

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_write};
use crate::statements::calls as statements;
use crate::timelines::micros;
use crate::values::from_micros;

/// How often writing is tried when others write in another order.
const TRIES: u32 = 3;

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
struct CallsRow {
    outcome: String,
    times: i64,
    took: i64,
    slowest: i64,
    first_at: i64,
    last_at: i64,
}

impl CallRepository for SqlDatabase {
    fn add_calls<'a>(&'a self, calls: &'a [Calls]) -> Answered<'a, ()> {
        Box::pin(async move {
            // Everybody locks the rows in this order.
            let mut sorted: Vec<&Calls> = calls.iter().collect();
            sorted.sort_by(|one, other| {
                (one.merchant_uid.as_str(), &one.outcome).cmp(&(other.merchant_uid.as_str(), &other.outcome))
            });
            let mut tries = 1..TRIES;
            loop {
                match self.add_sorted(&sorted).await {
                    Err(RepositoryError::Conflict) if tries.next().is_some() => {}
                    added => return added,
                }
            }
        })
    }

    fn calls<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Vec<Calls>>> {
        Box::pin(async move {
            let Some(seen) = self.seen(tenant) else { return Ok(None) };
            let rows = read!(&self.pool, statements::LIST => CallsRow, uid.as_str(), seen.all, &seen.user)?;
            if rows.is_empty() && !self.has_store(&seen, uid).await? {
                return Ok(None);
            }
            Ok(Some(rows.into_iter().map(|row| row.calls(uid)).collect()))
        })
    }
}

impl SqlDatabase {
    async fn add_sorted(&self, calls: &[&Calls]) -> Result<(), RepositoryError> {
        transaction!(&self.pool, |tx| {
            for one in calls {
                tx_write!(
                    tx,
                    statements::ADD,
                    one.merchant_uid.as_str(),
                    one.outcome.as_str(),
                    i64::try_from(one.times).unwrap_or(i64::MAX),
                    micros(one.took),
                    micros(one.slowest),
                    one.first_at.as_microsecond(),
                    one.last_at.as_microsecond(),
                )?;
            }
        });
        Ok(())
    }
}

impl CallsRow {
    fn calls(self, uid: &MerchantUid) -> Calls {
        Calls {
            merchant_uid: uid.clone(),
            outcome: self.outcome,
            times: u64::try_from(self.times).unwrap_or_default(),
            took: SignedDuration::from_micros(self.took),
            slowest: SignedDuration::from_micros(self.slowest),
            first_at: from_micros(self.first_at),
            last_at: from_micros(self.last_at),
        }
    }
}
