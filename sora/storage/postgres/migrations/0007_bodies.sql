-- Bodies on their way to the object stores, and the end of what nothing refers to any more.
--
-- An upload waits as a row of objects with state pending and a content; due_at is the end of a
-- worker's lease, or of a postponement. It becomes stored in the statement that ends the staging
-- of its content. The same row, and so the same name in the store, serves all attempts.
--
-- Nothing live is ever deleted, in three steps that may each be repeated:
--
--   1. A content that lost a reference stands in orphans. After the grace its row is locked FOR
--      UPDATE SKIP LOCKED (whoever binds a message to it holds it FOR SHARE), and the *next*
--      statement, with a snapshot of its own, looks for references. Without any it is `deleting`:
--      from here on a new arrival of the same bytes makes a new content.
--   2. Its objects are deleted from their stores. One that a worker may still be writing is left
--      until the worker's lease has ended for an hour.
--   3. The rows go, and the statement that deletes them looks for references once more (G1).

-- ---------------------------------------------------------------- staging

-- Write a piece for a content that is pending until place_v1 names it; gives the content's id.
create function stage_piece_v1(
    p_scope bigint, p_hash bytea, p_size bigint, p_content bigint, p_number integer, p_piece text
) returns bigint
language plpgsql volatile as $$
declare
    v_content bigint;
    v_slot integer;
begin
    if p_content is null then
        insert into contents (scope_id, hash, state, size, staging_slot)
            values (p_scope, p_hash, 'pending', p_size, staging_slot_at_v1(now()))
            returning id, staging_slot into v_content, v_slot;
    else
        select id, staging_slot into v_content, v_slot from contents
            where id = p_content and scope_id = p_scope and hash = p_hash and state = 'pending'
            for share;
        if not found then
            raise exception using errcode = '55P03',
                message = 'The staged pieces of this message are gone; send it again.';
        end if;
    end if;
    insert into staging (slot, content_id, n, piece) values (v_slot, v_content, p_number, p_piece)
        on conflict (slot, content_id, n) do update set piece = excluded.piece;
    return v_content;
end
$$;

-- Take contents for upload to a store, the oldest first.
create function claim_uploads_v1(p_store text, p_limit integer, p_lease interval)
returns table (
    content_id bigint, object_id uuid, hash bytea, size bigint, attempts integer
)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    return query
        with due as (
            select o.id from objects o
            where o.state = 'pending' and o.content_id is not null and o.due_at <= now()
            order by o.created_at, o.content_id limit p_limit
            for update skip locked
        ), taken as (
            update objects o set store = p_store, due_at = now() + p_lease
            from due where o.id = due.id
            returning o.id, o.content_id, o.attempts, o.created_at
        )
        select c.id, t.id, c.hash, c.size, t.attempts
        from taken t join contents c on c.id = t.content_id
        where c.state = 'live' and c.staging_slot is not null
        order by t.created_at, c.id;
end
$$;

-- The object is durable: it counts, and the content is no longer staged.
create function finish_upload_v1(
    p_object uuid, p_stored bigint, p_checksum text, p_key text
) returns boolean
language plpgsql volatile as $$
declare
    v_content bigint;
begin
    -- The content before the object, as everywhere.
    select o.content_id into v_content from objects o where o.id = p_object;
    perform 1 from contents where id = v_content for no key update;
    update objects set state = 'stored', stored_size = p_stored, checksum = p_checksum,
        key_id = p_key
    where id = p_object and content_id is not null and state = 'pending';
    if found then
        update contents set staging_slot = null where id = v_content;
        return true;
    end if;
    return false;
end
$$;

-- ---------------------------------------------------------------- cleaning

-- Remember that contents may have lost their last reference.
create function orphan_v1(p_contents bigint[]) returns void
language sql volatile as $$
    insert into orphans (scope_id, content_id)
        select scope_id, id from contents where id = any (p_contents) order by id
    on conflict (content_id) do update set since = now();
$$;

