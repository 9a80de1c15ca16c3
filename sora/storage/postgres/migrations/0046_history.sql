-- What happened, as `events` tell it, and counters that are counted anew.
--
-- Events are found by their mailbox: those of an account are those of the mailboxes that it has, deleted
-- ones too. What is older than the horizon is gone.

create type event_v1 as (
    mailbox_id bigint, name text, modseq bigint, kind smallint, uids text, detail jsonb, at timestamptz,
    actor text, session text, protocol text, address text
);

create function event_row_v1(p_event events, p_name text) returns event_v1
language sql immutable as $$
    select row(
        p_event.mailbox_id, p_name, p_event.modseq, p_event.kind, p_event.uids::text, p_event.detail,
        p_event.at, p_event.actor, p_event.session, p_event.protocol, p_event.address
    )::event_v1
$$;

-- The next p_limit events of an account, the latest first; of these mailboxes or of all; beyond the place
-- (p_modseq, p_mailbox) of the last one that is known; not older than p_since.
create function history_v1(
    p_account bigint, p_mailboxes bigint[], p_modseq bigint, p_mailbox bigint, p_since bigint,
    p_limit integer
) returns setof event_v1
language plpgsql stable as $$
declare
    v_modseq bigint := coalesce(p_modseq, 9223372036854775807);
    v_mailbox bigint := coalesce(p_mailbox, 9223372036854775807);
    v_since bigint := greatest(coalesce(p_since, 0), (select events_horizon from sora));
begin
    return query
        select (event_row_v1(e, b.name)).*
        from mailboxes b cross join lateral (
            select * from events
            where events.mailbox_id = b.id and events.modseq <= v_modseq and events.modseq >= v_since
                and (events.modseq < v_modseq or b.id < v_mailbox)
            order by events.modseq desc limit p_limit
        ) e
        where b.account_id = p_account and (p_mailboxes is null or b.id = any (p_mailboxes))
        order by e.modseq desc, e.mailbox_id desc limit p_limit;
end
$$;

-- The next p_limit events of a mailbox after a modseq, in their order.
create function events_after_v1(p_mailbox bigint, p_modseq bigint, p_limit integer)
returns setof event_v1
language plpgsql stable as $$
begin
    return query
        select (event_row_v1(e, b.name)).*
        from mailboxes b cross join lateral (
            select * from events where events.mailbox_id = b.id and events.modseq > p_modseq
            order by events.modseq limit p_limit
        ) e
        where b.id = p_mailbox order by e.modseq;
end
$$;

-- The events that are about one of these messages (p_boxes and p_uids have the same length), or that made
-- another one of it elsewhere in the account: at most p_limit of either kind.
create function life_v1(p_account bigint, p_boxes bigint[], p_uids bigint[], p_limit integer)
returns setof event_v1
language plpgsql stable as $$
begin
    return query
        with about as (
            select e.event from unnest(p_boxes, p_uids) as p (mailbox, uid) cross join lateral (
                select events as event from events
                where events.mailbox_id = p.mailbox and events.uids @> p.uid
                order by events.modseq desc limit p_limit
            ) e
            limit p_limit
        ), from_there as (
            select e.event from mailboxes b cross join lateral (
                select events as event from events
                where events.mailbox_id = b.id and events.kind in (4, 5, 12) and exists (
                    select from unnest(p_boxes, p_uids) as p (mailbox, uid)
                    where (events.detail->>'mailbox')::bigint = p.mailbox
                        and (events.detail->>'sources')::int8multirange @> p.uid
                )
                order by events.modseq desc limit p_limit
            ) e
            where b.account_id = p_account
            limit p_limit
        ), found as (
            select event from about union select event from from_there
        )
        select (event_row_v1(f.event, b.name)).*
        from found f cross join lateral (
            select mailboxes.name from mailboxes where id = (f.event).mailbox_id offset 0
        ) b
        order by (f.event).modseq, (f.event).mailbox_id;
end
$$;

-- Where in an account the messages with an email id are or were: all that are kept.
create function places_of_v1(p_account bigint, p_email uuid)
returns table (o_mailbox bigint, o_uid bigint)
language plpgsql stable as $$
begin
    return query
        select m.mailbox_id, m.uid from mailboxes b cross join lateral (
            select messages.mailbox_id, messages.uid from messages
            where messages.mailbox_id = b.id and messages.email_id = p_email offset 0
        ) m
        where b.account_id = p_account
        union all
        select e.mailbox_id, e.uid from expunged e
        where e.account_id = p_account and e.email_id = p_email;
end
$$;

-- Count a mailbox anew: its counters as they are, and as its messages say. With p_mend they are made
-- right, under the mailbox's lock; it is only taken when there is something to be mended.
create function recount_v1(p_mailbox bigint, p_mend boolean)
returns table (o_name text, o_is bigint[], o_should bigint[])
language plpgsql volatile as $$
declare
    v_box mailboxes;
begin
    for v_round in 1..2 loop
        -- One statement: the row and the messages are of one moment.
        select b.name, array[b.messages, b.unseen, b.deleted, b.size, b.uidnext, b.highest_modseq],
            array[
                c.messages, c.unseen, c.deleted, c.size, greatest(b.uidnext, c.last_uid + 1),
                greatest(b.highest_modseq, c.last_modseq)
            ]
        into o_name, o_is, o_should
        from mailboxes b cross join lateral (
            select count(*) as messages, coalesce(sum(1 - (m.flags & 1)), 0)::bigint as unseen,
                (coalesce(sum(m.flags & 8), 0) / 8)::bigint as deleted,
                coalesce(sum(m.size), 0)::bigint as size, coalesce(max(m.uid), 0) as last_uid,
                coalesce(max(m.modseq), 0) as last_modseq
            from messages m where m.mailbox_id = b.id
        ) c
        where b.id = p_mailbox and b.deleted_at is null;
        if o_name is null then
            raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
        end if;
        exit when o_is = o_should or not p_mend or v_round = 2;
        v_box := lock_mailbox_v1(p_mailbox);
    end loop;
    if p_mend and o_is <> o_should then
        update mailboxes set messages = o_should[1], unseen = o_should[2], deleted = o_should[3],
            size = o_should[4], uidnext = o_should[5], highest_modseq = o_should[6]
        where id = p_mailbox;
    end if;
    return next;
end
$$;
