-- Which key a row's sealed values are sealed under, so that rows behind the newest one are counted without opening them.
--
-- The mark is a key's fingerprint, of the oldest key among the row's values. It holds for the values that it was made of: a
-- trigger takes it away when one of them changes and the mark stays, whoever wrote. So no statement can forget to.

-- Of guid, kaspi_email and kaspi_password; plain = the session is not sealed; none = no key opens one of them; null = not
-- looked at since they changed.
alter table kaspi_stores add column auth_key_id text;
-- none = no key opens it; null = not looked at since it changed.
alter table kaspi_auth_logins   add column key_id text;
alter table kaspi_auth_devices  add column key_id text;
-- Null too where there is no password.
alter table kaspi_auth_egresses add column key_id text;
alter table kaspi_auth_evidence add column key_id text;
-- Of the pepper; null in other rows.
alter table kaspi_auth_settings add column key_id text;

create index kaspi_auth_stores_key   on kaspi_stores (auth_key_id);
create index kaspi_auth_logins_key   on kaspi_auth_logins (key_id);
create index kaspi_auth_devices_key  on kaspi_auth_devices (key_id);
create index kaspi_auth_evidence_key on kaspi_auth_evidence (key_id);

-- The revision moves along, so that this write is not taken for another program's.
create trigger kaspi_auth_forget_store_key after update of guid, kaspi_email, kaspi_password on kaspi_stores
when old.auth_key_id is not null and new.auth_key_id is old.auth_key_id
 and (new.guid is not old.guid or new.kaspi_email is not old.kaspi_email or new.kaspi_password is not old.kaspi_password)
begin
    update kaspi_stores set auth_key_id = null, auth_revision = auth_revision + 1 where merchant_id = new.merchant_id;
end;

create trigger kaspi_auth_forget_login_key after update of account, secrets, staged on kaspi_auth_logins
when old.key_id is not null and new.key_id is old.key_id
 and (new.account is not old.account or new.secrets is not old.secrets or new.staged is not old.staged)
begin
    update kaspi_auth_logins set key_id = null where id = new.id;
end;

create trigger kaspi_auth_forget_device_key after update of sealed on kaspi_auth_devices
when old.key_id is not null and new.key_id is old.key_id and new.sealed is not old.sealed
begin
    update kaspi_auth_devices set key_id = null where device_key = new.device_key;
end;

create trigger kaspi_auth_forget_egress_key after update of password on kaspi_auth_egresses
when old.key_id is not null and new.key_id is old.key_id and new.password is not old.password
begin
    update kaspi_auth_egresses set key_id = null where id = new.id;
end;

create trigger kaspi_auth_forget_evidence_key after update of sealed on kaspi_auth_evidence
when old.key_id is not null and new.key_id is old.key_id and new.sealed is not old.sealed
begin
    update kaspi_auth_evidence set key_id = null where login_id = new.login_id;
end;

create trigger kaspi_auth_forget_setting_key after update of value on kaspi_auth_settings
when old.key_id is not null and new.key_id is old.key_id and new.value is not old.value
begin
    update kaspi_auth_settings set key_id = null where name = new.name;
end;
