//! Stores and their sessions in memory.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::account::{Account, Method};
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::login::{EngineChoice, LoginState};
use kaspi_auth_core::port::{Answered, RepositoryError, SavedSession, SessionUpdate, StoreRepository};
use kaspi_auth_core::session::{Cookie, Session, StoredCredentials, Validity};
use kaspi_auth_core::store::{Store, StoreChange, StoreFilter, StoreSummary};
use kaspi_auth_core::tenant::Tenant;

use super::{Memory, Tables, absent, done};

/// What opens a store's cabinet, and what can open it again.
pub struct HeldSession {
    cookies: Vec<Cookie>,
    method: Method,
    credentials: StoredCredentials,
}

impl Memory {
    /// Puts a store there, held by `user`.
    pub fn hold_store(&self, uid: &MerchantUid, user: Option<UserId>, now: Timestamp) {
        self.tables().stores.push(store(uid, user, now));
    }
}

impl StoreRepository for Memory {
    fn stage_session<'a>(
        &'a self,
        saved: SavedSession<'a>,
        _summary: &'a StoreSummary,
        _now: Timestamp,
    ) -> Answered<'a, Vec<Cookie>> {
        done(Ok(saved.session.cookies.clone()))
    }

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
            store.generation += i64::from(!is_new);
            store.driver = Some(login.driver);
            store.egress = Some(login.egress);
            (store.validity, store.checked_at) = (Validity::Alive, Some(now));
            store.authenticated_at = Some(saved.session.authenticated_at);
            (store.needs_reauth, store.reauth_reason) = (false, None);
        }
        let (email, phone) = match &login.account {
            Account::Email(email) => (Some(email.clone()), None),
            Account::Phone(phone) => (None, Some(phone.clone())),
        };
        let password = saved.credentials.secret().filter(|_| login.store_password).cloned();
        let credentials = StoredCredentials { email, password, phone, code_verified: login.code_verified };
        let cookies = saved.session.cookies.clone();
        let held = HeldSession { cookies, method: login.account.method(), credentials };
        tables.sessions.insert(uid.clone(), held);
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

    fn fresh_session<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
    ) -> Answered<'a, Option<Session>> {
        self.session(tenant, uid)
    }

    fn session<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Session>> {
        let tables = self.tables();
        let found = tables.visible(tenant, uid).filter(|(store, _)| store.is_active);
        done(Ok(found.map(|(store, held)| Session {
            merchant_uid: uid.clone(),
            generation: store.generation,
            cookies: held.cookies.clone(),
            method: Some(held.method),
            authenticated_at: store.authenticated_at,
            validity: store.validity,
            checked_at: store.checked_at,
            needs_reauth: store.needs_reauth,
            egress: store.egress,
        })))
    }

    fn credentials<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
    ) -> Answered<'a, Option<StoredCredentials>> {
        let tables = self.tables();
        done(Ok(tables.visible(tenant, uid).map(|(_, held)| held.credentials.clone())))
    }

    fn update_session<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
        update: SessionUpdate<'a>,
    ) -> Answered<'a, ()> {
        let mut tables = self.tables();
        if update.lease.is_some_and(|lease| !tables.kept.holds(uid, lease)) {
            return done(Err(RepositoryError::Conflict));
        }
        let Tables { stores, sessions, .. } = &mut *tables;
        let store = stores.iter_mut().find(|store| {
            store.merchant_uid == *uid
                && tenant.sees(store.user_id.as_ref())
                && store.generation == update.generation
        });
        let (Some(store), Some(held)) = (store, sessions.get_mut(uid)) else {
            return done(Err(RepositoryError::Conflict));
        };
        if let Some(cookies) = update.cookies {
            held.cookies = cookies.to_vec();
        }
        store.generation += i64::from(update.renewed);
        if update.renewed || update.validity != Validity::Unknown {
            store.validity = update.validity;
            store.checked_at = Some(update.checked_at);
        }
        store.authenticated_at = update.authenticated_at.or(store.authenticated_at);
        if let Some(reason) = update.needs_reauth {
            store.needs_reauth = reason.is_some();
            store.reauth_reason = reason;
        }
        done(Ok(()))
    }
}

impl Tables {
    fn visible(&self, tenant: &Tenant, uid: &MerchantUid) -> Option<(&Store, &HeldSession)> {
        let mut stores = self.stores.iter();
        let store = stores.find(|store| store.merchant_uid == *uid && tenant.sees(store.user_id.as_ref()))?;
        Some((store, self.sessions.get(uid)?))
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
