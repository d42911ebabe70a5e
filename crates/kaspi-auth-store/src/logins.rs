//! Logins in the database. Each method is one transaction; each change of a login is told after its commit.

mod accounts;
mod leases;
mod row;

use jiff::Timestamp;
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::id::{LoginId, NodeId, UserId};
use kaspi_auth_core::login::{Login, LoginSecrets};
use kaspi_auth_core::port::{
    AccountNote, AnswerKey, Answered, Device, Inserted, Ledger, LoginRepository, LoginUpdate,
    RepositoryError, SecretsChange,
};
use kaspi_auth_core::tenant::Tenant;

use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_rows, tx_write, write, write_returning};
use crate::statements::{accounts as account_statements, logins as statements};

use self::accounts::{Note, write_note};
pub(crate) use row::{LoginParams, LoginRow};

/// Tries of an insert between which the login in the way may end.
const TRIES: u32 = 3;

impl LoginRepository for SqlDatabase {
    fn insert_login<'a>(
        &'a self,
        tenant: &'a Tenant,
        login: &'a Login,
        secrets: &'a LoginSecrets,
        lease: (NodeId, Timestamp),
    ) -> Answered<'a, Inserted> {
        Box::pin(self.insert(tenant, login, secrets, lease))
    }

    fn find_login<'a>(&'a self, tenant: &'a Tenant, id: LoginId) -> Answered<'a, Option<Login>> {
        Box::pin(async move {
            let Some(seen) = self.seen(tenant) else { return Ok(None) };
            let rows = read!(&self.pool, statements::FIND => LoginRow, id.0, seen.all, seen.user.spelled())?;
            rows.into_iter().next().map(|row| row.login(&self.sealer)).transpose()
        })
    }

    fn open_login(&self, id: LoginId) -> Answered<'_, Option<(Login, Option<LoginSecrets>)>> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::OPEN => LoginRow, id.0)?;
            let Some(row) = rows.into_iter().next() else { return Ok(None) };
            let secrets = row.secrets(&self.sealer)?;
            Ok(Some((row.login(&self.sealer)?, secrets)))
        })
    }

    fn update_login<'a>(&'a self, update: LoginUpdate<'a>) -> Answered<'a, i64> {
        Box::pin(self.update(update))
    }

    fn join_login<'a>(&'a self, login: &'a Login) -> Answered<'a, i64> {
        Box::pin(async move {
            let record = LoginParams::of(login, None)?.record;
            let joined = write_returning!(
                &self.pool, statements::JOIN => (i64,), login.id.0, login.version, record.as_str(),
            )?;
            let (version,) = *joined.first().ok_or(RepositoryError::Conflict)?;
            self.announcer.announce(Change::Login(login.id));
            Ok(version)
        })
    }

    fn find_answer<'a>(&'a self, id: LoginId, answer: &'a AnswerKey) -> Answered<'a, Option<bool>> {
        Box::pin(async move {
            if answer.key.contains('\0') {
                return Ok(None);
            }
            let rows = read!(&self.pool, statements::FIND_ANSWER => (Vec<u8>,), id.0, answer.key.as_str())?;
            Ok(rows.first().map(|(digest,)| *digest == self.sealer.answer_digest(id, &answer.answer)))
        })
    }

    fn note_account<'a>(
        &'a self,
        note: &'a AccountNote,
        credentials: &'a Credentials,
        at: Timestamp,
    ) -> Answered<'a, ()> {
        Box::pin(async move {
            let Some(note) = self.note(note, credentials, at) else { return Ok(()) };
            transaction!(&self.pool, |tx| {
                write_note!(tx, &note);
            });
            Ok(())
        })
    }

    fn ledger<'a>(&'a self, credentials: &'a Credentials) -> Answered<'a, Ledger> {
        Box::pin(self.read_ledger(credentials))
    }

    fn device<'a>(&'a self, user: Option<&'a UserId>, account: &'a Account) -> Answered<'a, Option<Device>> {
        Box::pin(self.read_device(user, account))
    }

    fn claim_lost_logins(
        &self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Answered<'_, Vec<LoginId>> {
        Box::pin(self.claim(node, now, until, limit))
    }

    fn renew_lease(&self, id: LoginId, node: NodeId, until: Timestamp) -> Answered<'_, ()> {
        Box::pin(async move {
            write!(&self.pool, statements::RENEW_LEASE, id.0, node.0, until.as_microsecond())?;
            Ok(())
        })
    }

    fn release_leases(&self, node: NodeId, now: Timestamp) -> Answered<'_, u64> {
        Box::pin(async move { write!(&self.pool, statements::RELEASE_LEASES, node.0, now.as_microsecond()) })
    }

    fn due_logins(&self, now: Timestamp, limit: u32) -> Answered<'_, Vec<LoginId>> {
        Box::pin(self.due(now, limit))
    }

    fn prune_logins(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(self.prune(before, limit))
    }
}

