-- More than one object for a content: in a second store, or encrypted with another key.
--
-- A copy is made under a name of its own: its row is reserved, the object is put, and then bound to
-- the content. With p_replaces the object that it takes the place of becomes `deleting` in the same
-- transaction: nothing is ever changed in place. What a store is to have of every content waits in
-- `copies`; a trigger fills it, because objects become stored in several functions.

-- ---------------------------------------------------------------- what waits

-- Stores that have a copy of every object. Objects up to filled_to, in the order of their names,
-- were looked at when the store was new.
create table copy_targets (
    store text primary key,
    filled_to uuid not null default '00000000-0000-0000-0000-000000000000'
);

create table copies (
    scope_id bigint not null,
    content_id bigint not null references contents (id) on delete cascade,
    store text not null,
    attempts integer not null default 0,
    -- Not before this time: a worker's lease, or a postponement.
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    primary key (content_id, store)
);
create index copies_waiting on copies (store, created_at);

create function queue_copy_v1() returns trigger
language plpgsql as $$
begin
    insert into copies (scope_id, content_id, store)
        select new.scope_id, new.content_id, t.store from copy_targets t
        where t.store <> new.store and not exists (
            select from objects o
            where o.content_id = new.content_id and o.store = t.store and o.state = 'stored'
        )
    on conflict (content_id, store) do nothing;
    return null;
end
$$;
create trigger objects_stored after update of state on objects
    for each row when (new.state = 'stored' and old.state <> 'stored')
    execute function queue_copy_v1();

-- Say which stores are to have a copy of every object; what waits for another is forgotten.
create function copy_to_v1(p_stores text[]) returns void
language plpgsql volatile as $$
begin
    delete from copies where store <> all (p_stores);
    delete from copy_targets where store <> all (p_stores);
    insert into copy_targets (store) select unnest(p_stores) on conflict (store) do nothing;
end
$$;

-- Queue copies of the next objects that were there before the store was; gives how many objects
-- were looked at: 0 when it is somebody else's turn, or at the end.
create function fill_copies_v1(p_store text, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_from uuid;
    v_to uuid;
    v_count integer;
begin
    select filled_to into v_from from copy_targets where store = p_store for update skip locked;
    if not found then
        return 0;
    end if;
    select count(*), (array_agg(id order by id desc))[1] into v_count, v_to from (
        select id from objects where id > v_from order by id limit p_limit
    ) page;
    if v_count = 0 then
        return 0;
    end if;
    insert into copies (scope_id, content_id, store)
        select c.scope_id, c.id, p_store
        from objects o join contents c on c.id = o.content_id
        where o.id > v_from and o.id <= v_to and o.state = 'stored' and o.store <> p_store
            and c.state = 'live' and not exists (
                select from objects other where other.content_id = o.content_id
                    and other.store = p_store and other.state = 'stored'
            )
    on conflict (content_id, store) do nothing;
    update copy_targets set filled_to = v_to where store = p_store;
    return v_count;
end
$$;

-- Take copies that are due, the oldest first.
create function claim_copies_v1(p_store text, p_limit integer, p_lease interval)
returns table (content_id bigint, hash bytea, size bigint, attempts integer)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    return query
        with due as (
            select w.content_id from copies w
            where w.store = p_store and w.due_at <= now()
            order by w.created_at limit p_limit for update skip locked
        ), taken as (
            update copies w set due_at = now() + p_lease
            from due where w.content_id = due.content_id and w.store = p_store
            returning w.content_id, w.attempts, w.created_at
        )
        select c.id, c.hash, c.size, t.attempts
        from taken t join contents c on c.id = t.content_id
        where c.state = 'live'
        order by t.created_at, c.id;
end
$$;

-- ---------------------------------------------------------------- the copy is there

-- Bind an object that is durable under its reserved name. False: it is not wanted any more, because
-- the content goes, or somebody else was faster.
create function bind_copy_v1(
    p_content bigint, p_object uuid, p_store text, p_key text, p_stored bigint, p_checksum text,
    p_replaces uuid
) returns boolean
language plpgsql volatile as $$
declare
    v_scope bigint;
begin
    -- The content before the objects, as everywhere.
    select scope_id into v_scope from contents
        where id = p_content and state = 'live' for no key update;
    if not found then
        return false;
    end if;
    if exists (select from objects
        where id = p_object and content_id = p_content and state = 'stored')
    then
        return true;  -- it was bound, and the answer was lost
    end if;
    if p_replaces is not null then
        update objects set state = 'deleting'
            where id = p_replaces and content_id = p_content and state = 'stored';
        if not found then
            return false;
        end if;
    elsif exists (select from objects
        where content_id = p_content and store = p_store and state = 'stored')
    then
        delete from copies where content_id = p_content and store = p_store;
        return false;
    end if;
    update objects set
        scope_id = v_scope, content_id = p_content, state = 'stored', store = p_store,
        key_id = p_key, stored_size = p_stored, checksum = p_checksum
    where id = p_object and content_id is null and state = 'pending';
    if not found then
        raise exception using errcode = '55P03',
            message = 'The reservation of this object has ended; store it again under another id.';
    end if;
    delete from copies where content_id = p_content and store = p_store;
    return true;
end
$$;
