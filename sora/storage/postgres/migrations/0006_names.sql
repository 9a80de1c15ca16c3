-- Accounts, credentials, and the names of mailboxes. Whoever changes names holds the lock of the
-- account's row, so that two changes of one account follow each other.

-- ---------------------------------------------------------------- accounts

-- The account that an address belongs to, live or deleted; null when there is none.
create function account_of_v1(p_key text) returns bigint
language plpgsql stable as $$
begin
    return coalesce(
        (select account_id from credentials where address_key = p_key),
        (select account_id from aliases where address_key = p_key)
    );
end
$$;

create type account_v1 as (
    id bigint, address text, scope_id bigint, created_at timestamptz, deleted_at timestamptz,
    quota_storage bigint, quota_messages bigint, mailboxes bigint, messages bigint, storage bigint
);

create function account_row_v1(p_account bigint) returns account_v1
language sql stable as $$
    select row(
        a.id, c.address, a.scope_id, a.created_at, a.deleted_at, a.quota_storage,
        a.quota_messages, b.mailboxes, b.messages, b.storage
    )::account_v1
    from accounts a join credentials c on c.account_id = a.id and c.is_primary,
        lateral (
            select count(*) as mailboxes, coalesce(sum(messages), 0)::bigint as messages,
                coalesce(sum(size), 0)::bigint as storage
            from mailboxes where account_id = a.id and deleted_at is null
        ) b
    where a.id = p_account
$$;

-- Make the row of a mailbox; the caller holds the account's lock and has looked that the name is
-- free. UIDVALIDITY only rises, also over a database that was set back in time.
create function add_mailbox_v1(
    p_account bigint, p_name text, p_key text, p_special text, p_operation operation_v1
) returns mailboxes
language plpgsql volatile as $$
declare
    v_validity bigint;
    v_modseq bigint := next_modseq_v1(0);
    v_box mailboxes;
begin
    update accounts set
        next_uidvalidity = greatest(next_uidvalidity, extract(epoch from now())::bigint) + 1
    where id = p_account returning next_uidvalidity - 1 into v_validity;
    insert into mailboxes (
        account_id, name, name_key, special_use, uidvalidity, highest_modseq, created_modseq, epoch
    ) select p_account, p_name, p_key, p_special, v_validity, v_modseq, v_modseq, sora.epoch
        from sora
    returning * into v_box;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, v_box.id, v_modseq, v_modseq - 1, 7, jsonb_build_object('name', p_name),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
    return v_box;
end
$$;

create function set_secrets_v1(
    p_account bigint, p_credential bigint, p_kinds text[], p_verifiers text[]
) returns void
language sql volatile as $$
    delete from secrets where credential_id = p_credential and kind = any (p_kinds) and name = '';
    insert into secrets (account_id, credential_id, kind, verifier)
        select p_account, p_credential, s.kind, s.verifier
        from unnest(p_kinds, p_verifiers) as s (kind, verifier);
$$;

-- The domain's row, made when it is not there.
create function domain_v1(p_domain text) returns domains
language plpgsql volatile as $$
declare
    v_domain domains;
begin
    select * into v_domain from domains where name = p_domain;
    while v_domain.id is null loop
        insert into domains (scope_id, name) values (nextval('scope_ids'), p_domain)
            on conflict do nothing;
        select * into v_domain from domains where name = p_domain;
    end loop;
    return v_domain;
end
$$;

-- Refuse an address that is a credential or an alias already, of a deleted account too.
create function refuse_known_address_v1(p_address text, p_key text) returns void
language plpgsql volatile as $$
declare
    v_deleted timestamptz;
begin
    select a.deleted_at into v_deleted from accounts a where a.id = account_of_v1(p_key);
    if found then
        raise exception using errcode = 'SR002', message = case
            when v_deleted is null then format('%s is the address of an account already.', p_address)
            else format('%s is the address of a deleted account; restore it instead.', p_address)
        end;
    end if;
end
$$;

-- p_dedup is domain, account or global. Mailboxes come as a JSON array of objects: n name,
-- k its key, u special use or null, s whether it is subscribed.
create function create_account_v1(
    p_address text, p_key text, p_domain text, p_dedup text,
    p_kinds text[], p_verifiers text[], p_mailboxes jsonb, p_operation operation_v1
) returns account_v1
language plpgsql volatile as $$
declare
    v_domain domains;
    v_account bigint;
    v_credential bigint;
    b record;
begin
    v_domain := domain_v1(p_domain);
    perform refuse_known_address_v1(p_address, p_key);
    insert into accounts (scope_id, next_uidvalidity)
        values (
            case p_dedup when 'global' then 0 when 'domain' then v_domain.scope_id
                else nextval('scope_ids') end,
            extract(epoch from now())::bigint
        ) returning id into v_account;
    insert into credentials (account_id, domain_id, address, address_key, is_primary)
        values (v_account, v_domain.id, p_address, p_key, true) returning id into v_credential;
    perform set_secrets_v1(v_account, v_credential, p_kinds, p_verifiers);
    for b in
        select * from jsonb_to_recordset(p_mailboxes) as m (n text, k text, u text, s boolean)
    loop
        perform add_mailbox_v1(v_account, b.n, b.k, b.u, p_operation);
        if b.s then
            insert into subscriptions (account_id, name, name_key) values (v_account, b.n, b.k);
        end if;
    end loop;
    return account_row_v1(v_account);
