-- POP3's maildrops: INBOX as one session sees it, which has it for itself (RFC 1939 §3).
--
-- Who has a maildrop stands in a row: a lease, so that the maildrop of a node that died is free
-- when its lease has run out. What a session does takes place at its end, in one function that
-- first looks whether the lease is still its own (the fence): whoever was taken for dead and is
-- not changes nothing.
--
-- The row of a maildrop is locked after accounts and before mailboxes (0003_writing.sql).

create table maildrops (
    account_id bigint primary key references accounts (id),
    -- Who has it open; null when nobody has.
    session uuid,
    until timestamptz not null,
    opened_at timestamptz not null
) with (fillfactor = 50);

-- Few contents have lines that end in LF alone, or a last line without an end: those whose size
-- on the wire of POP3 is another one.
create index contents_lengthened on contents (id) include (size, size_crlf)
    where size_crlf <> size;

-- Take the lease, and give the list of messages: o_uids, and o_sizes as POP3 counts them, both with
-- commas between. A session that asks again, since the answer was lost, has what it has.
create function open_maildrop_v1(
    p_account bigint, p_key text, p_session uuid, p_lease interval, p_delay interval,
    out o_mailbox bigint, out o_uidvalidity bigint, out o_uids text, out o_sizes text
)
language plpgsql volatile as $$
declare
    v_drop maildrops;
begin
    insert into maildrops as d (account_id, session, until, opened_at)
        values (p_account, p_session, clock_timestamp() + p_lease, clock_timestamp())
        on conflict (account_id) do update set
            session = excluded.session, until = excluded.until, opened_at = excluded.opened_at
        where d.session = excluded.session
            or ((d.session is null or d.until < clock_timestamp())
                and d.opened_at + p_delay <= clock_timestamp());
    if not found then
        select * into v_drop from maildrops where account_id = p_account;
        if v_drop.session is not null and v_drop.until >= clock_timestamp() then
            raise exception using errcode = 'SR009',
                message = 'Another session has this maildrop open';
        end if;
        raise exception using errcode = 'SR020',
            message = 'The last login was too short a time ago';
    end if;
    select id, uidvalidity into o_mailbox, o_uidvalidity from mailboxes
        where account_id = p_account and name_key = p_key and deleted_at is null;
    if not found then
        raise exception using errcode = 'SR001', message = 'There is no INBOX.';
    end if;
    select string_agg(m.uid::text, ','), string_agg((m.size + coalesce(c.more, 0))::text, ',')
    into o_uids, o_sizes
    from (
        select uid, size, content_id from messages where mailbox_id = o_mailbox order by uid
    ) m left join lateral (
        select size_crlf - size as more from contents
        where id = m.content_id and size_crlf <> size
        offset 0
    ) c on true;
end
$$;

-- Keep leases for so much longer; gives those that are still there.
create function renew_maildrops_v1(p_accounts bigint[], p_sessions uuid[], p_lease interval)
returns setof uuid
language sql volatile as $$
    update maildrops d set until = clock_timestamp() + p_lease
    from unnest(p_accounts, p_sessions) as r (account, session)
    where d.account_id = r.account and d.session = r.session
    returning d.session
$$;

create function release_maildrop_v1(p_account bigint, p_session uuid) returns void
language sql volatile as $$
    update maildrops set session = null where account_id = p_account and session = p_session
$$;

-- Remove messages, whatever flags they have.
create function remove_v1(
    p_mailbox bigint, p_uids int8multirange, p_operation operation_v1,
    out o_before bigint, out o_modseq bigint, out o_vanished text
)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
declare
    v_box mailboxes;
    v_count bigint;
    v_unseen bigint;
    v_deleted bigint;
    v_size bigint;
    v_ranges int8multirange;
begin
    v_box := lock_mailbox_v1(p_mailbox);
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    end if;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    with gone as (
        delete from messages m
        where m.ctid = any (array(select place from places_in_v1(p_mailbox, p_uids)))
        returning m.*
    ), kept as (
        insert into expunged (
            account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
            email_id, thread_id, size, flags, internal_zone, keywords, trace,
            expunged_modseq, kind
        ) select account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
            email_id, thread_id, size, flags, internal_zone, keywords, trace,
            o_modseq, 'expunged'
        from gone
    )
    select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(flags & 8), 0) / 8,
        coalesce(sum(size), 0), range_agg(int8range(uid, uid + 1))
    into v_count, v_unseen, v_deleted, v_size, v_ranges from gone;
    if v_count = 0 then
        o_modseq := o_before;
    else
        update mailboxes set highest_modseq = o_modseq, messages = messages - v_count,
            unseen = unseen - v_unseen, deleted = deleted - v_deleted, size = size - v_size
        where id = p_mailbox;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, uids,
            operation, actor, session, protocol, address
        ) values (
            v_box.account_id, p_mailbox, o_modseq, o_before, 3, v_ranges,
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end if;
    o_vanished := coalesce(v_ranges, '{}')::text;
end
$$;

-- The end of a session: messages are marked as seen and removed, and the lease is given back; or,
-- when another session has the maildrop by now, nothing is. What was not to be changed has nulls.
create function quit_maildrop_v1(
    p_account bigint, p_session uuid, p_mailbox bigint,
    p_seen int8multirange, p_gone int8multirange, p_operation operation_v1,
    out o_seen_before bigint, out o_seen_modseq bigint,
    out o_uids text, out o_flags text, out o_spots text,
    out o_before bigint, out o_modseq bigint, out o_vanished text
)
language plpgsql volatile as $$
declare
    v_seen record;
    v_removed record;
begin
    update maildrops set session = null where account_id = p_account and session = p_session;
    if not found then
        raise exception using errcode = 'SR021',
            message = 'Another session has this maildrop by now: nothing was changed';
    end if;
    if not isempty(p_seen) then
        select * into v_seen from store_v1(
            p_mailbox, p_seen, 'add', 1::smallint, '{}', '{}', null, 2147483647, p_operation
        );
        o_seen_before := v_seen.o_before;
        o_seen_modseq := v_seen.o_modseq;
        o_uids := v_seen.o_uids;
        o_flags := v_seen.o_flags;
        o_spots := v_seen.o_spots;
    end if;
    if not isempty(p_gone) then
        select * into v_removed from remove_v1(p_mailbox, p_gone, p_operation);
        o_before := v_removed.o_before;
        o_modseq := v_removed.o_modseq;
        o_vanished := v_removed.o_vanished;
    end if;
end
$$;
