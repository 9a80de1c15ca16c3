-- Where mail is addressed to, beside the addresses that log in: aliases, catch-alls, alias domains.
--
-- An alias is another name of one account, and an alias domain another name of one domain: neither
-- leads to a third, so there are no loops. Each address is a credential or an alias and never both;
-- what somebody has is never shadowed by what somebody else was given.

alter table aliases add column domain_id bigint references domains (id);
create index aliases_domain on aliases (domain_id, address_key);

-- Mail for the domain is mail for the same local part in this one.
alter table domains add column alias_of bigint references domains (id) check (alias_of <> id);
create index domains_alias_of on domains (alias_of) where alias_of is not null;

-- Two tables have one space of names: who adds to either waits for the other, and looks.
create function refuse_twice_v1() returns trigger
language plpgsql volatile as $$
declare
    v_taken boolean;
begin
    perform pg_advisory_xact_lock(hashtextextended(new.address_key, 7201));
    if tg_table_name = 'aliases' then
        v_taken := exists (select from credentials where address_key = new.address_key);
    else
        v_taken := exists (select from aliases where address_key = new.address_key);
    end if;
    if v_taken then
        raise exception using errcode = 'SR002',
            message = format('%s is the address of an account already.', new.address);
    end if;
    return new;
end
$$;
create trigger aliases_refuse_twice before insert on aliases
    for each row execute function refuse_twice_v1();
create trigger credentials_refuse_twice before insert on credentials
    for each row execute function refuse_twice_v1();

-- ---------------------------------------------------------------- aliases

create type alias_v1 as (
    address text, account_id bigint, account text, created_at timestamptz
);

create function aliases_v1(
    p_account_key text, p_domain text, p_after text, p_limit integer
) returns setof alias_v1
language plpgsql stable as $$
declare
    v_account bigint := account_of_v1(p_account_key);
begin
    if p_account_key is not null and v_account is null then
        raise exception using errcode = 'SR005',
            message = format('There is no account %s.', p_account_key);
    end if;
    return query
        select a.address, a.account_id, c.address, a.created_at
        from aliases a join credentials c on c.account_id = a.account_id and c.is_primary
            left join domains d on d.id = a.domain_id
        where a.address_key > p_after
            and (v_account is null or a.account_id = v_account)
            and (p_domain is null or d.name = p_domain)
        order by a.address_key limit p_limit;
end
$$;

-- p_most: how many aliases an account may have.
create function add_alias_v1(
    p_account_key text, p_address text, p_key text, p_domain text, p_most bigint
) returns void
language plpgsql volatile as $$
declare
    v_account bigint;
    v_domain domains;
begin
    select id into v_account from accounts
        where id = account_of_v1(p_account_key) and deleted_at is null for no key update;
    if not found then
        raise exception using errcode = 'SR005',
            message = format('There is no account %s.', p_account_key);
    elsif (select count(*) from aliases where account_id = v_account) >= p_most then
        raise exception using errcode = 'SR010',
            message = format('An account has at most %s aliases.', p_most);
    end if;
    v_domain := domain_v1(p_domain);
    perform refuse_known_address_v1(p_address, p_key);
    insert into aliases (account_id, domain_id, address, address_key)
        values (v_account, v_domain.id, p_address, p_key) on conflict do nothing;
    if not found then
        raise exception using errcode = 'SR002',
            message = format('%s is the address of an account already.', p_address);
    end if;
end
$$;

create function delete_alias_v1(p_key text) returns void
language plpgsql volatile as $$
begin
    delete from aliases where address_key = p_key;
    if not found then
        raise exception using errcode = 'SR005', message = format('There is no alias %s.', p_key);
    end if;
end
$$;

-- ---------------------------------------------------------------- domains

create type domain_row_v1 as (
    name text, created_at timestamptz, accounts bigint, aliases bigint,
    catch_all text, alias_of text
);

create function domains_v1(p_name text, p_after text, p_limit integer) returns setof domain_row_v1
language sql stable as $$
    select d.name::text, d.created_at,
        (select count(*) from credentials c join accounts a on a.id = c.account_id
            where c.domain_id = d.id and c.is_primary and a.deleted_at is null),
        (select count(*) from aliases where domain_id = d.id),
        (select address from credentials where account_id = d.catch_all and is_primary),
        o.name::text
    from domains d left join domains o on o.id = d.alias_of
    where d.name > p_after and (p_name is null or d.name = p_name)
    order by d.name limit p_limit
$$;

create function lock_domain_v1(p_name text) returns domains
language plpgsql volatile as $$
declare
    v_domain domains;
begin
    select * into v_domain from domains where name = p_name for update;
    if not found then
        raise exception using errcode = 'SR005', message = format('There is no domain %s.', p_name);
    end if;
    return v_domain;
end
$$;

create function create_domain_v1(p_name text) returns void
language plpgsql volatile as $$
begin
    insert into domains (scope_id, name) values (nextval('scope_ids'), p_name)
        on conflict do nothing;
    if not found then
        raise exception using errcode = 'SR002',
            message = format('There is a domain %s already.', p_name);
    end if;
end
$$;

-- What belongs to the domain itself goes with it when nothing is in it.
create function delete_domain_v1(p_name text) returns void
language plpgsql volatile as $$
declare
    v_domain domains := lock_domain_v1(p_name);
    v_holds text;
