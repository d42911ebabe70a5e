//! Statements on the ways out and on the accounts that keep to them. That a new login pins its account is a trigger's work: see
//! migration 0005.

use super::Statement;

/// The columns of an `EgressRow`, without how many accounts are pinned.
macro_rules! columns {
    () => {
        "id, name, revision, kind, host, port, username, password, enabled, managed, per_second, burst, in_flight, score,
         blocks, rests, rest_until, checked_at, check_error, created_at, updated_at"
    };
}

/// How many accounts are pinned to an egress: a walk over all of them.
macro_rules! pinned {
    () => {
        "(select count(*) from kaspi_auth_account_egresses pins where pins.egress_id = kaspi_auth_egresses.id)"
    };
}

pub(crate) const ALL: &[Statement] =
    &[LIST, FIND, LIST_FOR, INSERT, UPDATE, DELETE, DELETE_RATE, NOTE_HEALTH, NOTE_CHECK];

pub(crate) const LIST: Statement = Statement::new(
    "egresses.list",
    concat!("select ", columns!(), ", ", pinned!(), " as pinned from kaspi_auth_egresses"),
);

pub(crate) const FIND: Statement = Statement::new(
    "egresses.find",
    concat!("select ", columns!(), ", ", pinned!(), " as pinned from kaspi_auth_egresses where id = $1"),
);

/// All, without counting their accounts; each with the egress of the account `$1`.
pub(crate) const LIST_FOR: Statement = Statement::new(
    "egresses.list_for",
    concat!(
        "select ",
        columns!(),
        ", cast(0 as bigint) as pinned,
            (select own.egress_id from kaspi_auth_account_egresses own where own.account_key = $1) as own
       from kaspi_auth_egresses"
    ),
);

pub(crate) const INSERT: Statement = Statement::new(
    "egresses.insert",
    concat!(
        "insert into kaspi_auth_egresses (",
        columns!(),
        ") values
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"
    ),
);

/// By hand. How it fares stays.
pub(crate) const UPDATE: Statement = Statement::new(
    "egresses.update",
    "update kaspi_auth_egresses
        set revision = revision + 1, name = $3, kind = $4, host = $5, port = $6, username = $7, password = $8,
            enabled = $9, managed = $10, per_second = $11, burst = $12, in_flight = $13, checked_at = $14,
            check_error = $15, updated_at = $16
      where id = $1 and revision = $2",
);

pub(crate) const DELETE: Statement =
    Statement::new("egresses.delete", "delete from kaspi_auth_egresses where id = $1");

pub(crate) const DELETE_RATE: Statement =
    Statement::new("egresses.delete_rate", "delete from kaspi_auth_rates where key = $1");

pub(crate) const NOTE_HEALTH: Statement = Statement::new(
    "egresses.note_health",
    "update kaspi_auth_egresses set score = $2, blocks = $3, rests = $4, rest_until = $5, updated_at = $6 where id = $1",
);

pub(crate) const NOTE_CHECK: Statement = Statement::new(
    "egresses.note_check",
    "update kaspi_auth_egresses set check_error = $2, checked_at = $3, updated_at = $3 where id = $1",
);
