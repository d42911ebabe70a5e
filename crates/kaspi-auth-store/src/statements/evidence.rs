//! Statements on evidence. It may outlive its login: then only those who see everything see it.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[KEEP, FIND, PRUNE];

pub(crate) const KEEP: Statement = Statement::new(
    "evidence.keep",
    "insert into kaspi_auth_evidence (login_id, sealed, created_at, expires_at) values ($1, $2, $3, $4)
     on conflict (login_id) do update set
        sealed = excluded.sealed, created_at = excluded.created_at, expires_at = excluded.expires_at",
);

/// `$2`: every tenant's; `$3`: this user's; `$4`: now.
pub(crate) const FIND: Statement = Statement::new(
    "evidence.find",
    "select sealed from kaspi_auth_evidence
      where login_id = $1 and expires_at > $4
        and ($2 or exists (select 1 from kaspi_auth_logins
                            where kaspi_auth_logins.id = kaspi_auth_evidence.login_id and kaspi_auth_logins.user_id = $3))",
);

pub(crate) const PRUNE: Statement = Statement::new(
    "evidence.prune",
    "delete from kaspi_auth_evidence where login_id in
        (select login_id from kaspi_auth_evidence where expires_at <= $1 order by expires_at limit $2)",
);
