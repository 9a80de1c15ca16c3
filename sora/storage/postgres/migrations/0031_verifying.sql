-- Proof of integrity: objects are read again and hashed, pass after pass.
--
-- A pass goes through the objects of a store by their names, which are random: so there is a place to
-- go on from, nothing is written to an object's row, and new objects take their turn wherever they
-- fall. `proven_since` is when the last complete pass began; whatever was stored before is verified
-- since.

create table sweeps (
    store text primary key,
    position uuid not null default '00000000-0000-0000-0000-000000000000',
    begun_at timestamptz not null default now(),
    completed_at timestamptz,
    proven_since timestamptz not null default now(),
    objects bigint not null default 0,
    octets bigint not null default 0,
    leased_until timestamptz not null default '-infinity'
);

-- What is not as it has to be; the row goes with the content. A store's name is empty where no store
-- has the content at all.
create table damages (
    scope_id bigint not null,
    id bigint generated always as identity primary key,
    content_id bigint not null references contents (id) on delete cascade,
    store text not null,
    object_id uuid,
    fault text not null,
    found_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    unique (content_id, store)
);

-- The name up to which the sweep of a store has come, under a lease; null when somebody else has it,
-- and when a pass is to begin and the one before began less than p_rest ago.
create function take_sweep_v1(p_store text, p_lease interval, p_rest interval) returns uuid
language plpgsql volatile as $$
declare
    v_position uuid;
begin
    insert into sweeps (store) values (p_store) on conflict do nothing;
    update sweeps set leased_until = clock_timestamp() + p_lease
        where store = p_store and leased_until <= clock_timestamp()
            and (completed_at is null or proven_since <= clock_timestamp() - p_rest
                or position <> '00000000-0000-0000-0000-000000000000')
        returning position into v_position;
    return v_position;
end
$$;

-- So much was verified; without a position there was no more, and the next pass begins.
create function advance_sweep_v1(
    p_store text, p_position uuid, p_objects bigint, p_octets bigint, p_lease interval
) returns void
language plpgsql volatile as $$
begin
    if p_position is null then
        update sweeps set
            position = default, proven_since = begun_at, completed_at = clock_timestamp(),
            begun_at = clock_timestamp(), objects = 0, octets = 0,
            leased_until = clock_timestamp() + p_lease
        where store = p_store;
    else
        update sweeps set
            position = p_position, objects = objects + p_objects, octets = octets + p_octets,
            leased_until = clock_timestamp() + p_lease
        where store = p_store;
    end if;
end
$$;

create type proof_v1 as (
    object_id uuid, store text, key_id text, stored_size bigint,
    content_id bigint, hash bytea, size bigint, staged boolean, others text
);

-- What an object has to be, and where else its octets are (each other object a line: id, store, key,
-- size).
create function proof_of_v1(o objects, c contents) returns proof_v1
language sql stable as $$
    select row(
        o.id, o.store, o.key_id, coalesce(o.stored_size, c.size),
        c.id, c.hash, c.size, c.staging_slot is not null,
        (select string_agg(
                p.id || E'\t' || p.store || E'\t' || coalesce(p.key_id, '')
                    || E'\t' || coalesce(p.stored_size, 0),
                E'\n' order by p.created_at
            ) from objects p
            where p.content_id = c.id and p.state = 'stored' and p.id <> o.id)
    )::proof_v1
$$;

create function proofs_v1(p_store text, p_after uuid, p_limit integer) returns setof proof_v1
language plpgsql stable as $$
begin
    return query
        select (proof_of_v1(o, c)).*
        from (
            select * from objects
            where id > p_after and store = p_store and state = 'stored'
            order by id limit p_limit
        ) o join contents c on c.id = o.content_id
        where c.state = 'live'
        order by o.id;
end
$$;

-- The objects of the next contents that an account's messages are made of.
create function proofs_of_v1(p_account bigint, p_after bigint, p_limit integer)
returns setof proof_v1
language plpgsql stable as $$
begin
    return query
        select (proof_of_v1(o, c)).*
        from (
            select distinct m.content_id as id
            from mailboxes b join messages m on m.mailbox_id = b.id
            where b.account_id = p_account and m.content_id > p_after
            order by m.content_id limit p_limit
        ) m join contents c on c.id = m.id
            join objects o on o.content_id = c.id and o.state = 'stored'
        where c.state = 'live'
        order by c.id, o.id;
end
$$;

-- Live contents whose octets are nowhere, among the next p_limit contents.
create function bodiless_v1(
    p_after bigint, p_limit integer, out o_last bigint, out o_found bigint[]
)
language plpgsql stable as $$
begin
    with next as (
        select id, state, staging_slot from contents where id > p_after order by id limit p_limit
    )
    select max(n.id), coalesce(array_agg(n.id order by n.id) filter (
        where n.state = 'live' and n.staging_slot is null and not exists (
            select from objects o where o.content_id = n.id and o.state = 'stored'
        )
    ), '{}') into o_last, o_found from next n;
end
$$;

-- Remember damage, unless what is damaged has gone.
create function note_damage_v1(p_content bigint, p_store text, p_object uuid, p_fault text)
returns boolean
language plpgsql volatile as $$
declare
    v_scope bigint;
begin
    select scope_id into v_scope from contents
        where id = p_content and state = 'live' for share;
    if not found then
        return false;
    end if;
    if p_object is not null and not exists (
        select from objects
        where id = p_object and content_id = p_content and state = 'stored'
    ) then
        return false;
    end if;
    insert into damages (scope_id, content_id, store, object_id, fault)
        values (v_scope, p_content, p_store, p_object, p_fault)
        on conflict (content_id, store) do update set
            object_id = excluded.object_id, fault = excluded.fault, seen_at = now();
    return true;
end
$$;
