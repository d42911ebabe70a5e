//! Statements on the audit log. There is none that changes an entry: the database would refuse it.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[APPEND, LIST, LIST_OF_STORE, LIST_OF_ACTOR, PRUNE];

macro_rules! columns {
    () => {
        "select sequence, at, actor_kind, actor_id, action, merchant_id, subject, result, times, request_id
           from kaspi_auth_audit "
    };
}

pub(crate) const APPEND: Statement = Statement::new(
    "audit.append",
    "insert into kaspi_auth_audit
        (at, actor_kind, actor_id, action, merchant_id, subject, result, times, request_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

/// `$1`: the cursor; `$2`: any action; `$3`: this one.
pub(crate) const LIST: Statement = Statement::new(
    "audit.list",
    concat!(columns!(), "where sequence < $1 and ($2 or action = $3) order by sequence desc limit $4"),
);

/// As [`LIST`], with `$5`: the store, and `$6`: any actor; `$7`, `$8`: this one. A statement of its own, so that its plan is
/// of its own.
pub(crate) const LIST_OF_STORE: Statement = Statement::new(
    "audit.list_of_store",
    concat!(
        columns!(),
        "where sequence < $1 and ($2 or action = $3) and merchant_id = $5
           and ($6 or (actor_kind = $7 and actor_id = $8))
         order by sequence desc limit $4"
    ),
);

/// As [`LIST`], with `$5`, `$6`: the actor.
pub(crate) const LIST_OF_ACTOR: Statement = Statement::new(
    "audit.list_of_actor",
    concat!(
        columns!(),
        "where sequence < $1 and ($2 or action = $3) and actor_kind = $5 and actor_id = $6
         order by sequence desc limit $4"
    ),
);

pub(crate) const PRUNE: Statement = Statement::new(
    "audit.prune",
    "delete from kaspi_auth_audit where sequence in
        (select sequence from kaspi_auth_audit where at < $1 order by at, sequence limit $2)",
);
