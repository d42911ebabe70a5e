//! The database, as the rules see it. A method is one transaction. A finder takes the tenant.
//!
//! Implementations seal every secret before it is written, with the name of its owner inside.

use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    AttemptRepository, AuditRepository, BatchRepository, BoxFuture, BreakerRepository, CallRepository,
    Device, EgressRepository, EventRepository, EvidenceRepository, ImportRepository, JobRepository,
    KeepingRepository, NodeRepository, RateRepository, ShapeRepository, TimelineRepository,
};
use crate::account::{Account, Credentials};
use crate::api_key::{ApiKey, HeldApiKey};
use crate::error::{Code, Error};
use crate::id::{LoginId, MerchantUid, NodeId, UserId};
use crate::keeping::RefreshLease;
use crate::login::{Driver, Login, LoginSecrets};
use crate::session::{Cookie, NewSession, Session, StoredCredentials, Validity};
use crate::store::{Store, StoreChange, StoreFilter, StoreSummary};
use crate::tenant::Tenant;

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Somebody else changed the row since it was read.
    #[error("the row has changed since it was read")]
    Conflict,
    /// Another user holds the store.
    #[error("another user holds this store")]
    StoreTaken,
    /// A value does not fit the column: for example a `user_id` that is no UUID in an adopted table whose column is one.
    #[error("{0}")]
    Unfit(String),
    /// A row that cannot be: names table, column and row, never the value.
    #[error("{table}.{column} of row {row} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A sealed value that no key opens, or that belongs to another.
    #[error("{table}.{column} of row {row} cannot be opened")]
    Sealed {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database does not answer or refused.
    #[error("the database failed in {statement}")]
    Unavailable {
        /// The statement's name.
        statement: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<RepositoryError> for Error {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Conflict => Self::of(Code::Conflict),
            RepositoryError::StoreTaken => Self::of(Code::StoreTaken),
            RepositoryError::Unfit(ref what) => Self::new(Code::InvalidValue, what.clone()),
            RepositoryError::Corrupt { .. } => Self::of(Code::Internal).with_source(error),
            RepositoryError::Sealed { .. } => Self::of(Code::SealUnreadable).with_source(error),
            RepositoryError::Unavailable { .. } => Self::of(Code::DatabaseUnavailable).with_source(error),
        }
    }
}

/// What a method answers.
pub type Answered<'a, T> = BoxFuture<'a, Result<T, RepositoryError>>;

/// What became of a new login.
#[derive(Debug)]
pub enum Inserted {
    /// It is stored and holds its account.
    New,
    /// This one, of the same tenant, holds the account already.
    Running(Box<Login>),
    /// One of another tenant holds the account.
    Busy,
}

/// What to do with the sealed part of a login.
#[derive(Debug, Clone)]
pub enum SecretsChange {
    /// Leave it.
    Keep,
    /// Write this.
    Replace(LoginSecrets),
    /// Erase it: the login has ended.
    Erase,
}

/// What is remembered of an account across logins. The account and the password are stored as keyed digests.
#[derive(Debug, Clone)]
pub enum AccountNote {
    /// The portal refused this password: it is not sent again.
    PasswordRejected,
    /// The portal wants no login of the account before this time.
    BlockedUntil(Timestamp),
    /// The portal accepted the password.
    PasswordAccepted,
}

/// What the account's past says about a login to come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// When the portal refused this very password, if it did since it last accepted one of the account's.
    pub rejected_at: Option<Timestamp>,
    /// The portal wants no login before this time.
    pub blocked_until: Option<Timestamp>,
    /// What drove the account's last login to success, where that was found out by trying.
    pub driver: Option<Driver>,
}

/// A caller's `Idempotency-Key` with the answer that came under it.
#[derive(Debug, Clone)]
pub struct AnswerKey {
    /// The key.
    pub key: String,
    /// The answer; a keyed digest of it is stored.
    pub answer: SecretString,
}

/// One change of a login, with all that belongs to it: one transaction.
#[derive(Debug, Clone)]
pub struct LoginUpdate<'a> {
    /// The new record; `version` is the one that was read.
    pub login: &'a Login,
    /// Its sealed part.
    pub secrets: SecretsChange,
    /// What to remember of the account, with the credentials that it is about.
    pub note: Option<(AccountNote, &'a Credentials)>,
    /// The answer's key.
    pub answer: Option<AnswerKey>,
    /// The node that works on the login until then, if it runs.
    pub lease: Option<(NodeId, Timestamp)>,
}

