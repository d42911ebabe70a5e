//! Changing a stored session: a new verdict, renewed cookies, or a session won again without a login.

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::keeping::CLOCKS_DIFFER;
use kaspi_auth_core::port::{RepositoryError, SessionUpdate};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;
use sqlx::types::Json;

use super::credentials::SecretsRow;
use super::statements::{REPLACE_SESSION, SECRETS, UPDATE_LOOK};
use super::{TRIES, guid_error};
use crate::changes::Change;
use crate::database::{Seen, SqlDatabase};
use crate::pool::{read, transaction, tx_write, write};
use crate::statements::keeping::FENCE;
use crate::values::{Instant, without_nul};

/// Runs one statement on a store, under a lease where there is one: when that is another's by now, nothing is written. How many rows
/// it touched. The store is written before the lease is looked at: see [`statements::keeping`](crate::statements::keeping).
macro_rules! fenced {
    ($pool:expr, ($uid:expr, $lease:expr), $statement:expr $(, $bind:expr)* $(,)?) => {
        match $lease {
            None => write!($pool, $statement $(, $bind)*)?,
            Some(lease) => transaction!($pool, |tx| {
                let changed = tx_write!(tx, $statement $(, $bind)*)?;
                if tx_write!(tx, FENCE, $uid.as_str(), lease.node.0, lease.epoch)? == 0 {
                    return Err(RepositoryError::Conflict);
                }
                changed
            }),
        }
    };
}

impl SqlDatabase {
    pub(super) async fn change_session(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
        update: SessionUpdate<'_>,
    ) -> Result<(), RepositoryError> {
        let Some(seen) = self.seen(tenant) else { return Err(RepositoryError::Conflict) };
        let touches_session = update.cookies.is_some() || update.renewed || update.authenticated_at.is_some();
        let changed = if touches_session {
            self.replace(&seen, uid, &update).await?
        } else {
            self.look(&seen, uid, &update).await?
        };
        if !changed {
            return Err(RepositoryError::Conflict);
        }
        self.announcer.announce(Change::Store(uid.clone()));
        Ok(())
    }

    async fn look(
        &self,
        seen: &Seen,
        uid: &MerchantUid,
        update: &SessionUpdate<'_>,
    ) -> Result<bool, RepositoryError> {
        let mark = Mark::of(update);
        let changed = fenced!(
            &self.pool,
            (uid, update.lease),
            UPDATE_LOOK,
            uid.as_str(),
            seen.all,
            &seen.user,
            update.generation,
            tells(update),
            update.validity.as_str(),
            update.checked_at.as_microsecond(),
            mark.changes,
            mark.set,
            mark.reason.as_deref(),
            Instant(update.checked_at),
            wrong(update),
        );
        Ok(changed > 0)
    }

    /// Reads, puts the new part in, and writes if nobody else wrote in between; another verdict in between is no conflict.
    async fn replace(
        &self,
        seen: &Seen,
        uid: &MerchantUid,
        update: &SessionUpdate<'_>,
    ) -> Result<bool, RepositoryError> {
        let mark = Mark::of(update);
        for _ in 0..TRIES {
            let rows = read!(&self.pool, SECRETS => SecretsRow, uid.as_str(), seen.all, &seen.user)?;
            let Some(row) = rows.into_iter().next().filter(|row| row.auth_generation == update.generation)
            else {
                return Ok(false);
            };
            let Some(stored) = row.stored(uid)? else { return Ok(false) };
            let guid =
                self.sealer.open_guid(uid, stored, row.is_ours()).map_err(|error| guid_error(uid, error))?;
            let guid = match update.cookies {
                Some(cookies) => guid.with_session(cookies, update.authenticated_at),
                None => guid,
            };
            let sealed = Json(self.sealer.seal_guid(uid, &guid, update.checked_at));
            let changed = fenced!(
                &self.pool,
                (uid, update.lease),
                REPLACE_SESSION,
                uid.as_str(),
                seen.all,
                &seen.user,
                update.generation,
                tells(update),
                update.validity.as_str(),
                update.checked_at.as_microsecond(),
                mark.changes,
                mark.set,
                mark.reason.as_deref(),
                Instant(update.checked_at),
                row.auth_revision,
                &sealed,
                i64::from(update.renewed),
                update.authenticated_at.map(Timestamp::as_microsecond),
                wrong(update),
            );
            if changed > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A look that is dated later than this was no earlier one's: the clock has been set back since.
fn wrong(update: &SessionUpdate<'_>) -> i64 {
    let tolerance = i64::try_from(CLOCKS_DIFFER.as_micros()).unwrap_or(i64::MAX);
    update.checked_at.as_microsecond().saturating_add(tolerance)
}

/// An unknown verdict changes nothing, except that of a new session nothing is known.
fn tells(update: &SessionUpdate<'_>) -> bool {
    update.renewed || update.validity != Validity::Unknown
}

/// The mark "a person must sign in again".
struct Mark {
    changes: bool,
    set: bool,
    reason: Option<String>,
}

impl Mark {
    fn of(update: &SessionUpdate<'_>) -> Self {
        let reason = update.needs_reauth.as_ref().and_then(Option::as_deref).map(without_nul);
        Self { changes: update.needs_reauth.is_some(), set: reason.is_some(), reason }
    }
}
