-- The end of what was deleted: messages, mailboxes, accounts, objects, events.
--
-- Each function does one small batch and takes its rows with SKIP LOCKED, so that any number of nodes
-- clean at the same time and each row goes once; and each can be repeated, also when its answer was
-- lost. What has begun to go does not come back: a mailbox or an account that lost its first message
-- is marked, and a trigger refuses to restore it.
--
-- `grace_from` is when the grace of a row begins, where that is not the moment of its deletion: the
-- cleaner sets it in the future for what went in a run of deletions that is not the account's habit.

alter table expunged add column grace_from timestamptz;
alter table mailboxes add column grace_from timestamptz;
alter table mailboxes add column removing boolean not null default false;
alter table accounts add column removing boolean not null default false;
create index accounts_deleted on accounts (deleted_at) where deleted_at is not null;

-- When a cleaner first saw that the object is to go.
alter table objects add column condemned_at timestamptz;

-- When events_horizon was raised to what it is.
alter table sora add column horizon_at timestamptz not null default '-infinity';

-- The last round of each node.
create table cleanings (
    node text primary key,
    began_at timestamptz not null,
    ended_at timestamptz not null,
    done jsonb not null,
    error text not null default ''
);

create function refuse_return_v1() returns trigger
language plpgsql as $$
begin
    if tg_table_name = 'accounts' then
        raise exception using errcode = 'SR005',
            message = 'The account is being removed: its grace period is over.';
    end if;
    raise exception using errcode = 'SR001',
        message = 'The mailbox is being removed: its grace period is over.';
end
$$;
create trigger accounts_refuse_return before update of deleted_at on accounts
    for each row when (old.removing and new.deleted_at is null)
    execute function refuse_return_v1();
create trigger mailboxes_refuse_return before update of deleted_at on mailboxes
    for each row when (old.removing and new.deleted_at is null)
    execute function refuse_return_v1();

-- ---------------------------------------------------------------- messages and mailboxes

