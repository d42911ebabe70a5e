-- Ways out and the accounts that keep to them, the rates towards the portal, the nodes, and what operators want to know:
-- evidence, shapes, events. Times are microseconds since 1970 UTC. UUIDs are 16 bytes.

-- Ways out to the portal.
create table kaspi_auth_egresses (
    -- Names the egress; the nil UUID is the built-in direct one.
    id          blob    primary key not null,
    -- What operators call it.
    name        text    not null unique,
    -- Counts the changes by hand: a change of an older one is refused.
    revision    integer not null,
    -- direct, or how the proxy is spoken to: http, https or socks5.
    kind        text    not null check (kind in ('direct', 'http', 'https', 'socks5')),
    -- The proxy's name or address; null when direct.
    host        text,
    -- The proxy's port; null when direct.
    port        integer,
    -- Who we are at the proxy, where it asks.
    username    text,
    -- Fernet token of the proxy's password, bound to the egress; null when it asks for none.
    password    text,
    -- 0: not used.
    enabled     integer not null check (enabled in (0, 1)),
    -- 1: stands in the configuration and is changed there.
    managed     integer not null check (managed in (0, 1)),
    -- Logins that begin in a second, on the average; 0 = no limit.
    per_second  real    not null,
    -- Logins that may begin at once after a pause.
    burst       integer not null,
    -- Logins that are with the portal at the same time; 0 = no limit.
    in_flight   integer not null,
    -- How it fares: 0 to 100.
    score       integer not null,
    -- Blocks since the portal last answered as it should.
    blocks      integer not null,
    -- Rests since then.
    rests       integer not null,
    -- Until when it rests.
    rest_until  integer,
    -- When it was last checked.
    checked_at  integer,
    -- What that check said; null when it was well.
    check_error text,
    created_at  integer not null,
    updated_at  integer not null,
    check (kind = 'direct' or (host is not null and port is not null))
) strict;

insert into kaspi_auth_egresses
    (id, name, revision, kind, enabled, managed, per_second, burst, in_flight, score, blocks, rests, created_at, updated_at)
select zeroblob(16), 'direct', 0, 'direct', 1, 0, 0.0, 0, 0, 100, 0, 0, made.at, made.at
  from (select cast(strftime('%s', 'now') as integer) * 1000000 as at) made;

-- Which egress an account keeps to.
create table kaspi_auth_account_egresses (
    -- HMAC of the account under the pepper.
    account_key blob primary key not null,
    -- The egress of its last login.
    egress_id   blob not null
) strict;

create index kaspi_auth_account_egresses_egress on kaspi_auth_account_egresses (egress_id);

-- How far the rates towards the portal are used up.
create table kaspi_auth_rates (
    -- portal, or egress:<id>.
    key     text    primary key not null,
    -- The theoretical arrival time of the generic cell rate algorithm: when the next login is due at the steady rate.
    next_at integer not null
) strict;

-- Logins that are with the portal now.
create table kaspi_auth_slots (
    login_id  blob    primary key not null,
    -- The way that it takes.
    egress_id blob    not null,
    -- When the place is free again by itself.
    until     integer not null
) strict;

create index kaspi_auth_slots_egress on kaspi_auth_slots (egress_id, until);

-- Processes of the service.
create table kaspi_auth_nodes (
    -- Names the process.
    node    blob    primary key not null,
    -- When it last told that it lives.
    seen_at integer not null
) strict;

-- What was seen when a login failed or when only a person could go on.
create table kaspi_auth_evidence (
    -- The login, which may be pruned before.
    login_id   blob    primary key not null,
    -- Fernet token of steps, skeleton and pictures, bound to the login.
    sealed     text    not null,
    created_at integer not null,
    expires_at integer not null
) strict;

create index kaspi_auth_evidence_expires on kaspi_auth_evidence (expires_at);

-- Shapes that steps of the portal had: at most 200 of each.
create table kaspi_auth_shapes (
    -- Which step, as in login_page.direct.
    step       text    not null,
    -- SHA-256 of the shape.
    digest     blob    not null,
    -- Names of fields and keys, paths; never a value.
    shape      text    not null,
    first_seen integer not null,
    -- To the minute.
    last_seen  integer not null,
    primary key (step, digest)
) strict;

-- What an operator should hear of.
create table kaspi_auth_events (
    -- Counts up in the order of the commits: the cursor of a reader.
    sequence integer primary key autoincrement,
    at       integer not null,
    -- The event's stable name.
    type     text    not null,
    -- What is told of it, as JSON.
    data     text    not null
) strict;

create index kaspi_auth_events_at on kaspi_auth_events (at);

-- Rows that are locked by who adds an event or a shape, so that others wait.
insert into kaspi_auth_settings (name, value, written_at) values ('events', '', 0), ('shapes', '', 0);

-- The way out that the login keeps to; null = the built-in direct one.
alter table kaspi_auth_logins add column egress blob;
-- The node whose browser holds its page: only that one can go on with it.
alter table kaspi_auth_logins add column holder blob;

create index kaspi_auth_logins_holder on kaspi_auth_logins (holder)
    where holder is not null and lease_until is null and ended_at is null;

-- browser: what drove the last login to success where the choice was ours; null = nothing speaks against direct.
alter table kaspi_auth_accounts add column driver text;

-- What logins of the store are driven by: auto, direct or browser; null = as the configuration says.
alter table kaspi_stores add column auth_engine text;
-- What drove the login that brought the session: direct or browser.
alter table kaspi_stores add column auth_driver text;
-- The way out that the session was won on and is used on.
alter table kaspi_stores add column auth_egress blob;

-- Another program wrote the row: a changed guid is a new session, of which nothing is known yet.
drop trigger kaspi_auth_foreign_guid;
create trigger kaspi_auth_foreign_guid after update of guid on kaspi_stores
when new.auth_revision = old.auth_revision and new.guid is not old.guid
begin
    update kaspi_stores
       set auth_generation   = old.auth_generation + 1,
           auth_revision     = old.auth_revision + 1,
           auth_method       = null,
           auth_validity     = 'unknown',
           auth_checked_at   = null,
           auth_signed_in_at = null,
           auth_driver       = null,
           auth_egress       = null
     where merchant_id = new.merchant_id;
end;

-- A new login pins its account to the login's egress, in the statement that stores it.
create trigger kaspi_auth_pin after insert on kaspi_auth_logins
when new.account_key is not null and new.egress is not null
begin
    insert into kaspi_auth_account_egresses (account_key, egress_id) values (new.account_key, new.egress)
    on conflict (account_key) do update set egress_id = excluded.egress_id
     where kaspi_auth_account_egresses.egress_id <> excluded.egress_id;
end;

-- A login that no longer runs gives its place back, in the statement that stores its state.
create trigger kaspi_auth_free_slot after update of lease_until on kaspi_auth_logins
when old.lease_until is not null and new.lease_until is null
begin
    delete from kaspi_auth_slots where login_id = new.id;
end;
