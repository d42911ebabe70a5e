-- API keys of the services that call us, and the few values that belong to the database as a whole. Times are microseconds
-- since 1970 UTC.

-- API keys; the keys themselves are not here.
create table kaspi_auth_api_keys (
    -- The public part of the key.
    id           text    primary key not null,
    -- What it is for.
    name         text    not null,
    -- Its first characters, for recognising it.
    prefix       text    not null,
    -- What it may do: a JSON list of scope names.
    scopes       text    not null,
    -- Bound to one user's stores, or null.
    user_id      text,
    -- SHA-256 of the secret part, which has 256 random bits.
    digest       blob    not null,
    created_at   integer not null,
    -- When it was last used, to the minute.
    last_used_at integer,
    -- Since when it opens nothing.
    revoked_at   integer
) strict;

-- Values of the database as a whole.
create table kaspi_auth_settings (
    -- pepper: the key of all HMACs here.
    name       text    primary key not null,
    -- pepper: a Fernet token, made at the first start.
    value      text    not null,
    written_at integer not null
) strict;
