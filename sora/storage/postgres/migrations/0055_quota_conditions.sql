-- Setting limits in the place of those that one knows, so that nobody's change is lost.

-- As set_quota_v1; with p_replaces (octets, messages, mailboxes) only where these are the limits. An
-- account that has the new ones already has got them by this very call, whose answer was lost (G14),
-- or as well might have. Nulls in arrays are equal to each other.
create function set_quota_v2(
    p_account bigint, p_asker bigint,
    p_storage bigint, p_messages bigint, p_mailboxes bigint, p_replaces bigint[]
) returns void
language plpgsql volatile as $$
declare
    v_limits bigint[];
begin
    if p_replaces is not null then
        select array[quota_storage, quota_messages, quota_mailboxes] into v_limits
            from accounts where id = p_account and deleted_at is null for no key update;
        if found and v_limits <> p_replaces
                and v_limits <> array[p_storage, p_messages, p_mailboxes] then
            raise exception using errcode = 'SR021',
                message = 'The limits are others by now.';
        end if;
    end if;
    perform set_quota_v1(p_account, p_asker, p_storage, p_messages, p_mailboxes);
end
$$;
