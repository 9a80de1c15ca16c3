-- What was deleted comes back: messages by batches, mailboxes at once.
--
-- A message that is restored is a new one of its mailbox: it gets the next UID and a modseq, and the
-- save date is now; its old UID never returns (G29). It is the same message in all else: email id,
-- thread, internal date, flags but \Deleted, trace and content. The row goes from `expunged` to
-- `messages` in one statement, so that at each moment one of the two holds the content, as with MOVE
-- (0003_writing.sql); a row that the cleaner has in hand is waited for, and is gone then.
--
-- A mailbox that was deleted still has its messages. When it returns it has another UIDVALIDITY,
-- which only rises (G29), and so another MAILBOXID (RFC 8474 §4.1); its UIDs stay. Messages may also be
-- taken out of it one by one.
--
-- What the cleaner has begun to remove does not come back, not in part either: `mailboxes.removing`.
--
-- Locks: the account if it has limits, both mailboxes by id, then rows of expunged by UID.

-- Of the changes of a mailbox, those that are new messages: now with kind 12, restored.
create or replace function changes_v1(
    p_mailbox bigint, p_since bigint, p_known integer,
    out o_box mailbox_v1, out o_uids text, out o_flags text, out o_modseqs text,
    out o_spots text, out o_vanished text, out o_keywords text, out o_complete boolean
)
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    v_box mailboxes;
    v_changed int8multirange;
    v_came int8multirange;
    v_vanished int8multirange;
begin
    select * into v_box from mailboxes where id = p_mailbox and deleted_at is null;
    if not found then
        return;
    end if;
    o_box := mailbox_row_v1(v_box);
    o_keywords := keywords_from_v1(v_box.account_id, p_known);
    o_complete := not is_lost_v1(v_box, p_since) and (
        p_since = v_box.highest_modseq
        or greatest(p_since, v_box.created_modseq) >= (select events_horizon from sora)
    );
    if p_since < v_box.highest_modseq and o_complete then
        select range_agg(r) filter (where e.kind in (1, 2, 4, 5, 12)),
            range_agg(r) filter (where e.kind in (1, 4, 5, 12)),
            range_agg(r) filter (where e.kind in (3, 6))
        into v_changed, v_came, v_vanished
        from events e, unnest(e.uids) r
        where e.mailbox_id = p_mailbox and e.modseq > p_since
            and e.modseq <= v_box.highest_modseq;
        -- What came and went since then was never there for the caller (G24).
        v_vanished := v_vanished - coalesce(v_came, '{}');
        select string_agg(m.uid::text, ','), string_agg(chr(64 + m.flags), ''),
            string_agg(m.modseq::text, ','),
            string_agg(m.uid || ':' || array_to_string(m.keywords, '.'), ',')
                filter (where m.keywords is not null)
        into o_uids, o_flags, o_modseqs, o_spots
        from (
            select m.uid, m.flags, m.modseq, m.keywords
            from messages_in_v1(p_mailbox, v_changed) m
            order by m.uid
        ) m;
    end if;
    o_vanished := coalesce(v_vanished, '{}')::text;
end
$$;

create or replace function touched_since_v1(
    p_mailbox mailboxes, p_since bigint, p_uids int8multirange, p_flags smallint, p_ids integer[]
) returns int8multirange
language plpgsql stable as $$
begin
    if greatest(p_since, p_mailbox.created_modseq) < (select events_horizon from sora)
        or is_lost_v1(p_mailbox, p_since)
        or (
            select count(*) > 2000 from (
                select from events e
                where e.mailbox_id = p_mailbox.id and e.modseq > p_since limit 2001
            ) s
        )
    then
        return p_uids;
    end if;
    return (
        select coalesce(range_agg(r), '{}') * p_uids
        from events e, unnest(e.uids) r
        where e.mailbox_id = p_mailbox.id and e.modseq > p_since and (
            e.kind in (1, 4, 5, 12)
            or e.kind = 2 and (
                e.detail->>'mode' = 'replace'
                or ((e.detail->>'flags')::integer & p_flags) <> 0
                or exists (
                    select from jsonb_array_elements_text(
                        case jsonb_typeof(e.detail->'keywords') when 'array'
                            then e.detail->'keywords' else '[]' end
                    ) k where k::integer = any (p_ids)
                )
            )
        )
    );
end
$$;

-- ---------------------------------------------------------------- what can come back

