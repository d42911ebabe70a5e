//! Statements on the rates towards the portal and on the places there. On PostgreSQL the row of a rate is the lock: who has
//! written it is alone until the end of its transaction. A place is given back by a trigger (migration 0005).

use super::Statement;

pub(crate) const ALL: &[Statement] = &[RENEW, TAKE, LOOK, PUT, RELEASE, PRUNE];

/// A login that has its place already keeps it. `$4`: now.
pub(crate) const RENEW: Statement = Statement::new(
    "rates.renew",
    "update kaspi_auth_slots set until = $3 where login_id = $1 and egress_id = $2 and until > $4",
);

/// The generic cell rate algorithm. `$2`: now; `$3`: the interval; `$4`: how late the theoretical arrival time may be; one of after `$5` was written by
/// a clock that was wrong.
/// Touches no row when it is later, and locks the row all the same.
pub(crate) const TAKE: Statement = Statement::new(
    "rates.take",
    "insert into kaspi_auth_rates (key, next_at) values ($1, cast($2 as bigint) + cast($3 as bigint))
     on conflict (key) do update
        set next_at = case when kaspi_auth_rates.next_at > cast($2 as bigint) and kaspi_auth_rates.next_at <= $5
                           then kaspi_auth_rates.next_at else cast($2 as bigint) end + cast($3 as bigint)
      where kaspi_auth_rates.next_at <= $4 or kaspi_auth_rates.next_at > $5",
);

pub(crate) const LOOK: Statement =
    Statement::new("rates.look", "select next_at from kaspi_auth_rates where key = $1");

/// Touches no row when all places are taken: `$5` of all ways together, `$6` of this way; 0 is no limit. `$4`: now.
pub(crate) const PUT: Statement = Statement::new(
    "rates.put",
    "insert into kaspi_auth_slots (login_id, egress_id, until)
     select $1, $2, $3
      where (cast($5 as bigint) = 0 or cast($5 as bigint) >
                (select count(*) from kaspi_auth_slots where until > $4 and login_id <> $1))
        and (cast($6 as bigint) = 0 or cast($6 as bigint) >
                (select count(*) from kaspi_auth_slots where egress_id = $2 and until > $4 and login_id <> $1))
     on conflict (login_id) do update set egress_id = excluded.egress_id, until = excluded.until",
);

pub(crate) const RELEASE: Statement =
    Statement::new("rates.release", "delete from kaspi_auth_slots where login_id = $1");

/// Places that nobody has given back.
pub(crate) const PRUNE: Statement =
    Statement::new("rates.prune", "delete from kaspi_auth_slots where until < $1");
