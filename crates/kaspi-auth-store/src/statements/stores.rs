//! Statements on `kaspi_stores`, which may be an adopted table: see the rule at the top of [`super`].
//!
//! Every write moves `auth_revision`; that is how the trigger tells our writes from another program's.

use super::Statement;

/// Whether `guid` holds a session. Ours holds one or is null; another program's may be an empty value.
macro_rules! has_session {
    () => {
        "(guid is not null and (auth_method is not null or cast(guid as text) not in ('null', '{}', '\"\"')))"
    };
}

pub(crate) use has_session;

/// The columns of a `StoreRow`. `unopened` is the session of a row that only opening tells whether a password is held.
macro_rules! columns {
    () => {
        concat!(
            "cast(id as text) as id, cast(merchant_id as text) as merchant_id, cast(user_id as text) as user_id,
             cast(name as text) as name, auth_logo_url, cast(store_points as text) as store_points,
             coalesce(is_active, true) as is_active, coalesce(needs_reauth, false) as needs_reauth,
             cast(reauth_reason as text) as reauth_reason, auth_generation, ",
            has_session!(),
            " as has_session, kaspi_password is not null as has_password,
             case when kaspi_password is null and auth_method is null then cast(guid as text) end as unopened,
             auth_validity, auth_signed_in_at, auth_checked_at, auth_engine, auth_driver, auth_egress, created_at,
             updated_at"
        )
    };
}

pub(crate) const ALL: &[Statement] = &[
    SAVE,
    FIND,
    SEEN,
    LIST,
    COUNT,
    CHANGE,
    SECRETS,
    FORGET_PASSWORD,
    DELETE,
    SESSION,
    UPDATE_LOOK,
    REPLACE_SESSION,
    RESEAL,
];

/// Inserts or replaces. Answers no row when another user holds the store. A store that nobody holds becomes the user's; one
/// that is held keeps its holder, who also stands in for nobody, because an adopted column may refuse null.
pub(crate) const SAVE: Statement = Statement::new(
    "stores.save",
    "insert into kaspi_stores
        (user_id, merchant_id, name, guid, kaspi_email, kaspi_password, store_points, is_active, needs_reauth,
         created_at, updated_at, auth_generation, auth_revision, auth_method, auth_validity, auth_checked_at,
         auth_signed_in_at, auth_logo_url, auth_driver, auth_egress)
     values (coalesce($1, (select held.user_id from kaspi_stores held where held.merchant_id = $2)),
             $2, $3, $4, $5, $6, $7, true, false, $8, $8, 1, 1, $9, 'alive', $10, $10, $11, $13, $14)
     on conflict (merchant_id) do update set
        user_id           = coalesce(kaspi_stores.user_id, excluded.user_id),
        name              = coalesce(excluded.name, kaspi_stores.name),
        guid              = excluded.guid,
        kaspi_email       = excluded.kaspi_email,
        kaspi_password    = excluded.kaspi_password,
        store_points      = case when $12 then excluded.store_points else kaspi_stores.store_points end,
        needs_reauth      = false,
        reauth_reason     = null,
        updated_at        = excluded.updated_at,
        auth_generation   = kaspi_stores.auth_generation + 1,
        auth_revision     = kaspi_stores.auth_revision + 1,
        auth_method       = excluded.auth_method,
        auth_validity     = excluded.auth_validity,
        auth_checked_at   = excluded.auth_checked_at,
        auth_signed_in_at = excluded.auth_signed_in_at,
        auth_logo_url     = coalesce(excluded.auth_logo_url, kaspi_stores.auth_logo_url),
        auth_driver       = excluded.auth_driver,
        auth_egress       = excluded.auth_egress
      where kaspi_stores.user_id is null or excluded.user_id is null or kaspi_stores.user_id = excluded.user_id
  returning auth_generation",
);

/// `$2`: every tenant's; `$3`: this user's.
pub(crate) const FIND: Statement = Statement::new(
    "stores.find",
    concat!("select ", columns!(), " from kaspi_stores where merchant_id = $1 and ($2 or user_id = $3)"),
);

/// `$2`, `$3` as in [`FIND`]; `$4`: of every holder; `$5`: of this one; `$6`: a status or `any`.
pub(crate) const LIST: Statement = Statement::new(
    "stores.list",
    concat!(
        "select ",
        columns!(),
        " from kaspi_stores
          where merchant_id > $1 and ($2 or user_id = $3) and ($4 or user_id = $5)
            and ($6 = 'any' or $6 = case
                    when not coalesce(is_active, true) then 'inactive'
                    when coalesce(needs_reauth, false) or not ",
        has_session!(),
        " then 'needs_reauth'
                    else 'active' end)
          order by merchant_id limit $7"
    ),
);

