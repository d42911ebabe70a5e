//! Statements on batches and their stores.

use super::Statement;
use super::stores::has_session;

pub(crate) const ALL: &[Statement] = &[
    INSERT, ADD_ALL, ADD_ONE, COUNT, SET_TOTAL, COUNT_OPEN, OPEN, FIND, RESULTS, LIST, PENDING, NOTE, END,
    GOES_ON, PRUNE,
];

pub(crate) const INSERT: Statement = Statement::new(
    "batches.insert",
    "insert into kaspi_auth_batches (id, user_id, kind, total, created_at) values ($1, $2, $3, 0, $4)",
);

/// All active stores of the tenant's: `$2`, `$3` as everywhere.
pub(crate) const ADD_ALL: Statement = Statement::new(
    "batches.add_all",
    concat!(
        "insert into kaspi_auth_batch_items (batch_id, merchant_id, detail)
         select $1, cast(merchant_id as text), '' from kaspi_stores
          where ($2 or user_id = $3) and coalesce(is_active, true) and not coalesce(needs_reauth, false)
            and merchant_id is not null and ",
        has_session!()
    ),
);

/// `$3`, `$4`: the tenant; `$5`: what the result is where it does not hold the store. Named twice, a store is one.
pub(crate) const ADD_ONE: Statement = Statement::new(
    "batches.add_one",
    "insert into kaspi_auth_batch_items (batch_id, merchant_id, result, detail)
     values ($1, $2,
             case when exists (select 1 from kaspi_stores s where s.merchant_id = $2 and ($3 or s.user_id = $4))
                  then null else $5 end, '')
     on conflict (batch_id, merchant_id) do nothing",
);

/// How many stores, and how many of them are not done.
pub(crate) const COUNT: Statement = Statement::new(
    "batches.count",
    "select count(*) as total, count(*) - count(result) as pending from kaspi_auth_batch_items where batch_id = $1",
);

/// `$3`: when it ended, or null.
pub(crate) const SET_TOTAL: Statement = Statement::new(
    "batches.set_total",
    "update kaspi_auth_batches set total = $2, ended_at = $3 where id = $1",
);

/// Those of no user where `$1`, else of the user `$2`.
pub(crate) const COUNT_OPEN: Statement = Statement::new(
    "batches.count_open",
    "select count(*) as open from kaspi_auth_batches
      where ended_at is null and (($1 and user_id is null) or user_id = $2)",
);

/// Those that go on, oldest first, at most `$1`.
pub(crate) const OPEN: Statement = Statement::new(
    "batches.open",
    "select id, user_id, kind, total, created_at, ended_at from kaspi_auth_batches
      where ended_at is null order by created_at limit $1",
);

/// `$2`: every tenant's; `$3`: this user's.
pub(crate) const FIND: Statement = Statement::new(
    "batches.find",
    "select id, user_id, kind, total, created_at, ended_at from kaspi_auth_batches
      where id = $1 and ($2 or user_id = $3)",
);

pub(crate) const RESULTS: Statement = Statement::new(
    "batches.results",
    "select result, count(*) as stores from kaspi_auth_batch_items
      where batch_id = $1 and result is not null group by result",
);

/// `$2`, `$3` as in [`FIND`]; `$4`: after this store.
pub(crate) const LIST: Statement = Statement::new(
    "batches.list",
    "select i.merchant_id, i.result, i.detail
       from kaspi_auth_batch_items i join kaspi_auth_batches b on b.id = i.batch_id
      where i.batch_id = $1 and ($2 or b.user_id = $3) and i.merchant_id > $4
      order by i.merchant_id limit $5",
);

pub(crate) const PENDING: Statement = Statement::new(
    "batches.pending",
    "select merchant_id from kaspi_auth_batch_items where batch_id = $1 and result is null
      order by merchant_id limit $2",
);

pub(crate) const NOTE: Statement = Statement::new(
    "batches.note",
    "update kaspi_auth_batch_items set result = $3, detail = $4
      where batch_id = $1 and merchant_id = $2 and result is null",
);

/// Ends it at `$2` if no store is left.
pub(crate) const END: Statement = Statement::new(
    "batches.end",
    "update kaspi_auth_batches set ended_at = $2
      where id = $1 and ended_at is null
        and not exists (select 1 from kaspi_auth_batch_items i where i.batch_id = $1 and i.result is null)",
);

/// Whether it goes on: one row.
pub(crate) const GOES_ON: Statement = Statement::new(
    "batches.goes_on",
    "select 1 as goes_on from kaspi_auth_batches where id = $1 and ended_at is null",
);

/// Those that ended before `$1`, at most `$2`; their stores go with them.
pub(crate) const PRUNE: Statement = Statement::new(
    "batches.prune",
    "delete from kaspi_auth_batches
      where id in (select id from kaspi_auth_batches where ended_at < $1 order by ended_at limit $2)",
);
