-- How stores' calls of the cabinet through the gateway went, added up. Times are microseconds since 1970 UTC.
set local client_min_messages = warning;

create table kaspi_auth_calls (
    merchant_id text   not null,
    outcome     text   not null,
    times       bigint not null,
    took        bigint not null,
    slowest     bigint not null,
    first_at    bigint not null,
    last_at     bigint not null,
    primary key (merchant_id, outcome)
);

comment on table kaspi_auth_calls is 'How stores'' calls of the cabinet through the gateway went, over all nodes.';
comment on column kaspi_auth_calls.merchant_id is 'The store.';
comment on column kaspi_auth_calls.outcome is 'What they came to: a class of the cabinet''s status (2xx), or the code of an error of ours.';
comment on column kaspi_auth_calls.times is 'How many there were.';
comment on column kaspi_auth_calls.took is 'How long all of them took together, in microseconds.';
comment on column kaspi_auth_calls.slowest is 'How long the slowest took, in microseconds.';
comment on column kaspi_auth_calls.first_at is 'When the first ended.';
comment on column kaspi_auth_calls.last_at is 'When the last ended.';

-- Who signs in to the store later is not to read what happened under another holder. Runs with the rights of its owner, like the other
-- triggers that write our tables: a program that deletes a store needs none on this one, and nobody can put a table in its way.
create function kaspi_auth_forget_calls() returns trigger language plpgsql as $$
begin
    delete from kaspi_auth_calls where merchant_id = old.merchant_id;
    return null;
end
$$;

do $$
begin
    execute format('alter function kaspi_auth_forget_calls() security definer set search_path = %I, pg_temp', current_schema());
end
$$;

drop trigger if exists kaspi_auth_forget_calls on kaspi_stores;
create trigger kaspi_auth_forget_calls after delete on kaspi_stores
    for each row execute function kaspi_auth_forget_calls();
