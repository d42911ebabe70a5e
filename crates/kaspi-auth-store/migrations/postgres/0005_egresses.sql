-- Ways out and the accounts that keep to them, the rates towards the portal, the nodes, and what operators want to know:
-- evidence, shapes, events. Times are microseconds since 1970 UTC.
set local client_min_messages = warning;

create table kaspi_auth_egresses (
    id          uuid             primary key,
    name        text             not null unique,
    revision    bigint           not null,
    kind        text             not null check (kind in ('direct', 'http', 'https', 'socks5')),
    host        text,
    port        bigint,
    username    text,
    password    text,
    enabled     boolean          not null,
    managed     boolean          not null,
    per_second  double precision not null,
    burst       bigint           not null,
    in_flight   bigint           not null,
    score       bigint           not null,
    blocks      bigint           not null,
    rests       bigint           not null,
    rest_until  bigint,
    checked_at  bigint,
    check_error text,
    created_at  bigint           not null,
    updated_at  bigint           not null,
    check (kind = 'direct' or (host is not null and port is not null))
);

comment on table kaspi_auth_egresses is 'Ways out to the portal.';
comment on column kaspi_auth_egresses.id is 'Names the egress; the nil UUID is the built-in direct one.';
comment on column kaspi_auth_egresses.name is 'What operators call it.';
comment on column kaspi_auth_egresses.revision is 'Counts the changes by hand: a change of an older one is refused.';
comment on column kaspi_auth_egresses.kind is 'direct, or how the proxy is spoken to: http, https or socks5.';
comment on column kaspi_auth_egresses.host is 'The proxy''s name or address; null when direct.';
comment on column kaspi_auth_egresses.port is 'The proxy''s port; null when direct.';
comment on column kaspi_auth_egresses.username is 'Who we are at the proxy, where it asks.';
comment on column kaspi_auth_egresses.password is 'Fernet token of the proxy''s password, bound to the egress; null when it asks for none.';
comment on column kaspi_auth_egresses.enabled is 'False: not used.';
comment on column kaspi_auth_egresses.managed is 'Stands in the configuration and is changed there.';
comment on column kaspi_auth_egresses.per_second is 'Logins that begin in a second, on the average; 0 = no limit.';
comment on column kaspi_auth_egresses.burst is 'Logins that may begin at once after a pause.';
comment on column kaspi_auth_egresses.in_flight is 'Logins that are with the portal at the same time; 0 = no limit.';
comment on column kaspi_auth_egresses.score is 'How it fares: 0 to 100.';
comment on column kaspi_auth_egresses.blocks is 'Blocks since the portal last answered as it should.';
comment on column kaspi_auth_egresses.rests is 'Rests since then.';
comment on column kaspi_auth_egresses.rest_until is 'Until when it rests.';
comment on column kaspi_auth_egresses.checked_at is 'When it was last checked.';
comment on column kaspi_auth_egresses.check_error is 'What that check said; null when it was well.';

insert into kaspi_auth_egresses
    (id, name, revision, kind, enabled, managed, per_second, burst, in_flight, score, blocks, rests, created_at, updated_at)
select '00000000-0000-0000-0000-000000000000', 'direct', 0, 'direct', true, false, 0, 0, 0, 100, 0, 0, made.at, made.at
  from (select (extract(epoch from now()) * 1000000)::bigint as at) made;

create table kaspi_auth_account_egresses (
    account_key bytea primary key,
    egress_id   uuid  not null
);

comment on table kaspi_auth_account_egresses is 'Which egress an account keeps to.';
comment on column kaspi_auth_account_egresses.account_key is 'HMAC of the account under the pepper.';
comment on column kaspi_auth_account_egresses.egress_id is 'The egress of its last login.';

create index kaspi_auth_account_egresses_egress on kaspi_auth_account_egresses (egress_id);

create table kaspi_auth_rates (
    key     text   primary key,
    next_at bigint not null
);

comment on table kaspi_auth_rates is 'How far the rates towards the portal are used up. Who takes a place locks its rows.';
comment on column kaspi_auth_rates.key is 'portal, or egress:<id>.';
comment on column kaspi_auth_rates.next_at is
    'The theoretical arrival time of the generic cell rate algorithm: when the next login is due at the steady rate.';

create table kaspi_auth_slots (
    login_id  uuid   primary key,
    egress_id uuid   not null,
    until     bigint not null
);

comment on table kaspi_auth_slots is 'Logins that are with the portal now.';
comment on column kaspi_auth_slots.login_id is 'The login.';
comment on column kaspi_auth_slots.egress_id is 'The way that it takes.';
comment on column kaspi_auth_slots.until is 'When the place is free again by itself.';

create index kaspi_auth_slots_egress on kaspi_auth_slots (egress_id, until);

create table kaspi_auth_nodes (
    node    uuid   primary key,
    seen_at bigint not null
);

comment on table kaspi_auth_nodes is 'Processes of the service.';
comment on column kaspi_auth_nodes.node is 'Names the process.';
comment on column kaspi_auth_nodes.seen_at is 'When it last told that it lives.';