impl SqlDatabase {
    async fn insert(
        &self,
        tenant: &Tenant,
        login: &Login,
        secrets: &LoginSecrets,
        lease: (NodeId, Timestamp),
    ) -> Result<Inserted, RepositoryError> {
        // Refused here, before anything is sent to the portal, when the store could not be held for this user later.
        let user = self.users.write(login.user_id.as_ref())?;
        let params = LoginParams::of(login, Some(lease))?;
        let key = self.sealer.account_key(&login.account);
        let account = self.sealer.seal_account(login.id, &login.account, login.created_at);
        let sealed = self.sealer.seal_secrets(login.id, secrets, login.created_at);
        for _ in 0..TRIES {
            let inserted = write!(
                &self.pool,
                statements::INSERT,
                login.id.0,
                login.version,
                user.spelled(),
                key.as_slice(),
                login.account.masked(),
                account.as_str(),
                sealed.as_str(),
                params.state,
                params.record.as_str(),
                params.lease_node,
                params.lease_until,
                params.due_at,
                params.egress,
                params.holder,
                login.created_at.as_microsecond(),
                params.updated_at,
                params.expires_at,
            )?;
            if inserted == 1 {
                self.announcer.announce(Change::Login(login.id));
                return Ok(Inserted::New);
            }
            let rows = read!(&self.pool, statements::FIND_BY_ACCOUNT => LoginRow, key.as_slice())?;
            if let Some(row) = rows.into_iter().next() {
                let seen = self.seen(tenant).is_some_and(|seen| {
                    seen.all || (row.user_id.is_some() && row.user_id == seen.user.spelled())
                });
                let running = row.login(&self.sealer)?;
                return Ok(if seen { Inserted::Running(Box::new(running)) } else { Inserted::Busy });
            }
            // It has ended in the meantime: the account is free.
        }
        Err(RepositoryError::Conflict)
    }

    async fn update(&self, update: LoginUpdate<'_>) -> Result<i64, RepositoryError> {
        let LoginUpdate { login, secrets, note, answer, lease } = update;
        let params = LoginParams::of(login, lease)?;
        let sealed = match &secrets {
            SecretsChange::Replace(secrets) if params.is_active => {
                Some(self.sealer.seal_secrets(login.id, secrets, login.updated_at))
            }
            _ => None,
        };
        let keep = params.is_active && matches!(secrets, SecretsChange::Keep);
        let note = match note.and_then(|(note, credentials)| self.note(&note, credentials, login.updated_at))
        {
            // Most accounts have nothing to forget: a look spares them the larger transaction.
            Some(Note::Accepted { key }) if !self.has_rejected(&key).await? => None,
            note => note,
        };
        let answer = answer.map(|answer| {
            let digest = self.sealer.answer_digest(login.id, &answer.answer);
            (answer.key, digest)
        });
        let rows = if note.is_none() && answer.is_none() {
            write_returning!(
                &self.pool, statements::UPDATE => (i64,), login.id.0, login.version, params.state,
                params.record.as_str(), keep, sealed, params.is_active, params.lease_node, params.lease_until,
                params.due_at, params.ended_at, params.updated_at, params.expires_at, params.egress, params.holder,
            )?
        } else {
            transaction!(&self.pool, |tx| {
                let rows = tx_rows!(
                    tx, statements::UPDATE => (i64,), login.id.0, login.version, params.state,
                    params.record.as_str(), keep, sealed, params.is_active, params.lease_node, params.lease_until,
                    params.due_at, params.ended_at, params.updated_at, params.expires_at, params.egress, params.holder,
                )?;
                if rows.is_empty() {
                    return Err(RepositoryError::Conflict);
                }
                if let Some(note) = &note {
                    write_note!(tx, note);
                }
                if let Some((key, digest)) = &answer {
                    tx_write!(
                        tx,
                        statements::INSERT_ANSWER,
                        login.id.0,
                        key.as_str(),
                        digest.as_slice(),
                        params.updated_at,
                    )?;
                }
                rows
            })
        };
        let (version,) = *rows.first().ok_or(RepositoryError::Conflict)?;
        self.announcer.announce(Change::Login(login.id));
        Ok(version)
    }
}
