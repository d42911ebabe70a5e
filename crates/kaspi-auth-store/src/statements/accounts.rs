//! Statements on what is remembered of accounts: the ledger and the devices.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[
    LEDGER,
    ANY_REJECTED,
    REJECTED,
    BLOCKED,
    ACCEPTED,
    DRIVER,
    NO_DRIVER,
    FIND_DEVICE,
    KEEP_DEVICE,
    FORGET_DEVICE,
];

/// Always one row.
pub(crate) const LEDGER: Statement = Statement::new(
    "accounts.ledger",
    "select (select rejected_at from kaspi_auth_rejected_passwords where account_key = $1 and digest = $2),
            (select blocked_until from kaspi_auth_accounts where account_key = $1),
            (select driver from kaspi_auth_accounts where account_key = $1)",
);

pub(crate) const ANY_REJECTED: Statement = Statement::new(
    "accounts.any_rejected",
    "select digest from kaspi_auth_rejected_passwords where account_key = $1 limit 1",
);

pub(crate) const REJECTED: Statement = Statement::new(
    "accounts.rejected",
    "insert into kaspi_auth_rejected_passwords (account_key, digest, rejected_at) values ($1, $2, $3)
     on conflict (account_key, digest) do update set rejected_at = excluded.rejected_at",
);

pub(crate) const BLOCKED: Statement = Statement::new(
    "accounts.blocked",
    "insert into kaspi_auth_accounts (account_key, blocked_until, updated_at) values ($1, $2, $3)
     on conflict (account_key) do update set
        blocked_until = excluded.blocked_until, updated_at = excluded.updated_at",
);

pub(crate) const ACCEPTED: Statement =
    Statement::new("accounts.accepted", "delete from kaspi_auth_rejected_passwords where account_key = $1");

/// What drove the account's last login to success, where that was found out by trying.
pub(crate) const DRIVER: Statement = Statement::new(
    "accounts.driver",
    "insert into kaspi_auth_accounts (account_key, driver, updated_at) values ($1, $2, $3)
     on conflict (account_key) do update set driver = excluded.driver, updated_at = excluded.updated_at",
);

/// Most accounts have no row.
pub(crate) const NO_DRIVER: Statement = Statement::new(
    "accounts.no_driver",
    "update kaspi_auth_accounts set driver = null, updated_at = $2 where account_key = $1 and driver is not null",
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
