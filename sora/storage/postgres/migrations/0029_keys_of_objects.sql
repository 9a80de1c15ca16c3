-- As finish_uploads_v1, with the key that encrypted the objects.
create function finish_uploads_v2(
    p_objects uuid[], p_stored bigint[], p_checksums text[], p_key text
) returns setof uuid
language plpgsql volatile as $$
declare
    v_contents bigint[];
begin
    -- Contents by hash before objects, as everywhere.
    select array_agg(held.id) into v_contents from (
        select c.id from contents c
        where c.id in (select o.content_id from objects o where o.id = any (p_objects))
        order by c.hash, c.scope_id
        for no key update skip locked
    ) held;
    return query
        with done as (
            update objects o
            set state = 'stored', stored_size = d.stored, checksum = d.checksum, key_id = p_key
            from unnest(p_objects, p_stored, p_checksums) as d (id, stored, checksum)
            where o.id = d.id and o.content_id = any (v_contents) and o.state = 'pending'
            returning o.id, o.content_id
        ), ended as (
            update contents set staging_slot = null
            where id in (select content_id from done)
        ) select id from done;
end
$$;