begin
    v_holds := case
        when exists (select from credentials where domain_id = v_domain.id)
            then 'addresses of accounts'
        when exists (select from aliases where domain_id = v_domain.id) then 'aliases'
        when exists (select from domains where alias_of = v_domain.id) then 'alias domains'
        when exists (select from mailboxes where account_id = v_domain.shared_account
            and deleted_at is null) then 'mailboxes'
        when exists (select from scripts where account_id = v_domain.shared_account) then 'scripts'
    end;
    if v_holds is not null then
        raise exception using errcode = 'SR009',
            message = format('The domain %s has %s; those go first.', p_name, v_holds);
    end if;
    delete from domains where id = v_domain.id;
    update accounts set deleted_at = now()
        where id = v_domain.shared_account and deleted_at is null;
end
$$;

create function set_catch_all_v1(p_name text, p_account_key text) returns void
language plpgsql volatile as $$
declare
    v_domain domains := lock_domain_v1(p_name);
    v_account bigint;
begin
    if p_account_key is not null then
        select id into v_account from accounts
            where id = account_of_v1(p_account_key) and deleted_at is null for share;
        if not found then
            raise exception using errcode = 'SR005',
                message = format('There is no account %s.', p_account_key);
        end if;
    end if;
    update domains set catch_all = v_account where id = v_domain.id;
end
$$;

-- Make a domain another name of p_of, or, with null, one of its own again. Both rows are locked in
-- the order of their names, so that neither becomes an alias meanwhile.
create function set_alias_domain_v1(p_name text, p_of text) returns void
language plpgsql volatile as $$
declare
    v_domain domains;
    v_of domains;
begin
    if p_of is null then
        v_domain := lock_domain_v1(p_name);
    elsif p_of < p_name then
        v_of := lock_domain_v1(p_of);
        v_domain := lock_domain_v1(p_name);
    else
        v_domain := lock_domain_v1(p_name);
        v_of := lock_domain_v1(p_of);
    end if;
    if v_of.id = v_domain.id then
        raise exception using errcode = 'SR008',
            message = format('%s cannot be an alias of itself.', p_name);
    elsif v_of.alias_of is not null then
        raise exception using errcode = 'SR008',
            message = format('%s is an alias itself.', p_of);
    elsif v_of.id is not null and exists (select from domains where alias_of = v_domain.id) then
        raise exception using errcode = 'SR008',
            message = format('%s has aliases, and cannot be one.', p_name);
    end if;
    update domains set alias_of = v_of.id where id = v_domain.id;
end
$$;

-- ---------------------------------------------------------------- recipients

-- Who receives mail for an address: whose it is, credential or alias; of an alias domain, whose the
-- same one in the other domain is; who takes what is left over, of this domain or of the other.
create function receiver_v1(p_key text, p_domain text) returns bigint
language plpgsql stable as $$
declare
    v_account bigint := account_of_v1(p_key);
    v_domain domains;
    v_of domains;
begin
    if v_account is not null then
        return v_account;
    end if;
    select * into v_domain from domains where name = p_domain;
    if v_domain.alias_of is not null then
        select * into v_of from domains where id = v_domain.alias_of;
        v_account := account_of_v1(left(p_key, -length(p_domain)) || v_of.name);
    end if;
    return coalesce(v_account, v_domain.catch_all, v_of.catch_all);
end
$$;

-- As recipient_v2; with alias domains, with the quota of messages, and with all addresses of the
-- account where a script may ask for them.
create function recipient_v3(p_key text, p_domain text) returns table (
    o_account bigint, o_scope bigint, o_address text, o_keys text[], o_ids bigint[],
    o_quota bigint, o_storage bigint, o_most bigint, o_messages bigint,
    o_before text, o_active text, o_source text, o_after text, o_addresses text[]
)
language plpgsql stable as $$
declare
    v_owner bigint;
begin
    select a.id, a.scope_id, c.address, a.quota_storage, a.quota_messages, d.shared_account,
            b.keys, b.ids, b.storage, b.messages
        into o_account, o_scope, o_address, o_quota, o_most, v_owner,
            o_keys, o_ids, o_storage, o_messages
        from accounts a join credentials c on c.account_id = a.id and c.is_primary
            join domains d on d.id = c.domain_id,
            lateral (
                select array_agg(name_key::text) as keys, array_agg(id) as ids,
                    coalesce(sum(size), 0)::bigint as storage,
                    coalesce(sum(messages), 0)::bigint as messages
                from mailboxes where account_id = a.id and deleted_at is null
            ) b
        where a.id = receiver_v1(p_key, p_domain) and a.deleted_at is null;
    if not found then
        return;
    end if;
    select s.name, s.source into o_active, o_source
        from scripts s where s.account_id = o_account and s.position = 'active';
    if v_owner is not null then
        select s.source into o_before
            from scripts s where s.account_id = v_owner and s.position = 'before';
        select s.source into o_after
            from scripts s where s.account_id = v_owner and s.position = 'after';
    end if;
    if coalesce(o_source, o_before, o_after) is not null then
        o_addresses := array(
            select address from credentials where account_id = o_account
            order by is_primary desc, address_key
        ) || array(select address from aliases where account_id = o_account order by address_key);
    end if;
    return next;
end
$$;
