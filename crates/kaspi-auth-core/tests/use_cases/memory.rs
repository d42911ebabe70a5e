//! A database in memory: as much of it as the rules around a login need. What is left out answers that it is not there.
//!
//! It has one lock and does each method under it, so that a method is one transaction here too.

mod keeping;
mod operation;
mod stores;

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Mutex, MutexGuard};

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::api_key::{ApiKey, HeldApiKey};
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::event::Happening;
use kaspi_auth_core::id::{LoginId, MerchantUid, NodeId, UserId};
use kaspi_auth_core::login::{Driver, Login, LoginSecrets, LoginState};
use kaspi_auth_core::port::{
    AccountNote, AnswerKey, Answered, ApiKeyRepository, Database, Device, Inserted, Ledger, LoginRepository,
    LoginUpdate, RepositoryError, SecretsChange,
};
use kaspi_auth_core::store::Store;
use kaspi_auth_core::tenant::Tenant;
use keeping::Kept;
use operation::Operation;
use secrecy::ExposeSecret;
use stores::HeldSession;

/// The database.
#[derive(Default)]
pub struct Memory {
    tables: Mutex<Tables>,
    before_update: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    before_join: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[derive(Default)]
pub struct Tables {
    pub logins: Vec<Row>,
    pub stores: Vec<Store>,
    /// The last refused password of an account, with its time.
    rejected: HashMap<(String, String), Timestamp>,
    blocked: HashMap<String, Timestamp>,
    /// What drove an account to success, where that was tried out.
    drivers: HashMap<String, Driver>,
    sessions: HashMap<MerchantUid, HeldSession>,
    /// The way out of an account.
    pins: HashMap<String, EgressId>,
    pub operation: Operation,
    /// What keeps sessions alive.
    pub kept: Kept,
}

pub struct Row {
    pub login: Login,
    pub secrets: Option<LoginSecrets>,
    lease: Option<(NodeId, Timestamp)>,
    answers: HashMap<String, String>,
}

impl Memory {
    /// What it holds now.
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    /// What happens elsewhere just before the next change of a login is stored.
    pub fn before_update(&self, happens: impl FnOnce() + Send + 'static) {
        *self.before_update.lock().unwrap() = Some(Box::new(happens));
    }

    /// What happens elsewhere just before somebody joins a running login.
    pub fn before_join(&self, happens: impl FnOnce() + Send + 'static) {
        *self.before_join.lock().unwrap() = Some(Box::new(happens));
    }

    /// What the last refresh of the store came to is known no more.
    pub fn forget_outcome(&self, uid: &MerchantUid) {
        self.tables().kept.forget_outcome(uid);
    }

    /// What has happened, in its order.
    pub fn happened(&self) -> Vec<Happening> {
        self.tables().operation.events.iter().map(|event| event.happening.clone()).collect()
    }
}

impl Tables {
    fn row(&mut self, id: LoginId) -> Option<&mut Row> {
        self.logins.iter_mut().find(|row| row.login.id == id)
    }

    /// The row, if nobody has changed it since `login` was read.
    fn unchanged(&mut self, login: &Login) -> Result<&mut Row, RepositoryError> {
        let row = self.row(login.id).filter(|row| row.login.version == login.version);
        row.ok_or(RepositoryError::Conflict)
    }

    fn note(&mut self, note: &AccountNote, credentials: &Credentials, now: Timestamp) {
        let account = credentials.account().canonical();
        match note {
            AccountNote::PasswordRejected => {
                self.rejected.insert((account, password(credentials)), now);
            }
            AccountNote::PasswordAccepted => {
                self.rejected.retain(|(of, _), _| *of != account);
            }
            AccountNote::BlockedUntil(until) => {
                self.blocked.insert(account, *until);
            }
        }
    }
}

fn password(credentials: &Credentials) -> String {
    credentials.secret().map(|secret| secret.expose_secret().to_owned()).unwrap_or_default()
}

fn done<'a, T: Send + 'a>(value: Result<T, RepositoryError>) -> Answered<'a, T> {
    Box::pin(ready(value))
}