-- What an account may get back: the next p_limit messages that are gone, the latest first, and of
-- them those that fit; beyond the place (p_at, p_mailbox, p_uid) of the last one that was looked at. The
-- last row is that of the last one in any case, with o_fits. Texts are folded.
create function gone_v1(
    p_account bigint, p_at timestamptz, p_mailbox bigint, p_uid bigint, p_limit integer,
    p_since timestamptz, p_before timestamptz, p_mailboxes bigint[], p_uids int8multirange,
    p_emails uuid[], p_from text, p_subject text, p_moved boolean
) returns table (
    o_fits boolean, o_at timestamptz, o_mailbox bigint, o_uid bigint, o_name text, o_deleted boolean,
    o_kind text, o_grace_from timestamptz, o_email uuid, o_date timestamptz, o_zone smallint,
    o_size bigint, o_flags smallint, o_keywords text[], o_from text, o_envelope text
)
language plpgsql stable as $$
declare
    v_at timestamptz := coalesce(p_at, 'infinity');
    v_mailbox bigint := coalesce(p_mailbox, 9223372036854775807);
    v_uid bigint := coalesce(p_uid, 9223372036854775807);
    v_since timestamptz := coalesce(p_since, '-infinity');
    v_before timestamptz := coalesce(p_before, 'infinity');
begin
    return query
        with expunged_ones as materialized (
            select e.expunged_at as at, e.mailbox_id, e.uid, e.kind, e.grace_from, e.content_id,
                e.email_id, e.internal_date, e.internal_zone, e.size, e.flags, e.keywords
            from expunged e
            where e.account_id = p_account
                and e.expunged_at >= v_since and e.expunged_at < v_before
                and (e.expunged_at, e.mailbox_id, e.uid) < (v_at, v_mailbox, v_uid)
            order by e.expunged_at desc, e.mailbox_id desc, e.uid desc limit p_limit
        ), left_ones as materialized (
            select b.deleted_at as at, m.mailbox_id, m.uid, 'mailbox deleted' as kind, b.grace_from,
                m.content_id, m.email_id, m.internal_date, m.internal_zone, m.size, m.flags, m.keywords
            from mailboxes b cross join lateral (
                select * from messages
                where messages.mailbox_id = b.id and messages.uid < case
                    when b.deleted_at = v_at and b.id = v_mailbox then v_uid
                    else 9223372036854775807 end
                order by messages.uid desc limit p_limit
            ) m
            where b.account_id = p_account and b.deleted_at is not null
                and b.deleted_at >= v_since and b.deleted_at < v_before
                and (b.deleted_at, b.id) <= (v_at, v_mailbox)
            order by b.deleted_at desc, b.id desc, m.uid desc limit p_limit
        ), page as materialized (
            select * from expunged_ones union all select * from left_ones
            order by at desc, mailbox_id desc, uid desc limit p_limit
        ), looked as (
            select g.*, b.name, b.deleted_at is not null as is_deleted,
                row_number() over (order by g.at, g.mailbox_id, g.uid) = 1 as is_last,
                not b.removing
                and (p_moved or g.kind <> 'moved')
                and (p_mailboxes is null or g.mailbox_id = any (p_mailboxes))
                and (p_uids is null or g.uid <@ p_uids)
                and (p_emails is null or g.email_id = any (p_emails))
                and (p_from is null and p_subject is null or (
                    select strpos(t.from_, coalesce(p_from, '')) > 0
                        and strpos(t.subject, coalesce(p_subject, '')) > 0
                    from content_texts t where t.content_id = g.content_id
                )) as fits
            from page g cross join lateral (
                select * from mailboxes where id = g.mailbox_id offset 0
            ) b
        )
        select coalesce(l.fits, false), l.at, l.mailbox_id, l.uid, l.name, l.is_deleted,
            l.kind, coalesce(l.grace_from, l.at), l.email_id, l.internal_date, l.internal_zone,
            l.size, l.flags, array(
                select k.name from keywords k
                where k.account_id = p_account and k.id = any (l.keywords) order by k.id
            ), c.display_from, c.envelope
        from looked l cross join lateral (
            select contents.display_from, contents.envelope from contents
            where contents.id = l.content_id offset 0
        ) c
        where l.fits or l.is_last
        order by l.at desc, l.mailbox_id desc, l.uid desc;
end
$$;

-- ---------------------------------------------------------------- messages