/// How many stores stand how, and what was last seen of their sessions.
pub(crate) const COUNT: Statement = Statement::new(
    "stores.count",
    concat!(
        "select case when not coalesce(is_active, true) then 'inactive'
                     when coalesce(needs_reauth, false) or not ",
        has_session!(),
        "        then 'needs_reauth'
                     else 'active' end as status,
                auth_validity as validity, count(*) as stores
           from kaspi_stores group by 1, 2"
    ),
);

/// `$4`: the name or null; `$5`: on or off or null; `$6`: whether the holder becomes `$7`; `$9`: whether the engine becomes `$10`.
pub(crate) const CHANGE: Statement = Statement::new(
    "stores.change",
    concat!(
        "update kaspi_stores
            set name = coalesce($4, name), is_active = coalesce($5, is_active),
                user_id = case when $6 then $7 else user_id end,
                auth_engine = case when $9 then $10 else auth_engine end, updated_at = $8, auth_revision = auth_revision + 1
          where merchant_id = $1 and ($2 or user_id = $3)
      returning ",
        columns!()
    ),
);

/// What is sealed of a store.
pub(crate) const SECRETS: Statement = Statement::new(
    "stores.secrets",
    "select cast(guid as text) as guid, cast(kaspi_email as text) as kaspi_email,
            cast(kaspi_password as text) as kaspi_password, cast(user_id as text) as user_id, auth_generation,
            auth_revision, auth_method
       from kaspi_stores where merchant_id = $1 and ($2 or user_id = $3)",
);

/// `$5`: the session without the password.
pub(crate) const FORGET_PASSWORD: Statement = Statement::new(
    "stores.forget_password",
    "update kaspi_stores set guid = $5, kaspi_password = null, auth_revision = auth_revision + 1
      where merchant_id = $1 and ($2 or user_id = $3) and auth_revision = $4",
);

pub(crate) const DELETE: Statement = Statement::new(
    "stores.delete",
    "delete from kaspi_stores where merchant_id = $1 and ($2 or user_id = $3)",
);

pub(crate) const SESSION: Statement = Statement::new(
    "stores.session",
    "select cast(guid as text) as guid, cast(user_id as text) as user_id, coalesce(is_active, true) as is_active,
            coalesce(needs_reauth, false) as needs_reauth, auth_generation, auth_revision, auth_method, auth_validity,
            auth_checked_at, auth_signed_in_at, auth_egress
       from kaspi_stores where merchant_id = $1 and ($2 or user_id = $3)",
);

/// `$5`: whether the verdict becomes `$6`, seen at `$7`; `$8`: whether the mark becomes `$9` with the reason `$10`.
/// Of two looks at one session the later counts, whichever is written first; one of after `$12` was dated by a clock that was wrong.
pub(crate) const UPDATE_LOOK: Statement = Statement::new(
    "stores.update_look",
    "update kaspi_stores
        set auth_validity = case when $5 then $6 else auth_validity end,
            auth_checked_at = case when $5 then $7 else auth_checked_at end,
            needs_reauth = case when $8 then $9 else needs_reauth end,
            reauth_reason = case when $8 then $10 else reauth_reason end,
            updated_at = $11, auth_revision = auth_revision + 1
      where merchant_id = $1 and ($2 or user_id = $3) and auth_generation = $4
        and (auth_checked_at is null or auth_checked_at <= $7 or auth_checked_at > $12)",
);

/// As [`UPDATE_LOOK`], whose `$12` is `$16` here, with `$12`: the revision that was read, `$13`: the session, `$14`: how many generations on,
/// `$15`: when the portal let us in, or null for as it was.
pub(crate) const REPLACE_SESSION: Statement = Statement::new(
    "stores.replace_session",
    "update kaspi_stores
        set guid = $13,
            auth_generation = auth_generation + $14,
            auth_signed_in_at = coalesce($15, auth_signed_in_at),
            auth_validity = case when $5 then $6 else auth_validity end,
            auth_checked_at = case when $5 then $7 else auth_checked_at end,
            needs_reauth = case when $8 then $9 else needs_reauth end,
            reauth_reason = case when $8 then $10 else reauth_reason end,
            updated_at = $11, auth_revision = auth_revision + 1
      where merchant_id = $1 and ($2 or user_id = $3) and auth_generation = $4 and auth_revision = $12
        and ($14 > 0 or auth_checked_at is null or auth_checked_at <= $7 or auth_checked_at > $16)",
);

/// `$2`: every tenant's; `$3`: this user's. What tells a store of which nothing is written from one that the tenant has not.
pub(crate) const SEEN: Statement = Statement::new(
    "stores.seen",
    "select count(*) from kaspi_stores where merchant_id = $1 and ($2 or user_id = $3)",
);

/// Seals a row that was plain. Not a new session.
pub(crate) const RESEAL: Statement = Statement::new(
    "stores.reseal",
    "update kaspi_stores set guid = $3, auth_revision = auth_revision + 1 where merchant_id = $1 and auth_revision = $2",
);
