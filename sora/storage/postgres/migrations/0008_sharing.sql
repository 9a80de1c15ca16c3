-- Shared mailboxes: rights (RFC 4314), and what can be done with them.
--
-- The owner of a mailbox has all rights, by owning it; they have no row, so that nobody's own
-- mailboxes cost anything for what is shared. Rights of others have a row each in `rights`. What
-- sessions need of them with the mailbox stands once more in mailboxes.acl, which is read with the
-- row: null for a mailbox that nobody else has rights on. Both are written by the same function, and
-- only under the lock of the mailbox; the change is an event of the mailbox like others, so that
-- whoever has it open learns of it the way he learns of everything.
--
-- A grantee is an account, or minus the id of a domain: everybody in it (`anyone`). Rights reach
-- users of the owner's domain only. Letters are in the order of sora.mail.rights.

create table rights (
    account_id bigint not null references accounts (id),
    mailbox_id bigint not null references mailboxes (id) on delete cascade,
    grantee bigint not null,
    rights text collate "C" not null check (rights <> ''),
    primary key (mailbox_id, grantee)
);
create index rights_account on rights (account_id);
create index rights_grantee on rights (grantee);

-- "grantee:letters", with commas between; grantee 0 is everybody.
alter table mailboxes add column acl text;

-- Who owns the mailboxes that belong to no user: an account without a credential, made with the
-- first of them.
alter table domains add column shared_account bigint references accounts (id);
create index domains_shared_account on domains (shared_account) where shared_account is not null;

-- ---------------------------------------------------------------- who

-- The domain that an account belongs to.
create function domain_of_v1(p_account bigint) returns bigint
language plpgsql stable as $$
begin
    return coalesce(
        (select domain_id from credentials where account_id = p_account and is_primary),
        (select id from domains where shared_account = p_account)
    );
end
$$;

-- Whose mailboxes these are, for somebody of the same domain: a user's by one of his addresses, or
-- with null those that belong to no user. No row when there is nobody.
create function owner_v1(p_asker bigint, p_key text)
returns table (o_account bigint, o_scope bigint, o_address text)
language plpgsql stable as $$
begin
    if p_key is null then
        return query
            select a.id, a.scope_id, null::text
            from domains d join accounts a on a.id = d.shared_account
            where d.id = domain_of_v1(p_asker);
    else
        return query
            select a.id, a.scope_id, c.address
            from accounts a join credentials c on c.account_id = a.id and c.is_primary
            where a.id = account_of_v1(p_key) and a.deleted_at is null
                and c.domain_id = domain_of_v1(p_asker);
    end if;
end
$$;

-- The account that owns the mailboxes of a domain that belong to no user, made when it is not there.
create function shared_account_v1(p_domain bigint, p_dedup text) returns bigint
language plpgsql volatile as $$
declare
    v_domain domains;
begin
    select * into v_domain from domains where id = p_domain for no key update;
    if v_domain.shared_account is null then
        insert into accounts (scope_id, next_uidvalidity) values (
            case p_dedup when 'global' then 0 when 'domain' then v_domain.scope_id
                else nextval('scope_ids') end,
            extract(epoch from now())::bigint
        ) returning id into v_domain.shared_account;
        update domains set shared_account = v_domain.shared_account where id = p_domain;
    end if;
    return v_domain.shared_account;
end
$$;

-- The same by the domain's name; only looked up without p_make.
create function shared_account_of_v1(p_domain text, p_dedup text, p_make boolean)
returns table (o_account bigint, o_scope bigint)
language plpgsql volatile as $$
declare
    v_domain domains;
begin
    select * into v_domain from domains where name = p_domain;
    if p_make and v_domain.id is null then
        raise exception using errcode = 'SR005',
            message = format('There is no domain %s.', p_domain);
    elsif p_make then
        v_domain.shared_account := shared_account_v1(v_domain.id, p_dedup);
    end if;
    return query select id, scope_id from accounts where id = v_domain.shared_account;
end
$$;

