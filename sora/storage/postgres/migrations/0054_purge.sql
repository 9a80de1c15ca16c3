-- The grace of a deleted account is over: it is the next that is removed, by the cleaner or by whoever
-- wants to wait for it. Until that has begun it can still be restored.
create function purge_account_v1(p_key text) returns void
language plpgsql volatile as $$
begin
    update accounts set deleted_at = '1900-01-01 00:00+00'
        where id = account_of_v1(p_key) and deleted_at is not null;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no deleted account %s.', p_key);
    end if;
end
$$;
