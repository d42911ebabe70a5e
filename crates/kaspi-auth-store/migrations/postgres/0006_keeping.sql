-- Keeping sessions alive: when each store is looked at and who renews its session, how long sessions lived, how often accounts
-- were tried, and whether automatic logins are frozen. Times are microseconds since 1970 UTC.

create table kaspi_auth_keeping (
    merchant_id      text   primary key,
    due_at           bigint,
    used_at          bigint,
    failures         bigint not null default 0,
    lease_node       uuid,
    lease_epoch      bigint not null default 0,
    lease_until      bigint,
    outcome_epoch    bigint,
    outcome_at       bigint,
    outcome_rung     text,
    outcome_code     text,
    outcome_detail   text,
    outcome_retry_at bigint
);

comment on table kaspi_auth_keeping is
    'What is known of keeping each store''s session alive: a row for each row of kaspi_stores, made by a trigger.';
comment on column kaspi_auth_keeping.merchant_id is 'The store.';
comment on column kaspi_auth_keeping.due_at is
    'When it is looked at next; null = not by itself; 0 = at once; -1 = at once, and nobody who looked before can put it off.';
comment on column kaspi_auth_keeping.used_at is 'When a consumer last asked for the session, to some minutes.';
comment on column kaspi_auth_keeping.failures is 'Looks and refreshes in a row that failed for the network''s or the portal''s sake.';
comment on column kaspi_auth_keeping.lease_node is 'The node that renews the session now.';
comment on column kaspi_auth_keeping.lease_epoch is 'Counts the leases: a write under an older one is refused.';
comment on column kaspi_auth_keeping.lease_until is 'Until when that node has said to live.';
comment on column kaspi_auth_keeping.outcome_epoch is 'Under which lease the last refresh was done.';
comment on column kaspi_auth_keeping.outcome_at is 'When it ended; null = there was none.';
comment on column kaspi_auth_keeping.outcome_rung is 'The last way to a session that it tried.';
comment on column kaspi_auth_keeping.outcome_code is 'Why it failed; null = a new session was stored.';
comment on column kaspi_auth_keeping.outcome_detail is 'What happened, in words.';
comment on column kaspi_auth_keeping.outcome_retry_at is 'From when a further try makes sense.';

create index kaspi_auth_keeping_due on kaspi_auth_keeping (due_at) where due_at is not null;

create table kaspi_auth_lifetimes (
    merchant_id text    not null,
    generation  bigint  not null,
    age         bigint  not null,
    died        boolean not null,
    observed_at bigint  not null,
    primary key (merchant_id, generation)
);

comment on table kaspi_auth_lifetimes is 'How old sessions were when they were last known.';
comment on column kaspi_auth_lifetimes.merchant_id is 'The store.';
comment on column kaspi_auth_lifetimes.generation is 'Which session of the store.';
comment on column kaspi_auth_lifetimes.age is 'From the sign-in to the last look; microseconds.';
comment on column kaspi_auth_lifetimes.died is 'Whether that was its death.';
comment on column kaspi_auth_lifetimes.observed_at is 'When that was noted.';

create index kaspi_auth_lifetimes_observed on kaspi_auth_lifetimes (observed_at);

create table kaspi_auth_attempts (
    id          bigint generated always as identity primary key,
    account_key bytea  not null,
    kind        text   not null,
    at          bigint not null,
    origin      text   not null
);

comment on table kaspi_auth_attempts is 'Passwords and codes that were set going for an account, or refused by the portal.';
comment on column kaspi_auth_attempts.id is 'Names the attempt.';
comment on column kaspi_auth_attempts.account_key is 'HMAC of the account under the pepper.';
comment on column kaspi_auth_attempts.kind is 'password, rejection or code.';
comment on column kaspi_auth_attempts.at is 'When it was.';
comment on column kaspi_auth_attempts.origin is 'caller, or automatic.';

create index kaspi_auth_attempts_account on kaspi_auth_attempts (account_key, kind, at);
create index kaspi_auth_attempts_at on kaspi_auth_attempts (at);

create table kaspi_auth_failures (
    signature   text   not null,
    merchant_id text   not null,
    at          bigint not null,
    primary key (signature, merchant_id)
);

comment on table kaspi_auth_failures is 'Stores whose automatic login failed of late, by how it failed.';
comment on column kaspi_auth_failures.signature is 'How it failed.';
comment on column kaspi_auth_failures.merchant_id is 'The store.';
comment on column kaspi_auth_failures.at is 'When it last did.';

create index kaspi_auth_failures_at on kaspi_auth_failures (at);

create table kaspi_auth_freeze (
    only_row       boolean primary key check (only_row),
    signature      text,
    since          bigint,
    stores         bigint,
    canary         text,
    canary_until   bigint,
    next_canary_at bigint
);

