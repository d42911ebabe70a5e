//! Statements that take stores of other installations in. Named `stores.…`, because they meet the adopted table: see the rule
//! at the top of [`super`].

use super::Statement;

pub(crate) const ALL: &[Statement] = &[FIND, ADD, TAKE_SESSION, TAKE_CREDENTIALS, TAKE_POINTS];

/// What an import is held against.
pub(crate) const FIND: Statement = Statement::new(
    "stores.import_find",
    "select cast(guid as text) as guid, cast(kaspi_email as text) as kaspi_email,
            cast(kaspi_password as text) as kaspi_password, cast(user_id as text) as user_id, auth_revision,
            auth_method, auth_signed_in_at, updated_at, auth_generation, auth_validity,
            coalesce(needs_reauth, false) as needs_reauth
       from kaspi_stores where merchant_id = $1",
);

/// Touches no row when somebody else has stored the merchant in the meantime.
pub(crate) const ADD: Statement = Statement::new(
    "stores.import_add",
    "insert into kaspi_stores
        (user_id, merchant_id, name, guid, kaspi_email, kaspi_password, is_active, needs_reauth, reauth_reason,
         created_at, updated_at, auth_generation, auth_revision, auth_method, auth_validity, auth_signed_in_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, 1, $12, 'unknown', $13)
     on conflict (merchant_id) do nothing",
);

/// `$2`: the revision that was read; `$3`: the holder where there is none. Of a new session nothing is known yet.
pub(crate) const TAKE_SESSION: Statement = Statement::new(
    "stores.import_session",
    "update kaspi_stores
        set user_id           = coalesce(user_id, $3),
            name              = coalesce($4, name),
            guid              = $5,
            kaspi_email       = $6,
            kaspi_password    = $7,
            needs_reauth      = false,
            reauth_reason     = null,
            updated_at        = $8,
            auth_generation   = auth_generation + 1,
            auth_revision     = auth_revision + 1,
            auth_method       = $9,
            auth_validity     = 'unknown',
            auth_checked_at   = null,
            auth_signed_in_at = $10,
            auth_driver       = null,
            auth_egress       = null
      where merchant_id = $1 and auth_revision = $2",
);

/// As [`TAKE_SESSION`], beside a session that stays. `$9`: whether a person need no longer act.
pub(crate) const TAKE_CREDENTIALS: Statement = Statement::new(
    "stores.import_credentials",
    "update kaspi_stores
        set user_id        = coalesce(user_id, $3),
            name           = coalesce(name, $4),
            guid           = $5,
            kaspi_email    = $6,
            kaspi_password = $7,
            updated_at     = $8,
            needs_reauth   = case when $9 then false else needs_reauth end,
            reauth_reason  = case when $9 then null else reauth_reason end,
            auth_revision  = auth_revision + 1
      where merchant_id = $1 and auth_revision = $2",
);

/// In the transaction of one of the others.
pub(crate) const TAKE_POINTS: Statement = Statement::new(
    "stores.import_points",
    "update kaspi_stores set store_points = $2, auth_revision = auth_revision + 1 where merchant_id = $1",
);
