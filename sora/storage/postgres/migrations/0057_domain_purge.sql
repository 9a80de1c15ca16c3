-- A domain goes as a whole, with its accounts and all their mail.
--
-- First it is marked: from then on nobody gets an address in it, and what is nobody's there is refused.
-- Then its accounts are disabled, page by page, so that nobody logs in while they go; then their grace
-- ends (0054_purge.sql), so that they are the next that are removed, by whoever comes first; the row of
-- the domain goes when no address is left in it. Every step may be repeated, and the whole begun again
-- wherever it was interrupted.

alter table domains add column purging_at timestamptz;

-- Few addresses that log in are not the primary ones of their accounts.
create index credentials_additional on credentials (domain_id, address_key) where not is_primary;

-- Who adds an address waits for who marks its domain, and the other way round: after the mark there is
-- none that was not seen.
create function refuse_going_domain_v1() returns trigger
language plpgsql volatile as $$
declare
    v_domain domains;
begin
    select * into v_domain from domains where id = new.domain_id for key share;
    if v_domain.purging_at is not null then
        raise exception using errcode = 'SR008', message = format(
            'The domain %s is being removed: nothing can be made in it.', v_domain.name);
    end if;
    return new;
end
$$;
create trigger credentials_refuse_going before insert on credentials
    for each row execute function refuse_going_domain_v1();
create trigger aliases_refuse_going before insert on aliases
    for each row execute function refuse_going_domain_v1();

-- Nor does it get mailboxes of its own, or other names, or somebody who takes what is nobody's.
create function refuse_going_change_v1() returns trigger
language plpgsql volatile as $$
declare
    v_name text;
begin
    if new.purging_at is not null
            and coalesce(new.shared_account, new.catch_all, new.alias_of) is not null then
        v_name := new.name;
    elsif new.alias_of is not null then
        select name into v_name from domains where id = new.alias_of and purging_at is not null;
    end if;
    if v_name is not null then
        raise exception using errcode = 'SR008', message = format(
            'The domain %s is being removed: nothing can be made in it.', v_name);
    end if;
    return new;
end
$$;
create trigger domains_refuse_going before update of shared_account, catch_all, alias_of on domains
    for each row execute function refuse_going_change_v1();

-- Mark a domain. What belongs to the domain itself (shared mailboxes, scripts) is the first to go; other
-- names of it are domains of their own again.
create function purge_domain_v1(p_name text) returns void
language plpgsql volatile as $$
declare
    v_domain domains := lock_domain_v1(p_name);
begin
    update domains set alias_of = null where alias_of = v_domain.id;
    update domains set purging_at = coalesce(purging_at, now()), catch_all = null, alias_of = null,
        shared_account = null
        where id = v_domain.id;
    update accounts set deleted_at = '1900-01-01 00:00+00' where id = v_domain.shared_account;
end
$$;

create function going_domain_v1(p_name text) returns bigint
language plpgsql stable as $$
declare
    v_domain bigint;
begin
    select id into v_domain from domains where name = p_name and purging_at is not null;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no domain %s that is being removed.', p_name);
    end if;
    return v_domain;
end
$$;

-- Close the accounts of a domain that is marked, after the key p_after: disable them, or, with p_ends,
-- end their grace. Gives their addresses, ascending by key.
create function close_accounts_v1(p_name text, p_after text, p_limit integer, p_ends boolean)
returns table (o_key text, o_address text)
language plpgsql volatile as $$
declare
    v_domain bigint := going_domain_v1(p_name);
    v_accounts bigint[];
begin
    v_accounts := array(
        select account_id from credentials
        where domain_id = v_domain and is_primary and address_key > p_after
        order by address_key limit p_limit
    );
    -- In the order of all who lock several.
    perform 1 from accounts where id = any (v_accounts) order by id for no key update;
    if p_ends then
        update accounts set deleted_at = '1900-01-01 00:00+00'
            where id = any (v_accounts)
                and deleted_at is distinct from '1900-01-01 00:00+00'::timestamptz;
    else
        update accounts set disabled = true, disabled_at = now(),
            disabled_reason = 'The domain is being removed.'
            where id = any (v_accounts) and not disabled and deleted_at is null;
    end if;
    return query
        select c.address_key::text, c.address from credentials c
        where c.account_id = any (v_accounts) and c.is_primary order by c.address_key;
end
$$;

