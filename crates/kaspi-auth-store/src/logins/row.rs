//! A login as a row, both ways. The record is JSON of a fixed shape; times have microseconds.

use jiff::Timestamp;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::{LoginId, MerchantUid, NodeId, UserId};
use kaspi_auth_core::keeping::Origin;
use kaspi_auth_core::login::{Channel, Driver, EngineChoice, Login, LoginSecrets, LoginState, WhenSeveral};
use kaspi_auth_core::port::RepositoryError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::failure;
use crate::sealed::Sealer;
use crate::values::from_micros;

const TABLE: &str = "kaspi_auth_logins";

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct LoginRow {
    id: Uuid,
    version: i64,
    /// In one spelling.
    pub(crate) user_id: Option<String>,
    account: String,
    secrets: Option<String>,
    record: String,
    egress: Option<Uuid>,
    holder: Option<Uuid>,
    created_at: i64,
    updated_at: i64,
    expires_at: i64,
}

/// What of a login has no column of its own.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// As given, where the column has the one spelling.
    user_id: Option<UserId>,
    engine: EngineChoice,
    #[serde(default = "direct")]
    driver: Driver,
    store_password: bool,
    wanted: Option<MerchantUid>,
    when_several: WhenSeveral,
    #[serde(default = "caller")]
    origin: Origin,
    #[serde(default)]
    code_source: Option<Channel>,
    #[serde(default)]
    code_verified: bool,
    state: LoginState,
}

/// Records of a release that knew nothing else.
fn direct() -> Driver {
    Driver::Direct
}

/// As above: nobody else could start one.
fn caller() -> Origin {
    Origin::Caller
}

/// What an insert and an update write alike.
#[derive(Debug)]
pub(crate) struct LoginParams {
    pub(crate) state: &'static str,
    pub(crate) record: String,
    /// Has not ended.
    pub(crate) is_active: bool,
    pub(crate) lease_node: Option<Uuid>,
    pub(crate) lease_until: Option<i64>,
    pub(crate) due_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) egress: Uuid,
    pub(crate) holder: Option<Uuid>,
    pub(crate) updated_at: i64,
    pub(crate) expires_at: i64,
}

impl LoginParams {
    /// A running login without a lease can be taken over at once.
    pub(crate) fn of(login: &Login, lease: Option<(NodeId, Timestamp)>) -> Result<Self, RepositoryError> {
        let state = &login.state;
        let record = Record {
            user_id: login.user_id.clone(),
            engine: login.engine,
            driver: login.driver,
            store_password: login.store_password,
            wanted: login.wanted.clone(),
            when_several: login.when_several,
            origin: login.origin,
            code_source: login.code_source,
            code_verified: login.code_verified,
            state: state.clone(),
        };
        let record = serde_json::to_string(&record)
            .map_err(|error| failure::corrupt(TABLE, "record", &login.id, error))?;
        let is_active = !state.is_terminal();
        let lease = lease.filter(|_| state.is_running());
        let lease_until = lease.map_or(login.updated_at, |(_, until)| until).as_microsecond();
        let due = state
            .challenge()
            .filter(|_| state.is_awaiting())
            .map_or(login.expires_at, |challenge| challenge.expires_at().min(login.expires_at));
        let updated_at = login.updated_at.as_microsecond();
        Ok(Self {
            state: state.name(),
            record,
            is_active,
            lease_node: lease.map(|(node, _)| node.0),
            lease_until: state.is_running().then_some(lease_until),
            due_at: is_active.then_some(due.as_microsecond()),
            ended_at: (!is_active).then_some(updated_at),
            egress: login.egress.0,
            holder: login.holder.map(|node| node.0),
            updated_at,
            expires_at: login.expires_at.as_microsecond(),
        })
    }
}

impl LoginRow {
    /// The login.
    pub(crate) fn login(self, sealer: &Sealer) -> Result<Login, RepositoryError> {
        let id = LoginId(self.id);
        let record: Record = serde_json::from_str(&self.record)
            .map_err(|error| failure::corrupt(TABLE, "record", &id, error))?;
        let account = sealer
            .open_account(id, &self.account)
            .map_err(|error| failure::sealed(TABLE, "account", &id, error))?;
        Ok(Login {
            id,
            version: self.version,
            user_id: record.user_id,
            account,
            origin: record.origin,
            code_source: record.code_source,
            engine: record.engine,
            driver: record.driver,
            egress: self.egress.map_or(EgressId::DIRECT, EgressId),
            holder: self.holder.map(NodeId),
            store_password: record.store_password,
            wanted: record.wanted,
            when_several: record.when_several,
            code_verified: record.code_verified,
            state: record.state,
            created_at: from_micros(self.created_at),
            updated_at: from_micros(self.updated_at),
            expires_at: from_micros(self.expires_at),
        })
    }

    /// Its secrets; `None` once it has ended.
    pub(crate) fn secrets(&self, sealer: &Sealer) -> Result<Option<LoginSecrets>, RepositoryError> {
        let id = LoginId(self.id);
        self.secrets
            .as_deref()
            .map(|token| sealer.open_secrets(id, token))
            .transpose()
            .map_err(|error| failure::sealed(TABLE, "secrets", &id, error))
    }
}
