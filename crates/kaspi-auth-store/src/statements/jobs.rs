//! Statements on the queue's tables, which are those of apalis: `Jobs` and `Workers` in SQLite, `apalis.jobs` and
//! `apalis.workers` in PostgreSQL. What its workers do (take a task, show that they live, hand back what a dead one held)
//! is not here but in that library; its crates are pinned to what these statements know of the tables.
//!
//! The queue keeps the database's own time in whole seconds, as the library does: this is the one place that asks for it.

use super::{Pair, Statement};

/// Jobs as operators see them, whose keys fit `$1`. A key begins with the kind of its job: no task is read to filter.
macro_rules! list_sqlite {
    () => {
        "select id, cast(job as text) as task, status, run_at * 1000000 as run_at, lock_at * 1000000 as started_at,
                done_at * 1000000 as ended_at, last_result ->> '$.Err' as error, lock_by as worker
           from Jobs
          where job_type = 'kaspi_auth' and idempotency_key like $1"
    };
}

macro_rules! list_postgres {
    () => {
        "select id, convert_from(job, 'UTF8') as task, status,
                cast(extract(epoch from run_at) * 1000000 as bigint) as run_at,
                cast(extract(epoch from lock_at) * 1000000 as bigint) as started_at,
                cast(extract(epoch from done_at) * 1000000 as bigint) as ended_at,
                last_result ->> 'Err' as error, lock_by as worker
           from apalis.jobs
          where job_type = 'kaspi_auth' and idempotency_key like $1"
    };
}

pub(crate) const ALL: &[Pair] = &[
    PUSH,
    PUSH_MANY,
    DUE_STORES,
    MOVE_DUE,
    FINISH,
    POSTPONE,
    RELEASE,
    TOUCH,
    ANY_LIVE,
    LIST,
    LIST_STATE,
    FIGURES,
    PRUNE,
    PRUNE_WORKERS,
];

/// Whether a store is due at `$1`: one row.
pub(crate) const ANY_DUE: Statement = Statement::new(
    "jobs.any_due",
    "select due_at from kaspi_auth_keeping where due_at <= $1 order by due_at limit 1",
);

/// The name of our queue among those that the library may keep.
pub(crate) const QUEUE: &str = "kaspi_auth";

/// `$1`: the task; `$2`: its key; `$3`: not before this second, or null for `$4` seconds from now. No row is touched where
/// the key is there already. Ids are ULIDs in form and in order of time.
pub(crate) const PUSH: Pair = Pair::new(
    "jobs.push",
    "insert into Jobs
        (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata, idempotency_key)
     values (cast($1 as blob),
             '0' || printf('%015X', cast(unixepoch('subsec') * 1000000 as integer)) || hex(randomblob(5)),
             'kaspi_auth', 'Pending', 0, 1,
             coalesce($3, case when $4 > 0 then cast(unixepoch('subsec') + $4 + 0.999 as integer) else unixepoch() end),
             0, '{}', $2)
     on conflict (job_type, idempotency_key) do nothing",
    "insert into apalis.jobs
        (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata, idempotency_key)
     values (convert_to(cast($1 as text), 'UTF8'), apalis.generate_ulid(), 'kaspi_auth', 'Pending', 0, 1,
             coalesce(to_timestamp(cast($3 as bigint)),
                      now() + cast($4 as double precision) * interval '1 second'),
             0, null, $2)
     on conflict (job_type, idempotency_key) do nothing",
);

/// `$1`: tasks to be run at once, as JSON: `[{\"task\": …, \"key\": …}]`.
pub(crate) const PUSH_MANY: Pair = Pair::new(
    "jobs.push_many",
    "insert into Jobs
        (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata, idempotency_key)
     select cast(value ->> '$.task' as blob),
            '0' || printf('%015X', cast(unixepoch('subsec') * 1000000 as integer)) || hex(randomblob(5)),
            'kaspi_auth', 'Pending', 0, 1, unixepoch(), 0, '{}', value ->> '$.key'
       from json_each($1) where true
     on conflict (job_type, idempotency_key) do nothing",
    "insert into apalis.jobs
        (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata, idempotency_key)
     select convert_to(value ->> 'task', 'UTF8'), apalis.generate_ulid(), 'kaspi_auth', 'Pending', 0, 1, now(), 0, null,
            value ->> 'key'
       from jsonb_array_elements(cast($1 as jsonb)) as value
     on conflict (job_type, idempotency_key) do nothing",
);

/// The stores that are due at `$1`, at most `$2`. Rows that another node has in hand are passed over.
pub(crate) const DUE_STORES: Pair = Pair::new(
    "jobs.due_stores",
    "select merchant_id, due_at from kaspi_auth_keeping where due_at <= $1 order by due_at limit $2",
    "select merchant_id, due_at from kaspi_auth_keeping where due_at <= $1 order by due_at limit $2
        for update skip locked",
);

/// `$1`: when they are due again; `$2`: which, as a JSON array.
pub(crate) const MOVE_DUE: Pair = Pair::new(
    "jobs.move_due",
    "update kaspi_auth_keeping set due_at = $1 where merchant_id in (select value from json_each($2))",
    "update kaspi_auth_keeping set due_at = $1
      where merchant_id in (select jsonb_array_elements_text(cast($2 as jsonb)))",
);

/// `$1`: which; `$2`: the worker that must still have it; `$3`: how it ended; `$4`: the error or null.
pub(crate) const FINISH: Pair = Pair::new(
    "jobs.finish",
    "update Jobs
        set status = $3, attempts = attempts + 1, done_at = unixepoch(),
            last_result = case when $4 is null then null else json_object('Err', $4) end
      where id = $1 and lock_by = $2 and status in ('Queued', 'Running')",
    "update apalis.jobs
        set status = $3, attempts = attempts + 1, done_at = now(),
            last_result = case when cast($4 as text) is null then null
                               else jsonb_build_object('Err', cast($4 as text)) end
      where id = $1 and lock_by = $2 and status in ('Queued', 'Running')",
);