end
$$;

create function add_credential_v1(
    p_account_key text, p_address text, p_key text, p_domain text,
    p_kinds text[], p_verifiers text[]
) returns bigint
language plpgsql volatile as $$
declare
    v_account bigint;
    v_domain domains;
    v_credential bigint;
begin
    select id into v_account from accounts
        where id = account_of_v1(p_account_key) and deleted_at is null for share;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no account %s.', p_account_key);
    end if;
    v_domain := domain_v1(p_domain);
    perform refuse_known_address_v1(p_address, p_key);
    insert into credentials (account_id, domain_id, address, address_key, is_primary)
        values (v_account, v_domain.id, p_address, p_key, false) returning id into v_credential;
    perform set_secrets_v1(v_account, v_credential, p_kinds, p_verifiers);
    return v_credential;
end
$$;

create function delete_credential_v1(p_key text) returns void
language plpgsql volatile as $$
declare
    v_row credentials;
begin
    select * into v_row from credentials where address_key = p_key for update;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no credential %s.', p_key);
    elsif v_row.is_primary then
        raise exception using errcode = 'SR008', message =
            format('%s is the primary address of its account and cannot be deleted.', p_key);
    end if;
    delete from credentials where id = v_row.id;
end
$$;

create function replace_secrets_v1(p_key text, p_kinds text[], p_verifiers text[]) returns void
language plpgsql volatile as $$
declare
    v_row credentials;
begin
    update credentials set version = version + 1, updated_at = now() where address_key = p_key
        returning * into v_row;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no credential %s.', p_key);
    end if;
    perform set_secrets_v1(v_row.account_id, v_row.id, p_kinds, p_verifiers);
end
$$;

-- Mark an account as deleted, or live again.
create function mark_account_v1(p_key text, p_deleted boolean) returns void
language plpgsql volatile as $$
begin
    update accounts set deleted_at = case when p_deleted then now() end, version = version + 1
        where id = account_of_v1(p_key) and (deleted_at is null) = p_deleted;
    if not found then
        raise exception using errcode = 'SR005', message = case when p_deleted
            then format('There is no account %s.', p_key)
            else format('There is no deleted account %s.', p_key) end;
    end if;
end
$$;

-- Who receives mail for an address, and the mailboxes there; no row when nobody does.
create function recipient_v1(p_key text, p_domain text) returns table (
    o_account bigint, o_scope bigint, o_address text, o_keys text[], o_ids bigint[],
    o_quota bigint, o_storage bigint
)
language plpgsql stable as $$
declare
    v_account bigint := account_of_v1(p_key);
begin
    if v_account is null then
        select catch_all into v_account from domains where name = p_domain;
    end if;
    return query
        select a.id, a.scope_id, c.address, b.keys, b.ids, a.quota_storage, b.storage
        from accounts a join credentials c on c.account_id = a.id and c.is_primary,
            lateral (
                select array_agg(name_key::text) as keys, array_agg(id) as ids,
                    coalesce(sum(size), 0)::bigint as storage
                from mailboxes where account_id = a.id and deleted_at is null
            ) b
        where a.id = v_account and a.deleted_at is null;
end
$$;

-- ---------------------------------------------------------------- names of mailboxes

-- Lock a live account whose names are going to change, and raise its version.
create function lock_names_v1(p_account bigint) returns void
language plpgsql volatile as $$
begin
    update accounts set version = version + 1 where id = p_account and deleted_at is null;
    if not found then
        raise exception using errcode = 'SR005', message = 'There is no such account.';
    end if;
end
$$;

-- Make those superiors of a name that are not there.
create function add_superiors_v1(p_account bigint, p_names text[], p_operation operation_v1)
returns void
language plpgsql volatile as $$
declare
    v_name text;
begin
    foreach v_name in array p_names loop
        if not exists (select from mailboxes where account_id = p_account
            and name_key = v_name and deleted_at is null)
        then
            perform add_mailbox_v1(p_account, v_name, v_name, null, p_operation);
        end if;
    end loop;
end
$$;

create function create_mailbox_v1(
    p_account bigint, p_name text, p_special text, p_superiors text[], p_operation operation_v1
) returns mailbox_v1
language plpgsql volatile as $$
begin
    perform lock_names_v1(p_account);
    if exists (select from mailboxes where account_id = p_account
        and name_key = p_name and deleted_at is null)
    then
        raise exception using errcode = 'SR002',
            message = format('The mailbox %s exists already.', p_name);
    elsif p_special is not null and exists (select from mailboxes where account_id = p_account
        and special_use = p_special and deleted_at is null)
    then
        raise exception using errcode = 'SR004',
            message = format('Another mailbox is used as %s.', p_special);
    end if;
    perform add_superiors_v1(p_account, p_superiors, p_operation);
    return mailbox_row_v1(
        add_mailbox_v1(p_account, p_name, p_name, p_special, p_operation)
    );
