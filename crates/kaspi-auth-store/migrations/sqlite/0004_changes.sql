-- Telling every process that has the file open of changes, whoever made them: they look at the end of this log when the file
-- has changed.
create table kaspi_auth_changes (
    -- Counts up without gaps; who finds one has missed something.
    seq  integer primary key autoincrement,
    -- store:<merchant_id>, login:<id in hex>, api_keys.
    what text not null
) strict;

-- Only the tail is of use.
create trigger kaspi_auth_changes_tail after insert on kaspi_auth_changes when new.seq % 512 = 0
begin
    delete from kaspi_auth_changes where seq <= new.seq - 8192;
end;

create trigger kaspi_auth_tell_store_new after insert on kaspi_stores
begin
    insert into kaspi_auth_changes (what) values ('store:' || new.merchant_id);
end;

create trigger kaspi_auth_tell_store_changed after update on kaspi_stores
begin
    insert into kaspi_auth_changes (what) values ('store:' || old.merchant_id);
end;

create trigger kaspi_auth_tell_store_renamed after update of merchant_id on kaspi_stores
when new.merchant_id <> old.merchant_id
begin
    insert into kaspi_auth_changes (what) values ('store:' || new.merchant_id);
end;

create trigger kaspi_auth_tell_store_gone after delete on kaspi_stores
begin
    insert into kaspi_auth_changes (what) values ('store:' || old.merchant_id);
end;

-- The version moves with every change that anybody waits for; leases do not move it.
create trigger kaspi_auth_tell_login after update of version on kaspi_auth_logins
begin
    insert into kaspi_auth_changes (what) values ('login:' || lower(hex(new.id)));
end;

create trigger kaspi_auth_tell_key_new after insert on kaspi_auth_api_keys
begin
    insert into kaspi_auth_changes (what) values ('api_keys');
end;

create trigger kaspi_auth_tell_key_changed after update of scopes, user_id, digest, revoked_at on kaspi_auth_api_keys
begin
    insert into kaspi_auth_changes (what) values ('api_keys');
end;

create trigger kaspi_auth_tell_key_gone after delete on kaspi_auth_api_keys
begin
    insert into kaspi_auth_changes (what) values ('api_keys');
end;
