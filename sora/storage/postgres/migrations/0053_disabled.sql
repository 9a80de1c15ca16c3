-- Accounts that an operator has disabled: nobody logs in, and mail goes on to arrive.

alter table accounts
    add column disabled_at timestamptz,
    add column disabled_reason text not null default '';
-- For lists of them, where most accounts are not.
create index accounts_disabled on accounts (id) where disabled;

create type account_v2 as (
    id bigint, address text, scope_id bigint, created_at timestamptz, deleted_at timestamptz,
    quota_storage bigint, quota_messages bigint, mailboxes bigint, messages bigint, storage bigint,
    disabled boolean, disabled_at timestamptz, disabled_reason text
);

create function account_row_v2(p_account bigint) returns account_v2
language sql stable as $$
    select row(
        a.id, c.address, a.scope_id, a.created_at, a.deleted_at, a.quota_storage,
        a.quota_messages, b.mailboxes, b.messages, b.storage,
        a.disabled, a.disabled_at, a.disabled_reason
    )::account_v2
    from accounts a join credentials c on c.account_id = a.id and c.is_primary,
        lateral (
            select count(*) as mailboxes, coalesce(sum(messages), 0)::bigint as messages,
                coalesce(sum(size), 0)::bigint as storage
            from mailboxes where account_id = a.id and deleted_at is null
        ) b
    where a.id = p_account
$$;

-- Disable a live account, or enable it again. Done twice, it stays disabled since the first time.
create function disable_account_v1(p_key text, p_disabled boolean, p_reason text)
returns account_v2
language plpgsql volatile as $$
declare
    v_account bigint;
begin
    update accounts set
        disabled = p_disabled,
        disabled_at = case when not p_disabled then null when disabled then disabled_at
            else now() end,
        disabled_reason = case when p_disabled then p_reason else '' end
    where id = account_of_v1(p_key) and deleted_at is null returning id into v_account;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no account %s.', p_key);
    end if;
    return account_row_v2(v_account);
end
$$;

-- ---------------------------------------------------------------- addresses and their secrets

-- Replace what was made from a password, whatever of it there was: nothing of the old one is left that
-- logs in. Secrets with a name stay.
create function replace_secrets_v2(p_key text, p_kinds text[], p_verifiers text[]) returns void
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
    delete from secrets where credential_id = v_row.id and name = '';
    perform set_secrets_v1(v_row.account_id, v_row.id, p_kinds, p_verifiers);
end
$$;

-- Make an address the primary one of its account. The domain stays: rights, shared mailboxes and scripts
-- are a domain's.
create function make_primary_v1(p_key text) returns void
language plpgsql volatile as $$
declare
    v_row credentials;
    v_primary credentials;
begin
    perform 1 from accounts
        where id = (select account_id from credentials where address_key = p_key) for update;
    select * into v_row from credentials where address_key = p_key for update;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no credential %s.', p_key);
    end if;
    select * into v_primary from credentials where account_id = v_row.account_id and is_primary
        for update;
    if v_primary.domain_id <> v_row.domain_id then
        raise exception using errcode = 'SR008', message = format(
            '%s is of another domain than %s: what the account shares is its domain''s.',
            v_row.address, v_primary.address
        );
    end if;
    update credentials set is_primary = false where id = v_primary.id and id <> v_row.id;
    update credentials set is_primary = true where id = v_row.id and not is_primary;
end
$$;
