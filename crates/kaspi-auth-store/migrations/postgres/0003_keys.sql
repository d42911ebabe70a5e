-- API keys of the services that call us, and the few values that belong to the database as a whole.
create table kaspi_auth_api_keys (
    id           text   primary key,
    name         text   not null,
    prefix       text   not null,
    scopes       text   not null,
    user_id      text,
    digest       bytea  not null,
    created_at   bigint not null,
    last_used_at bigint,
    revoked_at   bigint
);

comment on table kaspi_auth_api_keys is 'API keys; the keys themselves are not here. Times are microseconds since 1970 UTC.';
comment on column kaspi_auth_api_keys.id is 'The public part of the key.';
comment on column kaspi_auth_api_keys.name is 'What it is for.';
comment on column kaspi_auth_api_keys.prefix is 'Its first characters, for recognising it.';
comment on column kaspi_auth_api_keys.scopes is 'What it may do: a JSON list of scope names.';
comment on column kaspi_auth_api_keys.user_id is 'Bound to one user''s stores, or null.';
comment on column kaspi_auth_api_keys.digest is 'SHA-256 of the secret part, which has 256 random bits.';
comment on column kaspi_auth_api_keys.created_at is 'When it was made.';
comment on column kaspi_auth_api_keys.last_used_at is 'When it was last used, to the minute.';
comment on column kaspi_auth_api_keys.revoked_at is 'Since when it opens nothing.';

create table kaspi_auth_settings (
    name       text   primary key,
    value      text   not null,
    written_at bigint not null
);

comment on table kaspi_auth_settings is 'Values of the database as a whole.';
comment on column kaspi_auth_settings.name is 'pepper: the key of all HMACs here.';
comment on column kaspi_auth_settings.value is 'pepper: a Fernet token, made at the first start.';
comment on column kaspi_auth_settings.written_at is 'When; microseconds since 1970 UTC.';
