//! Statements on the mass-failure breaker. The one row of `kaspi_auth_freeze` is the lock of all of it.

use super::Statement;

/// The columns of a `FreezeRow`.
macro_rules! columns {
    () => {
        "signature, since, stores, canary, canary_until, next_canary_at"
    };
}

pub(crate) const ALL: &[Statement] =
    &[FIND, LOCK, NOTE, FORGET_OLD, COUNT, FREEZE, CANARY_FAILED, TAKE_CANARY, THAW, FORGET];

pub(crate) const FIND: Statement =
    Statement::new("breaker.find", concat!("select ", columns!(), " from kaspi_auth_freeze"));

/// Changes nothing.
pub(crate) const LOCK: Statement = Statement::new(
    "breaker.lock",
    concat!("update kaspi_auth_freeze set signature = signature returning ", columns!()),
);

/// A store counts once, by its last failure.
pub(crate) const NOTE: Statement = Statement::new(
    "breaker.note",
    "insert into kaspi_auth_failures (signature, merchant_id, at) values ($1, $2, $3)
     on conflict (signature, merchant_id) do update set at = excluded.at
      where kaspi_auth_failures.at < excluded.at",
);

pub(crate) const FORGET_OLD: Statement =
    Statement::new("breaker.forget_old", "delete from kaspi_auth_failures where at <= $1");

pub(crate) const COUNT: Statement = Statement::new(
    "breaker.count",
    "select count(*) from kaspi_auth_failures where signature = $1 and at > $2",
);

pub(crate) const FREEZE: Statement = Statement::new(
    "breaker.freeze",
    "update kaspi_auth_freeze
        set signature = $1, since = $2, stores = $3, canary = null, canary_until = null, next_canary_at = $4
      where signature is null",
);

pub(crate) const CANARY_FAILED: Statement = Statement::new(
    "breaker.canary_failed",
    "update kaspi_auth_freeze set canary = null, canary_until = null, next_canary_at = $2
      where signature is not null and canary = $1",
);

/// `$2`: now. Of many who ask, the first one's canary is in the way of the others; times after `$5` were written by a clock that was wrong.
pub(crate) const TAKE_CANARY: Statement = Statement::new(
    "breaker.take_canary",
    "update kaspi_auth_freeze set canary = $1, canary_until = $3, next_canary_at = $4
      where signature is not null and (next_canary_at <= $2 or next_canary_at > $5)
        and (canary is null or canary_until <= $2 or canary_until > $5)",
);

pub(crate) const THAW: Statement = Statement::new(
    "breaker.thaw",
    "update kaspi_auth_freeze
        set signature = null, since = null, stores = null, canary = null, canary_until = null, next_canary_at = null",
);

pub(crate) const FORGET: Statement = Statement::new("breaker.forget", "delete from kaspi_auth_failures");