/// Logins.
pub trait LoginRepository: Send + Sync {
    /// Stores a new login, unless its account has one that has not ended, and pins the account to the login's egress. `tenant` is who
    /// asks.
    fn insert_login<'a>(
        &'a self,
        tenant: &'a Tenant,
        login: &'a Login,
        secrets: &'a LoginSecrets,
        lease: (NodeId, Timestamp),
    ) -> Answered<'a, Inserted>;

    /// Finds a login of the tenant's.
    fn find_login<'a>(&'a self, tenant: &'a Tenant, id: LoginId) -> Answered<'a, Option<Login>>;

    /// Opens a login for going on with it. `secrets` is `None` once it has ended.
    fn open_login(&self, id: LoginId) -> Answered<'_, Option<(Login, Option<LoginSecrets>)>>;

    /// Stores a change and answers the new version. A terminal state frees the account; one that does not run frees the login's place among
    /// those that are with the portal.
    ///
    /// `Conflict` when the version is not the stored one.
    fn update_login<'a>(&'a self, update: LoginUpdate<'a>) -> Answered<'a, i64>;

    /// Stores who asks for a running login by now, and what that one wants kept; answers the new version. Whoever drives it goes on: lease, state and secrets
    /// stay.
    ///
    /// `Conflict` when the version is not the stored one.
    fn join_login<'a>(&'a self, login: &'a Login) -> Answered<'a, i64>;

    /// Whether the key came before with this login: `Some(true)` with this same answer, `Some(false)` with another.
    fn find_answer<'a>(&'a self, id: LoginId, answer: &'a AnswerKey) -> Answered<'a, Option<bool>>;

    /// Remembers something of an account apart from any login: what the portal said counts also when the login that heard it
    /// was taken over meanwhile.
    fn note_account<'a>(
        &'a self,
        note: &'a AccountNote,
        credentials: &'a Credentials,
        at: Timestamp,
    ) -> Answered<'a, ()>;

    /// What is remembered of the account.
    fn ledger<'a>(&'a self, credentials: &'a Credentials) -> Answered<'a, Ledger>;

    /// What the login host remembers of this device for the account when `user` signs in to it.
    fn device<'a>(&'a self, user: Option<&'a UserId>, account: &'a Account) -> Answered<'a, Option<Device>>;

    /// Takes over running logins whose lease ended before `now`, for `node` until `until`.
    fn claim_lost_logins(
        &self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Answered<'_, Vec<LoginId>>;

    /// Extends the lease of a login that `node` works on.
    fn renew_lease(&self, id: LoginId, node: NodeId, until: Timestamp) -> Answered<'_, ()>;

    /// Lets go of the leases of `node`, so that others may take over at once.
    fn release_leases(&self, node: NodeId, now: Timestamp) -> Answered<'_, u64>;

    /// Logins whose time is over and that have not ended.
    fn due_logins(&self, now: Timestamp, limit: u32) -> Answered<'_, Vec<LoginId>>;

    /// Deletes logins that ended before `before`, at most `limit`.
    fn prune_logins(&self, before: Timestamp, limit: u32) -> Answered<'_, u64>;
}

/// A session to store, with all that belongs to it.
#[derive(Debug, Clone)]
pub struct SavedSession<'a> {
    /// The login that brought it, in state `finishing`; the store's `user_id` comes from it.
    pub login: &'a Login,
    /// What to store.
    pub session: &'a NewSession,
    /// The credentials that brought it; the password is kept only if `login.store_password`.
    pub credentials: &'a Credentials,
    /// What the login host remembers of this device.
    pub device: Option<Device>,
}

/// A change of a stored session that keeps its credentials.
#[derive(Debug, Clone)]
pub struct SessionUpdate<'a> {
    /// The generation that was read: a change of an older one is a `Conflict`.
    pub generation: i64,
    /// The lease under which it is done: a write under one that is another's by now is a `Conflict`. `None`: no refresh, such as a
    /// look.
    pub lease: Option<RefreshLease>,
    /// New cookies, where there are any.
    pub cookies: Option<&'a [Cookie]>,
    /// Whether this is a new session (signed in again) and so the next generation.
    pub renewed: bool,
    /// What the look said, and when.
    pub validity: Validity,
    /// The time of the look.
    pub checked_at: Timestamp,
    /// When the portal let us in, if `renewed`.
    pub authenticated_at: Option<Timestamp>,
    /// Marks the store as in need of a person, with the reason; `Some(None)` takes the mark away.
    pub needs_reauth: Option<Option<String>>,
}

