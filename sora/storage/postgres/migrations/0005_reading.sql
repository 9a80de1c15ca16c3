-- Reading: stable functions, so that all that one call reads is of one moment.
--
-- States of messages travel packed, each column one text: o_uids and o_modseqs with commas between
-- the numbers; o_flags one character for each message, chr(64 + flags); o_spots only for messages
-- that have keywords: uid:number.number, with commas between. That is several times faster for
-- the client to read than a row for each message.

-- A mailbox's row in the order of sora.storage.postgres.packing.MAILBOX.
create type mailbox_v1 as (
    id bigint, account_id bigint, name text, object_id text, uidvalidity bigint, uidnext bigint,
    highest_modseq bigint, messages bigint, unseen bigint, deleted bigint, size bigint,
    special_use text
);

create function mailbox_row_v1(b mailboxes) returns mailbox_v1
language sql immutable as $$
    select row(
        b.id, b.account_id, b.name, b.object_id, b.uidvalidity, b.uidnext, b.highest_modseq,
        b.messages, b.unseen, b.deleted, b.size, b.special_use
    )::mailbox_v1
$$;

-- A mailbox with the states of all its messages; o_box.id is null when there is none.
create function open_v1(
    p_account bigint, p_key text,
    out o_box mailbox_v1, out o_uids text, out o_flags text, out o_modseqs text,
    out o_spots text, out o_keywords text
)
language plpgsql stable as $$
declare
    v_box mailboxes;
begin
    select * into v_box from mailboxes
        where account_id = p_account and name_key = p_key and deleted_at is null;
    if not found then
        return;
    end if;
    o_box := mailbox_row_v1(v_box);
    select string_agg(m.uid::text, ','), string_agg(chr(64 + m.flags), ''),
        string_agg(m.modseq::text, ','),
        string_agg(m.uid || ':' || array_to_string(m.keywords, '.'), ',')
            filter (where m.keywords is not null)
    into o_uids, o_flags, o_modseqs, o_spots
    from (
        select uid, flags, modseq, keywords from messages where mailbox_id = v_box.id order by uid
    ) m;
    o_keywords := keywords_from_v1(p_account, 0);
end
$$;

-- What happened after p_since. o_complete is false when that can no longer be told.
create function changes_v1(
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
    o_complete := p_since <= v_box.highest_modseq
        and not (p_since > v_box.lost_after and p_since < v_box.lost_before)
        and (
            p_since = v_box.highest_modseq
            or greatest(p_since, v_box.created_modseq) >= (select events_horizon from sora)
        );
    if p_since < v_box.highest_modseq and o_complete then
        select range_agg(r) filter (where e.kind in (1, 2, 4, 5)),
            range_agg(r) filter (where e.kind in (1, 4, 5)),
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

-- What an operation did, after its answer was lost (G14). Waits for a transaction that holds the
-- account or one of the mailboxes, and then looks at the newest events.
create function outcome_v1(p_account bigint, p_mailboxes bigint[], p_operation uuid)
returns table (
    mailbox bigint, modseq bigint, before bigint, kind smallint, uids text, detail jsonb
)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    if p_account is not null then
        perform 1 from accounts where id = p_account for share;
    end if;
    perform 1 from mailboxes where id = any (p_mailboxes) order by id for share;
    return query
        select e.mailbox_id, e.modseq, e.before, e.kind, e.uids::text, e.detail
        from mailboxes b join events e on e.mailbox_id = b.id
        where (b.id = any (p_mailboxes) or b.account_id = p_account)
            and e.modseq > modseq_at_v1(now() - interval '1 hour')
            and e.operation = p_operation
        order by e.modseq;
end
$$;

-- The present state of some messages, packed: o_modseqs too.
create function states_v1(
    p_mailbox bigint, p_uids int8multirange,
    out o_uids text, out o_flags text, out o_modseqs text, out o_spots text
)
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
    select string_agg(m.uid::text, ','), string_agg(chr(64 + m.flags), ''),
        string_agg(m.modseq::text, ','),
        string_agg(m.uid || ':' || array_to_string(m.keywords, '.'), ',')
            filter (where m.keywords is not null)
    into o_uids, o_flags, o_modseqs, o_spots
    from (
        select m.uid, m.flags, m.modseq, m.keywords
        from messages_in_v1(p_mailbox, p_uids) m
        order by m.uid
    ) m;
end
$$;

-- A trace that is not all ASCII, as text: we write UTF-8, and it is carried an octet a character.
create function utf8_trace_v1(p_trace text) returns text
language plpgsql immutable as $$
begin
    return convert_from(convert_to(p_trace, 'LATIN1'), 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
    return p_trace;
end
$$;

-- A trace as lines like those of content_texts.header: unfolded, in lower case.
create function trace_lines_v1(p_trace text) returns text
language sql immutable as $$
    select E'\n' || replace(replace(replace(replace(
        case when octet_length(p_trace) = char_length(p_trace) then lower(p_trace collate "C")
            else lower(utf8_trace_v1(p_trace)) end,
        E'\r\n\t', ' '), E'\r\n ', ' '), E'\r', ''), ': ', ':')
$$;

-- Whether the lines of a header have a field p_name (in lower case) whose value has p_text in it.
create function header_has_v1(p_lines text, p_name text, p_text text) returns boolean
language plpgsql immutable as $$
declare
    v_prefix text := p_name || ':';
begin
    if p_lines is null or strpos(p_lines, E'\n' || v_prefix) = 0 then
        return false;
    elsif p_text = '' then
        return true;
    elsif strpos(p_lines, p_text) = 0 then
        return false;
    end if;
    return exists (
        select from unnest(string_to_array(p_lines, E'\n')) line
        where starts_with(line, v_prefix)
            and strpos(substr(line, length(v_prefix) + 1), p_text) > 0
    );
end
$$;
