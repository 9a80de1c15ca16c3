-- What vanished: the log that QRESYNC (RFC 7162 §3.2) asks for. It is `events`.

-- Those UIDs of p_known that went after p_since. o_vanished is null where the log does not reach
-- back to p_since any more (G28), or is so long that the answer of one who has no log is had sooner. o_lost says that p_since was never given out, as far as this
-- database knows: it comes from an epoch that was lost, or from one that this database will never
-- have (G70). No row when there is no such mailbox.
--
-- Unlike in changes_v1, what came and went since then is among it: a client may have seen it come
-- after the modseq that it remembers.
create function vanished_v1(
    p_mailbox bigint, p_since bigint, p_known int8multirange,
    out o_vanished text, out o_lost boolean
)
returns setof record
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    v_box mailboxes;
begin
    select * into v_box from mailboxes where id = p_mailbox and deleted_at is null;
    if not found then
        return;
    end if;
    o_lost := p_since > v_box.highest_modseq
        or (p_since > v_box.lost_after and p_since < v_box.lost_before);
    if not o_lost and (
        p_since = v_box.highest_modseq
        or greatest(p_since, v_box.created_modseq) >= (select events_horizon from sora)
    ) and not (
        select count(*) > 20000 from (
            select from events e where e.mailbox_id = p_mailbox and e.modseq > p_since limit 20001
        ) s
    ) then
        select (coalesce(range_agg(r), '{}') * p_known)::text into o_vanished
        from events e, unnest(e.uids) r
        where e.mailbox_id = p_mailbox and e.modseq > p_since
            and e.modseq <= v_box.highest_modseq and e.kind in (3, 6);
    end if;
    return next;
end
$$;
