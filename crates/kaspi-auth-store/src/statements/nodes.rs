//! Statements on the nodes, and on the logins that wait for a person while a node holds their page.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[BEAT, FORGET, PRUNE, COUNT_OTHERS, ORPHANED, HELD];

pub(crate) const BEAT: Statement = Statement::new(
    "nodes.beat",
    "insert into kaspi_auth_nodes (node, seen_at) values ($1, $2)
     on conflict (node) do update set seen_at = excluded.seen_at",
);

pub(crate) const FORGET: Statement =
    Statement::new("nodes.forget", "delete from kaspi_auth_nodes where node = $1");

/// Nodes that died: to have been seen long ago and never is the same.
pub(crate) const PRUNE: Statement =
    Statement::new("nodes.prune", "delete from kaspi_auth_nodes where seen_at < $1");

pub(crate) const COUNT_OTHERS: Statement = Statement::new(
    "nodes.count_others",
    "select count(*) as others from kaspi_auth_nodes where node <> $1 and seen_at >= $2",
);

/// Neither running nor ended is waiting.
pub(crate) const ORPHANED: Statement = Statement::new(
    "nodes.orphaned",
    "select id from kaspi_auth_logins
      where holder is not null and lease_until is null and ended_at is null
        and not exists (select 1 from kaspi_auth_nodes living
                         where living.node = kaspi_auth_logins.holder and living.seen_at >= $1)
      order by updated_at limit $2",
);

pub(crate) const HELD: Statement = Statement::new(
    "nodes.held",
    "select id from kaspi_auth_logins
      where holder is not null and lease_until is null and ended_at is null and holder = $1
      order by updated_at limit $2",
);