/// Stores and their sessions.
pub trait StoreRepository: Send + Sync {
    /// Seals what a login brought home as [`save_session`](Self::save_session) will store it, lays it beside the login, reads it
    /// back and opens it: the cookies of the copy that was read back. The store is unchanged, its old session stays served.
    ///
    /// `Conflict` when the login's version is not the stored one; `Sealed` when the copy cannot be opened.
    fn stage_session<'a>(
        &'a self,
        saved: SavedSession<'a>,
        summary: &'a StoreSummary,
        now: Timestamp,
    ) -> Answered<'a, Vec<Cookie>>;

    /// Moves the login's staged copy to its place: stores a session and its credentials under its merchant, ends the login as succeeded with `login_state`, keeps
    /// the device, and remembers the login's egress and, for the account and the store, its driver. A store that exists keeps its id, its
    /// row and its holder; its generation counts up.
    ///
    /// `StoreTaken` when another user holds the store; `Conflict` when the login's version is not the stored one.
    fn save_session<'a>(
        &'a self,
        saved: SavedSession<'a>,
        summary: &'a StoreSummary,
        now: Timestamp,
    ) -> Answered<'a, ()>;

    /// Finds a store of the tenant's.
    fn find_store<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Store>>;

    /// Lists stores of the tenant's in the order of their uid.
    fn list_stores<'a>(&'a self, tenant: &'a Tenant, filter: &'a StoreFilter) -> Answered<'a, Vec<Store>>;

    /// Changes a store of the tenant's; `None` when there is none.
    fn change_store<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
        change: &'a StoreChange,
        now: Timestamp,
    ) -> Answered<'a, Option<Store>>;

    /// Deletes a store of the tenant's with all its secrets; whether there was one.
    fn delete_store<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, bool>;

    /// Opens the session of an active store of the tenant's. Answers from memory where that is safe.
    fn session<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid) -> Answered<'a, Option<Session>>;

    /// As [`session`](Self::session), from the row: memory hears of another node's write a moment later.
    fn fresh_session<'a>(&'a self, tenant: &'a Tenant, uid: &'a MerchantUid)
    -> Answered<'a, Option<Session>>;

    /// Opens the stored credentials of a store of the tenant's.
    fn credentials<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
    ) -> Answered<'a, Option<StoredCredentials>>;

    /// Changes a stored session.
    fn update_session<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
        update: SessionUpdate<'a>,
    ) -> Answered<'a, ()>;
}

/// API keys.
pub trait ApiKeyRepository: Send + Sync {
    /// Stores a new key.
    fn insert_api_key<'a>(&'a self, key: &'a HeldApiKey) -> Answered<'a, ()>;

    /// Finds a key by its public part, revoked ones too. Answers from memory where that is safe.
    fn find_api_key<'a>(&'a self, id: &'a str) -> Answered<'a, Option<HeldApiKey>>;

    /// Lists all keys, newest first.
    fn list_api_keys(&self) -> Answered<'_, Vec<ApiKey>>;

    /// Revokes a key; whether there was one.
    fn revoke_api_key<'a>(&'a self, id: &'a str, now: Timestamp) -> Answered<'a, bool>;

    /// Notes the use of a key.
    fn touch_api_key<'a>(&'a self, id: &'a str, now: Timestamp) -> Answered<'a, ()>;
}

/// All of it.
pub trait Database:
    LoginRepository
    + StoreRepository
    + ApiKeyRepository
    + EgressRepository
    + RateRepository
    + NodeRepository
    + EvidenceRepository
    + ShapeRepository
    + EventRepository
    + KeepingRepository
    + AttemptRepository
    + BreakerRepository
    + TimelineRepository
    + CallRepository
    + AuditRepository
    + BatchRepository
    + JobRepository
    + ImportRepository
{
    /// Whether the database answers.
    fn ping(&self) -> Answered<'_, ()>;
}
