-- Keeping sessions alive: when each store is looked at and who renews its session, how long sessions lived, how often accounts
-- were tried, and whether automatic logins are frozen. Times are microseconds since 1970 UTC. UUIDs are 16 bytes.

-- What is known of keeping each store's session alive: a row for each row of kaspi_stores, made by a trigger.
create table kaspi_auth_keeping (
    merchant_id      text    primary key not null,
    -- When it is looked at next; null = not by itself; 0 = at once; -1 = at once, and nobody who looked before can put it off.
    due_at           integer,
    -- When a consumer last asked for the session, to some minutes.
    used_at          integer,
    -- Looks and refreshes in a row that failed for the network's or the portal's sake.
    failures         integer not null default 0,
    -- The node that renews the session now.
    lease_node       blob,
    -- Counts the leases: a write under an older one is refused.
    lease_epoch      integer not null default 0,
    -- Until when that node has said to live.
    lease_until      integer,
    -- Under which lease the last refresh was done.
    outcome_epoch    integer,
    -- When it ended; null = there was none.
    outcome_at       integer,
    -- The last way to a session that it tried.
    outcome_rung     text,
    -- Why it failed; null = a new session was stored.
    outcome_code     text,
    -- What happened, in words.
    outcome_detail   text,
    -- From when a further try makes sense.
    outcome_retry_at integer
) strict;

create index kaspi_auth_keeping_due on kaspi_auth_keeping (due_at) where due_at is not null;

-- How old sessions were when they were last known.
create table kaspi_auth_lifetimes (
    merchant_id text    not null,
    -- Which session of the store.
    generation  integer not null,
    -- From the sign-in to the last look; microseconds.
    age         integer not null,
    -- 1: that was its death.
    died        integer not null check (died in (0, 1)),
    -- When that was noted.
    observed_at integer not null,
    primary key (merchant_id, generation)
) strict;

create index kaspi_auth_lifetimes_observed on kaspi_auth_lifetimes (observed_at);

-- Passwords and codes that were set going for an account, or refused by the portal.
create table kaspi_auth_attempts (
    id          integer primary key autoincrement,
    -- HMAC of the account under the pepper.
    account_key blob    not null,
    -- password, rejection or code.
    kind        text    not null,
    -- When it was.
    at          integer not null,
    -- caller, or automatic.
    origin      text    not null
) strict;

create index kaspi_auth_attempts_account on kaspi_auth_attempts (account_key, kind, at);
create index kaspi_auth_attempts_at on kaspi_auth_attempts (at);

-- Stores whose automatic login failed of late, by how it failed.
create table kaspi_auth_failures (
    signature   text    not null,
    merchant_id text    not null,
    -- When it last did.
    at          integer not null,
    primary key (signature, merchant_id)
) strict;

create index kaspi_auth_failures_at on kaspi_auth_failures (at);

-- Whether automatic logins are frozen. Its one row is locked by who counts a failure.
create table kaspi_auth_freeze (
    -- There is one row.
    only_row       integer primary key not null check (only_row = 1),
    -- How many stores failed; null = nothing is frozen.
    signature      text,
    -- Since when they are.
    since          integer,
    -- How many stores had failed so.
    stores         integer,
    -- The store whose login goes through all the same.
    canary         text,
    -- Until when it has the time to.
    canary_until   integer,
    -- When the next one may go.
    next_canary_at integer
) strict;

insert into kaspi_auth_freeze (only_row) values (1);

-- Fernet token of the session that the login brought, bound to its merchant, before it moves to kaspi_stores; null once the login
-- has ended.
alter table kaspi_auth_logins add column staged text;

-- Paths of the cabinet that the key may call: a JSON list; null = none.
alter table kaspi_auth_api_keys add column cabinet_paths text;

drop trigger kaspi_auth_tell_key_changed;
create trigger kaspi_auth_tell_key_changed
after update of scopes, cabinet_paths, user_id, digest, revoked_at on kaspi_auth_api_keys
begin
    insert into kaspi_auth_changes (what) values ('api_keys');
end;

-- A store has come, has gone, or is another now.
create trigger kaspi_auth_keep_new after insert on kaspi_stores
begin
    insert into kaspi_auth_keeping (merchant_id, due_at) values (new.merchant_id, 0)
    on conflict (merchant_id) do update set due_at = 0;
end;

create trigger kaspi_auth_keep_gone after delete on kaspi_stores
begin
    delete from kaspi_auth_keeping where merchant_id = old.merchant_id;
    delete from kaspi_auth_lifetimes where merchant_id = old.merchant_id;
end;

create trigger kaspi_auth_keep_renamed after update of merchant_id on kaspi_stores
when new.merchant_id <> old.merchant_id
begin
    delete from kaspi_auth_keeping where merchant_id = old.merchant_id;
    delete from kaspi_auth_lifetimes where merchant_id = old.merchant_id;
    insert into kaspi_auth_keeping (merchant_id, due_at) values (new.merchant_id, 0)
    on conflict (merchant_id) do update set due_at = 0;
end;

-- A new session at which nobody has looked is another program's: ours are looked at when they are won. A store that is switched on
-- is looked at, too.
create trigger kaspi_auth_keep_changed after update on kaspi_stores
when (new.auth_generation > old.auth_generation and new.auth_checked_at is null)
  or (new.is_active = 1 and old.is_active = 0)
begin
    update kaspi_auth_keeping set due_at = -1 where merchant_id = new.merchant_id;
end;

insert into kaspi_auth_keeping (merchant_id, due_at) select merchant_id, 0 from kaspi_stores;

-- The end of a refresh is told as a change of the store, because others wait for it. Nothing else of a row is.
create trigger kaspi_auth_tell_refresh after update of outcome_at on kaspi_auth_keeping
begin
    insert into kaspi_auth_changes (what) values ('store:' || new.merchant_id);
end;
