-- Which mailboxes are due for the index of words. Whoever fills one knows it, and names it: all
-- mailboxes of a large database are looked at only now and then.

-- As claim_indexing_v1; with p_among only these are looked at, by their ids.
create function claim_indexing_v2(
    p_among bigint[], p_least integer, p_limit integer, p_lease interval
) returns table (account_id bigint, mailbox_id bigint, indexed_uid bigint)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    if p_among is null then
        return query select * from claim_indexing_v1(p_least, p_limit, p_lease);
        return;
    end if;
    return query
        with due as (
            select b.account_id, b.id, b.indexed_uid
            from (select distinct unnest(p_among) as id) w join mailboxes b on b.id = w.id
                left join search_leases l on l.mailbox_id = b.id
            where b.deleted_at is null and b.messages >= p_least
                and b.uidnext > b.indexed_uid + p_least
                and (l.until is null or l.until < now())
                and (select count(*) from (
                    select from messages m where m.mailbox_id = b.id and m.uid > b.indexed_uid
                        and m.uid < 9223372036854775807
                    limit p_least
                ) above) >= p_least
            limit p_limit
        ), taken as (
            insert into search_leases as l (account_id, mailbox_id, until)
            select d.account_id, d.id, now() + p_lease from due d order by d.id
            on conflict (mailbox_id) do update set until = excluded.until where l.until < now()
            returning l.mailbox_id
        ) select d.account_id, d.id, d.indexed_uid from due d join taken t on t.mailbox_id = d.id;
end
$$;
