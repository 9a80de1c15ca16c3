-- POP3's login, for who comes again every few minutes. The list of a large INBOX takes ten times as
-- long as all the rest of the login, and is mostly the one that the process has made last time.
--
-- UIDs only rise, so of the UIDs up to one that was the highest, messages can but go. When there
-- are as many of them as there were, they are the same ones, and how many there are tell the counter of
-- the mailbox and what has come since. Of another epoch, whose past may be another one, nothing
-- counts (0030_epochs.sql).

-- As open_maildrop_v1. The caller may know the list as it was: that of p_mailbox with
-- p_uidvalidity and p_epoch at p_modseq, of p_count messages up to p_uid. When these are the same
-- ones still, o_goes_on is true, and o_uids and o_sizes are only what has come since.
--
-- The lease does not wait for the disk. When it is lost with the database, the session finds out when
-- it renews it; what it does takes place at its end, and only while the lease is there (the fence).
create function open_maildrop_v2(
    p_account bigint, p_key text, p_session uuid, p_lease interval, p_delay interval,
    p_mailbox bigint, p_uidvalidity bigint, p_epoch integer, p_modseq bigint,
    p_uid bigint, p_count bigint,
    out o_mailbox bigint, out o_uidvalidity bigint, out o_epoch integer, out o_modseq bigint,
    out o_goes_on boolean, out o_uids text, out o_sizes text
)
language plpgsql volatile as $$
declare
    v_drop maildrops;
    v_after bigint := coalesce(p_uid, 0);
begin
    perform set_config('synchronous_commit', 'off', true);
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
    loop
        -- The counter and the messages as they were at one moment: one statement.
        select b.id, b.uidvalidity, b.epoch, b.highest_modseq,
            b.id = p_mailbox and b.uidvalidity = p_uidvalidity and b.epoch = p_epoch
                and b.epoch = s.epoch and b.highest_modseq >= p_modseq
                and b.messages = p_count + n.count,
            n.uids, n.sizes
        into o_mailbox, o_uidvalidity, o_epoch, o_modseq, o_goes_on, o_uids, o_sizes
        from mailboxes b cross join sora s cross join lateral (
            select count(*) as count, string_agg(m.uid::text, ',') as uids,
                string_agg((m.size + coalesce(c.more, 0))::text, ',') as sizes
            from (
                select uid, size, content_id from messages
                where mailbox_id = b.id and uid > v_after
                order by uid
            ) m left join lateral (
                select size_crlf - size as more from contents
                where id = m.content_id and size_crlf <> size
                offset 0
            ) c on true
        ) n
        where b.account_id = p_account and b.name_key = p_key and b.deleted_at is null;
        if not found then
            raise exception using errcode = 'SR001', message = 'There is no INBOX.';
        end if;
        o_goes_on := coalesce(o_goes_on, false);
        exit when o_goes_on or v_after = 0;
        v_after := 0;
    end loop;
end
$$;