fn absent<'a, T: Send + 'a>(statement: &'static str) -> Answered<'a, T> {
    done(Err(RepositoryError::Unavailable { statement, source: "not kept in memory".into() }))
}

impl LoginRepository for Memory {
    fn insert_login<'a>(
        &'a self,
        tenant: &'a Tenant,
        login: &'a Login,
        secrets: &'a LoginSecrets,
        lease: (NodeId, Timestamp),
    ) -> Answered<'a, Inserted> {
        let mut tables = self.tables();
        let account = login.account.canonical();
        let holds = |row: &&Row| row.login.account.canonical() == account && !row.login.state.is_terminal();
        let inserted = match tables.logins.iter().find(holds) {
            Some(row) if tenant.sees(row.login.user_id.as_ref()) => {
                Inserted::Running(Box::new(row.login.clone()))
            }
            Some(_) => Inserted::Busy,
            None => {
                tables.pins.insert(account, login.egress);
                let (login, secrets) = (login.clone(), Some(secrets.clone()));
                tables.logins.push(Row { login, secrets, lease: Some(lease), answers: HashMap::new() });
                Inserted::New
            }
        };
        done(Ok(inserted))
    }

    fn find_login<'a>(&'a self, tenant: &'a Tenant, id: LoginId) -> Answered<'a, Option<Login>> {
        let login = self.tables().row(id).map(|row| row.login.clone());
        done(Ok(login.filter(|login| tenant.sees(login.user_id.as_ref()))))
    }

    fn open_login(&self, id: LoginId) -> Answered<'_, Option<(Login, Option<LoginSecrets>)>> {
        done(Ok(self.tables().row(id).map(|row| (row.login.clone(), row.secrets.clone()))))
    }

    fn update_login<'a>(&'a self, update: LoginUpdate<'a>) -> Answered<'a, i64> {
        let happens = self.before_update.lock().unwrap().take();
        if let Some(happens) = happens {
            happens();
        }
        let mut tables = self.tables();
        let row = match tables.unchanged(update.login) {
            Ok(row) => row,
            Err(error) => return done(Err(error)),
        };
        let version = update.login.version + 1;
        row.login = Login { version, ..update.login.clone() };
        row.lease = update.lease;
        match update.secrets {
            SecretsChange::Keep => {}
            SecretsChange::Replace(secrets) => row.secrets = Some(secrets),
            SecretsChange::Erase => row.secrets = None,
        }
        if let Some(AnswerKey { key, answer }) = update.answer {
            row.answers.insert(key, answer.expose_secret().to_owned());
        }
        if let Some((note, credentials)) = update.note {
            tables.note(&note, credentials, update.login.updated_at);
        }
        if !update.login.state.is_running() {
            tables.operation.free_slot(update.login.id);
        }
        done(Ok(version))
    }

    fn join_login<'a>(&'a self, login: &'a Login) -> Answered<'a, i64> {
        let happens = self.before_join.lock().unwrap().take();
        if let Some(happens) = happens {
            happens();
        }
        let mut tables = self.tables();
        let joined = tables.unchanged(login).map(|row| {
            let version = login.version + 1;
            row.login = Login { version, ..login.clone() };
            version
        });
        done(joined)
    }

    fn find_answer<'a>(&'a self, id: LoginId, answer: &'a AnswerKey) -> Answered<'a, Option<bool>> {
        let mut tables = self.tables();
        let came = tables.row(id).and_then(|row| row.answers.get(&answer.key));
        done(Ok(came.map(|came| came == answer.answer.expose_secret())))
    }

    fn ledger<'a>(&'a self, credentials: &'a Credentials) -> Answered<'a, Ledger> {
        let tables = self.tables();
        let account = credentials.account().canonical();
        let rejected_at = tables.rejected.get(&(account.clone(), password(credentials))).copied();
        let blocked_until = tables.blocked.get(&account).copied();
        done(Ok(Ledger { rejected_at, blocked_until, driver: tables.drivers.get(&account).copied() }))
    }

    fn device<'a>(&'a self, _: Option<&'a UserId>, _: &'a Account) -> Answered<'a, Option<Device>> {
        done(Ok(self.tables().kept.device.clone()))
    }

    fn claim_lost_logins(
        &self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
        _: u32,
    ) -> Answered<'_, Vec<LoginId>> {
        let mut lost = Vec::new();
        for row in &mut self.tables().logins {
            if row.login.state.is_running() && row.lease.is_none_or(|(_, end)| end < now) {
                row.lease = Some((node, until));
                lost.push(row.login.id);
            }
        }
        done(Ok(lost))
    }

    fn note_account<'a>(
        &'a self,
        note: &'a AccountNote,
        credentials: &'a Credentials,
        at: Timestamp,
    ) -> Answered<'a, ()> {
        self.tables().note(note, credentials, at);
        done(Ok(()))
    }

    fn renew_lease(&self, _: LoginId, _: NodeId, _: Timestamp) -> Answered<'_, ()> {
        absent("renew_lease")
    }

    fn release_leases(&self, _: NodeId, _: Timestamp) -> Answered<'_, u64> {
        absent("release_leases")
    }

    fn due_logins(&self, now: Timestamp, _: u32) -> Answered<'_, Vec<LoginId>> {
        let due = |login: &Login| match &login.state {
            LoginState::Awaiting { challenge } => now >= challenge.expires_at(),
            state => !state.is_terminal() && now >= login.expires_at,
        };
        let tables = self.tables();
        let logins = tables.logins.iter().map(|row| &row.login);
        done(Ok(logins.filter(|login| due(login)).map(|login| login.id).collect()))
    }

    fn prune_logins(&self, _: Timestamp, _: u32) -> Answered<'_, u64> {
        absent("prune_logins")
    }
}

impl ApiKeyRepository for Memory {
    fn insert_api_key<'a>(&'a self, _: &'a HeldApiKey) -> Answered<'a, ()> {
        absent("insert_api_key")
    }

    fn find_api_key<'a>(&'a self, _: &'a str) -> Answered<'a, Option<HeldApiKey>> {
        absent("find_api_key")
    }

    fn list_api_keys(&self) -> Answered<'_, Vec<ApiKey>> {
        absent("list_api_keys")
    }

    fn revoke_api_key<'a>(&'a self, _: &'a str, _: Timestamp) -> Answered<'a, bool> {
        absent("revoke_api_key")
    }

    fn touch_api_key<'a>(&'a self, _: &'a str, _: Timestamp) -> Answered<'a, ()> {
        absent("touch_api_key")
    }
}

impl Database for Memory {
    fn ping(&self) -> Answered<'_, ()> {
        done(Ok(()))
    }
}
