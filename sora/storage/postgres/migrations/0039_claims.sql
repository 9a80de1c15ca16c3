-- What is claimed for upload is what has to be uploaded.
--
-- The version before took a content that is `deleting` as well, gave it to nobody, and renewed its
-- lease. So the lease of an upload that was begun and never finished (the store was away until the
-- message's grace was over) was never over for an hour, and the cleaner, which waits for that, never
-- deleted what the upload may have left in the bucket. And a worker that claims one at a time, to see
-- whether the store is back, got nothing for as long as such a row was the oldest.

create function claim_uploads_v2(p_store text, p_limit integer, p_lease interval)
returns table (
    content_id bigint, object_id uuid, hash bytea, size bigint, attempts integer
)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    return query
        with due as (
            select o.id from objects o join contents c on c.id = o.content_id
            where o.state = 'pending' and o.due_at <= now()
                and c.state = 'live' and c.staging_slot is not null
            order by o.created_at, o.content_id limit p_limit
            for update of o skip locked
        ), taken as (
            update objects o set store = p_store, due_at = now() + p_lease
            from due where o.id = due.id
            returning o.id, o.content_id, o.attempts, o.created_at
        )
        select c.id, t.id, c.hash, c.size, t.attempts
        from taken t join contents c on c.id = t.content_id
        where c.state = 'live' and c.staging_slot is not null
        order by t.created_at, c.id;
end
$$;
