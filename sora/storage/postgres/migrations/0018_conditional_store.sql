-- STORE with UNCHANGEDSINCE that adds or removes flags.
--
-- A message has one modseq, so that a change of any flag of it is a later one. But whoever adds
-- $Junk wants to know whether $Junk was changed, and not whether somebody has read the message
-- meanwhile (RFC 7162 §3.1.12). Which flags a change has touched stands in its event.

-- Those UIDs of p_uids, all of which have changed after p_since, that one of these flags may have
-- changed of; p_ids are the numbers of keywords. All of them where the history does not reach back,
-- or is too long to be read while the mailbox is locked.
create function touched_since_v1(
    p_mailbox mailboxes, p_since bigint, p_uids int8multirange, p_flags smallint, p_ids integer[]
) returns int8multirange
language plpgsql stable as $$
begin
    if greatest(p_since, p_mailbox.created_modseq) < (select events_horizon from sora)
        or (p_since > p_mailbox.lost_after and p_since < p_mailbox.lost_before)
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
            e.kind in (1, 4, 5)
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

-- store_v1 for p_mode add or remove, with p_unchanged. With 0 a keyword must not be there at all,
-- while system flags are always there (RFC 7162 §3.1.3, example 8).
create function store_v2(
    p_mailbox bigint, p_uids int8multirange, p_mode text, p_flags smallint,
    p_names text[], p_keys text[], p_unchanged bigint, p_known integer, p_operation operation_v1,
    out o_before bigint, out o_modseq bigint,
    out o_uids text, out o_flags text, out o_spots text,
    out o_modified text, out o_keywords text
)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
declare
    v_account bigint;
    v_ids integer[];
    v_box mailboxes;
    v_late int8multirange;
    v_modified int8multirange := '{}';
begin
    -- The locks of store_v1, in its order; it finds them taken.
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
    if p_unchanged = 0 and p_flags = 0 then
        select coalesce(range_agg(int8range(m.uid, m.uid + 1)), '{}') into v_modified
        from messages_in_v1(p_mailbox, p_uids) m where m.keywords && v_ids;
    else
        select range_agg(int8range(m.uid, m.uid + 1)) into v_late
        from messages_in_v1(p_mailbox, p_uids) m where m.modseq > p_unchanged;
        if v_late is not null then
            v_modified := touched_since_v1(v_box, p_unchanged, v_late, p_flags, v_ids);
        end if;
    end if;
    select s.o_before, s.o_modseq, s.o_uids, s.o_flags, s.o_spots, s.o_keywords
    into o_before, o_modseq, o_uids, o_flags, o_spots, o_keywords
    from store_v1(
        p_mailbox, p_uids - v_modified, p_mode, p_flags, p_names, p_keys, null, p_known, p_operation
    ) s;
    if not isempty(v_modified) and o_modseq > o_before then
        update events set detail = detail || jsonb_build_object('modified', v_modified)
        where mailbox_id = p_mailbox and modseq = o_modseq;
    end if;
    o_modified := v_modified::text;
end
$$;