-- Forget messages that were expunged, or whose mailbox was deleted, longer than the grace ago.
create function purge_expunged_v1(p_grace interval, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_contents bigint[];
    v_mailbox bigint;
    v_count integer;
begin
    with old as (
        select mailbox_id, uid from expunged where expunged_at <= now() - p_grace
        order by expunged_at limit p_limit for update skip locked
    ), gone as (
        delete from expunged e using old
        where e.mailbox_id = old.mailbox_id and e.uid = old.uid returning e.content_id
    ) select count(*), array_agg(distinct content_id) into v_count, v_contents from gone;
    if v_count = 0 then
        select id into v_mailbox from mailboxes where deleted_at <= now() - p_grace
            order by deleted_at limit 1 for update skip locked;
        if v_mailbox is not null then
            with gone as (
                delete from messages where ctid = any (array(
                    select ctid from messages where mailbox_id = v_mailbox
                    order by uid limit p_limit
                )) returning content_id
            ) select count(*), array_agg(distinct content_id) into v_count, v_contents from gone;
            if v_count = 0 and not exists (select from expunged where mailbox_id = v_mailbox) then
                delete from mailboxes where id = v_mailbox;
                v_count := 1;
            end if;
        end if;
    end if;
    perform orphan_v1(v_contents);
    return v_count;
end
$$;

-- Remove contents that are deleting and have no objects left.
create function forget_contents_v1(p_contents bigint[]) returns void
language sql volatile as $$
    delete from contents c where c.id = any (p_contents) and c.state = 'deleting'
        and not exists (select from objects o where o.content_id = c.id)
        and not exists (select from messages m where m.content_id = c.id)
        and not exists (select from expunged e where e.content_id = c.id);
$$;

-- Mark contents that nothing refers to as deleting, and remove those that have no object to delete.
-- Gives how many; 0 only when no orphan is left that could be looked at now.
create function condemn_v1(p_grace interval, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_asked bigint[];
    v_locked bigint[];
    v_unused bigint[];
    v_count integer := 0;
begin
    for v_round in 1..20 loop
        -- Orphans first: purge_expunged_v1 renews a row that we do not hold, and waits for one
        -- that we do.
        select array_agg(content_id) into v_asked from (
            select content_id from orphans where since <= now() - p_grace
            order by since limit p_limit for update skip locked
        ) o;
        select array_agg(id) into v_locked from (
            select id from contents
            where id = any (v_asked) and state = 'live' for update skip locked
        ) c;
        select coalesce(v_locked, '{}') || coalesce(array_agg(id), '{}') into v_locked from (
            select id from contents where state = 'pending' and created_at <= now() - p_grace
            order by created_at limit p_limit for update skip locked
        ) abandoned;
        exit when v_locked = '{}';
        -- A statement of its own: it sees every reference that was committed before the lock.
        select array_agg(c.id) into v_unused from unnest(v_locked) as c (id)
            where not exists (select from messages m where m.content_id = c.id)
                and not exists (select from expunged e where e.content_id = c.id);
        delete from orphans where content_id = any (v_locked);
        update contents set state = 'deleting', staging_slot = null where id = any (v_unused);
        get diagnostics v_count = row_count;
        -- An upload that no worker ever took has left nothing in a store.
        delete from objects
            where content_id = any (v_unused) and state = 'pending' and store is null;
        perform forget_contents_v1(v_unused);
        exit when v_count > 0;
    end loop;
    return v_count;
end
$$;

-- Objects to delete from their stores; the same ones until they are forgotten.
create function condemned_v1(p_limit integer)
returns table (object_id uuid, store text, content_id bigint)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    update objects o set state = 'deleting'
    from contents c
    where c.id = o.content_id and c.state = 'deleting'
        and (o.state = 'stored' or o.due_at < now() - interval '1 hour')
        and o.id in (
            select o.id from contents c join objects o on o.content_id = c.id
            where c.state = 'deleting' and o.state <> 'deleting'
                and (o.state = 'stored' or o.due_at < now() - interval '1 hour')
            limit p_limit for update of o skip locked
        );
    update objects o set state = 'deleting'
    where o.id in (
        select o.id from objects o
        where o.state = 'pending' and o.content_id is null
            and o.created_at <= now() - interval '1 day'
        order by o.created_at limit p_limit for update skip locked
    );
    return query
        select o.id, o.store, o.content_id from objects o
        where o.state = 'deleting' and o.store is not null
        order by o.created_at limit p_limit;
end
$$;

-- The objects are gone from their stores: remove their rows, and contents that have none left.
create function forget_objects_v1(p_objects uuid[]) returns integer
language plpgsql volatile as $$
declare
    v_contents bigint[];
    v_count integer;
begin
    with gone as (
        delete from objects where id = any (p_objects) and state = 'deleting' returning content_id
    ) select count(*), array_agg(distinct content_id) into v_count, v_contents from gone;
    perform forget_contents_v1(v_contents);
    return v_count;
end
$$;

-- Drop the partitions of staging in which nothing waits. A slot is left alone for two hours, longer
-- than any transaction that writes to it lasts.
create function drop_staging_v1() returns integer
language plpgsql volatile as $$
declare
    v_slot integer;
    v_dropped integer := 0;
begin
    perform set_config('lock_timeout', '100ms', true);
    for v_slot in
        select substr(c.relname, 9)::integer from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'staging'::regclass and c.relname ~ '^staging_[0-9]+$'
            and substr(c.relname, 9)::integer < staging_slot_at_v1(now()) - 2
        order by 1
    loop
        continue when exists (select from contents where staging_slot = v_slot);
        begin
            execute format('drop table %I', 'staging_' || v_slot);
            v_dropped := v_dropped + 1;
        exception when lock_not_available then
            null;
        end;
    end loop;
    delete from staging_default s
    where s.slot < staging_slot_at_v1(now()) - 2 and not exists (
        select from contents c where c.id = s.content_id and c.staging_slot = s.slot
    );
    return v_dropped;
end
$$;

-- Forget claims of deliveries older than p_age.
create function forget_deliveries_v1(p_age interval, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_count integer;
begin
    delete from deliveries where (account_id, recipient, received_hash) in (
        select account_id, recipient, received_hash from deliveries
        where at <= now() - p_age order by at limit p_limit for update skip locked
    );
    get diagnostics v_count = row_count;
    return v_count;
end
$$;

-- A process says that it lives; gives how many others did lately.
create function beat_v1(p_process uuid, p_name text, p_lately interval) returns integer
language plpgsql volatile as $$
begin
    insert into processes (id, name, seen_at) values (p_process, p_name, now())
        on conflict (id) do update set name = excluded.name, seen_at = excluded.seen_at;
    delete from processes where id in (
        select id from processes where seen_at < now() - interval '1 day'
        for update skip locked
    );
    return (select count(*) from processes
        where id <> p_process and seen_at >= now() - p_lately);
end
$$;
