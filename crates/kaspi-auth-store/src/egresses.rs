//! The ways out in the database. That a new login pins its account is a trigger's work: see migration 0005.

mod row;

use jiff::Timestamp;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::egress::{Egress, EgressId, Health};
use kaspi_auth_core::port::{Answered, EgressRepository, RepositoryError};
use uuid::Uuid;

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_write, write};
use crate::rates;
use crate::statements::egresses as statements;
use crate::values::without_nul;
use row::{EgressRow, OwnRow, Params};

impl EgressRepository for SqlDatabase {
    fn list_egresses(&self) -> Answered<'_, Vec<Egress>> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::LIST => EgressRow)?;
            self.by_name(rows)
        })
    }

    fn find_egress(&self, id: EgressId) -> Answered<'_, Option<Egress>> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::FIND => EgressRow, id.0)?;
            rows.into_iter().next().map(|row| row.egress(&self.sealer)).transpose()
        })
    }

    fn egresses_for<'a>(&'a self, account: &'a Account) -> Answered<'a, (Vec<Egress>, Option<EgressId>)> {
        Box::pin(async move {
            let key = self.sealer.account_key(account);
            let rows = read!(&self.pool, statements::LIST_FOR => OwnRow, key.as_slice())?;
            let own = rows.first().and_then(|row| row.own).map(EgressId);
            // Counting walks over all accounts: only a choice among several needs it.
            let rows = if rows.len() < 2 || rows.iter().any(OwnRow::is_own_and_well) {
                rows.into_iter().map(|row| row.egress).collect()
            } else {
                read!(&self.pool, statements::LIST => EgressRow)?
            };
            Ok((self.by_name(rows)?, own))
        })
    }

    fn insert_egress<'a>(&'a self, egress: &'a Egress) -> Answered<'a, ()> {
        Box::pin(async move {
            let params = Params::of(egress, &self.sealer);
            write!(
                &self.pool,
                statements::INSERT,
                egress.id.0,
                params.name,
                egress.revision,
                params.kind,
                params.host,
                params.port,
                params.username,
                params.password,
                egress.enabled,
                egress.managed,
                egress.budget.per_second,
                i64::from(egress.budget.burst),
                i64::from(egress.budget.in_flight),
                i64::from(egress.health.score),
                i64::from(egress.health.blocks),
                i64::from(egress.health.rests),
                egress.health.rest_until.map(Timestamp::as_microsecond),
                params.checked_at,
                params.check_error,
                egress.created_at.as_microsecond(),
                egress.updated_at.as_microsecond(),
            )?;
            Ok(())
        })
    }

    fn update_egress<'a>(&'a self, egress: &'a Egress) -> Answered<'a, ()> {
        Box::pin(async move {
            let params = Params::of(egress, &self.sealer);
            let updated = write!(
                &self.pool,
                statements::UPDATE,
                egress.id.0,
                egress.revision,
                params.name,
                params.kind,
                params.host,
                params.port,
                params.username,
                params.password,
                egress.enabled,
                egress.managed,
                egress.budget.per_second,
                i64::from(egress.budget.burst),
                i64::from(egress.budget.in_flight),
                params.checked_at,
                params.check_error,
                egress.updated_at.as_microsecond(),
            )?;
            if updated == 0 { Err(RepositoryError::Conflict) } else { Ok(()) }
        })
    }

    fn delete_egress(&self, id: EgressId) -> Answered<'_, bool> {
        Box::pin(self.delete_with_rate(id))
    }

    fn note_health(&self, id: EgressId, health: Health, now: Timestamp) -> Answered<'_, ()> {
        Box::pin(async move {
            write!(
                &self.pool,
                statements::NOTE_HEALTH,
                id.0,
                i64::from(health.score),
                i64::from(health.blocks),
                i64::from(health.rests),
                health.rest_until.map(Timestamp::as_microsecond),
                now.as_microsecond(),
            )?;
            Ok(())
        })
    }

    fn note_check<'a>(&'a self, id: EgressId, error: Option<&'a str>, now: Timestamp) -> Answered<'a, ()> {
        Box::pin(async move {
            let error = error.map(without_nul);
            write!(&self.pool, statements::NOTE_CHECK, id.0, error, now.as_microsecond())?;
            Ok(())
        })
    }
}

impl SqlDatabase {
    /// In Rust's order, which no collation changes.
    fn by_name(&self, rows: Vec<EgressRow>) -> Result<Vec<Egress>, RepositoryError> {
        let egresses: Result<Vec<Egress>, _> = rows.into_iter().map(|row| row.egress(&self.sealer)).collect();
        let mut egresses = egresses?;
        egresses.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(egresses)
    }

    /// The built-in one stays. Pins to a deleted one stay too: by them the account's move is noticed. Logins that are on the way keep their
    /// places of all ways together.
    async fn delete_with_rate(&self, id: EgressId) -> Result<bool, RepositoryError> {
        if id.0 == Uuid::nil() {
            return Ok(false);
        }
        let deleted = transaction!(&self.pool, |tx| {
            tx_write!(tx, statements::DELETE_RATE, rates::key_of(id))?;
            tx_write!(tx, statements::DELETE, id.0)?
        });
        Ok(deleted > 0)
    }
}
