//! Stores and their sessions in memory.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::login::{EngineChoice, LoginState};
use kaspi_auth_core::port::{Answered, RepositoryError, SavedSession, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::{Session, StoredCredentials, Validity};
use kaspi_auth_core::store::{Store, StoreChange, StoreFilter, StoreSummary};
use kaspi_auth_core::tenant::Tenant;

use super::{Memory, absent, done};

impl Memory {
    /// Puts a store there, held by `user`.
    pub fn hold_store(&self, uid: &MerchantUid, user: Option<UserId>, now: Timestamp) {
        self.tables().stores.push(store(uid, user, now));
    }
}

impl StoreRepository for Memory {
    fn save_session<'a>(
        &'a self,
        saved: SavedSession<'a>,
        summary: &'a StoreSummary,
        now: Timestamp,
    ) -> Answered<'a, ()> {
        let mut tables = self.tables();
        let (uid, user) = (&summary.merchant_uid, &saved.login.user_id);
        let held = tables.stores.iter().find(|store| store.merchant_uid == *uid);
        if held.is_some_and(|store| store.user_id.is_some() && store.user_id != *user) {
            return done(Err(RepositoryError::StoreTaken));
        }
        let is_new = held.is_none();
        let row = match tables.unchanged(saved.login) {
            Ok(row) => row,
            Err(error) => return done(Err(error)),
        };
        row.login.version += 1;
        row.login.state = LoginState::Succeeded { store: summary.clone() };
        (row.secrets, row.lease) = (None, None);
        if is_new {
            tables.stores.push(store(uid, user.clone(), now));
        }
        let login = saved.login;
        let account = login.account.canonical();
        if login.engine == EngineChoice::Auto {
            tables.drivers.insert(account.clone(), login.driver);
        }
        tables.pins.insert(account, login.egress);
        tables.operation.free_slot(login.id);
        for store in tables.stores.iter_mut().filter(|store| store.merchant_uid == *uid) {
            store.driver = Some(login.driver);
            store.egress = Some(login.egress);
        }
        done(Ok(()))
    }

    fn find_store<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Store>> {
        let tables = self.tables();
        let store = tables.stores.iter().find(|store| store.merchant_uid == *uid);
        done(Ok(store.filter(|store| tenant.sees(store.user_id.as_ref())).cloned()))
    }

    fn list_stores<'a>(&'a self, _: &'a Tenant, _: &'a StoreFilter) -> Answered<'a, Vec<Store>> {
        absent("list_stores")
    }

    fn change_store<'a>(
        &'a self,
        _: &'a Tenant,
        _: &'a MerchantUid,
        _: &'a StoreChange,
        _: Timestamp,
    ) -> Answered<'a, Option<Store>> {
        absent("change_store")
    }

    fn delete_store<'a>(&'a self, _: &'a Tenant, _: &'a MerchantUid) -> Answered<'a, bool> {
        absent("delete_store")
    }

    fn session<'a>(&'a self, _: &'a Tenant, _: &'a MerchantUid) -> Answered<'a, Option<Session>> {
        absent("session")
    }

    fn credentials<'a>(
        &'a self,
        _: &'a Tenant,
        _: &'a MerchantUid,
    ) -> Answered<'a, Option<StoredCredentials>> {
        absent("credentials")
    }

    fn update_session<'a>(
        &'a self,
        _: &'a Tenant,
        _: &'a MerchantUid,
        _: SessionUpdate<'a>,
    ) -> Answered<'a, ()> {
        absent("update_session")
    }
}

fn store(uid: &MerchantUid, user_id: Option<UserId>, now: Timestamp) -> Store {
    Store {
        id: uuid::Uuid::nil(),
        merchant_uid: uid.clone(),
        user_id,
        name: None,
        logo_url: None,
        points: [].into(),
        is_active: true,
        needs_reauth: false,
        reauth_reason: None,
        generation: 1,
        has_session: true,
        has_password: true,
        validity: Validity::Unknown,
        engine: None,
        driver: None,
        egress: None,
        authenticated_at: Some(now),
        checked_at: None,
        created_at: now,
        updated_at: now,
    }
}
