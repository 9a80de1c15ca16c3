-- Sieve scripts of accounts.
--
-- An account has scripts by name; at most one stands at each position. For a user there is one
-- position, `active` (RFC 5804 §1.4). What belongs to a domain is its shared account's: its scripts at
-- `before` and `after` run around the active one of every user whose primary address is of the domain.
--
-- Limits are kept under the lock of the account's row. `operation` is the last one that wrote the row
-- and could not simply be done twice, by which a lost answer is read back (G14).

create table scripts (
    account_id bigint not null references accounts (id) on delete cascade,
    name text collate "C" not null,
    source text not null,
    -- Octets.
    size integer not null,
    position text check (position in ('active', 'before', 'after')),
    operation uuid,
    changed_at timestamptz not null default now(),
    primary key (account_id, name)
);
create unique index scripts_position on scripts (account_id, position) where position is not null;

create function lock_scripts_v1(p_account bigint) returns void
language plpgsql volatile as $$
begin
    perform 1 from accounts where id = p_account and deleted_at is null for no key update;
    if not found then
        raise exception using errcode = 'SR005', message = 'There is no such account.';
    end if;
end
$$;

create function no_script_v1(p_name text) returns void
language plpgsql stable as $$
begin
    raise exception using errcode = 'SR014', message = format('There is no script %s.', p_name);
end
$$;

-- HAVESPACE, and what PUTSCRIPT looks at: whether a script of this name and size may be put. One that
-- has the name already is replaced, and its room counts as free.
create function require_room_for_script_v1(
    p_account bigint, p_name text, p_size bigint,
    p_max_size bigint, p_max_scripts bigint, p_max_total bigint
) returns void
language plpgsql stable as $$
declare
    v_count bigint;
    v_total bigint;
begin
    if p_size > p_max_size then
        raise exception using errcode = 'SR015',
            message = format('A script has at most %s octets.', p_max_size);
    end if;
    select count(*), coalesce(sum(size), 0) into v_count, v_total
        from scripts where account_id = p_account and name <> p_name;
    if v_count + 1 > p_max_scripts then
        raise exception using errcode = 'SR010',
            message = format('There are at most %s scripts.', p_max_scripts);
    elsif v_total + p_size > p_max_total then
        raise exception using errcode = 'SR006',
            message = format('All scripts have at most %s octets together.', p_max_total);
    end if;
end
$$;

-- PUTSCRIPT. A script that is replaced stays where it stands; with p_position it stands there alone.
create function put_script_v1(
    p_account bigint, p_name text, p_source text, p_size bigint, p_position text,
    p_max_size bigint, p_max_scripts bigint, p_max_total bigint
) returns void
language plpgsql volatile as $$
begin
    perform lock_scripts_v1(p_account);
    perform require_room_for_script_v1(
        p_account, p_name, p_size, p_max_size, p_max_scripts, p_max_total
    );
    insert into scripts as s (account_id, name, source, size)
        values (p_account, p_name, p_source, p_size)
        on conflict (account_id, name) do update
            set source = excluded.source, size = excluded.size, changed_at = now();
    if p_position is not null then
        perform activate_script_v1(p_account, p_name, p_position);
    end if;
end
$$;

-- SETACTIVE. Without a name nothing stands at the position any more.
create function activate_script_v1(p_account bigint, p_name text, p_position text) returns void
language plpgsql volatile as $$
begin
    perform lock_scripts_v1(p_account);
    if p_name is not null and not exists (
        select from scripts where account_id = p_account and name = p_name
    ) then
        perform no_script_v1(p_name);
    end if;
    update scripts set position = null
        where account_id = p_account and position = p_position and name is distinct from p_name;
    update scripts set position = p_position
        where account_id = p_account and name = p_name and position is distinct from p_position;
end
$$;

-- DELETESCRIPT.
create function delete_script_v1(p_account bigint, p_name text) returns void
language plpgsql volatile as $$
declare
    v_position text;
begin
    perform lock_scripts_v1(p_account);
    select position into v_position from scripts where account_id = p_account and name = p_name;
    if not found then
        perform no_script_v1(p_name);
    elsif v_position is not null then
        raise exception using errcode = 'SR009',
            message = format('The script %s is active.', p_name);
    end if;
    delete from scripts where account_id = p_account and name = p_name;
end
$$;

-- RENAMESCRIPT. What was renamed by this very operation already is not renamed again.
create function rename_script_v1(p_account bigint, p_old text, p_new text, p_operation uuid)
returns void
language plpgsql volatile as $$
begin
    perform lock_scripts_v1(p_account);
    if exists (
        select from scripts
        where account_id = p_account and name = p_new and operation = p_operation
    ) then
        return;
    elsif not exists (select from scripts where account_id = p_account and name = p_old) then
        perform no_script_v1(p_old);
    elsif exists (select from scripts where account_id = p_account and name = p_new) then
        raise exception using errcode = 'SR002',
            message = format('There is a script %s already.', p_new);
    end if;
    update scripts set name = p_new, operation = p_operation
        where account_id = p_account and name = p_old;
end
$$;

-- As recipient_v1, with the scripts that run for the account.
create function recipient_v2(p_key text, p_domain text) returns table (
    o_account bigint, o_scope bigint, o_address text, o_keys text[], o_ids bigint[],
    o_quota bigint, o_storage bigint,
    o_before text, o_active text, o_source text, o_after text
)
language plpgsql stable as $$
declare
    v_owner bigint;
begin
    select r.o_account, r.o_scope, r.o_address, r.o_keys, r.o_ids, r.o_quota, r.o_storage
        into o_account, o_scope, o_address, o_keys, o_ids, o_quota, o_storage
        from recipient_v1(p_key, p_domain) r;
    if not found then
        return;
    end if;
    select d.shared_account into v_owner
        from credentials c join domains d on d.id = c.domain_id
        where c.account_id = o_account and c.is_primary;
    select s.name, s.source into o_active, o_source
        from scripts s where s.account_id = o_account and s.position = 'active';
    if v_owner is not null then
        select s.source into o_before
            from scripts s where s.account_id = v_owner and s.position = 'before';
        select s.source into o_after
            from scripts s where s.account_id = v_owner and s.position = 'after';
    end if;
    return next;
end
$$;
