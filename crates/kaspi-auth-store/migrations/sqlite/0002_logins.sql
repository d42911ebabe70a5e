-- Logins, the answers that came to them, and what is remembered of accounts across logins. Times are microseconds since
-- 1970 UTC; they come in with the statements. UUIDs are 16 bytes.

-- Attempts to sign in.
create table kaspi_auth_logins (
    -- Names the login; a UUID v7.
    id             blob    primary key not null,
    -- Counts the stored changes: a write with an old one is refused.
    version        integer not null,
    -- For whom the store will be held, in one spelling.
    user_id        text,
    -- HMAC of the account under the pepper while the login has not ended, null after: at most one login per account.
    account_key    blob    unique,
    -- The account, starred: all of it that stands in clear.
    account_masked text    not null,
    -- Fernet token of the account, bound to the login.
    account        text    not null,
    -- Fernet token of the credentials and of how the engine goes on, bound to the login; null once it has ended.
    secrets        text,
    -- The state's name.
    state          text    not null,
    -- The rest of the login as JSON: wishes, state with challenge, failure or store.
    record         text    not null,
    -- The node that works on it.
    lease_node     blob,
    -- Until when it does; set exactly while the login runs.
    lease_until    integer,
    -- When the login ends by itself; null once it has ended.
    due_at         integer,
    -- When it ended; null until then.
    ended_at       integer,
    created_at     integer not null,
    updated_at     integer not null,
    expires_at     integer not null
) strict;

create index kaspi_auth_logins_lease on kaspi_auth_logins (lease_until) where lease_until is not null;
create index kaspi_auth_logins_due   on kaspi_auth_logins (due_at) where due_at is not null;
create index kaspi_auth_logins_ended on kaspi_auth_logins (ended_at) where ended_at is not null;

-- Idempotency keys: which answers came to a login already.
create table kaspi_auth_login_answers (
    login_id    blob    not null references kaspi_auth_logins (id) on delete cascade,
    -- The caller's Idempotency-Key.
    key         text    not null,
    -- HMAC of the answer under the pepper.
    digest      blob    not null,
    answered_at integer not null,
    primary key (login_id, key)
) strict;

-- What is remembered of an account across logins.
create table kaspi_auth_accounts (
    -- HMAC of the account under the pepper.
    account_key     blob    primary key not null,
    -- The portal wants no login before then.
    blocked_until   integer,
    updated_at      integer not null
) strict;

-- Passwords that the portal refused since it last accepted one of the account's: none of them is sent again.
create table kaspi_auth_rejected_passwords (
    account_key blob    not null,
    -- HMAC of account and password under the pepper.
    digest      blob    not null,
    rejected_at integer not null,
    primary key (account_key, digest)
) strict;

-- What the login host remembers of us as a device.
create table kaspi_auth_devices (
    -- HMAC of user and account under the pepper.
    device_key blob    primary key not null,
    -- Fernet token of the device cookies, bound to device_key.
    sealed     text    not null,
    updated_at integer not null
) strict;
