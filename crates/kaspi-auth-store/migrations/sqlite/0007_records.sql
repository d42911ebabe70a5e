-- What happened to stores, and who read or changed what. Times are microseconds since 1970 UTC. UUIDs are 16 bytes.

-- What happened to stores: logins, refreshes, looks, reports. What repeats is one row.
create table kaspi_auth_timeline (
    -- Counts up: the cursor of a reader.
    sequence    integer primary key autoincrement,
    -- The store.
    merchant_id text    not null,
    -- When it ended; the last time when it repeated.
    at          integer not null,
    -- When it ended the first time in a row.
    first_at    integer not null,
    -- How often in a row.
    times       integer not null,
    -- login, refresh, probe, report or import.
    act         text    not null,
    -- Who set it going: caller or automatic.
    origin      text    not null,
    -- The rung of a refresh.
    rung        text,
    -- Where the store stood before.
    before      text    not null,
    -- Where it stood after.
    after       text    not null,
    -- The session's generation after.
    generation  integer not null,
    -- How long it took, in microseconds.
    took        integer not null,
    -- What it failed with; null when it went well.
    code        text,
    -- Why, in words; may be empty.
    reason      text    not null,
    -- The login that did it, which may be pruned before.
    login_id    blob
) strict;

create index kaspi_auth_timeline_store on kaspi_auth_timeline (merchant_id, sequence desc);
create index kaspi_auth_timeline_at on kaspi_auth_timeline (at);

-- Rows that are locked by who adds an entry of a store; here the file's one writer is lock enough.
insert into kaspi_auth_settings (name, value, written_at)
with recursive stripes (stripe) as (select 0 union all select stripe + 1 from stripes where stripe < 15)
select 'timeline:' || stripe, '', 0 from stripes;

-- Who signs in to the store later is not to read what happened under another holder.
create trigger kaspi_auth_forget_timeline after delete on kaspi_stores
begin
    delete from kaspi_auth_timeline where merchant_id = old.merchant_id;
end;

-- Who read or changed what. Append-only: triggers refuse changes, and deletions in the first 30 days.
create table kaspi_auth_audit (
    -- Counts up: the cursor of a reader.
    sequence    integer primary key autoincrement,
    -- When; the last time where it was done several times.
    at          integer not null,
    -- api_key, user, command_line or anonymous.
    actor_kind  text    not null,
    -- Who it is, within the kind; empty for nobody.
    actor_id    text    not null,
    -- The operation's stable name.
    action      text    not null,
    -- The store that it was about.
    merchant_id text,
    -- What else it was about: an id of a login, a key, an egress.
    subject     text,
    -- ok, or the error's code.
    result      text    not null,
    -- How often.
    times       integer not null,
    -- The last request.
    request_id  text
) strict;

create index kaspi_auth_audit_store on kaspi_auth_audit (merchant_id, sequence desc) where merchant_id is not null;
create index kaspi_auth_audit_actor on kaspi_auth_audit (actor_kind, actor_id, sequence desc);
create index kaspi_auth_audit_at on kaspi_auth_audit (at);

create trigger kaspi_auth_audit_unchanged before update on kaspi_auth_audit
begin
    select raise(abort, 'the audit log is append-only: its entries are not changed');
end;

-- `insert or replace` deletes without telling the trigger of deletions.
create trigger kaspi_auth_audit_not_replaced before insert on kaspi_auth_audit
when exists (select 1 from kaspi_auth_audit where sequence = new.sequence)
begin
    select raise(abort, 'the audit log is append-only: its entries are not changed');
end;

-- By the database's clock: that of a process may be told anything.
create trigger kaspi_auth_audit_kept before delete on kaspi_auth_audit
when old.at > (cast(strftime('%s', 'now') as integer) - 30 * 86400) * 1000000
begin
    select raise(abort, 'the audit log is append-only: its entries of the last 30 days are not deleted');
end;
