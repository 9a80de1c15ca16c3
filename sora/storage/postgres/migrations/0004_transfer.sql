-- COPY and MOVE: see the theory in 0003_writing.sql.
--
-- Both mailboxes are locked in the order of their ids; the source of a COPY only FOR SHARE, so
-- that nothing leaves it meanwhile. The UIDs in the destination follow the order of those in the
-- source. Everything that a message has goes along (G39), with its email id; the save date is new.

-- Copy or move messages between two mailboxes known by id. With p_exact it is an error when one
-- of p_uids is gone (RFC 3501 §6.4.7), without it they are ignored (RFC 6851 §3.3).
create function transfer_between_v1(
    p_source bigint, p_uids int8multirange, p_account bigint, p_destination bigint,
    p_move boolean, p_exact boolean, p_operation operation_v1,
    out o_mailbox bigint, out o_uidvalidity bigint, out o_before bigint, out o_modseq bigint,
    out o_sources text, out o_first bigint, out o_flags text, out o_spots text,
    out o_keywords text,
    out o_source_before bigint, out o_source_modseq bigint, out o_vanished text
)
language plpgsql volatile as $$
declare
    v_from bigint;
    v_map integer[];
    v_limits accounts;
    v_source mailboxes;
    v_box mailboxes;
    v_count bigint;
    v_unseen bigint;
    v_deleted bigint;
    v_size bigint;
    v_ranges int8multirange;
