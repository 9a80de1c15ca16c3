-- What was expunged, as mailboxes that can be read: one for each mailbox, living or deleted, of which
-- messages are kept that were expunged. Of a deleted mailbox all messages are such. What was moved is not
-- shown: it lives on where it was moved to.
--
-- UIDs there are numbers of their own. The old UID would not do: of two messages the one with the smaller
-- UID may be expunged last, and UIDs ascend in the order in which messages appear (RFC 9051 §2.3.1.1).
-- EXPUNGE takes no part in it, and costs nothing: the numbers are given out when somebody looks, to all
-- that were not there when somebody last looked, in the order of the old UIDs. Each look that finds
-- something is a row of `past_numbers`; the place of a message's UID in the row's set, with the numbers
-- before it, gives its number, whatever is removed later. The modseq of what is found is that of the look;
-- a look that misses messages raises it, too.
--
-- Nobody holds the lock of a mailbox for this. In a new epoch (0030_epochs.sql) the numbers jump as the
-- UIDs of mailboxes do; what was given out in an older one still counts, or it is not there.

create table pasts (
    account_id bigint not null,
    mailbox_id bigint primary key references mailboxes (id) on delete cascade,
    uidnext bigint not null,
    highest_modseq bigint not null,
    -- How many messages the last look has found.
    messages bigint not null default 0,
    epoch integer not null
) with (fillfactor = 70);

create table past_numbers (
    account_id bigint not null,
    mailbox_id bigint not null references pasts (mailbox_id) on delete cascade,
    -- The number of the message with the smallest of these UIDs.
    first bigint not null,
    modseq bigint not null,
    uids int8multirange not null,
    primary key (mailbox_id, first)
);

-- Messages of a mailbox's past, by the UIDs that they had. They are as they were, but for \Deleted: it is
-- done. The modseq is that of their end, and the save date the time of it (RFC 8514: when they came here).
create function past_in_v1(p_mailbox bigint, p_uids int8multirange) returns setof messages
language sql stable rows 100 as $$
    select e.account_id, e.mailbox_id, e.uid, e.content_id, e.expunged_modseq, e.internal_date,
        e.expunged_at, e.email_id, e.thread_id, e.size, (e.flags & ~8)::smallint, e.internal_zone,
        e.keywords, e.trace
    from unnest(p_uids) r cross join lateral (
        select * from expunged
        where mailbox_id = p_mailbox and uid >= lower(r)
            and uid < coalesce(upper(r), 9223372036854775807) and kind <> 'moved'
        offset 0
    ) e
    union all
    select m.account_id, m.mailbox_id, m.uid, m.content_id, b.highest_modseq, m.internal_date,
        b.deleted_at, m.email_id, m.thread_id, m.size, (m.flags & ~8)::smallint, m.internal_zone,
        m.keywords, m.trace
    from mailboxes b cross join lateral (
        select * from messages_in_v1(p_mailbox, p_uids) offset 0
    ) m
    where b.id = p_mailbox and b.deleted_at is not null and not b.removing
$$;

-- The mailboxes of an account that have a past, and what they are called: a living one by its name, a
-- deleted one, too, unless a later mailbox has that name or had it: then the time of its end is added.
create function past_names_v1(p_account bigint)
returns table (mailbox_id bigint, name text, name_key text)
language sql stable rows 10 as $$
    with named as materialized (
        select b.id, b.name, b.name_key, b.deleted_at, row_number() over (
            partition by b.name_key order by b.deleted_at desc nulls first, b.id desc
        ) as place
        from mailboxes b join accounts a on a.id = b.account_id and a.deleted_at is null
        where b.account_id = p_account and not b.removing
    ), suffixed as (
        select n.*, case when n.place = 1 then '' else to_char(
            n.deleted_at at time zone 'UTC', '" (deleted "YYYY-MM-DD HH24.MI.SS.US")"'
        ) end as suffix
        from named n
    )
    select s.id, s.name || s.suffix, s.name_key || s.suffix from suffixed s
    where exists (
        select from expunged e where e.mailbox_id = s.id and e.kind <> 'moved' offset 0
    ) or s.deleted_at is not null and exists (
        select from messages m where m.mailbox_id = s.id offset 0
    )
