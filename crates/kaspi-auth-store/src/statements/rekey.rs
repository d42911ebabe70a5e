//! Statements on the keys that rows are sealed under: see migration 0009.
//!
//! The tables of our own share their texts: a row is read as its key and three sealed values, of which the last two
//! may not be there. `kaspi_stores` has its own, under the rule at the top of [`super`].

use super::Statement;

/// The statements of a table whose rows are written as they were read, or not at all.
#[derive(Debug)]
pub(crate) struct Own {
    /// How many rows are marked with another key than `$1`, and how many are not marked.
    pub(crate) behind: Statement,
    /// Rows without a mark, at most `$1`.
    pub(crate) unmarked: Statement,
    /// Rows after `$1` that are not marked with `$2`, at most `$3`.
    pub(crate) older: Statement,
    /// Rows after `$1`, at most `$2`.
    pub(crate) each: Statement,
    /// `$1`: the row's key; `$2`, `$3`, `$4`: its values; `$5`: its mark; `$6`, `$7`, `$8`: the values that were read.
    pub(crate) write: Statement,
}

/// How many rows are behind and how many are not marked: looked up in the index from both sides, so that it costs what is
/// behind and not what is there.
macro_rules! behind {
    ($table:literal, $mark:literal, $sealed:literal) => {
        concat!(
            "select (select count(*) from ",
            $table,
            " where ",
            $mark,
            " < $1 and ",
            $sealed,
            ")
                  + (select count(*) from ",
            $table,
            " where ",
            $mark,
            " > $1 and ",
            $sealed,
            "),
                    (select count(*) from ",
            $table,
            " where ",
            $mark,
            " is null and ",
            $sealed,
            ")"
        )
    };
}

macro_rules! own {
    ($name:literal, $table:literal, $key:literal, [$first:literal, $others:literal], $sealed:literal, $set:literal, $same:literal) => {
        Own {
            behind: Statement::new(concat!($name, ".rows_behind"), behind!($table, "key_id", $sealed)),
            unmarked: Statement::new(
                concat!($name, ".unmarked"),
                concat!(
                    "select ",
                    $key,
                    ", ",
                    $first,
                    ", ",
                    $others,
                    " from ",
                    $table,
                    " where key_id is null and ",
                    $sealed,
                    " limit $1"
                ),
            ),
            older: Statement::new(
                concat!($name, ".older"),
                concat!(
                    "select ",
                    $key,
                    ", ",
                    $first,
                    ", ",
                    $others,
                    " from ",
                    $table,
                    " where ",
                    $key,
                    " > $1 and (key_id is null or key_id <> $2) and ",
                    $sealed,
                    " order by ",
                    $key,
                    " limit $3"
                ),
            ),
            each: Statement::new(
                concat!($name, ".each_sealed"),
                concat!(
                    "select ",
                    $key,
                    ", ",
                    $first,
                    ", ",
                    $others,
                    " from ",
                    $table,
                    " where ",
                    $key,
                    " > $1 and ",
                    $sealed,
                    " order by ",
                    $key,
                    " limit $2"
                ),
            ),
            write: Statement::new(
                concat!($name, ".reseal"),
                concat!(
                    "update ",
                    $table,
                    " set ",
                    $first,
                    " = $2, ",
                    $set,
                    "key_id = $5 where ",
                    $key,
                    " = $1 and ",
                    $first,
                    " = $6 and ",
                    $same
                ),
            ),
        }
    };
}

macro_rules! own_single {
    ($name:literal, $table:literal, $key:literal, $column:literal, $sealed:literal) => {
        own!(
            $name,
            $table,
            $key,
            [$column, "cast(null as text), cast(null as text)"],
            $sealed,
            "",
            "coalesce(cast($3 as text), cast($4 as text), cast($7 as text), cast($8 as text)) is null"
        )
    };
}

pub(crate) const LOGINS: Own = own!(
    "logins",
    "kaspi_auth_logins",
    "id",
    ["account", "secrets, staged"],
    "true",
    "secrets = $3, staged = $4, ",
    "(secrets = $7 or (secrets is null and cast($7 as text) is null))
     and (staged = $8 or (staged is null and cast($8 as text) is null))"
);

pub(crate) const DEVICES: Own = own_single!("devices", "kaspi_auth_devices", "device_key", "sealed", "true");

pub(crate) const EGRESSES: Own =
    own_single!("egresses", "kaspi_auth_egresses", "id", "password", "password is not null");

pub(crate) const EVIDENCE: Own = own_single!("evidence", "kaspi_auth_evidence", "login_id", "sealed", "true");

pub(crate) const SETTINGS: Own =
    own_single!("settings", "kaspi_auth_settings", "name", "value", "name = 'pepper'");

/// The columns of a row of a store.
macro_rules! columns {
    () => {
        "cast(merchant_id as text) as merchant_id, cast(guid as text) as guid, cast(kaspi_email as text) as kaspi_email,
         cast(kaspi_password as text) as kaspi_password, auth_revision, auth_method"
    };
}

pub(crate) const STORES_BEHIND: Statement =
    Statement::new("stores.rows_behind", behind!("kaspi_stores", "auth_key_id", "merchant_id is not null"));

pub(crate) const STORES_UNMARKED: Statement = Statement::new(
    "stores.unmarked",
    concat!(
        "select ",
        columns!(),
        " from kaspi_stores where auth_key_id is null and merchant_id is not null limit $1"
    ),
);

/// Rows after `$1` that are not marked with `$2`, at most `$3`.
pub(crate) const STORES_OLDER: Statement = Statement::new(
    "stores.older",
    concat!(
        "select ",
        columns!(),
        " from kaspi_stores
          where merchant_id > $1 and (auth_key_id is null or auth_key_id <> $2) order by merchant_id limit $3"
    ),
);

/// Rows after `$1`, at most `$2`.
pub(crate) const STORES_EACH: Statement = Statement::new(
    "stores.each_sealed",
    concat!("select ", columns!(), " from kaspi_stores where merchant_id > $1 order by merchant_id limit $2"),
);

/// `$2`: the revision that was read; `$3`: the mark; then the values. The session's validity and generation stay: it is the
/// same session.
pub(crate) const STORES_RESEAL_ALL: Statement = Statement::new(
    "stores.reseal_all",
    "update kaspi_stores
        set auth_key_id = $3, kaspi_email = $4, kaspi_password = $5, guid = $6, auth_revision = auth_revision + 1
      where merchant_id = $1 and auth_revision = $2",
);

/// As [`STORES_RESEAL_ALL`], of a row whose session stays as it is.
pub(crate) const STORES_RESEAL_CREDENTIALS: Statement = Statement::new(
    "stores.reseal_credentials",
    "update kaspi_stores
        set auth_key_id = $3, kaspi_email = $4, kaspi_password = $5, auth_revision = auth_revision + 1
      where merchant_id = $1 and auth_revision = $2",
);

/// As [`STORES_RESEAL_ALL`], of a row whose values stay as they are.
pub(crate) const STORES_MARK: Statement = Statement::new(
    "stores.mark_key",
    "update kaspi_stores set auth_key_id = $3, auth_revision = auth_revision + 1
      where merchant_id = $1 and auth_revision = $2",
);

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = Statement> {
    let own = [LOGINS, DEVICES, EGRESSES, EVIDENCE, SETTINGS];
    own.into_iter().flat_map(|own| [own.behind, own.unmarked, own.older, own.each, own.write]).chain([
        STORES_BEHIND,
        STORES_UNMARKED,
        STORES_OLDER,
        STORES_EACH,
        STORES_RESEAL_ALL,
        STORES_RESEAL_CREDENTIALS,
        STORES_MARK,
    ])
}
