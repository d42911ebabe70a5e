//! What is remembered of an account across logins: the refused password, the wait, the device.

use jiff::Timestamp;
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::port::{AccountNote, Device, Ledger, RepositoryError};

use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::read;
use crate::statements::accounts::{FIND_DEVICE, LEDGER};
use crate::values::from_micros;

/// A note, ready for its statement.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) key: Vec<u8>,
    pub(super) accepted: bool,
    pub(super) rejected: Option<Vec<u8>>,
    pub(super) rejected_at: Option<i64>,
    pub(super) blocked_until: Option<i64>,
}

impl SqlDatabase {
    /// `None` when there is nothing to note: a phone has no password that could be refused.
    pub(super) fn note(&self, note: &AccountNote, credentials: &Credentials, at: Timestamp) -> Option<Note> {
        let key = self.sealer.account_key(credentials.account());
        let nothing = Note { key, accepted: false, rejected: None, rejected_at: None, blocked_until: None };
        Some(match note {
            AccountNote::PasswordRejected => Note {
                rejected: Some(self.sealer.password_digest(credentials)?),
                rejected_at: Some(at.as_microsecond()),
                ..nothing
            },
            AccountNote::BlockedUntil(until) => {
                Note { blocked_until: Some(until.as_microsecond()), ..nothing }
            }
            AccountNote::PasswordAccepted => Note { accepted: true, ..nothing },
        })
    }

    pub(super) async fn read_ledger(&self, credentials: &Credentials) -> Result<Ledger, RepositoryError> {
        type Row = (Option<Vec<u8>>, Option<i64>, Option<i64>);
        let key = self.sealer.account_key(credentials.account());
        let rows = read!(&self.pool, LEDGER => Row, key)?;
        let Some((rejected, rejected_at, blocked_until)) = rows.into_iter().next() else {
            return Ok(Ledger::default());
        };
        let is_this = rejected.is_some() && rejected == self.sealer.password_digest(credentials);
        Ok(Ledger {
            rejected_at: rejected_at.filter(|_| is_this).map(from_micros),
            blocked_until: blocked_until.map(from_micros),
        })
    }

    pub(super) async fn read_device(
        &self,
        user: Option<&UserId>,
        account: &Account,
    ) -> Result<Option<Device>, RepositoryError> {
        let key = self.device_key(user, account);
        let rows = read!(&self.pool, FIND_DEVICE => (String,), key.as_slice())?;
        let Some((token,)) = rows.first() else { return Ok(None) };
        match self.sealer.open_device(&key, token) {
            Ok(device) => Ok(Some(device)),
            Err(error) => Err(failure::sealed("kaspi_auth_devices", "sealed", &account.masked(), error)),
        }
    }

    /// A user whom the column cannot hold has no device.
    pub(crate) fn device_key(&self, user: Option<&UserId>, account: &Account) -> Vec<u8> {
        let user = user.and_then(|user| self.users.find(user)).and_then(|user| user.spelled());
        self.sealer.device_key(user.as_deref(), account)
    }
}