$$;

-- Look at the past of a mailbox, so that all that is there has a number. o_box is it as a mailbox; o_is_news
-- is false when it is as it was at p_known, the modseq of a look before: then there are no columns. Neither
-- are there without p_states. o_uids are the numbers, ascending, and o_sources the UIDs that these had.
create function look_at_past_v1(
    p_mailbox bigint, p_name text, p_known bigint, p_states boolean,
    out o_box mailbox_v1, out o_is_news boolean, out o_uids text, out o_sources text,
    out o_flags text, out o_modseqs text, out o_spots text, out o_keywords text
)
language plpgsql volatile as $$
declare
    v_sora sora := sora_now_v1();
    v_box mailboxes;
    v_past pasts;
    v_known int8multirange;
    v_there int8multirange;
    v_new int8multirange;
    v_count bigint;
    v_unseen bigint;
    v_size bigint;
    v_added bigint;
    v_locked boolean := false;
begin
    select * into v_box from mailboxes where id = p_mailbox and not removing;
    if not found then
        return;
    end if;
    loop
        if v_locked then
            select * into v_past from pasts where mailbox_id = p_mailbox for no key update;
        else
            select * into v_past from pasts where mailbox_id = p_mailbox;
        end if;
        select range_agg(r) into v_known
            from past_numbers n cross join unnest(n.uids) r where n.mailbox_id = p_mailbox;
        select range_agg(int8range(uid, uid + 1)), count(*), coalesce(sum(1 - (flags & 1)), 0),
            coalesce(sum(size), 0)
        into v_there, v_count, v_unseen, v_size
        from past_in_v1(p_mailbox, '{[1,)}');
        v_new := coalesce(v_there, '{}') - coalesce(v_known, '{}');
        exit when v_past.epoch = v_sora.epoch and isempty(v_new) and v_past.messages = v_count;
        if v_locked then
            if v_past.epoch <> v_sora.epoch then
                v_past.uidnext := v_past.uidnext + least(
                    (
                        select greatest(sum(uid_jump), v_sora.uid_gap)
                        from epochs where epoch > v_past.epoch
                    ), (4294967295 - v_past.uidnext) / 2
                );
                -- For clocks that differ.
                v_past.highest_modseq := greatest(
                    v_past.highest_modseq, modseq_at_v1(clock_timestamp() + interval '1 minute')
                );
            end if;
            select coalesce(sum(upper(r) - lower(r)), 0) into v_added from unnest(v_new) r;
            update pasts set
                uidnext = v_past.uidnext + v_added, messages = v_count, epoch = v_sora.epoch,
                highest_modseq = next_modseq_v1(v_past.highest_modseq)
            where mailbox_id = p_mailbox returning highest_modseq into v_past.highest_modseq;
            -- What is gone needs no number any more.
            delete from past_numbers n where n.mailbox_id = p_mailbox
                and not n.uids && coalesce(v_there, '{}');
            if v_added > 0 then
                insert into past_numbers (account_id, mailbox_id, first, modseq, uids)
                    values (
                        v_box.account_id, p_mailbox, v_past.uidnext, v_past.highest_modseq, v_new
                    );
            end if;
            v_past.uidnext := v_past.uidnext + v_added;
            exit;
        end if;
        -- Numbers of the epochs before may have been given out, and forgotten with this row.
        insert into pasts (account_id, mailbox_id, uidnext, highest_modseq, epoch)
            select v_box.account_id, p_mailbox, 1 + least(coalesce(sum(uid_jump), 0), 2147483648),
                case when count(*) = 0 then 0
                    else modseq_at_v1(clock_timestamp() + interval '1 minute') end,
                v_sora.epoch
            from epochs where epoch > 1
            on conflict do nothing;
        v_locked := true;
    end loop;
    o_box := row(
        v_box.id, v_box.account_id, p_name, 'P' || substr(v_box.object_id, 2), v_box.uidvalidity,
        v_past.uidnext, v_past.highest_modseq, v_count, v_unseen, 0, v_size, null
    )::mailbox_v1;
    o_is_news := p_known is null or p_known <> v_past.highest_modseq;
    if not p_states or not o_is_news then
        return;
    end if;
    select string_agg(p.number::text, ','), string_agg(p.uid::text, ','),
        string_agg(chr(64 + p.flags), ''), string_agg(p.modseq::text, ','),
        string_agg(p.number || ':' || array_to_string(p.keywords, '.'), ',')
            filter (where p.keywords is not null)
    into o_uids, o_sources, o_flags, o_modseqs, o_spots
    from (
        select r.start + m.uid - r.low as number, m.uid, m.flags, r.modseq, m.keywords
        from (
            select n.modseq, lower(r) as low, upper(r) as high, n.first + coalesce(
                sum(upper(r) - lower(r)) over (
                    partition by n.first order by lower(r)
                    rows between unbounded preceding and 1 preceding
                ), 0
            )::bigint as start
            from past_numbers n cross join unnest(n.uids) r where n.mailbox_id = p_mailbox
        ) r cross join lateral (
            select * from past_in_v1(p_mailbox, int8multirange(int8range(r.low, r.high))) offset 0
        ) m
        order by number
    ) p;
    o_keywords := keywords_from_v1(v_box.account_id, 0);