-- The same for somebody of the domain.
create function shared_account_for_v1(p_asker bigint, p_dedup text)
returns table (o_account bigint, o_scope bigint)
language plpgsql volatile as $$
declare
    v_account bigint := shared_account_v1(domain_of_v1(p_asker), p_dedup);
begin
    return query select id, scope_id from accounts where id = v_account;
end
$$;

-- ---------------------------------------------------------------- rights

-- The letters that an account has on a mailbox of p_owner; null asks for an operator.
create function rights_of_v1(p_owner bigint, p_mailbox bigint, p_asker bigint) returns text
language plpgsql stable as $$
begin
    if p_asker is null or p_asker = p_owner then
        return 'lrswipkxtea';
    end if;
    return (
        select coalesce(string_agg(rights, ''), '') from rights
        where mailbox_id = p_mailbox and grantee in (p_asker, -domain_of_v1(p_asker))
    );
end
$$;

create function acl_of_v1(p_mailbox bigint) returns text
language plpgsql stable as $$
begin
    return (select acl from mailboxes where id = p_mailbox);
end
$$;

-- Make of the rows what is read with the mailbox.
create function refresh_acl_v1(p_mailbox bigint) returns text
language plpgsql volatile as $$
declare
    v_acl text;
begin
    select string_agg(greatest(grantee, 0) || ':' || rights, ',' order by grantee) into v_acl
        from rights where mailbox_id = p_mailbox;
    update mailboxes set acl = v_acl where id = p_mailbox;
    return v_acl;
end
$$;

-- What SETACL makes of rights, in the order of the letters.
create function changed_rights_v1(p_mode text, p_old text, p_rights text) returns text
language sql immutable as $$
    select coalesce(string_agg(l.letter, '' order by l.place), '')
    from unnest(string_to_array('lrswipkxtea', null)) with ordinality as l (letter, place)
    where case p_mode
        when 'add' then strpos(p_old || p_rights, l.letter) > 0
        when 'remove' then strpos(p_old, l.letter) > 0 and strpos(p_rights, l.letter) = 0
        else strpos(p_rights, l.letter) > 0 end
$$;

-- The rights that are asked for, or an error: of a mailbox that one may not even see, nothing is
-- told (RFC 4314 §6).
create function require_right_v1(p_rights text, p_letter text, p_key text) returns void
language plpgsql immutable as $$
begin
    if strpos(p_rights, p_letter) > 0 then
        return;
    elsif strpos(p_rights, 'l') > 0 then
        raise exception using errcode = 'SR012',
            message = format('You have not the right %s on this mailbox.', p_letter);
    end if;
    raise exception using errcode = 'SR001', message = format('There is no mailbox %s.', p_key);
end
$$;

-- SETACL and DELETEACL: rights of one grantee on a mailbox. p_grantee is the key of an address, or
-- anyone. At least one administrator stays: an owner always is one; where there is none, who gives
-- away the last one is refused. A null p_asker is an operator.
create function set_rights_v1(
    p_account bigint, p_key text, p_asker bigint, p_grantee text, p_mode text, p_rights text,
    p_operation operation_v1,
    out o_mailbox bigint, out o_before bigint, out o_modseq bigint, out o_acl text
)
language plpgsql volatile as $$
declare
    v_domain bigint := domain_of_v1(p_account);
    v_grantee bigint;
    v_box mailboxes;
    v_old text;
    v_new text;
    v_had boolean;
