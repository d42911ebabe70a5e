//! Statements on events.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[APPEND, LIST, PRUNE];

/// Behind the lock `events`: so a reader that has seen a number has seen all below it.
pub(crate) const APPEND: Statement =
    Statement::new("events.append", "insert into kaspi_auth_events (at, type, data) values ($1, $2, $3)");

pub(crate) const LIST: Statement = Statement::new(
    "events.list",
    "select sequence, at, type, data from kaspi_auth_events where sequence > $1 order by sequence limit $2",
);

pub(crate) const PRUNE: Statement = Statement::new(
    "events.prune",
    "delete from kaspi_auth_events where sequence in
        (select sequence from kaspi_auth_events where at < $1 order by at, sequence limit $2)",
);
