-- Telling all nodes of changes, whoever made them. Channel kaspi_auth; payloads: store:<merchant_id>, login:<id>, api_keys,
-- everything.
create or replace function kaspi_auth_tell_store() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        perform pg_notify('kaspi_auth', 'store:' || coalesce(old.merchant_id, ''));
    end if;
    if tg_op = 'INSERT' or (tg_op = 'UPDATE' and new.merchant_id is distinct from old.merchant_id) then
        perform pg_notify('kaspi_auth', 'store:' || coalesce(new.merchant_id, ''));
    end if;
    return null;
end
$$;

create or replace function kaspi_auth_tell_login() returns trigger language plpgsql as $$
begin
    perform pg_notify('kaspi_auth', 'login:' || new.id);
    return null;
end
$$;

-- The payload is the trigger's argument.
create or replace function kaspi_auth_tell() returns trigger language plpgsql as $$
begin
    perform pg_notify('kaspi_auth', tg_argv[0]);
    return null;
end
$$;

drop trigger if exists kaspi_auth_tell on kaspi_stores;
create trigger kaspi_auth_tell after insert or update or delete on kaspi_stores
    for each row execute function kaspi_auth_tell_store();
drop trigger if exists kaspi_auth_tell_truncated on kaspi_stores;
create trigger kaspi_auth_tell_truncated after truncate on kaspi_stores
    for each statement execute function kaspi_auth_tell('everything');
-- The version moves with every change that anybody waits for; leases do not move it.
create trigger kaspi_auth_tell after update of version on kaspi_auth_logins
    for each row execute function kaspi_auth_tell_login();
create trigger kaspi_auth_tell after insert or delete or update of scopes, user_id, digest, revoked_at
    on kaspi_auth_api_keys
    for each statement execute function kaspi_auth_tell('api_keys');
