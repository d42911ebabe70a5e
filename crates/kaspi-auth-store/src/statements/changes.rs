//! Statements on the log of changes, which only SQLite has: PostgreSQL tells of them by itself.

use super::Statement;

/// Moves when another connection has written.
pub(crate) const DATA_VERSION: Statement = Statement::new("changes.data_version", "pragma data_version");

pub(crate) const LAST: Statement =
    Statement::new("changes.last", "select coalesce(max(seq), 0) from kaspi_auth_changes");

pub(crate) const SINCE: Statement = Statement::new(
    "changes.since",
    "select seq, what from kaspi_auth_changes where seq > $1 order by seq limit $2",
);

pub(crate) const ALL: &[Statement] = &[DATA_VERSION, LAST, SINCE];
