-- What happened to stores, and who read or changed what. Times are microseconds since 1970 UTC.
set local client_min_messages = warning;

create table kaspi_auth_timeline (
    sequence    bigint generated always as identity primary key,
    merchant_id text   not null,
    at          bigint not null,
    first_at    bigint not null,
    times       bigint not null,
    act         text   not null,
    origin      text   not null,
    rung        text,
    before      text   not null,
    after       text   not null,
    generation  bigint not null,
    took        bigint not null,
    code        text,
    reason      text   not null,
    login_id    uuid
);

comment on table kaspi_auth_timeline is 'What happened to stores: logins, refreshes, looks, reports. What repeats is one row.';
comment on column kaspi_auth_timeline.sequence is 'Counts up: the cursor of a reader.';
comment on column kaspi_auth_timeline.merchant_id is 'The store.';
comment on column kaspi_auth_timeline.at is 'When it ended; the last time when it repeated.';
comment on column kaspi_auth_timeline.first_at is 'When it ended the first time in a row.';
comment on column kaspi_auth_timeline.times is 'How often in a row.';
comment on column kaspi_auth_timeline.act is 'login, refresh, probe, report or import.';
comment on column kaspi_auth_timeline.origin is 'Who set it going: caller or automatic.';
comment on column kaspi_auth_timeline.rung is 'The rung of a refresh.';
comment on column kaspi_auth_timeline.before is 'Where the store stood before.';
comment on column kaspi_auth_timeline.after is 'Where it stood after.';
comment on column kaspi_auth_timeline.generation is 'The session''s generation after.';
comment on column kaspi_auth_timeline.took is 'How long it took, in microseconds.';
comment on column kaspi_auth_timeline.code is 'What it failed with; null when it went well.';
comment on column kaspi_auth_timeline.reason is 'Why, in words; may be empty.';
comment on column kaspi_auth_timeline.login_id is 'The login that did it, which may be pruned before.';

create index kaspi_auth_timeline_store on kaspi_auth_timeline (merchant_id, sequence desc);
create index kaspi_auth_timeline_at on kaspi_auth_timeline (at);

-- Rows that are locked by who adds an entry of a store, so that two that say the same are counted in one.
insert into kaspi_auth_settings (name, value, written_at)
select 'timeline:' || stripe, '', 0 from generate_series(0, 15) stripe;
comment on column kaspi_auth_settings.name is
    'pepper: the key of all HMACs here. events, shapes, timeline:<n>: locked by who adds one.';

-- Who signs in to the store later is not to read what happened under another holder.
create function kaspi_auth_forget_timeline() returns trigger language plpgsql as $$
begin
    delete from kaspi_auth_timeline where merchant_id = old.merchant_id;
    return null;
end
$$;

drop trigger if exists kaspi_auth_forget_timeline on kaspi_stores;
create trigger kaspi_auth_forget_timeline after delete on kaspi_stores
    for each row execute function kaspi_auth_forget_timeline();

create table kaspi_auth_audit (
    sequence    bigint generated always as identity primary key,
    at          bigint not null,
    actor_kind  text   not null,
    actor_id    text   not null,
    action      text   not null,
    merchant_id text,
    subject     text,
    result      text   not null,
    times       bigint not null,
    request_id  text
);

comment on table kaspi_auth_audit is 'Who read or changed what. Append-only: triggers refuse changes, and deletions in the first 30 days.';
comment on column kaspi_auth_audit.sequence is 'Counts up: the cursor of a reader.';
comment on column kaspi_auth_audit.at is 'When; the last time where it was done several times.';
comment on column kaspi_auth_audit.actor_kind is 'api_key, user, command_line or anonymous.';
comment on column kaspi_auth_audit.actor_id is 'Who it is, within the kind; empty for nobody.';
comment on column kaspi_auth_audit.action is 'The operation''s stable name.';
comment on column kaspi_auth_audit.merchant_id is 'The store that it was about.';
comment on column kaspi_auth_audit.subject is 'What else it was about: an id of a login, a key, an egress.';
comment on column kaspi_auth_audit.result is 'ok, or the error''s code.';
comment on column kaspi_auth_audit.times is 'How often.';
comment on column kaspi_auth_audit.request_id is 'The last request.';

create index kaspi_auth_audit_store on kaspi_auth_audit (merchant_id, sequence desc) where merchant_id is not null;
create index kaspi_auth_audit_actor on kaspi_auth_audit (actor_kind, actor_id, sequence desc);
create index kaspi_auth_audit_at on kaspi_auth_audit (at);

-- KA004: the audit log is not to be changed.
create function kaspi_auth_audit_stands() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'KA004', message = 'the audit log is append-only: its entries are not changed';
end
$$;

create trigger kaspi_auth_audit_unchanged before update or truncate on kaspi_auth_audit
    for each statement execute function kaspi_auth_audit_stands();

-- By the database's clock: that of a process may be told anything.
create function kaspi_auth_audit_keeps() returns trigger language plpgsql as $$
begin
    if old.at > (extract(epoch from now()) * 1000000)::bigint - 30 * 86400 * 1000000::bigint then
        raise exception using errcode = 'KA004',
            message = 'the audit log is append-only: its entries of the last 30 days are not deleted';
    end if;
    return old;
end
$$;

create trigger kaspi_auth_audit_kept before delete on kaspi_auth_audit
    for each row execute function kaspi_auth_audit_keeps();
