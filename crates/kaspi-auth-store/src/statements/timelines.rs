//! Statements on what happened to stores.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[COUNT, APPEND, LIST, TROUBLE, PRUNE];

/// Counts what says the same as the store's newest entry there. Behind the store's lock: nobody adds one in between.
pub(crate) const COUNT: Statement = Statement::new(
    "timelines.count",
    "update kaspi_auth_timeline
        set times = times + 1, at = case when at < $2 then $2 else at end, took = $3
      where sequence = (select max(newest.sequence) from kaspi_auth_timeline newest where newest.merchant_id = $1)
        and act = $4 and origin = $5 and rung is not distinct from $6 and before = $7 and after = $8
        and generation = $9 and code is not distinct from $10 and reason = $11 and login_id is null",
);

/// Behind the store's lock.
pub(crate) const APPEND: Statement = Statement::new(
    "timelines.append",
    "insert into kaspi_auth_timeline
        (merchant_id, at, first_at, times, took, act, origin, rung, before, after, generation, code, reason, login_id)
     values ($1, $2, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);

/// `$2`: every tenant's; `$3`: this user's; `$4`: the cursor.
pub(crate) const LIST: Statement = Statement::new(
    "timelines.list",
    "select sequence, at, first_at, times, took, act, origin, rung, before, after, generation, code, reason, login_id
       from kaspi_auth_timeline
      where merchant_id = $1 and sequence < $4
        and exists (select 1 from kaspi_stores held where held.merchant_id = $1 and ($2 or held.user_id = $3))
      order by sequence desc limit $5",
);

/// Of what stands behind the newest entry that left the store well, or at least unproven, the first.
pub(crate) const TROUBLE: Statement = Statement::new(
    "timelines.trouble",
    "select min(first_at)
       from kaspi_auth_timeline
      where merchant_id = $1
        and sequence > coalesce((select max(well.sequence) from kaspi_auth_timeline well
                                  where well.merchant_id = $1
                                    and well.after not in ('dead', 'needs_reauth', 'none')), 0)",
);

pub(crate) const PRUNE: Statement = Statement::new(
    "timelines.prune",
    "delete from kaspi_auth_timeline where sequence in
        (select sequence from kaspi_auth_timeline where at < $1 order by at, sequence limit $2)",
);
