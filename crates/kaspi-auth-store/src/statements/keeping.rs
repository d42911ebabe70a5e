//! Statements on keeping sessions alive. Rows of `kaspi_auth_keeping` come and go by triggers of `kaspi_stores` (migration 0006).
//!
//! Who writes both tables writes the store first: another program's write reaches our row from there, and must never wait for us
//! in a circle.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[
    FIND,
    SCHEDULE,
    HASTEN,
    BRING_BACK,
    USE,
    LEASE,
    HELD,
    RENEW,
    FENCE,
    END,
    OBSERVE,
    OBSERVED,
    OBSERVED_OF_ALL,
    PRUNE_OBSERVED,
    MOST_FAILURES,
];

pub(crate) const FIND: Statement = Statement::new(
    "keeping.find",
    "select due_at, used_at, failures, lease_node, lease_epoch, lease_until, outcome_epoch, outcome_at, outcome_rung,
            outcome_code, outcome_detail, outcome_retry_at
       from kaspi_auth_keeping where merchant_id = $1",
);

/// A look that was under way while another program changed the session cannot put off the next one.
pub(crate) const SCHEDULE: Statement = Statement::new(
    "keeping.schedule",
    "update kaspi_auth_keeping
        set due_at = case when due_at < 0 then due_at else $2 end, failures = $3
      where merchant_id = $1",
);

pub(crate) const HASTEN: Statement = Statement::new(
    "keeping.hasten",
    "update kaspi_auth_keeping set due_at = $2 where merchant_id = $1 and (due_at is null or due_at > $2)",
);

/// `$1`: when they are due instead.
pub(crate) const BRING_BACK: Statement =
    Statement::new("keeping.bring_back", "update kaspi_auth_keeping set due_at = $1 where due_at > $2");

pub(crate) const USE: Statement = Statement::new(
    "keeping.use",
    "update kaspi_auth_keeping set used_at = $2 where merchant_id = $1 and (used_at is null or used_at < $2)",
);

/// `$3`: now. Of many who ask, the first one's row is no longer free for the others. One that runs beyond `$5` was taken by a clock that was wrong.
///
/// The epoch is the time, or one more than the last: a row that is made anew while a lease runs begins with none that was there before.
pub(crate) const LEASE: Statement = Statement::new(
    "keeping.lease",
    "update kaspi_auth_keeping
        set lease_node = $2, lease_epoch = case when lease_epoch < $3 then $3 else lease_epoch + 1 end, lease_until = $4
      where merchant_id = $1 and (lease_until is null or lease_until <= $3 or lease_until > $5)
  returning lease_epoch",
);

pub(crate) const HELD: Statement = Statement::new(
    "keeping.held",
    "select lease_epoch, lease_until from kaspi_auth_keeping where merchant_id = $1",
);

pub(crate) const RENEW: Statement = Statement::new(
    "keeping.renew",
    "update kaspi_auth_keeping set lease_until = $4 where merchant_id = $1 and lease_node = $2 and lease_epoch = $3",
);

/// Whether the lease is still the holder's. Writes, so that nobody takes it over before the end of the transaction.
pub(crate) const FENCE: Statement = Statement::new(
    "keeping.fence",
    "update kaspi_auth_keeping set lease_epoch = lease_epoch
      where merchant_id = $1 and lease_node = $2 and lease_epoch = $3",
);

/// A trigger tells those who wait.
pub(crate) const END: Statement = Statement::new(
    "keeping.end",
    "update kaspi_auth_keeping
        set lease_node = null, lease_until = null, outcome_epoch = $4, outcome_at = $5, outcome_rung = $6,
            outcome_code = $7, outcome_detail = $8, outcome_retry_at = $9
      where merchant_id = $1 and lease_node = $2 and lease_epoch = $3",
);

/// The newest counts; a death stays one.
pub(crate) const OBSERVE: Statement = Statement::new(
    "keeping.observe",
    "insert into kaspi_auth_lifetimes (merchant_id, generation, age, died, observed_at) values ($1, $2, $3, $4, $5)
     on conflict (merchant_id, generation) do update
        set age = excluded.age, died = excluded.died, observed_at = excluded.observed_at
      where not kaspi_auth_lifetimes.died
        and (excluded.died or kaspi_auth_lifetimes.observed_at <= excluded.observed_at)",
);

pub(crate) const OBSERVED: Statement = Statement::new(
    "keeping.observed",
    "select generation, age, died from kaspi_auth_lifetimes where merchant_id = $1 order by generation desc limit $2",
);

pub(crate) const OBSERVED_OF_ALL: Statement = Statement::new(
    "keeping.observed_of_all",
    "select generation, age, died from kaspi_auth_lifetimes order by observed_at desc limit $1",
);

pub(crate) const PRUNE_OBSERVED: Statement = Statement::new(
    "keeping.prune_observed",
    "delete from kaspi_auth_lifetimes where (merchant_id, generation) in
        (select merchant_id, generation from kaspi_auth_lifetimes where observed_at < $1 order by observed_at limit $2)",
);

/// Reads every row, each a short one.
pub(crate) const MOST_FAILURES: Statement =
    Statement::new("keeping.most_failures", "select coalesce(max(failures), 0) from kaspi_auth_keeping");
