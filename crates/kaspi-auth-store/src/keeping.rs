//! When stores are looked at, who refreshes them, and how long their sessions lived. Only the end of a refresh is told as a change
//! of the store: nothing else here costs anybody a session in memory.

mod row;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::error::Code;
use kaspi_auth_core::id::{MerchantUid, NodeId};
use kaspi_auth_core::keeping::{Keeping, LeaseAsked, Observation, RefreshLease, RefreshOutcome, Rung};
use kaspi_auth_core::port::{Answered, KeepingRepository, RepositoryError};

use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_write, write, write_returning};
use crate::statements::keeping as statements;
use crate::values::{from_micros, without_nul};
use row::KeepingRow;

/// Uses that are noted in one transaction.
const USES: usize = 1000;
/// Tries of what another may cross.
const TRIES: u32 = 3;

impl KeepingRepository for SqlDatabase {
    fn keeping<'a>(&'a self, uid: &'a MerchantUid) -> Answered<'a, Option<Keeping>> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::FIND => KeepingRow, uid.as_str())?;
            Ok(rows.into_iter().next().map(|row| row.keeping(uid)))
        })
    }

    fn schedule<'a>(
        &'a self,
        uid: &'a MerchantUid,
        due_at: Option<Timestamp>,
        failures: u32,
    ) -> Answered<'a, ()> {
        Box::pin(async move {
            let due_at = due_at.map(due);
            write!(&self.pool, statements::SCHEDULE, uid.as_str(), due_at, i64::from(failures))?;
            Ok(())
        })
    }

    fn hasten<'a>(&'a self, uid: &'a MerchantUid, at: Timestamp) -> Answered<'a, ()> {
        Box::pin(async move {
            write!(&self.pool, statements::HASTEN, uid.as_str(), due(at))?;
            Ok(())
        })
    }

    fn bring_back(&self, now: Timestamp, latest: Timestamp) -> Answered<'_, u64> {
        Box::pin(async move { write!(&self.pool, statements::BRING_BACK, due(now), due(latest)) })
    }

    fn note_uses<'a>(&'a self, uses: &'a [(MerchantUid, Timestamp)]) -> Answered<'a, ()> {
        Box::pin(async move {
            // Everybody locks the rows in this order.
            let mut uses: Vec<&(MerchantUid, Timestamp)> = uses.iter().collect();
            uses.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
            for some in uses.chunks(USES) {
                let mut tries = 1..TRIES;
                loop {
                    match self.note_some(some).await {
                        Err(RepositoryError::Conflict) if tries.next().is_some() => {}
                        noted => break noted?,
                    }
                }
            }
            Ok(())
        })
    }

    fn acquire_refresh_lease<'a>(
        &'a self,
        uid: &'a MerchantUid,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Answered<'a, LeaseAsked> {
        Box::pin(async move {
            let (now, until) = (now.as_microsecond(), until.as_microsecond());
            // Twice as long as anybody may ask for: clocks of nodes differ a little.
            let wrong = until.saturating_add(until.saturating_sub(now));
            let mut ended = None;
            for _ in 0..TRIES {
                let granted = write_returning!(
                    &self.pool, statements::LEASE => (i64,), uid.as_str(), node.0, now, until, wrong,
                )?;
                if let Some((epoch,)) = granted.first() {
                    return Ok(LeaseAsked::Granted(RefreshLease { node, epoch: *epoch }));
                }
                let rows = read!(&self.pool, statements::HELD => (i64, Option<i64>), uid.as_str())?;
                match rows.first() {
                    Some((epoch, Some(until))) => {
                        return Ok(LeaseAsked::Held { epoch: *epoch, until: from_micros(*until) });
                    }
                    // It has ended in the meantime.
                    Some((epoch, None)) => ended = Some(*epoch),
                    // The store has gone.
                    None => return Err(RepositoryError::Conflict),
                }
            }
            // Others were quicker each time: what theirs came to is to be had at once.
            let epoch = ended.ok_or(RepositoryError::Conflict)?;
            Ok(LeaseAsked::Held { epoch, until: from_micros(now) })
        })
    }

    fn renew_refresh_lease<'a>(
        &'a self,
        uid: &'a MerchantUid,
        lease: RefreshLease,
        until: Timestamp,
    ) -> Answered<'a, bool> {
        Box::pin(async move {
            let until = until.as_microsecond();
            let renewed =
                write!(&self.pool, statements::RENEW, uid.as_str(), lease.node.0, lease.epoch, until)?;
            Ok(renewed > 0)
        })
    }

    fn end_refresh<'a>(
        &'a self,
        uid: &'a MerchantUid,
        lease: RefreshLease,
        outcome: &'a RefreshOutcome,
    ) -> Answered<'a, bool> {
        Box::pin(async move {
            let ended = write!(
                &self.pool,
                statements::END,
                uid.as_str(),
                lease.node.0,
                lease.epoch,
                outcome.epoch,
                outcome.at.as_microsecond(),
                outcome.rung.map(Rung::as_str),
                outcome.code.map(Code::as_str),
                without_nul(&outcome.detail),
                outcome.retry_at.map(Timestamp::as_microsecond),
            )?;
            if ended > 0 {
                self.announcer.announce(Change::Store(uid.clone()));
            }
            Ok(ended > 0)
        })
    }

    fn observe<'a>(
        &'a self,
        uid: &'a MerchantUid,
        observation: Observation,
        at: Timestamp,
    ) -> Answered<'a, ()> {
        Box::pin(async move {
            let Observation { generation, age, died } = observation;
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            let at = at.as_microsecond();
            write!(&self.pool, statements::OBSERVE, uid.as_str(), generation, age, died, at)?;
            Ok(())
        })
    }

    fn observations<'a>(
        &'a self,
        uid: Option<&'a MerchantUid>,
        limit: u32,
    ) -> Answered<'a, Vec<Observation>> {
        type Row = (i64, i64, bool);
        Box::pin(async move {
            let limit = i64::from(limit);
            let rows = match uid {
                Some(uid) => read!(&self.pool, statements::OBSERVED => Row, uid.as_str(), limit)?,
                None => read!(&self.pool, statements::OBSERVED_OF_ALL => Row, limit)?,
            };
            let observation = |(generation, age, died)| Observation {
                generation,
                age: SignedDuration::from_micros(age),
                died,
            };
            Ok(rows.into_iter().map(observation).collect())
        })
    }

    fn prune_observations(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(async move {
            write!(&self.pool, statements::PRUNE_OBSERVED, before.as_microsecond(), i64::from(limit))
        })
    }
}

impl SqlDatabase {
    async fn note_some(&self, uses: &[&(MerchantUid, Timestamp)]) -> Result<(), RepositoryError> {
        transaction!(&self.pool, |tx| {
            for (uid, at) in uses {
                tx_write!(tx, statements::USE, uid.as_str(), at.as_microsecond())?;
            }
        });
        Ok(())
    }
}

/// Below zero is the table's own matter.
fn due(at: Timestamp) -> i64 {
    at.as_microsecond().max(0)
}