-- Forget messages that were expunged, or whose mailbox was deleted, longer than the grace ago. The
-- same as before, but for grace_from, and a mailbox that cannot go yet keeps no other one waiting.
create or replace function purge_expunged_v1(p_grace interval, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_contents bigint[];
    v_mailbox bigint;
    v_count integer;
begin
    with old as (
        select mailbox_id, uid from expunged
        where coalesce(grace_from, expunged_at) <= now() - p_grace
        order by coalesce(grace_from, expunged_at) limit p_limit for update skip locked
    ), gone as (
        delete from expunged e using old
        where e.mailbox_id = old.mailbox_id and e.uid = old.uid returning e.content_id
    ) select count(*), array_agg(distinct content_id) into v_count, v_contents from gone;
    if v_count = 0 then
        select b.id into v_mailbox from mailboxes b
            where b.deleted_at <= now() - p_grace
                and coalesce(b.grace_from, b.deleted_at) <= now() - p_grace
                -- `offset 0`: mailbox by mailbox, never by a hash of all messages.
                and (exists (select from messages m where m.mailbox_id = b.id offset 0)
                    or not exists (select from expunged e where e.mailbox_id = b.id offset 0))
            order by b.deleted_at limit 1 for update skip locked;
        if v_mailbox is not null then
            update mailboxes set removing = true where id = v_mailbox and not removing;
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

-- ---------------------------------------------------------------- accounts

-- Take from others' mailboxes the rights that an account has on them, some mailboxes at a time; gives
-- how many there were. An account that is deleted gets no new ones.
create function withdraw_rights_v1(p_account bigint, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_box mailboxes;
    v_modseq bigint;
    v_count integer := 0;
    r record;
begin
    for r in
        select mailbox_id, rights from rights where grantee = p_account order by mailbox_id limit p_limit
    loop
        v_count := v_count + 1;
        v_box := lock_mailbox_v1(r.mailbox_id);
        delete from rights where mailbox_id = r.mailbox_id and grantee = p_account;
        continue when v_box.id is null;
        perform refresh_acl_v1(v_box.id);
        v_modseq := next_modseq_v1(v_box.highest_modseq);
        update mailboxes set highest_modseq = v_modseq where id = v_box.id;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, detail, operation, actor
        ) values (
            v_box.account_id, v_box.id, v_modseq, v_box.highest_modseq, 10,
            jsonb_build_object('grantee', p_account, 'was', r.rights, 'rights', ''),
            gen_random_uuid(), 'cleaner'
        );
    end loop;
    return v_count;
end
$$;

-- Remove a part of an account that was deleted longer than the grace ago, of at most p_limit rows of
-- what grows; the last part is the account itself, after which its addresses are free. What happened
-- to it (`events`) stays for as long as the history is kept. No account: there was nothing to do.
create function remove_account_v1(
    p_grace interval, p_limit integer,
    out o_account bigint, out o_address text, out o_messages integer, out o_ended boolean
)
language plpgsql volatile as $$
declare
    v_contents bigint[];
    v_boxes bigint[];
    v_count integer;
begin
    o_messages := 0;
    o_ended := false;
    select id into o_account from accounts
        where deleted_at <= now() - p_grace order by deleted_at limit 1 for update skip locked;
    if not found then
        return;
    end if;
    select address into o_address from credentials where account_id = o_account and is_primary;
    update accounts set removing = true where id = o_account and not removing;
    if found then
        -- From here on nobody can put anything into them: who is about to holds their locks.
        perform 1 from mailboxes where account_id = o_account order by id for no key update;
        update mailboxes set removing = true, deleted_at = coalesce(deleted_at, now())
            where account_id = o_account;
    end if;
    select array_agg(id order by id) into v_boxes from (
        select b.id from mailboxes b where b.account_id = o_account order by b.id limit 100
    ) b;
    -- Messages first.
    with gone as (
        delete from messages where ctid = any (array(
            select m.ctid from unnest(v_boxes) b (id) cross join lateral (
                select messages.ctid from messages where mailbox_id = b.id limit p_limit
            ) m limit p_limit
        )) returning content_id
    ) select count(*), array_agg(distinct content_id) into o_messages, v_contents from gone;
    if o_messages = 0 then
        with gone as (
            delete from expunged where ctid = any (array(
                select e.ctid from unnest(v_boxes) b (id) cross join lateral (
                    select expunged.ctid from expunged where mailbox_id = b.id limit p_limit
                ) e limit p_limit
            )) returning content_id
        ) select count(*), array_agg(distinct content_id) into o_messages, v_contents from gone;
    end if;
    if o_messages > 0 then
        perform orphan_v1(v_contents);
        return;
    end if;
    -- Mailboxes without anything in them take their index, rights and annotations along.
    delete from mailboxes where id = any (v_boxes[1:10]);
    if found then
        return;
    end if;
    -- What is remembered of deliveries.
    delete from deliveries where ctid = any (array(
        select ctid from deliveries where account_id = o_account limit p_limit));
    get diagnostics v_count = row_count;
    delete from vacations where ctid = any (array(
        select ctid from vacations where account_id = o_account limit p_limit));
    v_count := v_count + case when found then 1 else 0 end;
    delete from duplicates where ctid = any (array(
        select ctid from duplicates where account_id = o_account limit p_limit));
    v_count := v_count + case when found then 1 else 0 end;
    if v_count > 0 or withdraw_rights_v1(o_account, 100) > 0 then
        return;
    end if;
    delete from metadata where account_id = o_account;
    delete from seen where account_id = o_account;
    delete from rights where account_id = o_account;
    delete from subscriptions where account_id = o_account;
    delete from keywords where account_id = o_account;
    delete from scripts where account_id = o_account;
    delete from maildrops where account_id = o_account;
    delete from secrets where account_id = o_account;
    delete from aliases where account_id = o_account;
    update domains set catch_all = null where catch_all = o_account;
    delete from credentials where account_id = o_account;
    delete from accounts where id = o_account;
    o_ended := true;
end
$$;

-- ---------------------------------------------------------------- contents and objects

-- As condemn_v1, with a grace of their own for contents that nobody ever referred to: what lies in
-- staging for them is needed by others.
create function condemn_v2(p_grace interval, p_abandoned interval, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_asked bigint[];
    v_locked bigint[];
    v_unused bigint[];
    v_count integer := 0;
begin
    for v_round in 1..20 loop
        select array_agg(content_id) into v_asked from (
            select content_id from orphans where since <= now() - p_grace
            order by since limit p_limit for update skip locked
        ) o;
        select array_agg(id) into v_locked from (
            select id from contents
            where id = any (v_asked) and state = 'live' for update skip locked
        ) c;
        select coalesce(v_locked, '{}') || coalesce(array_agg(id), '{}') into v_locked from (
            select id from contents where state = 'pending' and created_at <= now() - p_abandoned
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

-- Take objects to delete from these stores, for as long as p_lease; one that is not forgotten by then
-- is taken again. One that a worker may still be writing is left until its lease has ended for an
-- hour, a reservation that was never bound for a day.
create function condemned_v2(p_stores text[], p_limit integer, p_lease interval)
returns table (object_id uuid, store text, content_id bigint, stored_size bigint)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    update objects o set state = 'deleting', condemned_at = now()
    where o.id in (
        select o.id from contents c join objects o on o.content_id = c.id
        where c.state = 'deleting' and o.state <> 'deleting'
            and (o.state = 'stored' or o.due_at < now() - interval '1 hour')
        limit p_limit for update of o skip locked
    );
    update objects o set state = 'deleting', condemned_at = now()
    where o.id in (
        select o.id from objects o
        where o.state = 'pending' and o.content_id is null
            and o.created_at <= now() - interval '1 day'
        order by o.created_at limit p_limit for update skip locked
    );
    return query
        with due as (
            select o.id from objects o
            where o.state = 'deleting' and o.store = any (p_stores)
                and (o.condemned_at is null or o.condemned_at = now() or o.due_at <= now())
            order by o.created_at limit p_limit for update skip locked
        )
        update objects o set
            due_at = now() + p_lease, condemned_at = coalesce(o.condemned_at, now())
        from due where o.id = due.id
        returning o.id, o.store, o.content_id, coalesce(o.stored_size, 0);
end
$$;

-- ---------------------------------------------------------------- the history

-- Let partitions of events end that are older than p_retention; gives how many are gone. First the
-- horizon is raised, so that whoever asks for what is older is told to resynchronise (G28); partitions
-- go ten minutes later, when no statement is left that looked at the horizon before.
create function forget_events_v1(p_retention interval) returns integer
language plpgsql volatile as $$
declare
    v_sora sora;
    v_until bigint := modseq_at_v1(now() - p_retention);
    v_last bigint;
    v_dropped integer := 0;
    p record;
begin
    select * into v_sora from sora;
    for p in
        select c.relname as name, modseq_at_v1(
            (to_date(substr(c.relname, 8), 'YYYY_MM') + interval '1 month') at time zone 'UTC'
        ) as upper
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'events'::regclass and c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
        order by 1
    loop
        exit when p.upper > v_until;
        v_last := p.upper;
        continue when p.upper > v_sora.events_horizon
            or v_sora.horizon_at > now() - interval '10 minutes';
        begin
            perform set_config('lock_timeout', '200ms', true);
            execute format('drop table %I', p.name);
            v_dropped := v_dropped + 1;
        exception when lock_not_available then
            exit;
        end;
    end loop;
    if v_last > v_sora.events_horizon then
        update sora set events_horizon = v_last, horizon_at = now() where events_horizon < v_last;
    elsif v_sora.horizon_at <= now() - interval '10 minutes' then
        delete from events_default where ctid = any (array(
            select ctid from events_default
            where modseq < least(v_sora.events_horizon, v_until) limit 10000));
    end if;
    return v_dropped;
end
$$;

-- Whether there are events in the default partition, which is empty as a rule.
create function events_stand_outside_v1() returns boolean
language plpgsql stable as $$
begin
    if pg_relation_size('events_default') = 0 then
        return false;
    end if;
    return exists (select from events_default);
end
$$;

-- Move what is in the default partition of events into partitions of its months, which could not be
-- made before because of it. Of a month with more than p_limit rows there, it stays there.
create function settle_events_v1(p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_month timestamp;
    v_from bigint;
    v_to bigint;
    v_name text;
    v_made integer := 0;
begin
    if not events_stand_outside_v1() then
        return 0;
    end if;
    perform set_config('lock_timeout', '200ms', true);
    for v_month in
        select distinct date_trunc('month', timestamp '2020-01-01' + modseq * interval '1 microsecond')
        from (select modseq from events_default limit p_limit * 4) e
        where modseq between 0 and modseq_at_v1(now() + interval '3 months')
        order by 1
    loop
        v_from := modseq_at_v1(v_month at time zone 'UTC');
        v_to := modseq_at_v1((v_month + interval '1 month') at time zone 'UTC');
        v_name := 'events_' || to_char(v_month, 'YYYY_MM');
        continue when to_regclass(v_name) is not null;
        begin
            lock table events_default in access exclusive mode;
            if (select count(*) from events_default where modseq >= v_from and modseq < v_to)
                <= p_limit
            then
                execute format('create table %I (like events including all)', v_name);
                execute format(
                    'with moved as (delete from events_default where modseq >= %s and modseq < %s'
                    ' returning *) insert into %I select * from moved', v_from, v_to, v_name
                );
                execute format(
                    'alter table events attach partition %I for values from (%s) to (%s)',
                    v_name, v_from, v_to
                );
                v_made := v_made + 1;
            end if;
        exception when lock_not_available or duplicate_table or check_violation then
            null;
        end;
    end loop;
    return v_made;
end
$$;

-- ---------------------------------------------------------------- how it is

create function note_cleaning_v1(
    p_node text, p_began timestamptz, p_done jsonb, p_error text
) returns void
language plpgsql volatile as $$
begin
    insert into cleanings (node, began_at, ended_at, done, error)
        values (p_node, p_began, now(), p_done, p_error)
        on conflict (node) do update set began_at = excluded.began_at,
            ended_at = excluded.ended_at, done = excluded.done, error = excluded.error;
    delete from cleanings where ended_at < now() - interval '30 days';
end
$$;

-- What waits to be removed, and for how long what is oldest could have been: seconds past its grace,
-- 0 when there is none. Nothing is counted beyond 100,000.
create function cleaning_status_v1(
    p_grace interval, p_object_grace interval,
    out o_messages integer, out o_messages_age float8,
    out o_mailboxes integer, out o_mailboxes_age float8,
    out o_accounts integer, out o_accounts_age float8,
    out o_deleted_accounts integer, out o_deleted_mailboxes integer,
    out o_contents integer, out o_contents_age float8,
    out o_objects integer, out o_octets bigint, out o_objects_age float8, out o_stores text[],
    out o_partitions integer, out o_default_events boolean, out o_horizon timestamptz
)
language plpgsql stable as $$
begin
    select count(*), coalesce(extract(epoch from now() - p_grace - min(at)), 0)
    into o_messages, o_messages_age from (
        select coalesce(grace_from, expunged_at) as at from expunged
        where coalesce(grace_from, expunged_at) <= now() - p_grace
        order by coalesce(grace_from, expunged_at) limit 100000
    ) e;
    select count(*) filter (where at <= now() - p_grace),
        coalesce(greatest(extract(epoch from now() - p_grace - min(at)), 0), 0), count(*)
    into o_mailboxes, o_mailboxes_age, o_deleted_mailboxes from (
        select coalesce(grace_from, deleted_at) as at from mailboxes
        where deleted_at is not null order by deleted_at limit 100000
    ) b;
    select count(*) filter (where deleted_at <= now() - p_grace),
        coalesce(greatest(extract(epoch from now() - p_grace - min(deleted_at)), 0), 0), count(*)
    into o_accounts, o_accounts_age, o_deleted_accounts from (
        select deleted_at from accounts
        where deleted_at is not null order by deleted_at limit 100000
    ) a;
    select count(*), coalesce(extract(epoch from now() - p_object_grace - min(since)), 0)
    into o_contents, o_contents_age from (
        select since from orphans where since <= now() - p_object_grace order by since limit 100000
    ) o;
    select count(*), coalesce(sum(stored_size), 0), array_agg(distinct store),
        coalesce(extract(epoch from now() - min(condemned_at)), 0)
    into o_objects, o_octets, o_stores, o_objects_age from (
        select stored_size, store, condemned_at from objects
        where state = 'deleting' order by created_at limit 100000
    ) o;
    o_partitions := (select count(*) from pg_inherits where inhparent = 'events'::regclass) - 1;
    o_default_events := events_stand_outside_v1();
    o_horizon := (select timestamptz '2020-01-01 00:00:00+00'
        + events_horizon * interval '1 microsecond' from sora where events_horizon > 0);
end
$$;
