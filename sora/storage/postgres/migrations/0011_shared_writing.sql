-- Writing into mailboxes of others: see the theory in 0003_writing.sql, and 0008_sharing.sql for
-- rights.
--
-- One's own mailboxes are written with the functions of 0003_writing.sql and 0004_transfer.sql,
-- which know nothing of rights. These look at the rights in the transaction that writes.

-- ---------------------------------------------------------------- store

create function new_flags_among_v1(
    p_mode text, p_old smallint, p_flags smallint, p_among smallint
) returns smallint
language sql immutable as $$
    select (case p_mode when 'add' then p_old | p_flags when 'remove' then p_old & ~p_flags
        else (p_old & ~p_among) | (p_flags & p_among) end)::smallint
$$;

create function new_keywords_among_v1(
    p_mode text, p_old integer[], p_ids integer[], p_words boolean
) returns integer[]
language sql immutable as $$
    select case when p_words then new_keywords_v1(p_mode, p_old, p_ids) else p_old end
$$;

-- STORE by somebody who may not change all flags: store_v1, but that a replacement leaves the
-- system flags alone that are not in p_among, and keywords without p_words.
create function store_among_v1(
    p_mailbox bigint, p_uids int8multirange, p_mode text, p_flags smallint,
    p_names text[], p_keys text[], p_among smallint, p_words boolean,
    p_unchanged bigint, p_known integer, p_operation operation_v1,
    out o_before bigint, out o_modseq bigint,
    out o_uids text, out o_flags text, out o_spots text,
    out o_modified text, out o_keywords text
)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
declare
    v_account bigint;
    v_ids integer[];
    v_box mailboxes;
    v_count bigint;
    v_unseen bigint;
    v_deleted bigint;
    v_ranges int8multirange;
    v_modified int8multirange;
    v_was json;