comment on table kaspi_auth_freeze is 'Whether automatic logins are frozen. Its one row is locked by who counts a failure.';
comment on column kaspi_auth_freeze.only_row is 'There is one row.';
comment on column kaspi_auth_freeze.signature is 'How many stores failed; null = nothing is frozen.';
comment on column kaspi_auth_freeze.since is 'Since when they are.';
comment on column kaspi_auth_freeze.stores is 'How many stores had failed so.';
comment on column kaspi_auth_freeze.canary is 'The store whose login goes through all the same.';
comment on column kaspi_auth_freeze.canary_until is 'Until when it has the time to.';
comment on column kaspi_auth_freeze.next_canary_at is 'When the next one may go.';

insert into kaspi_auth_freeze (only_row) values (true);

alter table kaspi_auth_logins add column staged text;
comment on column kaspi_auth_logins.staged is
    'Fernet token of the session that it brought, bound to its merchant, before it moves to kaspi_stores; null once it has ended.';

alter table kaspi_auth_api_keys add column cabinet_paths text;
comment on column kaspi_auth_api_keys.cabinet_paths is 'Paths of the cabinet that it may call: a JSON list; null = none.';

drop trigger kaspi_auth_tell on kaspi_auth_api_keys;
create trigger kaspi_auth_tell after insert or delete or update of scopes, cabinet_paths, user_id, digest, revoked_at
    on kaspi_auth_api_keys
    for each statement execute function kaspi_auth_tell('api_keys');

comment on column kaspi_auth_rates.key is 'portal, egress:<id>, or permit:<what for>.';

-- A store has come, has gone, or is another now. Runs with the rights of its owner: programs that write kaspi_stores need none
-- on our tables.
create or replace function kaspi_auth_keep_store() returns trigger language plpgsql security definer as $$
begin
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and new.merchant_id is distinct from old.merchant_id) then
        delete from kaspi_auth_keeping where merchant_id = old.merchant_id;
        delete from kaspi_auth_lifetimes where merchant_id = old.merchant_id;
    end if;
    if tg_op = 'INSERT' or (tg_op = 'UPDATE' and new.merchant_id is distinct from old.merchant_id) then
        insert into kaspi_auth_keeping (merchant_id, due_at)
        select new.merchant_id, 0 where new.merchant_id is not null
        on conflict (merchant_id) do update set due_at = 0;
    elsif tg_op = 'UPDATE' then
        update kaspi_auth_keeping set due_at = -1 where merchant_id = new.merchant_id;
    end if;
    return null;
end
$$;

create or replace function kaspi_auth_keep_no_store() returns trigger language plpgsql security definer as $$
begin
    delete from kaspi_auth_keeping;
    delete from kaspi_auth_lifetimes;
    return null;
end
$$;

-- Nobody can put a table of his own in the way of ours.
do $$
begin
    execute format('alter function kaspi_auth_keep_store() set search_path = %I, pg_temp', current_schema());
    execute format('alter function kaspi_auth_keep_no_store() set search_path = %I, pg_temp', current_schema());
end
$$;

drop trigger if exists kaspi_auth_keep on kaspi_stores;
create trigger kaspi_auth_keep after insert or delete on kaspi_stores
    for each row execute function kaspi_auth_keep_store();
-- A new session at which nobody has looked is another program's: ours are looked at when they are won. A store that is switched on
-- is looked at, too.
drop trigger if exists kaspi_auth_keep_changed on kaspi_stores;
create trigger kaspi_auth_keep_changed after update on kaspi_stores
    for each row when (
        new.merchant_id is distinct from old.merchant_id
        or (new.auth_generation > old.auth_generation and new.auth_checked_at is null)
        or (coalesce(new.is_active, true) and not coalesce(old.is_active, true)))
    execute function kaspi_auth_keep_store();
drop trigger if exists kaspi_auth_keep_truncated on kaspi_stores;
create trigger kaspi_auth_keep_truncated after truncate on kaspi_stores
    for each statement execute function kaspi_auth_keep_no_store();

insert into kaspi_auth_keeping (merchant_id, due_at)
select merchant_id, 0 from kaspi_stores where merchant_id is not null;

-- The end of a refresh is told as a change of the store, because others wait for it. Nothing else of a row is.
create function kaspi_auth_tell_refresh() returns trigger language plpgsql as $$
begin
    perform pg_notify('kaspi_auth', 'store:' || new.merchant_id);
    return null;
end
$$;

create trigger kaspi_auth_tell after update of outcome_at on kaspi_auth_keeping
    for each row execute function kaspi_auth_tell_refresh();