begin
    if p_grantee = 'anyone' then
        v_grantee := -v_domain;
    else
        select c.account_id into v_grantee
            from credentials c join accounts a on a.id = c.account_id
            where c.account_id = account_of_v1(p_grantee) and c.is_primary
                and c.domain_id = v_domain
                and (a.deleted_at is null or p_mode = 'remove' or p_rights = '');
    end if;
    perform 1 from accounts where id in (p_account, v_grantee) order by id for no key update;
    select (lock_mailbox_v1(id)).* into v_box from mailboxes
        where account_id = p_account and name_key = p_key and deleted_at is null;
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = format('There is no mailbox %s.', p_key);
    end if;
    perform require_right_v1(rights_of_v1(p_account, v_box.id, p_asker), 'a', p_key);
    if v_grantee is null then
        raise exception using errcode = 'SR005',
            message = format('There is no user %s in this domain.', p_grantee);
    elsif v_grantee = p_account then
        raise exception using errcode = 'SR008',
            message = 'The owner of a mailbox has all rights; they cannot be changed.';
    end if;
    select coalesce(
        (select rights from rights where mailbox_id = v_box.id and grantee = v_grantee), ''
    ) into v_old;
    v_new := changed_rights_v1(p_mode, v_old, p_rights);
    o_mailbox := v_box.id;
    o_before := v_box.highest_modseq;
    o_modseq := o_before;
    o_acl := v_box.acl;
    if v_new = v_old then
        return;
    end if;
    v_had := p_asker is not null and strpos(v_old, 'a') > 0 and strpos(v_new, 'a') = 0
        and exists (select from domains where shared_account = p_account);
    if v_new = '' then
        delete from rights where mailbox_id = v_box.id and grantee = v_grantee;
    else
        insert into rights (account_id, mailbox_id, grantee, rights)
            values (p_account, v_box.id, v_grantee, v_new)
            on conflict (mailbox_id, grantee) do update set rights = excluded.rights;
    end if;
    if v_had and not exists (
        select from rights where mailbox_id = v_box.id and strpos(rights, 'a') > 0
    ) then
        raise exception using errcode = 'SR008',
            message = 'Nobody else has the right a on this mailbox: give it to somebody first.';
    elsif (select count(*) from rights where mailbox_id = v_box.id) > 1000 then
        raise exception using errcode = 'SR010', message = 'A mailbox is shared with at most 1000.';
    end if;
    update accounts set version = version + 1 where id in (p_account, v_grantee);
    o_acl := refresh_acl_v1(v_box.id);
    o_modseq := next_modseq_v1(o_before);
    update mailboxes set highest_modseq = o_modseq where id = v_box.id;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, v_box.id, o_modseq, o_before, 10,
        jsonb_build_object('grantee', v_grantee, 'was', v_old, 'rights', v_new),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
end
$$;

-- GETACL: who has which rights, by address; the address is null for everybody. The owner is not
-- among them.
create function acl_v1(p_account bigint, p_key text, p_asker bigint)
returns table (o_address text, o_rights text)
language plpgsql stable as $$
declare
    v_box bigint;
begin
    select id into v_box from mailboxes
        where account_id = p_account and name_key = p_key and deleted_at is null;
    if v_box is null then
        raise exception using errcode = 'SR001', message = format('There is no mailbox %s.', p_key);
    end if;
    perform require_right_v1(rights_of_v1(p_account, v_box, p_asker), 'a', p_key);
    return query
        select c.address, r.rights::text from rights r
        left join credentials c on c.account_id = r.grantee and c.is_primary
        where r.mailbox_id = v_box order by c.address_key nulls first;
end
$$;

-- ---------------------------------------------------------------- names

-- All mailboxes that an account sees: its own, and those that others let it see (o_letters, o_owner,
-- o_scope). The first row has the version and the subscriptions.
create function list_v1(p_account bigint) returns table (
    o_version bigint, o_subscriptions text[],
    o_letters text, o_owner text, o_scope bigint, o_box mailbox_v1
)
language plpgsql stable as $$
begin
    return query
        select a.version,
            array(select s.name from subscriptions s where s.account_id = a.id order by s.name_key),
            null::text, null::text, null::bigint, null::mailbox_v1
        from accounts a where a.id = p_account;
    return query
        select null::bigint, null::text[], null::text, null::text, null::bigint, mailbox_row_v1(b)
        from mailboxes b where b.account_id = p_account and b.deleted_at is null
        order by b.name_key;
    return query
        select null::bigint, null::text[], r.letters, c.address, a.scope_id, mailbox_row_v1(b)
        from (
            select g.mailbox_id, string_agg(g.rights, '') as letters from rights g
            where g.grantee in (p_account, -domain_of_v1(p_account)) and g.account_id <> p_account
            group by g.mailbox_id
        ) r
        join mailboxes b on b.id = r.mailbox_id and b.deleted_at is null
        join accounts a on a.id = b.account_id and a.deleted_at is null
        left join credentials c on c.account_id = a.id and c.is_primary
        where strpos(r.letters, 'l') > 0
        order by c.address_key nulls first, b.name_key;
