-- When somebody has logged in last, by which protocol and from where.
--
-- In a table of its own, so that the rows which every login reads never change by it. Each process
-- writes once a minute who has logged in to it (note_logins_v1). Nothing that changes has an index and
-- half of each page is free: rows are updated where they are (HOT). An address that is taken from an
-- account leaves its row, which says when the account was used; the account takes all along.

create table logins (
    account_id bigint not null references accounts (id) on delete cascade,
    credential_id bigint not null,
    at timestamptz not null,
    protocol text not null,
    address text not null,
    primary key (account_id, credential_id)
) with (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);

-- Note the logins of a while, each so many seconds ago: only the clock of the database counts, and a
-- note that comes late moves no time back. Accounts that are gone, or deleted, are left out. Rows are
-- locked in one order, so that processes which know the same users wait for each other.
create function note_logins_v1(
    p_accounts bigint[], p_credentials bigint[], p_ages double precision[], p_protocols text[],
    p_addresses text[]
) returns void
language sql volatile as $$
    insert into logins (account_id, credential_id, at, protocol, address)
        select n.account, n.credential, now() - make_interval(secs => greatest(n.age, 0)),
            n.protocol, n.address
        from unnest(p_accounts, p_credentials, p_ages, p_protocols, p_addresses)
                n (account, credential, age, protocol, address),
            -- `offset 0`: account by account, whatever else there is.
            lateral (
                select 1 from accounts where id = n.account and deleted_at is null offset 0
            ) a
        order by n.account, n.credential
    on conflict (account_id, credential_id) do update set
        at = excluded.at, protocol = excluded.protocol, address = excluded.address
        where logins.at < excluded.at
$$;

create type account_v3 as (
    id bigint, address text, scope_id bigint, created_at timestamptz, deleted_at timestamptz,
    quota_storage bigint, quota_messages bigint, mailboxes bigint, messages bigint, storage bigint,
    disabled boolean, disabled_at timestamptz, disabled_reason text,
    login_at timestamptz, login_protocol text, login_address text
);

-- As account_row_v2, with the last login by any of its addresses.
create function account_row_v3(p_account bigint) returns account_v3
language sql stable as $$
    select row(
        a.id, c.address, a.scope_id, a.created_at, a.deleted_at, a.quota_storage,
        a.quota_messages, b.mailboxes, b.messages, b.storage,
        a.disabled, a.disabled_at, a.disabled_reason, l.at, l.protocol, l.address
    )::account_v3
    from accounts a join credentials c on c.account_id = a.id and c.is_primary
        left join lateral (
            select at, protocol, address from logins where account_id = a.id
            order by at desc limit 1
        ) l on true,
        lateral (
            select count(*) as mailboxes, coalesce(sum(messages), 0)::bigint as messages,
                coalesce(sum(size), 0)::bigint as storage
            from mailboxes where account_id = a.id and deleted_at is null
        ) b
    where a.id = p_account
$$;

create function disable_account_v2(p_key text, p_disabled boolean, p_reason text)
returns account_v3
language plpgsql volatile as $$
declare
    v_account bigint := (disable_account_v1(p_key, p_disabled, p_reason)).id;
begin
    return account_row_v3(v_account);
end
$$;