-- Take from accounts of other domains the addresses that they have in this one, some at a time; gives how
-- many there were.
create function free_addresses_v1(p_name text, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_domain bigint := going_domain_v1(p_name);
    v_aliases integer;
    v_addresses integer;
begin
    delete from aliases where ctid = any (array(
        select ctid from aliases where domain_id = v_domain order by address_key limit p_limit));
    get diagnostics v_aliases = row_count;
    delete from credentials where ctid = any (array(
        select ctid from credentials
        where domain_id = v_domain and not is_primary order by address_key limit p_limit));
    get diagnostics v_addresses = row_count;
    return v_aliases + v_addresses;
end
$$;

-- Remove a domain that is marked, with its rules, once there is no address in it; whether it is gone.
create function end_domain_v1(p_name text) returns boolean
language plpgsql volatile as $$
declare
    v_domain domains := lock_domain_v1(p_name);
begin
    perform going_domain_v1(p_name);
    -- By the index, however many there were a moment ago.
    perform 1 from credentials where domain_id = v_domain.id order by address_key limit 1;
    if found then
        return false;
    end if;
    perform 1 from aliases where domain_id = v_domain.id order by address_key limit 1;
    if found then
        return false;
    end if;
    delete from domains where id = v_domain.id;
    return true;
end
$$;

-- ---------------------------------------------------------------- what would go

-- What some accounts of a domain hold, after the key p_after, with the key of the last: live ones and
-- deleted ones, mailboxes, messages, octets, rights on others' mailboxes; their addresses in other
-- domains, and the other domains whose catch-all they are.
create function account_holdings_v1(
    p_name text, p_after text, p_limit integer,
    out o_last text, out o_accounts bigint, out o_deleted bigint, out o_mailboxes bigint,
    out o_messages bigint, out o_size bigint, out o_rights bigint, out o_elsewhere text[],
    out o_catch_alls text[]
)
language plpgsql stable as $$
declare
    v_domain bigint;
    v_accounts bigint[];
begin
    select id into v_domain from domains where name = p_name;
    select array_agg(c.account_id), max(c.address_key) into v_accounts, o_last from (
        select account_id, address_key from credentials
        where domain_id = v_domain and is_primary and address_key > p_after
        order by address_key limit p_limit
    ) c;
    select count(*) filter (where a.deleted_at is null), count(a.deleted_at),
            coalesce(sum(b.mailboxes), 0), coalesce(sum(b.messages), 0), coalesce(sum(b.size), 0),
            coalesce(sum(r.rights), 0)
        into o_accounts, o_deleted, o_mailboxes, o_messages, o_size, o_rights
        from unnest(v_accounts) v (id), lateral (
            select deleted_at from accounts where id = v.id offset 0
        ) a, lateral (
            select count(*) as mailboxes, sum(messages) as messages, sum(size) as size
            from mailboxes where account_id = v.id and deleted_at is null
        ) b, lateral (select count(*) as rights from rights where grantee = v.id) r;
    o_elsewhere := array(
        select e.address from unnest(v_accounts) v (id), lateral (
            select address, address_key from credentials
                where account_id = v.id and domain_id <> v_domain
            union all
            select address, address_key from aliases
                where account_id = v.id and domain_id is distinct from v_domain
        ) e order by e.address_key
    );
    o_catch_alls := array(
        select d.name from unnest(v_accounts) v (id), lateral (
            select name from domains where catch_all = v.id and id <> v_domain offset 0
        ) d order by d.name
    );
end
$$;

-- What belongs to a domain besides its accounts: shared mailboxes with messages and octets, scripts, rules
-- of retention; the other domains that are other names of it; and p_limit of the addresses in it that are
-- those of accounts of other domains, with the number of all aliases in it.
create function domain_holdings_v1(
    p_name text, p_limit integer,
    out o_purging timestamptz, out o_mailboxes bigint, out o_messages bigint, out o_size bigint,
    out o_scripts bigint, out o_rules bigint, out o_aliases bigint, out o_alias_domains text[],
    out o_guests text[]
)
language plpgsql stable as $$
declare
    v_domain domains;
begin
    select * into v_domain from domains where name = p_name;
    if not found then
        raise exception using errcode = 'SR005', message = format('There is no domain %s.', p_name);
    end if;
    o_purging := v_domain.purging_at;
    select count(*), coalesce(sum(messages), 0), coalesce(sum(size), 0)
        into o_mailboxes, o_messages, o_size
        from mailboxes where account_id = v_domain.shared_account and deleted_at is null;
    select count(*) into o_scripts from scripts where account_id = v_domain.shared_account;
    select count(*) into o_rules from retention where domain_id = v_domain.id;
    select count(*) into o_aliases from aliases where domain_id = v_domain.id;
    o_alias_domains := array(
        select name from domains where alias_of = v_domain.id order by name);
    o_guests := array(
        select g.address from (
            select address, address_key, account_id from credentials
                where domain_id = v_domain.id and not is_primary
            union all
            select address, address_key, account_id from aliases where domain_id = v_domain.id
        ) g, lateral (
            select 1 from credentials
            where account_id = g.account_id and is_primary and domain_id <> v_domain.id offset 0
        ) o order by g.address_key limit p_limit
    );
end
$$;

create type domain_row_v2 as (
    name text, created_at timestamptz, accounts bigint, aliases bigint,
    catch_all text, alias_of text, purging_at timestamptz
);

-- As domains_v1, with whether the domain is going.
create function domains_v2(p_name text, p_after text, p_limit integer) returns setof domain_row_v2
language sql stable as $$
    select r.name, r.created_at, r.accounts, r.aliases, r.catch_all, r.alias_of, d.purging_at
    from domains_v1(p_name, p_after, p_limit) r join domains d on d.name = r.name
    order by r.name
$$;