begin
    select account_id into v_from from mailboxes where id = p_source and deleted_at is null;
    if v_from is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    end if;
    if v_from <> p_account then
        v_map := map_for_transfer_v1(v_from, p_account, p_source, p_uids);
    end if;
    if not p_move or v_from <> p_account then
        select * into v_limits from accounts where id = p_account
            and (quota_storage is not null or quota_messages is not null) for no key update;
    end if;

    if p_source < p_destination then
        v_source := lock_source_v1(p_source, p_move);
    end if;
    v_box := lock_mailbox_v1(p_destination);
    if p_source > p_destination then
        v_source := lock_source_v1(p_source, p_move);
    elsif p_source = p_destination then
        v_source := v_box;
    end if;
    if v_source.id is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    elsif v_box.id is null then
        raise exception using errcode = 'SR001', message = 'There is no such mailbox.';
    end if;

    o_mailbox := v_box.id;
    o_uidvalidity := v_box.uidvalidity;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    o_first := v_box.uidnext;
    o_source_before := case when p_source = p_destination then o_modseq
        else v_source.highest_modseq end;
    o_source_modseq := next_modseq_v1(o_source_before);

    if p_move then
        with gone as (
            delete from messages m
            where m.ctid = any (array(select place from places_in_v1(p_source, p_uids)))
            returning m.*
        ), chosen as materialized (
            select *, o_first - 1 + row_number() over (order by uid) as new_uid,
                case when v_map is null then keywords else map_keywords_v1(keywords, v_map) end
                    as new_keywords
            from gone
        ), kept as (
            insert into expunged (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, thread_id, size, flags, internal_zone, keywords, trace,
                expunged_modseq, kind
            ) select account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, thread_id, size, flags, internal_zone, keywords, trace,
                o_source_modseq, 'moved'
            from chosen
        ), made as (
            insert into messages (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, thread_id, size, flags, internal_zone, keywords, trace
            ) select p_account, p_destination, new_uid, content_id, o_modseq, internal_date, now(),
                email_id, thread_id, size, flags, internal_zone, new_keywords, trace
            from chosen order by new_uid
        )
        select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(flags & 8), 0) / 8,
            coalesce(sum(size), 0), range_agg(int8range(uid, uid + 1)),
            string_agg(uid::text, ','), string_agg(chr(64 + flags), ''),
            string_agg(new_uid || ':' || array_to_string(new_keywords, '.'), ',')
                filter (where new_keywords is not null)
        into v_count, v_unseen, v_deleted, v_size, v_ranges, o_sources, o_flags, o_spots
        from (select * from chosen order by uid) c;
    else
        with chosen as materialized (
            select m.*, o_first - 1 + row_number() over (order by m.uid) as new_uid,
                case when v_map is null then m.keywords else map_keywords_v1(m.keywords, v_map) end
                    as new_keywords
            from messages_in_v1(p_source, p_uids) m
        ), made as (
            insert into messages (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, thread_id, size, flags, internal_zone, keywords, trace
            ) select p_account, p_destination, new_uid, content_id, o_modseq, internal_date, now(),
                email_id, thread_id, size, flags, internal_zone, new_keywords, trace
            from chosen order by new_uid
        )
        select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(flags & 8), 0) / 8,
            coalesce(sum(size), 0), range_agg(int8range(uid, uid + 1)),
            string_agg(uid::text, ','), string_agg(chr(64 + flags), ''),
            string_agg(new_uid || ':' || array_to_string(new_keywords, '.'), ',')
                filter (where new_keywords is not null)
        into v_count, v_unseen, v_deleted, v_size, v_ranges, o_sources, o_flags, o_spots
        from (select * from chosen order by uid) c;
    end if;

    if p_exact and v_count <> (select coalesce(sum(upper(r) - lower(r)), 0) from unnest(p_uids) r)
    then
        raise exception using errcode = 'SR007',
            message = 'Some of the messages no longer exist; nothing was copied.';
    end if;
    if v_limits.id is not null and v_count > 0 and not fits_quota_v1(
        p_account, v_limits.quota_storage, v_limits.quota_messages, v_size, v_count
    ) then
        raise exception using errcode = 'SR006', message = 'The account would be over its quota.';
    end if;
    o_vanished := coalesce(v_ranges, '{}')::text;
    o_keywords := case when o_spots is null then '[]' else keywords_from_v1(p_account, 0) end;
    if v_count = 0 then
        o_modseq := o_before;
        o_source_before := v_source.highest_modseq;
        o_source_modseq := v_source.highest_modseq;
        return;
    end if;

    update mailboxes set
        uidnext = uidnext + v_count, highest_modseq = o_modseq,
        messages = messages + v_count, unseen = unseen + v_unseen,
        deleted = deleted + v_deleted, size = size + v_size
    where id = p_destination;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, uids, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, p_destination, o_modseq, o_before, case when p_move then 5 else 4 end,
        int8multirange(int8range(o_first, o_first + v_count)),
        jsonb_build_object('mailbox', p_source, 'sources', v_ranges),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
    if p_move then
        update mailboxes set
            highest_modseq = o_source_modseq,
            messages = messages - v_count, unseen = unseen - v_unseen,
            deleted = deleted - v_deleted, size = size - v_size
        where id = p_source;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, uids, detail,
            operation, actor, session, protocol, address
        ) values (
            v_from, p_source, o_source_modseq, o_source_before, 6, v_ranges,
            jsonb_build_object('mailbox', p_destination, 'first', o_first),
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end if;
end
$$;

-- Lock the mailbox that messages are taken from: to be changed, or only to stay as it is.
create function lock_source_v1(p_mailbox bigint, p_change boolean) returns mailboxes
language plpgsql volatile as $$
declare
    v_box mailboxes;
begin
    if p_change then
        return lock_mailbox_v1(p_mailbox);
    end if;
    select * into v_box from mailboxes where id = p_mailbox and deleted_at is null for share;
    return v_box;
end
$$;

-- Numbers of keywords in another account, as map_keywords_v1 takes them; missing ones are made
-- there. A keyword that comes to the messages after this look fails the transfer with a
-- serialization failure, and it is repeated.
create function map_for_transfer_v1(
    p_from bigint, p_to bigint, p_mailbox bigint, p_uids int8multirange
) returns integer[]
language plpgsql volatile as $$
declare
    v_names text[];
    v_keys text[];
    v_map integer[];
begin
    if (select count(distinct scope_id) from accounts where id in (p_from, p_to)) > 1 then
        raise exception using errcode = 'SR008',
            message = 'Messages cannot be copied between accounts that store their mail apart.';
    end if;
    select array_agg(k.name order by k.id), array_agg(k.name_key order by k.id)
    into v_names, v_keys
    from keywords k where k.account_id = p_from and k.id in (
        select unnest(m.keywords) from messages_in_v1(p_mailbox, p_uids) m
    );
    perform learn_keywords_v1(p_to, v_names, v_keys);
    select array_agg(there.id order by here.id) into v_map
    from keywords here left join keywords there
        on there.account_id = p_to and there.name_key = here.name_key
    where here.account_id = p_from;
    return coalesce(v_map, '{}');
end
$$;

-- COPY and MOVE to a mailbox that is known by its name.
create function transfer_v1(
    p_source bigint, p_uids int8multirange, p_account bigint, p_key text,
    p_move boolean, p_operation operation_v1,
    out o_mailbox bigint, out o_uidvalidity bigint, out o_before bigint, out o_modseq bigint,
    out o_sources text, out o_first bigint, out o_flags text, out o_spots text,
    out o_keywords text,
    out o_source_before bigint, out o_source_modseq bigint, out o_vanished text
)
language plpgsql volatile as $$
declare
    v_destination bigint;
begin
    select b.id into v_destination
    from mailboxes b join accounts a on a.id = b.account_id and a.deleted_at is null
    where b.account_id = p_account and b.name_key = p_key and b.deleted_at is null;
    if v_destination is null then
        raise exception using errcode = 'SR001', message = format('There is no mailbox %s.', p_key);
    end if;
    select t.* into o_mailbox, o_uidvalidity, o_before, o_modseq, o_sources, o_first, o_flags,
        o_spots, o_keywords, o_source_before, o_source_modseq, o_vanished
    from transfer_between_v1(
        p_source, p_uids, p_account, v_destination, p_move, not p_move, p_operation
    ) t;
end
$$;