/// Hands back a task that this release cannot read, for another node: `$3`: the task, with a count of how often; `$4`: in so many seconds.
pub(crate) const POSTPONE: Pair = Pair::new(
    "jobs.postpone",
    "update Jobs
        set status = 'Pending', lock_by = null, lock_at = null, job = cast($3 as blob),
            run_at = cast(unixepoch('subsec') + $4 + 0.999 as integer)
      where id = $1 and lock_by = $2 and status in ('Queued', 'Running')",
    "update apalis.jobs
        set status = 'Pending', lock_by = null, lock_at = null, job = convert_to(cast($3 as text), 'UTF8'),
            run_at = now() + cast($4 as double precision) * interval '1 second'
      where id = $1 and lock_by = $2 and status in ('Queued', 'Running')",
);

/// Hands back what a worker has: another may run it at once, and it does not count as broken.
pub(crate) const RELEASE: Pair = Pair::new(
    "jobs.release",
    "update Jobs set status = 'Pending', lock_by = null, lock_at = null
      where lock_by = $1 and status in ('Queued', 'Running')",
    "update apalis.jobs set status = 'Pending', lock_by = null, lock_at = null
      where lock_by = $1 and status in ('Queued', 'Running')",
);

/// A worker that no longer asks for tasks but still runs some is alive.
pub(crate) const TOUCH: Pair = Pair::new(
    "jobs.touch",
    "update Workers set last_seen = unixepoch() where id = $1",
    "update apalis.workers set last_seen = now() where id = $1",
);

/// Whether a job whose key is from `$1` on and before `$2` waits or runs: one row.
pub(crate) const ANY_LIVE: Pair = Pair::new(
    "jobs.any_live",
    "select 1 as live from Jobs
      where job_type = 'kaspi_auth' and idempotency_key >= $1 and idempotency_key < $2
        and status in ('Pending', 'Queued', 'Running') limit 1",
    "select 1 as live from apalis.jobs
      where job_type = 'kaspi_auth' and idempotency_key >= $1 and idempotency_key < $2
        and status in ('Pending', 'Queued', 'Running') limit 1",
);

/// `$1`: how keys of a kind begin, as a pattern; `$2`: how many. Newest first.
pub(crate) const LIST: Pair = Pair::new(
    "jobs.list",
    concat!(list_sqlite!(), " order by id desc limit $2"),
    concat!(list_postgres!(), " order by id desc limit $2"),
);

/// As [`LIST`], of those in the states `$3` and `$4`.
pub(crate) const LIST_STATE: Pair = Pair::new(
    "jobs.list_state",
    concat!(list_sqlite!(), " and status in ($3, $4) order by id desc limit $2"),
    concat!(list_postgres!(), " and status in ($3, $4) order by id desc limit $2"),
);

/// Each figure by an index of its own.
pub(crate) const FIGURES: Pair = Pair::new(
    "jobs.figures",
    "select (select count(*) from Jobs
              where job_type = 'kaspi_auth' and status = 'Pending' and run_at <= unixepoch()) as waiting,
            (select count(*) from Jobs
              where job_type = 'kaspi_auth' and status in ('Queued', 'Running')) as running,
            (select count(*) from Jobs
              where job_type = 'kaspi_auth' and status = 'Pending' and run_at > unixepoch()) as scheduled,
            (select count(*) from Jobs where job_type = 'kaspi_auth' and status = 'Killed') as killed,
            (select min(run_at) * 1000000 from Jobs
              where job_type = 'kaspi_auth' and status = 'Pending' and run_at <= unixepoch()) as oldest_waiting",
    "select (select count(*) from apalis.jobs
              where job_type = 'kaspi_auth' and status = 'Pending' and run_at <= now()) as waiting,
            (select count(*) from apalis.jobs
              where job_type = 'kaspi_auth' and status in ('Queued', 'Running')) as running,
            (select count(*) from apalis.jobs
              where job_type = 'kaspi_auth' and status = 'Pending' and run_at > now()) as scheduled,
            (select count(*) from apalis.jobs where job_type = 'kaspi_auth' and status = 'Killed') as killed,
            (select cast(extract(epoch from min(run_at)) * 1000000 as bigint) from apalis.jobs
              where job_type = 'kaspi_auth' and status = 'Pending' and run_at <= now()) as oldest_waiting",
);

/// Tasks that ended before the second `$1`, at most `$2`.
pub(crate) const PRUNE: Pair = Pair::new(
    "jobs.prune",
    "delete from Jobs where id in (
        select id from Jobs
         where job_type = 'kaspi_auth' and status in ('Done', 'Failed', 'Killed') and done_at < $1 limit $2)",
    "delete from apalis.jobs where id in (
        select id from apalis.jobs
         where job_type = 'kaspi_auth' and status in ('Done', 'Failed', 'Killed')
           and done_at < to_timestamp(cast($1 as bigint)) limit $2)",
);

/// Workers that were last seen before the second `$1` and that no task names.
pub(crate) const PRUNE_WORKERS: Pair = Pair::new(
    "jobs.prune_workers",
    "delete from Workers
      where worker_type = 'kaspi_auth' and last_seen < $1
        and not exists (select 1 from Jobs where Jobs.lock_by = Workers.id)",
    "delete from apalis.workers
      where worker_type = 'kaspi_auth' and last_seen < to_timestamp(cast($1 as bigint))
        and not exists (select 1 from apalis.jobs where jobs.lock_by = workers.id)",
);
