//! Statements on the values of the database as a whole.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[FIND, INSERT, LOCK];

pub(crate) const FIND: Statement =
    Statement::new("settings.find", "select value from kaspi_auth_settings where name = $1");

/// The first writer wins.
pub(crate) const INSERT: Statement = Statement::new(
    "settings.insert",
    "insert into kaspi_auth_settings (name, value, written_at) values ($1, $2, $3) on conflict (name) do nothing",
);

/// Others who ask for the same row wait for the end of this transaction. Changes nothing.
pub(crate) const LOCK: Statement =
    Statement::new("settings.lock", "update kaspi_auth_settings set written_at = written_at where name = $1");
