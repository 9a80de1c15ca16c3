-- Messages of a mailbox, live or expunged, by the UIDs that they have or had: what an operator wants to
-- see of them. Those that are not kept any more are left out.
create function described_v1(p_mailbox bigint, p_uids bigint[]) returns table (
    o_uid bigint, o_gone boolean, o_email uuid, o_date timestamptz, o_zone smallint, o_size bigint,
    o_flags smallint, o_keywords integer[], o_from text, o_envelope text
)
language plpgsql stable as $$
begin
    return query
        select u.uid, k.gone, k.email_id, k.internal_date, k.internal_zone, k.size, k.flags, k.keywords,
            c.display_from, c.envelope
        from unnest(p_uids) u (uid) cross join lateral (
            select false as gone, m.content_id, m.email_id, m.internal_date, m.internal_zone, m.size,
                m.flags, m.keywords
            from messages m where m.mailbox_id = p_mailbox and m.uid = u.uid
            union all
            select true, e.content_id, e.email_id, e.internal_date, e.internal_zone, e.size,
                e.flags, e.keywords
            from expunged e where e.mailbox_id = p_mailbox and e.uid = u.uid
            offset 0
        ) k cross join lateral (
            select contents.display_from, contents.envelope from contents
            where contents.id = k.content_id offset 0
        ) c
        order by u.uid;
end
$$;