end
$$;

-- Whether there are mailboxes below a name. '0' follows '/' in the collation "C".
create function has_children_v1(p_account bigint, p_key text) returns boolean
language sql volatile as $$
    select exists (
        select from mailboxes where account_id = p_account and deleted_at is null
            and name_key > p_key || '/' and name_key < p_key || '0'
    )
$$;

-- Delete a mailbox. Its messages stay as they are until the cleaner's grace has passed.
create function delete_mailbox_v1(p_account bigint, p_key text, p_operation operation_v1)
returns bigint
language plpgsql volatile as $$
declare
    v_box mailboxes;
    v_modseq bigint;
begin
    perform lock_names_v1(p_account);
    select (lock_mailbox_v1(id)).* into v_box from mailboxes
        where account_id = p_account and name_key = p_key and deleted_at is null;
    if v_box.id is null then
        raise exception using errcode = 'SR001',
            message = format('There is no mailbox %s.', p_key);
    elsif has_children_v1(p_account, p_key) then
        raise exception using errcode = 'SR003',
            message = format('The mailbox %s has children and cannot be deleted.', p_key);
    end if;
    v_modseq := next_modseq_v1(v_box.highest_modseq);
    update mailboxes set deleted_at = now(), highest_modseq = v_modseq where id = v_box.id;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, v_box.id, v_modseq, v_box.highest_modseq, 9,
        jsonb_build_object('name', v_box.name),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
    return v_box.id;
end
$$;

-- Rename a mailbox and all below it; of INBOX only the messages go (RFC 3501 §6.3.5).
create function rename_mailbox_v1(
    p_account bigint, p_old text, p_new text, p_superiors text[], p_operation operation_v1
) returns void
language plpgsql volatile as $$
declare
    v_box mailboxes;
    b mailboxes;
    v_modseq bigint;
    v_name text;
begin
    perform lock_names_v1(p_account);
    select * into v_box from mailboxes
        where account_id = p_account and name_key = p_old and deleted_at is null;
    if v_box.id is null then
        raise exception using errcode = 'SR001',
            message = format('There is no mailbox %s.', p_old);
    elsif exists (select from mailboxes where account_id = p_account
        and name_key = p_new and deleted_at is null)
    then
        raise exception using errcode = 'SR002',
            message = format('The mailbox %s exists already.', p_new);
    elsif p_old <> 'INBOX' and starts_with(p_new, p_old || '/') then
        raise exception using errcode = 'SR008',
            message = format('%s cannot be renamed to a name below itself.', p_old);
    end if;
    perform add_superiors_v1(p_account, p_superiors, p_operation);
    if p_old = 'INBOX' then
        b := add_mailbox_v1(p_account, p_new, p_new, null, p_operation);
        perform transfer_between_v1(
            v_box.id, '{[1,)}', p_account, b.id, true, false, p_operation
        );
        return;
    end if;
    for b in
        select (lock_mailbox_v1(id)).* from (
            select id from mailboxes where account_id = p_account and deleted_at is null
                and (name_key = p_old or (name_key > p_old || '/' and name_key < p_old || '0'))
            order by id
        ) found
    loop
        v_modseq := next_modseq_v1(b.highest_modseq);
        v_name := p_new || substr(b.name, length(p_old) + 1);
        update mailboxes set name = v_name, name_key = v_name, highest_modseq = v_modseq
            where id = b.id;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, detail,
            operation, actor, session, protocol, address
        ) values (
            p_account, b.id, v_modseq, b.highest_modseq, 8,
            jsonb_build_object('from', b.name, 'to', v_name),
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end loop;
    insert into subscriptions (account_id, name, name_key)
        select account_id, p_new || substr(name, length(p_old) + 1),
            p_new || substr(name_key, length(p_old) + 1)
        from subscriptions where account_id = p_account
            and (name_key = p_old or (name_key > p_old || '/' and name_key < p_old || '0'))
        on conflict do nothing;
    delete from subscriptions where account_id = p_account
        and (name_key = p_old or (name_key > p_old || '/' and name_key < p_old || '0'));
end
$$;

-- Subscribe to a name, or no longer.
create function subscribe_v1(p_account bigint, p_name text, p_subscribe boolean) returns void
language plpgsql volatile as $$
begin
    perform lock_names_v1(p_account);
    if p_subscribe then
        insert into subscriptions (account_id, name, name_key)
            values (p_account, p_name, p_name) on conflict do nothing;
    else
        delete from subscriptions where account_id = p_account and name_key = p_name;
    end if;
end
$$;
