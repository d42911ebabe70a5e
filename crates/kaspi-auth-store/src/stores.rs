//! Stores, their sessions and credentials in the database. Each change of a store is told after its commit.

mod credentials;
mod delete;
mod import;
mod list;
mod read_session;
mod row;
mod save;
mod session_row;
mod stage;
mod update_session;

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::EngineChoice;
use kaspi_auth_core::port::{Answered, RepositoryError, SavedSession, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::{Cookie, Session, StoredCredentials};
use kaspi_auth_core::store::{Store, StoreChange, StoreFilter, StoreSummary};
use kaspi_auth_core::tenant::Tenant;

use crate::changes::Change;
use crate::database::{Seen, SqlDatabase};
use crate::failure;
use crate::pool::{read, transaction, tx_rows, tx_write, write_returning};
use crate::sealed::{GuidError, StoredGuid};
use crate::statements::stores as statements;
use crate::values::{Instant, without_nul};
use credentials::SecretsRow;
use row::StoreRow;
pub(crate) use row::points;
pub(crate) use session_row::SessionRow;

const TABLE: &str = "kaspi_stores";

/// Tries of a read and a write of what was read, between which another program may write.
const TRIES: u32 = 5;

impl StoreRepository for SqlDatabase {
    fn stage_session<'a>(
        &'a self,
        saved: SavedSession<'a>,
        summary: &'a StoreSummary,
        now: Timestamp,
    ) -> Answered<'a, Vec<Cookie>> {
        Box::pin(self.stage(saved, summary, now))
    }

    fn save_session<'a>(
        &'a self,
        saved: SavedSession<'a>,
        summary: &'a StoreSummary,
        now: Timestamp,
    ) -> Answered<'a, ()> {
        Box::pin(self.save(saved, summary, now))
    }

    fn find_store<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Store>> {
        Box::pin(async move {
            let Some(seen) = self.seen(tenant) else { return Ok(None) };
            let rows = read!(&self.pool, statements::FIND => StoreRow, uid.as_str(), seen.all, seen.user)?;
            rows.into_iter().next().map(|row| row.store(&self.sealer)).transpose()
        })
    }

    fn list_stores<'a>(&'a self, tenant: &'a Tenant, filter: &'a StoreFilter) -> Answered<'a, Vec<Store>> {
        Box::pin(self.list(tenant, filter))
    }

    fn change_store<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
        change: &'a StoreChange,
        now: Timestamp,
    ) -> Answered<'a, Option<Store>> {
        Box::pin(self.change(tenant, uid, change, now))
    }

    fn delete_store<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, bool> {
        Box::pin(self.delete(tenant, uid))
    }

    fn session<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Session>> {
        Box::pin(self.read_session(tenant, uid))
    }

    fn fresh_session<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
    ) -> Answered<'a, Option<Session>> {
        Box::pin(async move {
            // What is in memory counts for nothing from here on, for others too.
            self.cache.forget(&Change::Store(uid.clone()));
            self.read_session(tenant, uid).await
        })
    }

    fn credentials<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
    ) -> Answered<'a, Option<StoredCredentials>> {
        Box::pin(self.read_credentials(tenant, uid))
    }

    fn update_session<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
        update: SessionUpdate<'a>,
    ) -> Answered<'a, ()> {
        Box::pin(self.change_session(tenant, uid, update))
    }
}

impl SqlDatabase {
    /// Whether the tenant has the store.
    pub(crate) async fn has_store(&self, seen: &Seen, uid: &MerchantUid) -> Result<bool, RepositoryError> {
        let found = read!(&self.pool, statements::SEEN => (i64,), uid.as_str(), seen.all, &seen.user)?;
        Ok(found.first().is_some_and(|(count,)| *count > 0))
    }

    async fn change(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
        change: &StoreChange,
        now: Timestamp,
    ) -> Result<Option<Store>, RepositoryError> {
        let Some(seen) = self.seen(tenant) else { return Ok(None) };
        let name = change.name.as_deref().map(without_nul);
        let holder = self.users.write(change.user_id.as_ref().and_then(Option::as_ref))?;
        let sets_holder = change.user_id.is_some();
        let sets_engine = change.engine.is_some();
        let engine = change.engine.flatten().map(EngineChoice::as_str);
        let rows = if change.forget_password {
            transaction!(&self.pool, |tx| {
                let secrets = tx_rows!(
                    tx, statements::SECRETS => SecretsRow, uid.as_str(), seen.all, &seen.user,
                )?;
                let Some(row) = secrets.first() else { return Ok(None) };
                let guid = self.without_password(uid, row, now)?;
                let forgotten = tx_write!(
                    tx,
                    statements::FORGET_PASSWORD,
                    uid.as_str(),
                    seen.all,
                    &seen.user,
                    row.auth_revision,
                    guid.map(sqlx::types::Json),
                )?;
                if forgotten == 0 {
                    return Err(RepositoryError::Conflict);
                }
                tx_rows!(
                    tx, statements::CHANGE => StoreRow, uid.as_str(), seen.all, &seen.user, &name, change.is_active,
                    sets_holder, &holder, Instant(now), sets_engine, engine,
                )?
            })
        } else {
            write_returning!(
                &self.pool, statements::CHANGE => StoreRow, uid.as_str(), seen.all, &seen.user, &name,
                change.is_active, sets_holder, &holder, Instant(now), sets_engine, engine,
            )?
        };
        self.announcer.announce(Change::Store(uid.clone()));
        rows.into_iter().next().map(|row| row.store(&self.sealer)).transpose()
    }
}

/// The text of `guid`, read.
fn stored_guid(uid: &MerchantUid, text: Option<&str>) -> Result<Option<StoredGuid>, RepositoryError> {
    text.map_or(Ok(None), StoredGuid::read).map_err(|error| guid_error(uid, error))
}

fn guid_error(uid: &MerchantUid, error: GuidError) -> RepositoryError {
    match error {
        GuidError::Sealed(error) => failure::sealed(TABLE, "guid", uid, error),
        GuidError::Shape(what) => failure::corrupt(TABLE, "guid", uid, what),
    }
}
