-- Quotas (RFC 9208): limits of an account, all of its mailboxes together.
--
-- What is counted are the counters of the mailboxes (G16). Whoever adds to an account that has
-- limits holds the lock of its row while he counts and until he has added, so that two who add at
-- the same time cannot pass a limit together (place_v1, transfer_between_v1; here for mailboxes).

alter table accounts
    add column quota_mailboxes bigint check (quota_mailboxes >= 0),
    -- Whether its user may set the quotas of his domain (SETQUOTA).
    add column sets_quota boolean not null default false;

create function quota_v1(
    p_account bigint,
    out o_storage bigint, out o_messages bigint, out o_mailboxes bigint,
    out o_storage_limit bigint, out o_messages_limit bigint, out o_mailboxes_limit bigint
)
language plpgsql stable as $$
begin
    select quota_storage, quota_messages, quota_mailboxes
    into o_storage_limit, o_messages_limit, o_mailboxes_limit
    from accounts where id = p_account and deleted_at is null;
    if not found then
        raise exception using errcode = 'SR005', message = 'There is no such account.';
    end if;
    select coalesce(sum(size), 0), coalesce(sum(messages), 0), count(*)
    into o_storage, o_messages, o_mailboxes
    from mailboxes where account_id = p_account and deleted_at is null;
end
$$;

-- Set all limits; null is none. A null p_asker is an operator.
create function set_quota_v1(
    p_account bigint, p_asker bigint,
    p_storage bigint, p_messages bigint, p_mailboxes bigint
) returns void
language plpgsql volatile as $$
begin
    if p_asker is not null and not exists (
        select from accounts where id = p_asker and sets_quota
            and domain_of_v1(p_asker) = domain_of_v1(p_account)
    ) then
        raise exception using errcode = 'SR012', message = 'You may not set quotas.';
    end if;
    update accounts set quota_storage = p_storage, quota_messages = p_messages,
        quota_mailboxes = p_mailboxes
    where id = p_account and deleted_at is null;
    if not found then
        raise exception using errcode = 'SR005', message = 'There is no such account.';
    end if;
end
$$;

-- Whether a user may set quotas, from now on.
create function allow_quota_v1(p_account bigint, p_allowed boolean) returns void
language plpgsql volatile as $$
begin
    update accounts set sets_quota = p_allowed where id = p_account and deleted_at is null;
    if not found then
        raise exception using errcode = 'SR005', message = 'There is no such account.';
    end if;
end
$$;

-- The caller holds the lock of the account's row.
create function require_room_for_mailboxes_v1(p_account bigint) returns void
language plpgsql volatile as $$
declare
    v_limit bigint;
begin
    select quota_mailboxes into v_limit from accounts where id = p_account;
    if v_limit is not null and v_limit < (
        select count(*) from mailboxes where account_id = p_account and deleted_at is null
    ) then
        raise exception using errcode = 'SR006',
            message = format('The account may have %s mailboxes.', v_limit);
    end if;
end
$$;

create function create_mailbox_v3(
    p_account bigint, p_name text, p_special text, p_superiors text[],
    p_creator bigint, p_rights text, p_operation operation_v1
) returns mailbox_v1
language plpgsql volatile as $$
declare
    v_box mailbox_v1;
begin
    v_box := create_mailbox_v2(
        p_account, p_name, p_special, p_superiors, p_creator, p_rights, p_operation
    );
    perform require_room_for_mailboxes_v1(p_account);
    return v_box;
end
$$;

-- RENAME makes mailboxes too: superiors of the new name, and the one that INBOX is emptied into.
create function rename_mailbox_v2(
    p_account bigint, p_old text, p_new text, p_superiors text[], p_operation operation_v1
) returns void
language plpgsql volatile as $$
declare
    v_count bigint;
begin
    perform lock_names_v1(p_account);
    select count(*) into v_count from mailboxes
        where account_id = p_account and deleted_at is null;
    perform rename_mailbox_v1(p_account, p_old, p_new, p_superiors, p_operation);
    if v_count < (
        select count(*) from mailboxes where account_id = p_account and deleted_at is null
    ) then
        perform require_room_for_mailboxes_v1(p_account);
    end if;
end
$$;

-- What EXPUNGE would free, in octets.
create function deleted_size_v1(p_mailbox bigint, p_deleted bigint) returns bigint
language plpgsql stable as $$
begin
    if p_deleted = 0 then
        return 0;
    end if;
    return (
        select coalesce(sum(size), 0) from messages
        where mailbox_id = p_mailbox and (flags & 8) <> 0
    );
end
$$;
