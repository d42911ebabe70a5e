-- Logins, the answers that came to them, and what is remembered of accounts across logins. Times are microseconds since
-- 1970 UTC; they come in with the statements.
create table kaspi_auth_logins (
    id             uuid   primary key,
    version        bigint not null,
    user_id        text,
    account_key    bytea  unique,
    account_masked text   not null,
    account        text   not null,
    secrets        text,
    state          text   not null,
    record         text   not null,
    lease_node     uuid,
    lease_until    bigint,
    due_at         bigint,
    ended_at       bigint,
    created_at     bigint not null,
    updated_at     bigint not null,
    expires_at     bigint not null
);

comment on table kaspi_auth_logins is 'Attempts to sign in.';
comment on column kaspi_auth_logins.id is 'Names the login; a UUID v7.';
comment on column kaspi_auth_logins.version is 'Counts the stored changes: a write with an old one is refused.';
comment on column kaspi_auth_logins.user_id is 'For whom the store will be held, in one spelling.';
comment on column kaspi_auth_logins.account_key is
    'HMAC of the account under the pepper while the login has not ended, null after: at most one login per account.';
comment on column kaspi_auth_logins.account_masked is 'The account, starred: all of it that stands in clear.';
comment on column kaspi_auth_logins.account is 'Fernet token of the account, bound to the login.';
comment on column kaspi_auth_logins.secrets is
    'Fernet token of the credentials and of how the engine goes on, bound to the login; null once it has ended.';
comment on column kaspi_auth_logins.state is 'The state''s name.';
comment on column kaspi_auth_logins.record is 'The rest of the login as JSON: wishes, state with challenge, failure or store.';
comment on column kaspi_auth_logins.lease_node is 'The node that works on it.';
comment on column kaspi_auth_logins.lease_until is 'Until when it does; set exactly while the login runs.';
comment on column kaspi_auth_logins.due_at is 'When the login ends by itself; null once it has ended.';
comment on column kaspi_auth_logins.ended_at is 'When it ended; null until then.';

create index kaspi_auth_logins_lease on kaspi_auth_logins (lease_until) where lease_until is not null;
create index kaspi_auth_logins_due   on kaspi_auth_logins (due_at) where due_at is not null;
create index kaspi_auth_logins_ended on kaspi_auth_logins (ended_at) where ended_at is not null;

create table kaspi_auth_login_answers (
    login_id    uuid   not null references kaspi_auth_logins (id) on delete cascade,
    key         text   not null,
    digest      bytea  not null,
    answered_at bigint not null,
    primary key (login_id, key)
);

comment on table kaspi_auth_login_answers is 'Idempotency keys: which answers came to a login already.';
comment on column kaspi_auth_login_answers.login_id is 'The login.';
comment on column kaspi_auth_login_answers.key is 'The caller''s Idempotency-Key.';
comment on column kaspi_auth_login_answers.digest is 'HMAC of the answer under the pepper.';
comment on column kaspi_auth_login_answers.answered_at is 'When it came.';

create table kaspi_auth_accounts (
    account_key     bytea  primary key,
    blocked_until   bigint,
    updated_at      bigint not null
);

comment on table kaspi_auth_accounts is 'What is remembered of an account across logins.';
comment on column kaspi_auth_accounts.account_key is 'HMAC of the account under the pepper.';
comment on column kaspi_auth_accounts.blocked_until is 'The portal wants no login before then.';
comment on column kaspi_auth_accounts.updated_at is 'When the row last changed.';

create table kaspi_auth_rejected_passwords (
    account_key bytea  not null,
    digest      bytea  not null,
    rejected_at bigint not null,
    primary key (account_key, digest)
);

comment on table kaspi_auth_rejected_passwords is 'Passwords that the portal refused since it last accepted one of the account''s: none of them is sent again.';
comment on column kaspi_auth_rejected_passwords.account_key is 'HMAC of the account under the pepper.';
comment on column kaspi_auth_rejected_passwords.digest is 'HMAC of account and password under the pepper.';
comment on column kaspi_auth_rejected_passwords.rejected_at is 'When it was refused.';

create table kaspi_auth_devices (
    device_key bytea  primary key,
    sealed     text   not null,
    updated_at bigint not null
);

comment on table kaspi_auth_devices is 'What the login host remembers of us as a device.';
comment on column kaspi_auth_devices.device_key is 'HMAC of user and account under the pepper.';
comment on column kaspi_auth_devices.sealed is 'Fernet token of the device cookies, bound to device_key.';
comment on column kaspi_auth_devices.updated_at is 'When it was kept.';
