-- Batches and their stores, and what we want to find fast in the queue's table, which its library has made before. Times
-- are microseconds since 1970 UTC.
set local client_min_messages = warning;

create table kaspi_auth_batches (
    id         uuid   primary key,
    user_id    text,
    kind       text   not null check (kind in ('validate', 'refresh')),
    total      bigint not null,
    created_at bigint not null,
    ended_at   bigint
);

comment on table kaspi_auth_batches is 'Many stores at once: what was asked for, and how far it is.';
comment on column kaspi_auth_batches.id is 'Names the batch.';
comment on column kaspi_auth_batches.user_id is 'Whose stores: of this user, or of all.';
comment on column kaspi_auth_batches.kind is 'What is done with each: validate or refresh.';
comment on column kaspi_auth_batches.total is 'How many stores.';
comment on column kaspi_auth_batches.ended_at is 'When it ended; null: it goes on.';

create index kaspi_auth_batches_ended on kaspi_auth_batches (ended_at) where ended_at is not null;

create table kaspi_auth_batch_items (
    batch_id    uuid not null references kaspi_auth_batches (id) on delete cascade,
    merchant_id text collate "C" not null,
    result      text,
    detail      text not null,
    primary key (batch_id, merchant_id)
);

comment on table kaspi_auth_batch_items is 'A store of a batch.';
comment on column kaspi_auth_batch_items.batch_id is 'The batch.';
comment on column kaspi_auth_batch_items.merchant_id is 'The portal''s id of the merchant.';
comment on column kaspi_auth_batch_items.result is 'What came of it; null: not done yet.';
comment on column kaspi_auth_batch_items.detail is 'Why, in words.';

create index kaspi_auth_batch_items_pending on kaspi_auth_batch_items (batch_id, merchant_id) where result is null;

create index if not exists kaspi_auth_jobs_running on apalis.jobs (job_type) where status in ('Queued', 'Running');
create index if not exists kaspi_auth_jobs_killed on apalis.jobs (job_type) where status = 'Killed';
create index if not exists kaspi_auth_jobs_ended on apalis.jobs (job_type, done_at) where status in ('Done', 'Failed', 'Killed');