-- Lock a mailbox that messages are taken from, live or deleted; its row has only nulls when there is
-- none, or when it is being removed.
create function lock_remains_v1(p_mailbox bigint) returns mailboxes
language plpgsql volatile as $$
declare
    v_box mailboxes;
begin
    select * into v_box from mailboxes where id = p_mailbox and not removing for no key update;
    return v_box;
end
$$;

-- Places in `expunged` of some messages of a mailbox, locked in the order of UIDs; what is not there
-- any more when its lock comes is left out.
create function lock_expunged_v1(p_mailbox bigint, p_uids bigint[]) returns tid[]
language plpgsql volatile as $$
begin
    return array(
        select e.place from unnest(p_uids) u (uid) cross join lateral (
            select expunged.ctid as place from expunged
            where expunged.mailbox_id = p_mailbox and expunged.uid = u.uid for update
        ) e
    );
end
$$;

-- Bring messages back that were expunged from a mailbox, or are in one that was deleted, into a live
-- mailbox of the same account. p_uids ascend. Those that are not there (any more) are left out;
-- o_sources has those that were. A quota does not keep them off: o_over says that the account has more
-- than it may now.
create function restore_v1(
    p_source bigint, p_uids bigint[], p_destination bigint, p_operation operation_v1,
    out o_uidvalidity bigint, out o_before bigint, out o_modseq bigint,
    out o_sources text, out o_first bigint, out o_flags text, out o_spots text,
    out o_keywords text, out o_over boolean
)
language plpgsql volatile as $$
declare
    v_account bigint;
    v_limits accounts;
    v_source mailboxes;
    v_box mailboxes;
    v_places tid[];
    v_left tid[] := '{}';
    v_modseq bigint;
    v_count bigint;
    v_unseen bigint;
    v_size bigint;
    v_ranges int8multirange;
    v_moved bigint;
    v_moved_unseen bigint;
    v_moved_deleted bigint;
    v_moved_size bigint;
    v_moved_ranges int8multirange;
