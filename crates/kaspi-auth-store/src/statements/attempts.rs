//! Statements on the attempt ledger. On PostgreSQL the account's row is the lock: who has written it is alone with the account's
//! attempts until the end of its transaction.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[LOCK, TAKE, FULL_SINCE, COUNT, PRUNE];

/// Changes nothing of a row that is there.
pub(crate) const LOCK: Statement = Statement::new(
    "attempts.lock",
    "insert into kaspi_auth_accounts (account_key, updated_at) values ($1, $2)
     on conflict (account_key) do update set updated_at = kaspi_auth_accounts.updated_at",
);

/// Touches no row when there are `$6` already after `$5`.
pub(crate) const TAKE: Statement = Statement::new(
    "attempts.take",
    "insert into kaspi_auth_attempts (account_key, kind, at, origin)
     select $1, $2, cast($3 as bigint), cast($4 as text)
      where (select count(*) from kaspi_auth_attempts where account_key = $1 and kind = $2 and at > $5) < $6",
);

/// The attempt with whose leaving there is room again: of those after `$3`, the one that `$4` newer ones follow.
pub(crate) const FULL_SINCE: Statement = Statement::new(
    "attempts.full_since",
    "select at from kaspi_auth_attempts where account_key = $1 and kind = $2 and at > $3
      order by at desc limit 1 offset $4",
);

/// Always one row.
pub(crate) const COUNT: Statement = Statement::new(
    "attempts.count",
    "select count(*), min(at) from kaspi_auth_attempts where account_key = $1 and kind = $2 and at > $3",
);

pub(crate) const PRUNE: Statement = Statement::new(
    "attempts.prune",
    "delete from kaspi_auth_attempts where id in
        (select id from kaspi_auth_attempts where at < $1 order by at limit $2)",
);
