//! Statements on how stores' calls of the cabinet went.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[ADD, LIST];

/// Of a store that has been deleted meanwhile nothing is kept.
pub(crate) const ADD: Statement = Statement::new(
    "calls.add",
    "insert into kaspi_auth_calls (merchant_id, outcome, times, took, slowest, first_at, last_at)
     select cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint), cast($5 as bigint),
            cast($6 as bigint), cast($7 as bigint)
      where exists (select 1 from kaspi_stores where merchant_id = $1)
     on conflict (merchant_id, outcome) do update
        set times = kaspi_auth_calls.times + excluded.times,
            took = kaspi_auth_calls.took + excluded.took,
            slowest = case when excluded.slowest > kaspi_auth_calls.slowest then excluded.slowest
                           else kaspi_auth_calls.slowest end,
            first_at = case when excluded.first_at < kaspi_auth_calls.first_at then excluded.first_at
                            else kaspi_auth_calls.first_at end,
            last_at = case when excluded.last_at > kaspi_auth_calls.last_at then excluded.last_at
                           else kaspi_auth_calls.last_at end",
);

/// `$2`: every tenant's; `$3`: this user's.
pub(crate) const LIST: Statement = Statement::new(
    "calls.list",
    "select outcome, times, took, slowest, first_at, last_at
       from kaspi_auth_calls
      where merchant_id = $1
        and exists (select 1 from kaspi_stores held where held.merchant_id = $1 and ($2 or held.user_id = $3))
      order by outcome",
);
