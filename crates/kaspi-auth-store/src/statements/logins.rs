//! Statements on logins and on the answers that came to them.

use super::Statement;

/// The columns of a `LoginRow`.
macro_rules! columns {
    () => {
        "id, version, user_id, account, secrets, record, egress, holder, created_at, updated_at, expires_at"
    };
}

pub(crate) const ALL: &[Statement] = &[
    INSERT,
    FIND,
    OPEN,
    FIND_BY_ACCOUNT,
    UPDATE,
    JOIN,
    STAGE,
    STAGED,
    CLAIM_LOST,
    RENEW_LEASE,
    RELEASE_LEASES,
    DUE,
    PRUNE,
    FIND_ANSWER,
    INSERT_ANSWER,
];

/// Does nothing when the account has a login that has not ended. A trigger pins the account to the egress.
pub(crate) const INSERT: Statement = Statement::new(
    "logins.insert",
    "insert into kaspi_auth_logins
        (id, version, user_id, account_key, account_masked, account, secrets, state, record, lease_node, lease_until,
         due_at, ended_at, egress, holder, created_at, updated_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, null, $13, $14, $15, $16, $17)
     on conflict (account_key) do nothing",
);

/// `$2`: every tenant's; `$3`: this user's.
pub(crate) const FIND: Statement = Statement::new(
    "logins.find",
    concat!("select ", columns!(), " from kaspi_auth_logins where id = $1 and ($2 or user_id = $3)"),
);

/// For going on with a login: no tenant is there to ask for.
pub(crate) const OPEN: Statement =
    Statement::new("logins.open", concat!("select ", columns!(), " from kaspi_auth_logins where id = $1"));

/// The login that holds an account.
pub(crate) const FIND_BY_ACCOUNT: Statement = Statement::new(
    "logins.find_by_account",
    concat!("select ", columns!(), " from kaspi_auth_logins where account_key = $1"),
);

/// `$5`: keep the secrets; otherwise they become `$6`. `$7`: it still holds its account and what is staged. A trigger frees the place of one that
/// no longer runs.
pub(crate) const UPDATE: Statement = Statement::new(
    "logins.update",
    "update kaspi_auth_logins
        set version = version + 1, state = $3, record = $4,
            secrets = case when $5 then secrets else $6 end,
            account_key = case when $7 then account_key else null end,
            staged = case when $7 then staged else null end,
            lease_node = $8, lease_until = $9, due_at = $10, ended_at = $11, updated_at = $12, expires_at = $13,
            egress = $14, holder = $15
      where id = $1 and version = $2
  returning version",
);

/// Somebody else asks for it by now. The lease stays: whoever drives it hears of this when it writes.
pub(crate) const JOIN: Statement = Statement::new(
    "logins.join",
    "update kaspi_auth_logins set version = version + 1, record = $3
      where id = $1 and version = $2 and ended_at is null
  returning version",
);

/// Lays a sealed session beside the login. The version stays: nobody waits for that.
pub(crate) const STAGE: Statement = Statement::new(
    "logins.stage",
    "update kaspi_auth_logins set staged = $3 where id = $1 and version = $2 and ended_at is null",
);

/// What lies there.
pub(crate) const STAGED: Statement =
    Statement::new("logins.staged", "select staged from kaspi_auth_logins where id = $1 and version = $2");

/// The outer condition decides between two nodes that found the same login. The version moves, so that a node that was only
/// slow cannot write any more.
pub(crate) const CLAIM_LOST: Statement = Statement::new(
    "logins.claim_lost",
    "update kaspi_auth_logins set lease_node = $1, lease_until = $2, version = version + 1
      where id in (select id from kaspi_auth_logins where lease_until <= $3 order by lease_until limit $4)
        and lease_until <= $3
  returning id",
);

/// The version stays: whoever drives the login goes on with the one it knows.
pub(crate) const RENEW_LEASE: Statement = Statement::new(
    "logins.renew_lease",
    "update kaspi_auth_logins set lease_until = $3 where id = $1 and lease_until is not null and lease_node = $2",
);

pub(crate) const RELEASE_LEASES: Statement = Statement::new(
    "logins.release_leases",
    "update kaspi_auth_logins set lease_node = null, lease_until = $2 where lease_until is not null and lease_node = $1",
);

pub(crate) const DUE: Statement = Statement::new(
    "logins.due",
    "select id from kaspi_auth_logins where due_at is not null and due_at <= $1 order by due_at limit $2",
);

/// Their answers go with them.
pub(crate) const PRUNE: Statement = Statement::new(
    "logins.prune",
    "delete from kaspi_auth_logins where id in
        (select id from kaspi_auth_logins where ended_at is not null and ended_at < $1 order by ended_at limit $2)",
);

pub(crate) const FIND_ANSWER: Statement = Statement::new(
    "logins.find_answer",
    "select digest from kaspi_auth_login_answers where login_id = $1 and key = $2",
);

pub(crate) const INSERT_ANSWER: Statement = Statement::new(
    "logins.insert_answer",
    "insert into kaspi_auth_login_answers (login_id, key, digest, answered_at) values ($1, $2, $3, $4)",
);
