-- Batches and their stores. The queue's own tables (Jobs, Workers) are made by its library, before these. Times are
-- microseconds since 1970 UTC. UUIDs are 16 bytes.

-- Many stores at once: what was asked for, and how far it is.
create table kaspi_auth_batches (
    -- Names the batch.
    id         blob    primary key not null,
    -- Whose stores: of this user, or of all.
    user_id    text,
    -- What is done with each: validate or refresh.
    kind       text    not null check (kind in ('validate', 'refresh')),
    -- How many stores.
    total      integer not null,
    -- When it was asked for.
    created_at integer not null,
    -- When it ended; null: it goes on.
    ended_at   integer
) strict;

create index kaspi_auth_batches_ended on kaspi_auth_batches (ended_at) where ended_at is not null;

-- A store of a batch.
create table kaspi_auth_batch_items (
    -- The batch.
    batch_id    blob not null references kaspi_auth_batches (id) on delete cascade,
    -- The portal's id of the merchant.
    merchant_id text not null,
    -- What came of it; null: not done yet.
    result      text,
    -- Why, in words.
    detail      text not null,
    primary key (batch_id, merchant_id)
) strict, without rowid;

create index kaspi_auth_batch_items_pending on kaspi_auth_batch_items (batch_id, merchant_id) where result is null;