end
$$;

-- CREATE. A new mailbox inherits the rights of the one above it; one at the top has p_rights for
-- p_creator, if he is not the owner (RFC 4314 §4).
create function create_mailbox_v2(
    p_account bigint, p_name text, p_special text, p_superiors text[],
    p_creator bigint, p_rights text, p_operation operation_v1
) returns mailbox_v1
language plpgsql volatile as $$
declare
    v_name text;
    v_above bigint;
    v_box mailboxes;
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
    foreach v_name in array p_superiors || p_name loop
        select * into v_box from mailboxes
            where account_id = p_account and name_key = v_name and deleted_at is null;
        if not found then
            v_box := add_mailbox_v1(
                p_account, v_name, v_name, case when v_name = p_name then p_special end, p_operation
            );
            if v_above is not null then
                insert into rights (account_id, mailbox_id, grantee, rights)
                    select account_id, v_box.id, grantee, rights
                    from rights where mailbox_id = v_above;
            elsif p_creator <> p_account and p_rights <> '' then
                insert into rights (account_id, mailbox_id, grantee, rights)
                    values (p_account, v_box.id, p_creator, p_rights);
            end if;
            if exists (select from rights where mailbox_id = v_box.id) then
                v_box.acl := refresh_acl_v1(v_box.id);
            end if;
        end if;
        v_above := v_box.id;
    end loop;
    return mailbox_row_v1(v_box);
end
$$;

-- DELETE, with the rights on it (RFC 4314 §4).
create function delete_mailbox_v2(p_account bigint, p_key text, p_operation operation_v1)
returns bigint
language plpgsql volatile as $$
declare
    v_mailbox bigint := delete_mailbox_v1(p_account, p_key, p_operation);
begin
    delete from rights where mailbox_id = v_mailbox;
    if found then
        perform refresh_acl_v1(v_mailbox);
    end if;
    return v_mailbox;
end
$$;

-- ---------------------------------------------------------------- messages

-- A target of place_v1 whose mailbox is named (n): looked up, as of the statement's begin. With
-- somebody who asks (w) the right i is needed, without which there is no mailbox; and of the flags
-- those are set that the rights allow (RFC 4314 §4).
create function named_target_v1(p_target jsonb) returns jsonb
language plpgsql stable as $$
declare
    v_box bigint;
    v_rights text;
    v_mask integer := 0;
begin
    if not p_target ? 'n' then
        return p_target;
    end if;
    select id into v_box from mailboxes where account_id = (p_target->>'a')::bigint
        and name_key = p_target->>'n' and deleted_at is null;
    if not p_target ? 'w' then
        return p_target || jsonb_build_object('m', v_box);
    end if;
    v_rights := rights_of_v1((p_target->>'a')::bigint, v_box, (p_target->>'w')::bigint);
    if strpos(v_rights, 'i') = 0 then
        return p_target || '{"m": null}';
    end if;
    if strpos(v_rights, 'w') = 0 then
        p_target := p_target - 'k' - 'kk';
    end if;
    return p_target || jsonb_build_object(
        'm', v_box, 'f', (p_target->>'f')::integer & permitted_flags_v1(v_rights)
    );
end
$$;

-- The system flags that these rights let somebody change.
create function permitted_flags_v1(p_rights text) returns integer
language sql immutable as $$
    select case when strpos(p_rights, 's') > 0 then 1 else 0 end
        + case when strpos(p_rights, 't') > 0 then 8 else 0 end
        + case when strpos(p_rights, 'w') > 0 then 22 else 0 end
$$;
