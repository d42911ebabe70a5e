//! Statements on API keys.

use super::Statement;

/// The columns of an `ApiKeyRow`.
macro_rules! columns {
    () => {
        "id, name, prefix, scopes, cabinet_paths, user_id, digest, created_at, last_used_at, revoked_at"
    };
}

pub(crate) const ALL: &[Statement] = &[INSERT, FIND, LIST, REVOKE, TOUCH];

pub(crate) const INSERT: Statement = Statement::new(
    "api_keys.insert",
    concat!(
        "insert into kaspi_auth_api_keys (",
        columns!(),
        ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    ),
);

pub(crate) const FIND: Statement = Statement::new(
    "api_keys.find",
    concat!("select ", columns!(), " from kaspi_auth_api_keys where id = $1"),
);

pub(crate) const LIST: Statement = Statement::new(
    "api_keys.list",
    concat!("select ", columns!(), " from kaspi_auth_api_keys order by created_at desc, id desc"),
);

/// Revoking twice keeps the first time.
pub(crate) const REVOKE: Statement = Statement::new(
    "api_keys.revoke",
    "update kaspi_auth_api_keys set revoked_at = coalesce(revoked_at, $2) where id = $1",
);

/// `$3`: a use after this time is noted already. Many requests of one key come at the same moment.
pub(crate) const TOUCH: Statement = Statement::new(
    "api_keys.touch",
    "update kaspi_auth_api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $3)",
);