begin
    select account_id into v_account from mailboxes where id = p_mailbox and deleted_at is null;
    if p_mode = 'remove' then
        select coalesce(array_agg(id), '{}') into v_ids from keywords
            where account_id = v_account and name_key = any (p_keys);
    elsif v_account is not null then
        v_ids := learn_keywords_v1(v_account, p_names, p_keys);
    end if;
    v_box := lock_mailbox_v1(p_mailbox);
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    end if;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    if p_unchanged is not null then
        select range_agg(int8range(m.uid, m.uid + 1)) into v_modified
        from messages_in_v1(p_mailbox, p_uids) m
        where m.modseq > p_unchanged;
    end if;
    with old as materialized (
        select m.place, m.uid, m.flags, m.keywords,
            new_flags_among_v1(p_mode, m.flags, p_flags, p_among) as new_flags,
            new_keywords_among_v1(p_mode, m.keywords, v_ids, p_words) as new_keywords
        from places_in_v1(p_mailbox, p_uids) m
        where (p_unchanged is null or m.modseq <= p_unchanged) and (
            new_flags_among_v1(p_mode, m.flags, p_flags, p_among) <> m.flags
            or new_keywords_among_v1(p_mode, m.keywords, v_ids, p_words)
                is distinct from m.keywords
        )
    ), changed as (
        update messages m set
            flags = new_flags_among_v1(p_mode, m.flags, p_flags, p_among),
            keywords = new_keywords_among_v1(p_mode, m.keywords, v_ids, p_words),
            modseq = o_modseq
        where m.ctid = any (array(select place from old))
    )
    select count(*), coalesce(sum((o.flags & 1) - (o.new_flags & 1)), 0),
        coalesce(sum((o.new_flags & 8) - (o.flags & 8)), 0) / 8,
        range_agg(int8range(o.uid, o.uid + 1)),
        string_agg(o.uid::text, ','), string_agg(chr(64 + o.new_flags), ''),
        string_agg(o.uid || ':' || array_to_string(o.new_keywords, '.'), ',')
            filter (where o.new_keywords is not null),
        (select json_agg(w) from (
            select flags, keywords, range_agg(int8range(uid, uid + 1)) as uids
            from old group by flags, keywords limit 100) w)
    into v_count, v_unseen, v_deleted, v_ranges, o_uids, o_flags, o_spots, v_was
    from (select * from old order by uid) o;
    if v_count = 0 then
        o_modseq := o_before;
    else
        update mailboxes set highest_modseq = o_modseq, unseen = unseen + v_unseen,
            deleted = deleted + v_deleted
        where id = p_mailbox;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, uids, detail,
            operation, actor, session, protocol, address
        ) values (
            v_account, p_mailbox, o_modseq, o_before, 2, v_ranges,
            jsonb_build_object(
                'mode', p_mode, 'flags', p_flags, 'keywords', v_ids,
                'was', v_was, 'modified', v_modified
            ),
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end if;
    o_modified := coalesce(v_modified, '{}')::text;
    o_keywords := keywords_from_v1(v_account, p_known);
end
$$;

-- The system flags of a message, as this transaction left them.
create function flags_at_v1(p_mailbox bigint, p_uid bigint) returns smallint
language plpgsql volatile as $$
begin
    return (select flags from messages where mailbox_id = p_mailbox and uid = p_uid);
end
$$;

-- ---------------------------------------------------------------- copy, move

-- The contents of some messages as they are live in another scope, locked FOR SHARE: their hashes.
create function share_contents_v1(p_scope bigint, p_mailbox bigint, p_uids int8multirange)
returns bytea[]
language plpgsql volatile as $$
declare
    v_hashes bytea[];
begin
    select array_agg(distinct c.hash) into v_hashes
        from messages_in_v1(p_mailbox, p_uids) m join contents c on c.id = m.content_id;
    return array(
        select hash from contents
        where scope_id = p_scope and state = 'live' and hash = any (v_hashes)
        order by hash for share
    );
end
$$;

-- The same content in a scope, in which it is known to be; null is the scope where it is.
create function content_in_v1(p_content bigint, p_scope bigint) returns bigint
language plpgsql stable as $$
begin
    if p_scope is null then
        return p_content;
    end if;
    return (
        select there.id from contents here join contents there
            on there.scope_id = p_scope and there.hash = here.hash and there.state = 'live'
        where here.id = p_content
    );
end
$$;

-- map_for_transfer_v1 for accounts that may store their mail apart; without p_words no keyword is
-- going to be there.
create function map_keywords_of_v1(
    p_from bigint, p_to bigint, p_mailbox bigint, p_uids int8multirange, p_words boolean
) returns integer[]
language plpgsql volatile as $$
declare
    v_names text[];
    v_keys text[];
    v_map integer[];
begin
    if not p_words then
        return '{}';
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

-- transfer_between_v1 where not all is one's own. p_rights are those of who does it on the
-- destination: of the flags those go along that they allow (RFC 4314 §4). Between accounts that
-- store their mail apart, the contents have to be in both places already; SR011 says that they are
-- not. With p_exact it is an error when one of p_uids is gone (RFC 3501 §6.4.7), without it they
-- are ignored (RFC 6851 §3.3).
create function transfer_across_v1(
    p_source bigint, p_uids int8multirange, p_account bigint, p_destination bigint,
    p_move boolean, p_exact boolean, p_rights text, p_operation operation_v1,
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
    v_scope bigint;
    v_there bytea[];
    v_mask smallint := permitted_flags_v1(p_rights);
    v_words boolean := strpos(p_rights, 'w') > 0;
    v_new_unseen bigint;
    v_new_deleted bigint;
begin
    select account_id into v_from from mailboxes where id = p_source and deleted_at is null;
    if v_from is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    end if;
    select scope_id into v_scope from accounts where id = p_account
        and scope_id <> (select scope_id from accounts where id = v_from);
    if v_scope is not null then
        v_there := share_contents_v1(v_scope, p_source, p_uids);
    end if;
    if v_from <> p_account then
        v_map := map_keywords_of_v1(v_from, p_account, p_source, p_uids, v_words);
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

    -- Before anybody carries bytes for nothing.
    if v_scope is not null and v_limits.id is not null and not (
        select fits_quota_v1(
            p_account, v_limits.quota_storage, v_limits.quota_messages,
            coalesce(sum(m.size), 0)::bigint, count(*)
        ) from messages_in_v1(p_source, p_uids) m
    ) then
        raise exception using errcode = 'SR006', message = 'The account would be over its quota.';
    end if;
    if v_scope is not null and exists (
        select from messages_in_v1(p_source, p_uids) m join contents c on c.id = m.content_id
        where c.hash <> all (v_there)
    ) then
        raise exception using errcode = 'SR011', message = 'The messages are not there yet.';
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
                flags & v_mask as new_flags,
                case when not v_words then null when v_map is null then keywords
                    else map_keywords_v1(keywords, v_map) end as new_keywords,
                content_in_v1(content_id, v_scope) as new_content
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
            ) select p_account, p_destination, new_uid, new_content, o_modseq, internal_date, now(),
                email_id, thread_id, size, new_flags, internal_zone, new_keywords, trace
            from chosen order by new_uid
        )
        select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(flags & 8), 0) / 8,
            coalesce(sum(1 - (new_flags & 1)), 0), coalesce(sum(new_flags & 8), 0) / 8,
            coalesce(sum(size), 0), range_agg(int8range(uid, uid + 1)),
            string_agg(uid::text, ','), string_agg(chr(64 + new_flags), ''),
            string_agg(new_uid || ':' || array_to_string(new_keywords, '.'), ',')
                filter (where new_keywords is not null)
        into v_count, v_unseen, v_deleted, v_new_unseen, v_new_deleted, v_size, v_ranges,
            o_sources, o_flags, o_spots
        from (select * from chosen order by uid) c;
    else
        with chosen as materialized (
            select m.*, o_first - 1 + row_number() over (order by m.uid) as new_uid,
                m.flags & v_mask as new_flags,
                case when not v_words then null when v_map is null then m.keywords
                    else map_keywords_v1(m.keywords, v_map) end as new_keywords,
                content_in_v1(m.content_id, v_scope) as new_content
            from messages_in_v1(p_source, p_uids) m
        ), made as (
            insert into messages (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, thread_id, size, flags, internal_zone, keywords, trace
            ) select p_account, p_destination, new_uid, new_content, o_modseq, internal_date, now(),
                email_id, thread_id, size, new_flags, internal_zone, new_keywords, trace
            from chosen order by new_uid
        )
        select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(flags & 8), 0) / 8,
            coalesce(sum(1 - (new_flags & 1)), 0), coalesce(sum(new_flags & 8), 0) / 8,
            coalesce(sum(size), 0), range_agg(int8range(uid, uid + 1)),
            string_agg(uid::text, ','), string_agg(chr(64 + new_flags), ''),
            string_agg(new_uid || ':' || array_to_string(new_keywords, '.'), ',')
                filter (where new_keywords is not null)
        into v_count, v_unseen, v_deleted, v_new_unseen, v_new_deleted, v_size, v_ranges,
            o_sources, o_flags, o_spots
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
        messages = messages + v_count, unseen = unseen + v_new_unseen,
        deleted = deleted + v_new_deleted, size = size + v_size
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