create table kaspi_auth_evidence (
    login_id   uuid   primary key,
    sealed     text   not null,
    created_at bigint not null,
    expires_at bigint not null
);

comment on table kaspi_auth_evidence is 'What was seen when a login failed or when only a person could go on.';
comment on column kaspi_auth_evidence.login_id is 'The login, which may be pruned before.';
comment on column kaspi_auth_evidence.sealed is 'Fernet token of steps, skeleton and pictures, bound to the login.';

create index kaspi_auth_evidence_expires on kaspi_auth_evidence (expires_at);

create table kaspi_auth_shapes (
    step       text   not null,
    digest     bytea  not null,
    shape      text   not null,
    first_seen bigint not null,
    last_seen  bigint not null,
    primary key (step, digest)
);

comment on table kaspi_auth_shapes is 'Shapes that steps of the portal had: at most 200 of each.';
comment on column kaspi_auth_shapes.step is 'Which step, as in login_page.direct.';
comment on column kaspi_auth_shapes.digest is 'SHA-256 of the shape.';
comment on column kaspi_auth_shapes.shape is 'Names of fields and keys, paths; never a value.';
comment on column kaspi_auth_shapes.first_seen is 'When it was first seen.';
comment on column kaspi_auth_shapes.last_seen is 'When it was last seen, to the minute.';

create table kaspi_auth_events (
    sequence bigint generated always as identity primary key,
    at       bigint not null,
    type     text   not null,
    data     text   not null
);

comment on table kaspi_auth_events is 'What an operator should hear of.';
comment on column kaspi_auth_events.sequence is 'Counts up in the order of the commits: the cursor of a reader.';
comment on column kaspi_auth_events.at is 'When it happened.';
comment on column kaspi_auth_events.type is 'The event''s stable name.';
comment on column kaspi_auth_events.data is 'What is told of it, as JSON.';

create index kaspi_auth_events_at on kaspi_auth_events (at);

-- Rows that are locked by who adds an event or a shape, so that others wait.
insert into kaspi_auth_settings (name, value, written_at) values ('events', '', 0), ('shapes', '', 0);
comment on column kaspi_auth_settings.name is
    'pepper: the key of all HMACs here. events, shapes: locked by who adds one.';

alter table kaspi_auth_logins
    add column egress uuid,
    add column holder uuid;

comment on column kaspi_auth_logins.egress is 'The way out that it keeps to; null = the built-in direct one.';
comment on column kaspi_auth_logins.holder is 'The node whose browser holds its page: only that one can go on with it.';

create index kaspi_auth_logins_holder on kaspi_auth_logins (holder)
    where holder is not null and lease_until is null and ended_at is null;

alter table kaspi_auth_accounts
    add column driver text;

comment on column kaspi_auth_accounts.driver is
    'browser: what drove the last login to success where the choice was ours; null = nothing speaks against direct.';

alter table kaspi_stores
    add column if not exists auth_engine text,
    add column if not exists auth_driver text,
    add column if not exists auth_egress uuid;

comment on column kaspi_stores.auth_engine is
    'What logins of the store are driven by: auto, direct or browser; null = as the configuration says.';
comment on column kaspi_stores.auth_driver is 'What drove the login that brought the session: direct or browser.';
comment on column kaspi_stores.auth_egress is 'The way out that the session was won on and is used on.';

-- Another program wrote the row: a changed guid is a new session, of which nothing is known yet.
create or replace function kaspi_auth_foreign_write() returns trigger language plpgsql as $$
begin
    if new.auth_revision = old.auth_revision then
        if new.guid::text is distinct from old.guid::text then
            new.auth_generation   := old.auth_generation + 1;
            new.auth_method       := null;
            new.auth_validity     := 'unknown';
            new.auth_checked_at   := null;
            new.auth_signed_in_at := null;
            new.auth_driver       := null;
            new.auth_egress       := null;
        end if;
        new.auth_revision := old.auth_revision + 1;
    end if;
    return new;
end
$$;

-- A new login pins its account to the login's egress, in the statement that stores it.
create function kaspi_auth_pin() returns trigger language plpgsql as $$
begin
    insert into kaspi_auth_account_egresses (account_key, egress_id) values (new.account_key, new.egress)
    on conflict (account_key) do update set egress_id = excluded.egress_id
     where kaspi_auth_account_egresses.egress_id <> excluded.egress_id;
    return null;
end
$$;

create trigger kaspi_auth_pin after insert on kaspi_auth_logins
    for each row when (new.account_key is not null and new.egress is not null) execute function kaspi_auth_pin();

-- A login that no longer runs gives its place back, in the statement that stores its state.
create function kaspi_auth_free_slot() returns trigger language plpgsql as $$
begin
    delete from kaspi_auth_slots where login_id = new.id;
    return null;
end
$$;

create trigger kaspi_auth_free_slot after update of lease_until on kaspi_auth_logins
    for each row when (old.lease_until is not null and new.lease_until is null)
    execute function kaspi_auth_free_slot();
