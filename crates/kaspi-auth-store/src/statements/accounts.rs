//! Statements on what is remembered of accounts: the ledger and the devices.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[LEDGER, NOTE, ACCEPTED, FIND_DEVICE, KEEP_DEVICE, FORGET_DEVICE];

pub(crate) const LEDGER: Statement = Statement::new(
    "accounts.ledger",
    "select rejected_digest, rejected_at, blocked_until from kaspi_auth_accounts where account_key = $1",
);

/// Each of the three notes stays when its parameter is null.
pub(crate) const NOTE: Statement = Statement::new(
    "accounts.note",
    "insert into kaspi_auth_accounts (account_key, rejected_digest, rejected_at, blocked_until, updated_at)
     values ($1, $2, $3, $4, $5)
     on conflict (account_key) do update set
        rejected_digest = coalesce(excluded.rejected_digest, kaspi_auth_accounts.rejected_digest),
        rejected_at     = coalesce(excluded.rejected_at, kaspi_auth_accounts.rejected_at),
        blocked_until   = coalesce(excluded.blocked_until, kaspi_auth_accounts.blocked_until),
        updated_at      = excluded.updated_at",
);

pub(crate) const ACCEPTED: Statement = Statement::new(
    "accounts.accepted",
    "update kaspi_auth_accounts set rejected_digest = null, rejected_at = null, updated_at = $2
      where account_key = $1 and rejected_digest is not null",
);

pub(crate) const FIND_DEVICE: Statement =
    Statement::new("accounts.find_device", "select sealed from kaspi_auth_devices where device_key = $1");

pub(crate) const KEEP_DEVICE: Statement = Statement::new(
    "accounts.keep_device",
    "insert into kaspi_auth_devices (device_key, sealed, updated_at) values ($1, $2, $3)
     on conflict (device_key) do update set sealed = excluded.sealed, updated_at = excluded.updated_at",
);

pub(crate) const FORGET_DEVICE: Statement =
    Statement::new("accounts.forget_device", "delete from kaspi_auth_devices where device_key = $1");