-- COPY and MOVE to a mailbox that is known by its name, by somebody who need not be its owner.
create function transfer_v2(
    p_source bigint, p_uids int8multirange, p_account bigint, p_key text, p_asker bigint,
    p_move boolean, p_operation operation_v1,
    out o_mailbox bigint, out o_uidvalidity bigint, out o_before bigint, out o_modseq bigint,
    out o_sources text, out o_first bigint, out o_flags text, out o_spots text,
    out o_keywords text,
    out o_source_before bigint, out o_source_modseq bigint, out o_vanished text
)
language plpgsql volatile as $$
declare
    v_destination bigint;
    v_rights text;
begin
    select b.id into v_destination
    from mailboxes b join accounts a on a.id = b.account_id and a.deleted_at is null
    where b.account_id = p_account and b.name_key = p_key and b.deleted_at is null;
    if v_destination is null then
        raise exception using errcode = 'SR001', message = format('There is no mailbox %s.', p_key);
    end if;
    v_rights := rights_of_v1(p_account, v_destination, p_asker);
    perform require_right_v1(v_rights, 'i', p_key);
    select t.* into o_mailbox, o_uidvalidity, o_before, o_modseq, o_sources, o_first, o_flags,
        o_spots, o_keywords, o_source_before, o_source_modseq, o_vanished
    from transfer_across_v1(
        p_source, p_uids, p_account, v_destination, p_move, not p_move, v_rights, p_operation
    ) t;
end
$$;