begin
    select b.account_id into v_account
        from mailboxes b join accounts a on a.id = b.account_id and a.deleted_at is null
        where b.id = p_destination and b.deleted_at is null;
    if v_account is null then
        raise exception using errcode = 'SR001', message = 'There is no such mailbox.';
    end if;
    select * into v_limits from accounts where id = v_account
        and (quota_storage is not null or quota_messages is not null) for no key update;

    if p_source < p_destination then
        v_source := lock_remains_v1(p_source);
    end if;
    v_box := lock_mailbox_v1(p_destination);
    if p_source > p_destination then
        v_source := lock_remains_v1(p_source);
    elsif p_source = p_destination then
        v_source := v_box;
    end if;
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'There is no such mailbox.';
    elsif v_source.id is null or v_source.account_id <> v_account then
        raise exception using errcode = 'SR001',
            message = 'What was in the mailbox is removed, or is being removed.';
    end if;

    v_places := lock_expunged_v1(p_source, p_uids);
    if v_source.deleted_at is not null then
        -- Nobody but the cleaner touches them, and it needs the mailbox's lock.
        v_left := array(
            select m.place from unnest(p_uids) u (uid) cross join lateral (
                select messages.ctid as place from messages
                where messages.mailbox_id = p_source and messages.uid = u.uid offset 0
            ) m
        );
    end if;
    o_uidvalidity := v_box.uidvalidity;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    o_first := v_box.uidnext;
    with expunged_ones as (
        delete from expunged where ctid = any (v_places) returning *
    ), left_ones as (
        delete from messages where ctid = any (v_left) returning *
    ), found as (
        select uid, content_id, internal_date, email_id, thread_id, size, flags, internal_zone,
            keywords, trace, false as is_left
        from expunged_ones
        union all
        select uid, content_id, internal_date, email_id, thread_id, size, flags, internal_zone,
            keywords, trace, true
        from left_ones
    ), chosen as materialized (
        select *, o_first - 1 + row_number() over (order by uid) as new_uid,
            (flags & ~8)::smallint as new_flags
        from found
    ), made as (
        insert into messages (
            account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
            email_id, thread_id, size, flags, internal_zone, keywords, trace
        ) select v_account, p_destination, new_uid, content_id, o_modseq, internal_date, now(),
            email_id, thread_id, size, new_flags, internal_zone, keywords, trace
        from chosen order by new_uid
    )
    select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(size), 0),
        range_agg(int8range(uid, uid + 1)),
        string_agg(uid::text, ','), string_agg(chr(64 + new_flags), ''),
        string_agg(new_uid || ':' || array_to_string(keywords, '.'), ',')
            filter (where keywords is not null),
        count(*) filter (where is_left), coalesce(sum(1 - (flags & 1)) filter (where is_left), 0),
        coalesce(sum(flags & 8) filter (where is_left), 0) / 8,
        coalesce(sum(size) filter (where is_left), 0),
        range_agg(int8range(uid, uid + 1)) filter (where is_left)
    into v_count, v_unseen, v_size, v_ranges, o_sources, o_flags, o_spots,
        v_moved, v_moved_unseen, v_moved_deleted, v_moved_size, v_moved_ranges
    from (select * from chosen order by uid) c;
    o_keywords := case when o_spots is null then '[]' else keywords_from_v1(v_account, 0) end;
    o_over := false;
    if v_count = 0 then
        o_modseq := o_before;
        return;
    end if;

    update mailboxes set
        uidnext = uidnext + v_count, highest_modseq = o_modseq,
        messages = messages + v_count, unseen = unseen + v_unseen, size = size + v_size
    where id = p_destination;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, uids, detail,
        operation, actor, session, protocol, address
    ) values (
        v_account, p_destination, o_modseq, o_before, 12,
        int8multirange(int8range(o_first, o_first + v_count)),
        jsonb_build_object('mailbox', p_source, 'sources', v_ranges),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
    if v_moved > 0 then
        v_modseq := next_modseq_v1(v_source.highest_modseq);
        update mailboxes set
            highest_modseq = v_modseq, messages = messages - v_moved,
            unseen = unseen - v_moved_unseen, deleted = deleted - v_moved_deleted,
            size = size - v_moved_size
        where id = p_source;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, uids, detail,
            operation, actor, session, protocol, address
        ) values (
            v_account, p_source, v_modseq, v_source.highest_modseq, 6, v_moved_ranges,
            jsonb_build_object('mailbox', p_destination, 'first', o_first),
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end if;
    o_over := v_limits.id is not null and not fits_quota_v1(
        v_account, v_limits.quota_storage, v_limits.quota_messages, 0, 0
    );
end
$$;

-- ---------------------------------------------------------------- mailboxes

-- Bring a deleted mailbox back with all that is in it, under a name that is free. Rights that others had
-- on it are gone; its special use stays if no other mailbox has it now.
create function restore_mailbox_v1(
    p_account bigint, p_mailbox bigint, p_name text, p_superiors text[], p_operation operation_v1
) returns mailbox_v1
language plpgsql volatile as $$
declare
    v_sora sora := sora_now_v1();
    v_box mailboxes;
    v_validity bigint;
    v_before bigint;
    v_modseq bigint;
begin
    perform lock_names_v1(p_account);
    if exists (select from mailboxes where account_id = p_account
        and name_key = p_name and deleted_at is null)
    then
        raise exception using errcode = 'SR002',
            message = format('The mailbox %s exists already.', p_name);
    end if;
    select * into v_box from mailboxes
        where id = p_mailbox and account_id = p_account and deleted_at is not null
        for no key update;
    if not found then
        raise exception using errcode = 'SR001', message = 'There is no such deleted mailbox.';
    end if;
    if v_box.epoch <> v_sora.epoch then
        v_box := renew_mailbox_v1(v_box, v_sora);
    end if;
    perform add_superiors_v1(p_account, p_superiors, p_operation);
    update accounts set
        next_uidvalidity = greatest(
            next_uidvalidity, extract(epoch from now())::bigint, v_sora.uidvalidity_from
        ) + 1
    where id = p_account returning next_uidvalidity - 1 into v_validity;
    v_before := v_box.highest_modseq;
    v_modseq := next_modseq_v1(v_before);
    update mailboxes set
        deleted_at = null, grace_from = null, name = p_name, name_key = p_name,
        uidvalidity = v_validity, object_id = 'M' || replace(gen_random_uuid()::text, '-', ''),
        highest_modseq = v_modseq, recent_owner = null, recent_turn = recent_turn + 1,
        special_use = case when not exists (
            select from mailboxes o where o.account_id = p_account
                and o.special_use = v_box.special_use and o.deleted_at is null
        ) then v_box.special_use end
    where id = p_mailbox returning * into v_box;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, p_mailbox, v_modseq, v_before, 12, jsonb_build_object('name', p_name),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
    return mailbox_row_v1(v_box);
end
$$;
