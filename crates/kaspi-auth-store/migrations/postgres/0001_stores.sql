-- The stores: the predecessor's table, made here or adopted in place, with our columns beside its own.
--
-- Adoption adds what is missing and changes no type and no row. It drops NOT NULL where this service leaves a column
-- empty (a phone login has no e-mail, a store may have no stored password), and adds the unique index that an upsert needs.
-- Raised here and turned into advice by the service: KA001 duplicates, KA002 ids that nothing fills, KA003 a type that
-- is not known.
set local client_min_messages = warning;

do $$
begin
    -- Wherever the search path finds it: the predecessor's table may live in another schema than the first.
    if to_regclass('kaspi_stores') is null then
        create table kaspi_stores (
            id             uuid         primary key default gen_random_uuid(),
            user_id        text,
            merchant_id    varchar(255) not null unique,
            name           text,
            guid           jsonb,
            kaspi_email    text,
            kaspi_password text,
            store_points   jsonb,
            is_active      boolean      not null default true,
            needs_reauth   boolean      not null default false,
            reauth_reason  text,
            created_at     timestamptz  not null default now(),
            updated_at     timestamptz  not null default now()
        );
    end if;
end
$$;

alter table kaspi_stores
    add column if not exists id             uuid        default gen_random_uuid(),
    add column if not exists user_id        text,
    add column if not exists name           text,
    add column if not exists guid           jsonb,
    add column if not exists kaspi_email    text,
    add column if not exists kaspi_password text,
    add column if not exists store_points   jsonb,
    add column if not exists is_active      boolean     not null default true,
    add column if not exists needs_reauth   boolean     not null default false,
    add column if not exists reauth_reason  text,
    add column if not exists created_at     timestamptz default now(),
    add column if not exists updated_at     timestamptz default now(),
    add column if not exists auth_generation   bigint not null default 0,
    add column if not exists auth_revision     bigint not null default 0,
    add column if not exists auth_method       text,
    add column if not exists auth_validity     text   not null default 'unknown',
    add column if not exists auth_checked_at   bigint,
    add column if not exists auth_signed_in_at bigint,
    add column if not exists auth_logo_url     text;

alter table kaspi_stores
    alter column name           drop not null,
    alter column guid           drop not null,
    alter column kaspi_email    drop not null,
    alter column kaspi_password drop not null,
    alter column store_points   drop not null,
    alter column reauth_reason  drop not null;

comment on table kaspi_stores is
    'Merchants'' shops. Shared with the Python predecessor, which reads and writes it too; columns auth_* are kaspi-auth''s.';
comment on column kaspi_stores.id is 'The row''s id; stays through every repair.';
comment on column kaspi_stores.user_id is 'Who holds the store; null = the company''s own services.';
comment on column kaspi_stores.merchant_id is 'The portal''s id of the merchant.';
comment on column kaspi_stores.name is 'The shop name.';
comment on column kaspi_stores.guid is
    'The session: {"encrypted": "<Fernet token>"} of JSON with cookies, email, password, phone, merchant_uid, authenticated_at, sms_verified, auth_method.';
comment on column kaspi_stores.kaspi_email is 'Fernet token of {"email": …}.';
comment on column kaspi_stores.kaspi_password is 'Fernet token of {"password": …}; null when the password was not to be kept.';
comment on column kaspi_stores.store_points is 'The points: name → {city_id, city_name, enabled}.';
comment on column kaspi_stores.is_active is 'False: kept but not served.';
comment on column kaspi_stores.needs_reauth is 'A person must sign in again.';
comment on column kaspi_stores.reauth_reason is 'Why, when needs_reauth.';
comment on column kaspi_stores.created_at is 'When the row was made (UTC).';
comment on column kaspi_stores.updated_at is 'When the row last changed (UTC).';
comment on column kaspi_stores.auth_generation is
    'Counts the sessions of the store: up by one when kaspi-auth stores a session and when another program changes guid. 0 = a row of the predecessor''s.';
