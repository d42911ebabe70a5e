-- How stores' calls of the cabinet through the gateway went, added up. Times are microseconds since 1970 UTC.

create table kaspi_auth_calls (
    -- The store.
    merchant_id text    not null,
    -- What they came to: a class of the cabinet's status (2xx), or the code of an error of ours.
    outcome     text    not null,
    -- How many there were.
    times       integer not null,
    -- How long all of them took together, in microseconds.
    took        integer not null,
    -- How long the slowest took, in microseconds.
    slowest     integer not null,
    -- When the first ended.
    first_at    integer not null,
    -- When the last ended.
    last_at     integer not null,
    primary key (merchant_id, outcome)
) without rowid;

-- Who signs in to the store later is not to read what happened under another holder.
create trigger kaspi_auth_forget_calls after delete on kaspi_stores
begin
    delete from kaspi_auth_calls where merchant_id = old.merchant_id;
end;
