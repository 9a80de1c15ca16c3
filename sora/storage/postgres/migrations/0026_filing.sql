-- What filters at delivery know of a recipient's mailboxes besides their names: which of them are for
-- what (RFC 6154), and their ids (RFC 8474).
create function recipient_filing_v1(
    p_account bigint,
    out o_uses text[], out o_used_ids bigint[], out o_objects text[], out o_object_ids bigint[]
)
language plpgsql stable as $$
begin
    select array_agg(special_use order by id) filter (where special_use is not null),
        array_agg(id order by id) filter (where special_use is not null),
        array_agg(object_id order by id), array_agg(id order by id)
    into o_uses, o_used_ids, o_objects, o_object_ids
    from mailboxes where account_id = p_account and deleted_at is null;
end
$$;