end
$$;

-- COPY out of the past of a mailbox: to a mailbox that is known by its name, by somebody who need not be
-- its owner (p_asker; null where he is). p_uids are those that the messages had, in the order in which they
-- are copied: all of them, or none (SR007). What a message had it keeps, but for \Deleted; it stays in
-- the past. Rows are locked until the copies are committed: the cleaner passes over them meanwhile.
create function copy_from_past_v1(
    p_source bigint, p_uids bigint[], p_account bigint, p_key text, p_asker bigint,
    p_operation operation_v1,
    out o_mailbox bigint, out o_uidvalidity bigint, out o_before bigint, out o_modseq bigint,
    out o_first bigint, out o_flags text, out o_spots text, out o_keywords text
)
language plpgsql volatile as $$
declare
    v_from bigint;
    v_destination bigint;
    v_mask smallint := 31;
    v_words boolean := true;
    v_rights text;
    v_scope bigint;
    v_set int8multirange := (
        select coalesce(range_agg(int8range(u, u + 1)), '{}') from unnest(p_uids) u
    );
    v_there bytea[];
    v_map integer[];
    v_limits accounts;
    v_source mailboxes;
    v_box mailboxes;
    v_count bigint;
    v_unseen bigint;
    v_size bigint;
begin
    select account_id into v_from from mailboxes where id = p_source and not removing;
    if v_from is null then
        raise exception using errcode = 'SR007',
            message = 'Some of the messages no longer exist; nothing was copied.';
    end if;
    select b.id into v_destination
    from mailboxes b join accounts a on a.id = b.account_id and a.deleted_at is null
    where b.account_id = p_account and b.name_key = p_key and b.deleted_at is null;
    if v_destination is null then
        raise exception using errcode = 'SR001', message = format('There is no mailbox %s.', p_key);
    end if;
    if p_asker is not null then
        v_rights := rights_of_v1(p_account, v_destination, p_asker);
        perform require_right_v1(v_rights, 'i', p_key);
        v_mask := permitted_flags_v1(v_rights);
        v_words := strpos(v_rights, 'w') > 0;
    end if;
    select scope_id into v_scope from accounts where id = p_account
        and scope_id <> (select scope_id from accounts where id = v_from);
    if v_scope is not null then
        v_there := array(
            select hash from contents
            where scope_id = v_scope and state = 'live' and hash in (
                select c.hash from past_in_v1(p_source, v_set) m
                    join contents c on c.id = m.content_id
            ) order by hash for share
        );
    end if;
    if v_from <> p_account then
        v_map := '{}';
        if v_words then
            perform learn_keywords_v1(
                p_account, array_agg(k.name order by k.id), array_agg(k.name_key order by k.id)
            ) from keywords k where k.account_id = v_from and k.id in (
                select unnest(m.keywords) from past_in_v1(p_source, v_set) m
            );
            select coalesce(array_agg(there.id order by here.id), '{}') into v_map
            from keywords here left join keywords there
                on there.account_id = p_account and there.name_key = here.name_key
            where here.account_id = v_from;
        end if;
    end if;
    select * into v_limits from accounts where id = p_account
        and (quota_storage is not null or quota_messages is not null) for no key update;

    -- The source only FOR SHARE, by which a deleted one stays; in the order of the ids.
    if p_source < v_destination then
        select * into v_source from mailboxes where id = p_source for share;
    end if;
    v_box := lock_mailbox_v1(v_destination);
    if p_source > v_destination then
        select * into v_source from mailboxes where id = p_source for share;
    elsif p_source = v_destination then
        v_source := v_box;
    end if;
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'There is no such mailbox.';
    elsif v_source.id is null or v_source.removing then
        raise exception using errcode = 'SR007',
            message = 'Some of the messages no longer exist; nothing was copied.';
    end if;
    perform 1 from expunged where mailbox_id = p_source and uid = any (p_uids)
        order by uid for share;

    if v_scope is not null and exists (
        select from past_in_v1(p_source, v_set) m join contents c on c.id = m.content_id
        where c.hash <> all (v_there)
    ) then
        raise exception using errcode = 'SR011', message = 'The messages are not there yet.';
    end if;
    o_mailbox := v_box.id;
    o_uidvalidity := v_box.uidvalidity;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    o_first := v_box.uidnext;
    with chosen as materialized (
        select m.*, o_first - 1 + u.place as new_uid, m.flags & v_mask as new_flags,
            case when not v_words then null when v_map is null then m.keywords
                else map_keywords_v1(m.keywords, v_map) end as new_keywords,
            content_in_v1(m.content_id, v_scope) as new_content
        from past_in_v1(p_source, v_set) m
            join unnest(p_uids) with ordinality as u (uid, place) on u.uid = m.uid
    ), made as (
        insert into messages (
            account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
            email_id, thread_id, size, flags, internal_zone, keywords, trace
        ) select p_account, v_destination, new_uid, new_content, o_modseq, internal_date, now(),
            email_id, thread_id, size, new_flags, internal_zone, new_keywords, trace
        from chosen order by new_uid
    )
    select count(*), coalesce(sum(1 - (new_flags & 1)), 0), coalesce(sum(size), 0),
        string_agg(chr(64 + new_flags), ''),
        string_agg(new_uid || ':' || array_to_string(new_keywords, '.'), ',')
            filter (where new_keywords is not null)
    into v_count, v_unseen, v_size, o_flags, o_spots
    from (select * from chosen order by new_uid) c;
    if v_count <> cardinality(p_uids) then
        raise exception using errcode = 'SR007',
            message = 'Some of the messages no longer exist; nothing was copied.';
    end if;
    if v_limits.id is not null and not fits_quota_v1(
        p_account, v_limits.quota_storage, v_limits.quota_messages, v_size, v_count
    ) then
        raise exception using errcode = 'SR006', message = 'The account would be over its quota.';
    end if;
    o_keywords := case when o_spots is null then '[]' else keywords_from_v1(p_account, 0) end;
    update mailboxes set
        uidnext = uidnext + v_count, highest_modseq = o_modseq,
        messages = messages + v_count, unseen = unseen + v_unseen, size = size + v_size
    where id = v_destination;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, uids, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, v_destination, o_modseq, o_before, 4,
        int8multirange(int8range(o_first, o_first + v_count)),
        jsonb_build_object('mailbox', p_source, 'sources', v_set, 'past', true),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
end
$$;
