//! What is remembered of an account across logins: the refused password, the wait, the device.

use jiff::Timestamp;
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::port::{AccountNote, Device, Ledger, RepositoryError};

use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::read;
use crate::statements::accounts::{ANY_REJECTED, FIND_DEVICE, LEDGER};
use crate::values::{driver_of, from_micros};

/// A note, ready for its statement.
#[derive(Debug)]
pub(super) enum Note {
    Rejected { key: Vec<u8>, digest: Vec<u8>, at: i64 },
    Blocked { key: Vec<u8>, until: i64, at: i64 },
    Accepted { key: Vec<u8> },
}

/// Writes a note within a transaction.
macro_rules! write_note {
    ($tx:ident, $note:expr) => {
        match $note {
            Note::Rejected { key, digest, at } => {
                tx_write!($tx, account_statements::REJECTED, key.as_slice(), digest.as_slice(), *at)?;
            }
            Note::Blocked { key, until, at } => {
                tx_write!($tx, account_statements::BLOCKED, key.as_slice(), *until, *at)?;
            }
            Note::Accepted { key } => {
                tx_write!($tx, account_statements::ACCEPTED, key.as_slice())?;
            }
        }
    };
}
pub(super) use write_note;

impl SqlDatabase {
    /// `None` when there is nothing to note: a phone has no password that could be refused.
    pub(super) fn note(&self, note: &AccountNote, credentials: &Credentials, at: Timestamp) -> Option<Note> {
        let key = self.sealer.account_key(credentials.account());
        let at = at.as_microsecond();
        Some(match note {
            AccountNote::PasswordRejected => {
                Note::Rejected { key, digest: self.sealer.password_digest(credentials)?, at }
            }
            AccountNote::BlockedUntil(until) => Note::Blocked { key, until: until.as_microsecond(), at },
            AccountNote::PasswordAccepted => Note::Accepted { key },
        })
    }

    pub(super) async fn read_ledger(&self, credentials: &Credentials) -> Result<Ledger, RepositoryError> {
        type Row = (Option<i64>, Option<i64>, Option<String>);
        let key = self.sealer.account_key(credentials.account());
        let digest = self.sealer.password_digest(credentials);
        let rows = read!(&self.pool, LEDGER => Row, key.as_slice(), digest.as_deref())?;
        let (rejected_at, blocked_until, driver) = rows.into_iter().next().unwrap_or_default();
        Ok(Ledger {
            rejected_at: rejected_at.map(from_micros),
            blocked_until: blocked_until.map(from_micros),
            driver: driver.as_deref().and_then(driver_of),
        })
    }

    /// Whether a refused password of the account is remembered.
    pub(super) async fn has_rejected(&self, key: &[u8]) -> Result<bool, RepositoryError> {
        Ok(!read!(&self.pool, ANY_REJECTED => (Vec<u8>,), key)?.is_empty())
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
