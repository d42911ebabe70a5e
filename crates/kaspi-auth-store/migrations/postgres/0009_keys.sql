-- Which key a row's sealed values are sealed under, so that rows behind the newest one are counted without opening them.
--
-- The mark is a key's fingerprint, of the oldest key among the row's values. It holds for the values that it was made of: a
-- trigger takes it away when one of them changes and the mark stays, whoever wrote. So no statement can forget to.
set local client_min_messages = warning;

alter table kaspi_stores add column if not exists auth_key_id text;
alter table kaspi_auth_logins    add column key_id text;
alter table kaspi_auth_devices   add column key_id text;
alter table kaspi_auth_egresses  add column key_id text;
alter table kaspi_auth_evidence  add column key_id text;
alter table kaspi_auth_settings  add column key_id text;

comment on column kaspi_stores.auth_key_id is
    'Fingerprint of the oldest key that guid, kaspi_email and kaspi_password are sealed under; plain = the session is not sealed; none = no key opens one of them; null = not looked at since they changed.';
comment on column kaspi_auth_logins.key_id is
    'Fingerprint of the oldest key that the row is sealed under; none = no key opens it; null = not looked at since it changed.';
comment on column kaspi_auth_devices.key_id is 'As in kaspi_auth_logins.';
comment on column kaspi_auth_egresses.key_id is 'As in kaspi_auth_logins; null too where there is no password.';
comment on column kaspi_auth_evidence.key_id is 'As in kaspi_auth_logins.';
comment on column kaspi_auth_settings.key_id is 'As in kaspi_auth_logins, of the pepper; null in other rows.';

create index if not exists kaspi_auth_stores_key on kaspi_stores (auth_key_id);
create index kaspi_auth_logins_key   on kaspi_auth_logins (key_id);
create index kaspi_auth_devices_key  on kaspi_auth_devices (key_id);
create index kaspi_auth_evidence_key on kaspi_auth_evidence (key_id);

create or replace function kaspi_auth_forget_store_key() returns trigger language plpgsql as $$
begin
    if new.auth_key_id is not distinct from old.auth_key_id then
        new.auth_key_id := null;
    end if;
    return new;
end
$$;

create or replace function kaspi_auth_forget_key() returns trigger language plpgsql as $$
begin
    if new.key_id is not distinct from old.key_id then
        new.key_id := null;
    end if;
    return new;
end
$$;

-- By their texts: an adopted column may be of type json, which knows no equality.
drop trigger if exists kaspi_auth_forget_key on kaspi_stores;
create trigger kaspi_auth_forget_key before update on kaspi_stores
    for each row when (old.auth_key_id is not null
        and (new.guid::text is distinct from old.guid::text
             or new.kaspi_email::text is distinct from old.kaspi_email::text
             or new.kaspi_password::text is distinct from old.kaspi_password::text))
    execute function kaspi_auth_forget_store_key();
create trigger kaspi_auth_forget_key before update on kaspi_auth_logins
    for each row when (old.key_id is not null
        and (new.account is distinct from old.account or new.secrets is distinct from old.secrets
             or new.staged is distinct from old.staged))
    execute function kaspi_auth_forget_key();
create trigger kaspi_auth_forget_key before update on kaspi_auth_devices
    for each row when (old.key_id is not null and new.sealed is distinct from old.sealed)
    execute function kaspi_auth_forget_key();
create trigger kaspi_auth_forget_key before update on kaspi_auth_egresses
    for each row when (old.key_id is not null and new.password is distinct from old.password)
    execute function kaspi_auth_forget_key();
create trigger kaspi_auth_forget_key before update on kaspi_auth_evidence
    for each row when (old.key_id is not null and new.sealed is distinct from old.sealed)
    execute function kaspi_auth_forget_key();
create trigger kaspi_auth_forget_key before update on kaspi_auth_settings
    for each row when (old.key_id is not null and new.value is distinct from old.value)
    execute function kaspi_auth_forget_key();

-- Runs with the rights of its owner, like the other triggers that write our tables: a program that deletes a store needs none on
-- the timeline. Nobody can put a table of his own in the way of ours.
do $$
begin
    execute format('alter function kaspi_auth_forget_timeline() security definer set search_path = %I, pg_temp', current_schema());
end
$$;