comment on column kaspi_stores.auth_revision is
    'Counts the changes of the row. A write that leaves it alone is another program''s: the trigger notices by that.';
comment on column kaspi_stores.auth_method is 'How the session was won: password or phone; null = not by kaspi-auth.';
comment on column kaspi_stores.auth_validity is 'What the last look at the session said: alive, dead or unknown.';
comment on column kaspi_stores.auth_checked_at is 'When that look was; microseconds since 1970 UTC.';
comment on column kaspi_stores.auth_signed_in_at is 'When the portal let us in; microseconds since 1970 UTC.';
comment on column kaspi_stores.auth_logo_url is 'Where the shop''s logo is.';

do $$
declare
    id_type    text;
    id_default boolean;
    user_type  text;
    doubled    text;
begin
    -- Ids are the database's: see that something fills them.
    select format_type(a.atttypid, null), d.adbin is not null or a.attidentity <> ''
      into id_type, id_default
      from pg_attribute a
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = 'kaspi_stores'::regclass and a.attname = 'id';
    if not id_default then
        case
            when id_type = 'uuid' then
                alter table kaspi_stores alter column id set default gen_random_uuid();
            when id_type in ('text', 'character varying') then
                alter table kaspi_stores alter column id set default gen_random_uuid()::text;
            else
                raise exception using errcode = 'KA002', message = format(
                    'kaspi_stores.id is of type %s and has no default, so new stores would have no id: give the column a default (a sequence), then start again',
                    id_type);
        end case;
    end if;

    select format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null)
      into user_type
      from pg_attribute a join pg_type t on t.oid = a.atttypid
     where a.attrelid = 'kaspi_stores'::regclass and a.attname = 'user_id';
    if user_type not in ('uuid', 'smallint', 'integer', 'bigint', 'text', 'character varying', 'character') then
        raise exception using errcode = 'KA003', message = format(
            'kaspi_stores.user_id is of type %s; known are uuid, smallint, integer, bigint, text, varchar and char',
            user_type);
    end if;

    -- An upsert needs a plain, immediate unique index on merchant_id.
    if not exists (
        select from pg_index i
          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
         where i.indrelid = 'kaspi_stores'::regclass and i.indisunique and i.indisvalid and i.indimmediate
           and i.indpred is null and i.indnkeyatts = 1 and a.attname = 'merchant_id'
    ) then
        select string_agg(format('%s (%s rows)', merchant_id, rows), ', ' order by merchant_id)
          into doubled
          from (select merchant_id, count(*) as rows from kaspi_stores
                 where merchant_id is not null
                 group by merchant_id having count(*) > 1 order by merchant_id limit 20) d;
        if doubled is not null then
            raise exception using errcode = 'KA001', message = format(
                'kaspi_stores holds several rows of the same merchant_id: %s. Keep one row of each (change or delete the others), then start again; nothing was changed',
                doubled);
        end if;
        create unique index kaspi_auth_stores_merchant_id on kaspi_stores (merchant_id);
    end if;
end
$$;

-- Another program wrote the row: a changed guid is a new session, of which nothing is known yet.
create or replace function kaspi_auth_foreign_write() returns trigger language plpgsql as $$
begin
    if new.auth_revision = old.auth_revision then
        if new.guid::text is distinct from old.guid::text then
            new.auth_generation   := old.auth_generation + 1;
            new.auth_method       := null;
            new.auth_validity     := 'unknown';
            new.auth_checked_at   := null;
            new.auth_signed_in_at := null;
        end if;
        new.auth_revision := old.auth_revision + 1;
    end if;
    return new;
end
$$;

drop trigger if exists kaspi_auth_foreign_write on kaspi_stores;
create trigger kaspi_auth_foreign_write
    before update on kaspi_stores
    for each row execute function kaspi_auth_foreign_write();
