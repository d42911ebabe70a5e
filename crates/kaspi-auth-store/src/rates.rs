//! The rates towards the portal, shared by all nodes. Times come from the nodes: clocks that differ by some milliseconds move
//! a turn by as much.

use jiff::Timestamp;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::keeping::CLOCKS_DIFFER;
use kaspi_auth_core::port::{Answered, RateRepository, RepositoryError, Slot, SlotRequest};
use kaspi_auth_core::rate::Budget;

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_rows, tx_write, write};
use crate::statements::rates as statements;
use crate::values::from_micros;

/// The key of all ways together.
const PORTAL: &str = "portal";
/// Tries where the server gives one of two transactions up.
const TRIES: u32 = 3;

/// The key of one way.
pub(crate) fn key_of(egress: EgressId) -> String {
    format!("egress:{egress}")
}

impl RateRepository for SqlDatabase {
    fn acquire_slot(&self, request: SlotRequest) -> Answered<'_, Slot> {
        Box::pin(async move {
            if request.portal.is_unlimited() && request.way.is_unlimited() {
                return Ok(Slot::Granted);
            }
            let mut tries = 1..TRIES;
            loop {
                match self.try_slot(&request).await {
                    Err(RepositoryError::Conflict) if tries.next().is_some() => {}
                    asked => return asked,
                }
            }
        })
    }

    fn acquire_permit(&self, key: &'static str, budget: Budget, now: Timestamp) -> Answered<'_, Slot> {
        Box::pin(async move {
            // By the rate alone: places are the logins' matter.
            let rate = Budget { in_flight: 0, ..budget };
            let now = now.as_microsecond();
            let Some(limit) = Limit::of(format!("permit:{key}"), rate, now) else {
                return Ok(Slot::Granted);
            };
            let key = limit.key.as_str();
            if write!(&self.pool, statements::TAKE, key, now, limit.interval, limit.latest, limit.wrong)? > 0
            {
                return Ok(Slot::Granted);
            }
            let rows = read!(&self.pool, statements::LOOK => (i64,), key)?;
            let at = rows.first().map_or(now, |(next_at,)| limit.from(*next_at));
            Ok(Slot::Wait(Some(from_micros(at.max(now)))))
        })
    }

    fn release_slot(&self, login: LoginId) -> Answered<'_, ()> {
        Box::pin(async move {
            write!(&self.pool, statements::RELEASE, login.0)?;
            Ok(())
        })
    }
}

impl SqlDatabase {
    /// Leaving the transaction early rolls back: what one of the limits refuses has cost nothing of the others.
    async fn try_slot(&self, request: &SlotRequest) -> Result<Slot, RepositoryError> {
        let now = request.now.as_microsecond();
        let until = request.until.as_microsecond();
        let (login, egress) = (request.login.0, request.egress.0);
        // Everybody locks them in this order.
        let limits = [
            Limit::of(PORTAL.to_owned(), request.portal, now),
            Limit::of(key_of(request.egress), request.way, now),
        ];
        transaction!(&self.pool, |tx| {
            if tx_write!(tx, statements::RENEW, login, egress, until, now)? == 0 {
                let mut refused = false;
                for limit in limits.iter().flatten() {
                    refused = tx_write!(
                        tx,
                        statements::TAKE,
                        limit.key.as_str(),
                        now,
                        limit.interval,
                        limit.latest,
                        limit.wrong,
                    )? == 0;
                    if refused {
                        break;
                    }
                }
                if refused {
                    let mut at = now;
                    for limit in limits.iter().flatten() {
                        let rows = tx_rows!(tx, statements::LOOK => (i64,), limit.key.as_str())?;
                        at = at.max(rows.first().map_or(now, |(next_at,)| limit.from(*next_at)));
                    }
                    return Ok(Slot::Wait(Some(from_micros(at))));
                }
                let placed = tx_write!(
                    tx,
                    statements::PUT,
                    login,
                    egress,
                    until,
                    now,
                    i64::from(request.portal.in_flight),
                    i64::from(request.way.in_flight),
                )?;
                if placed == 0 {
                    return Ok(Slot::Wait(None));
                }
            }
        });
        Ok(Slot::Granted)
    }
}

/// A limit, in microseconds.
struct Limit {
    key: String,
    /// Between two logins at the steady rate; 0: only places are limited, and the row is there to be locked.
    interval: i64,
    /// How late the theoretical arrival time may be now.
    latest: i64,
    /// How much later than now that is.
    tolerance: i64,
    /// No clock that is right brings it later than this.
    wrong: i64,
}

impl Limit {
    /// `None`: there is none.
    fn of(key: String, budget: Budget, now: i64) -> Option<Self> {
        if budget.is_unlimited() {
            return None;
        }
        let interval = budget.interval_micros();
        if interval == 0 {
            return Some(Self { key, interval, latest: i64::MAX, tolerance: 0, wrong: i64::MAX });
        }
        let tolerance = interval.saturating_mul(i64::from(budget.burst.max(1)) - 1);
        let latest = now.saturating_add(tolerance);
        let differ = i64::try_from(CLOCKS_DIFFER.as_micros()).unwrap_or(i64::MAX);
        let wrong = latest.saturating_add(interval).saturating_add(differ);
        Some(Self { key, interval, latest, tolerance, wrong })
    }

    /// From when a login fits.
    fn from(&self, next_at: i64) -> i64 {
        if self.interval == 0 { i64::MIN } else { next_at.saturating_sub(self.tolerance) }
    }
}
