-- The stores, with the columns of the predecessor's table and ours beside them (auth_*).
create table kaspi_stores (
    -- The row's id, a UUID as text; stays through every repair.
    id             text primary key not null default (
        lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' ||
        substr(lower(hex(randomblob(2))), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) ||
        substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6)))),
    -- Who holds the store; null = the company's own services.
    user_id        text,
    -- The portal's id of the merchant.
    merchant_id    text not null unique,
    -- The shop name.
    name           text,
    -- The session: {"encrypted": "<Fernet token>"} of JSON with cookies, email, password, phone, merchant_uid,
    -- authenticated_at, sms_verified, auth_method.
    guid           text check (guid is null or json_valid(guid)),
    -- Fernet token of {"email": …}.
    kaspi_email    text,
    -- Fernet token of {"password": …}; null when the password was not to be kept.
    kaspi_password text,
    -- The points: name → {city_id, city_name, enabled}, as JSON.
    store_points   text check (store_points is null or json_valid(store_points)),
    -- 0: kept but not served.
    is_active      integer not null default 1 check (is_active in (0, 1)),
    -- 1: a person must sign in again.
    needs_reauth   integer not null default 0 check (needs_reauth in (0, 1)),
    -- Why, when needs_reauth.
    reauth_reason  text,
    -- When the row was made; ISO 8601 with offset.
    created_at     text not null default (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')),
    -- When the row last changed; ISO 8601 with offset.
    updated_at     text not null default (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')),
    -- Counts the sessions of the store: up by one when kaspi-auth stores a session and when another program changes
    -- guid. 0 = a row of another program's.
    auth_generation   integer not null default 0,
    -- Counts the changes of the row. A write that leaves it alone is another program's: the trigger notices by that.
    auth_revision     integer not null default 0,
    -- How the session was won: password or phone; null = not by kaspi-auth.
    auth_method       text,
    -- What the last look at the session said: alive, dead or unknown.
    auth_validity     text not null default 'unknown',
    -- When that look was; microseconds since 1970 UTC.
    auth_checked_at   integer,
    -- When the portal let us in; microseconds since 1970 UTC.
    auth_signed_in_at integer,
    -- Where the shop's logo is.
    auth_logo_url     text
) strict;

-- Another program wrote the row: a changed guid is a new session, of which nothing is known yet.
create trigger kaspi_auth_foreign_guid after update of guid on kaspi_stores
when new.auth_revision = old.auth_revision and new.guid is not old.guid
begin
    update kaspi_stores
       set auth_generation   = old.auth_generation + 1,
           auth_revision     = old.auth_revision + 1,
           auth_method       = null,
           auth_validity     = 'unknown',
           auth_checked_at   = null,
           auth_signed_in_at = null
     where merchant_id = new.merchant_id;
end;

-- Another program wrote something else of the row.
create trigger kaspi_auth_foreign_write after update on kaspi_stores
when new.auth_revision = old.auth_revision and new.guid is old.guid
begin
    update kaspi_stores set auth_revision = old.auth_revision + 1 where merchant_id = new.merchant_id;
end;
