-- Annotations of mailboxes and of the server (RFC 5464).
--
-- An entry is what stands behind /private or /shared, in lower case; `reader` is the account that alone
-- sees it (/private), 0 for those that everybody sees who may read the mailbox (/shared). Without a
-- mailbox it is the server's, for that reader. `account_id` is the account that it counts for: the
-- reader's, or the mailbox's owner's. Values are octets, carried as text (sora.mail.carrier).
--
-- They belong to the mailbox, not to its name: a rename leaves them where they are, and a mailbox that
-- is made under the name of a deleted one has none.

create table metadata (
    account_id bigint not null references accounts (id),
    mailbox_id bigint references mailboxes (id) on delete cascade,
    reader bigint not null,
    entry text collate "C" not null,
    value text not null,
    changed_at timestamptz not null default now()
);
create unique index metadata_entry
    on metadata (coalesce(mailbox_id, 0), reader, entry);
create index metadata_account on metadata (account_id);
create index metadata_mailbox on metadata (mailbox_id) where mailbox_id is not null;

-- The entries that a client means: those of p_entries and, down to p_depth levels below them (null:
-- all), their inferiors. p_private says for each whether it is one's own.
create function metadata_in_v1(
    p_mailbox bigint, p_reader bigint, p_private boolean[], p_entries text[], p_depth integer
) returns setof metadata
language plpgsql stable as $$
begin
    return query
        select distinct m.* from unnest(p_private, p_entries) as w (private, entry)
        join metadata m on coalesce(m.mailbox_id, 0) = coalesce(p_mailbox, 0)
            and m.reader = case when w.private then p_reader else 0 end
            and (
                m.entry = w.entry
                or (starts_with(m.entry, w.entry || '/') and (
                    p_depth is null or p_depth >=
                        length(m.entry) - length(replace(m.entry, '/', ''))
                        - length(w.entry) + length(replace(w.entry, '/', ''))
                ))
            );
end
$$;

-- A mailbox whose annotations somebody may deal with: he has to see it, and to have one of the rights
-- r, s, w, i, p (RFC 5464 §3.3); with p_write also w. Null is the server.
create function annotated_v1(p_account bigint, p_key text, p_asker bigint, p_write boolean)
returns mailboxes
language plpgsql stable as $$
declare
    v_box mailboxes;
    v_rights text;
begin
    if p_key is null then
        return null;
    end if;
    select * into v_box from mailboxes
        where account_id = p_account and name_key = p_key and deleted_at is null;
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = format('There is no mailbox %s.', p_key);
    end if;
    v_rights := rights_of_v1(p_account, v_box.id, p_asker);
    perform require_right_v1(v_rights, 'l', p_key);
    if p_write then
        perform require_right_v1(v_rights, 'w', p_key);
    elsif v_rights !~ '[rswip]' then
        perform require_right_v1(v_rights, 'r', p_key);
    end if;
    return v_box;
end
$$;

-- GETMETADATA. The first row has the mailbox's special use, which is an entry too (RFC 6154 §4), for
-- its owner; a value that is longer than p_most comes as its length alone.
create function get_metadata_v1(
    p_account bigint, p_key text, p_asker bigint,
    p_private boolean[], p_entries text[], p_depth integer, p_most integer
) returns table (o_private boolean, o_entry text, o_size integer, o_value text)
language plpgsql stable as $$
declare
    v_box mailboxes := annotated_v1(p_account, p_key, p_asker, false);
begin
    return query select null::boolean, null::text, 0,
        case when p_account = p_asker then v_box.special_use end;
    return query
        select m.reader <> 0, m.entry::text, length(m.value),
            case when length(m.value) <= coalesce(p_most, length(m.value)) then m.value end
        from metadata_in_v1(v_box.id, p_asker, p_private, p_entries, p_depth) m
        order by m.reader = 0, m.entry;
end
$$;

-- LIST-METADATA (RFC 9590): the same entries of many mailboxes. Values that would make more than
-- p_most octets together come as their lengths alone.
create function list_metadata_v1(
    p_mailboxes bigint[], p_asker bigint, p_private boolean[], p_entries text[], p_most bigint
) returns table (o_mailbox bigint, o_private boolean, o_entry text, o_size integer, o_value text)
language plpgsql stable as $$
begin
    return query
        select f.mailbox_id, f.reader <> 0, f.entry::text, length(f.value),
            case when f.so_far <= p_most then f.value end
        from (
            select m.*, sum(length(m.value)) over (order by b.place, w.place) as so_far
            from unnest(p_mailboxes) with ordinality b (id, place),
                unnest(p_private, p_entries) with ordinality w (private, entry, place)
            cross join lateral (
                select * from metadata
                where coalesce(mailbox_id, 0) = b.id and metadata.entry = w.entry
                    and reader = case when w.private then p_asker else 0 end
            ) m
        ) f;
end
$$;

-- SETMETADATA: all of it, or nothing. A null value removes. Nobody has more than p_most entries of his
-- own at one place, nor are there more shared ones; and what counts for one account has at most
-- p_total octets, names and 100 for each entry included. p_special, if p_set_special, is the special
-- use that the mailbox gets. The locks of the accounts let one such change wait for another.
create function set_metadata_v1(
    p_account bigint, p_key text, p_asker bigint,
    p_private boolean[], p_entries text[], p_values text[], p_most integer, p_total bigint,
    p_set_special boolean, p_special text
) returns bigint
language plpgsql volatile as $$
declare
    v_box mailboxes;
begin
    perform 1 from accounts where id in (p_account, p_asker) order by id for no key update;
    if exists (select from accounts where id = p_account and deleted_at is not null) then
        raise exception using errcode = 'SR005', message = 'There is no such account.';
    end if;
    v_box := annotated_v1(p_account, p_key, p_asker, false = any (p_private));
    delete from metadata m using unnest(p_private, p_entries) as w (private, entry)
        where coalesce(m.mailbox_id, 0) = coalesce(v_box.id, 0)
            and m.reader = case when w.private then p_asker else 0 end and m.entry = w.entry;
    insert into metadata (account_id, mailbox_id, reader, entry, value)
        select case when w.private then p_asker else p_account end, v_box.id,
            case when w.private then p_asker else 0 end, w.entry, w.value
        from unnest(p_private, p_entries, p_values) as w (private, entry, value)
        where w.value is not null;
    if exists (
        select from metadata m
        where coalesce(m.mailbox_id, 0) = coalesce(v_box.id, 0) and m.reader in (
            select case when w.private then p_asker else 0 end
            from unnest(p_private, p_values) as w (private, value) where w.value is not null
        )
        group by m.reader having count(*) > p_most
    ) then
        raise exception using errcode = 'SR013',
            message = format('There are at most %s entries.', p_most);
    elsif exists (
        select from metadata m
        where m.account_id in (
            select case when w.private then p_asker else p_account end
            from unnest(p_private, p_values) as w (private, value) where w.value is not null
        )
        group by m.account_id having sum(100 + length(m.entry) + length(m.value)) > p_total
    ) then
        raise exception using errcode = 'SR006',
            message = format('All annotations have at most %s octets together.', p_total);
    end if;
    if p_set_special then
        if p_account <> p_asker then
            raise exception using errcode = 'SR004',
                message = 'A shared mailbox has no special use.';
        elsif p_special is not null and exists (
            select from mailboxes where account_id = p_account and special_use = p_special
                and deleted_at is null and id <> v_box.id
        ) then
            raise exception using errcode = 'SR004',
                message = format('Another mailbox is used as %s.', p_special);
        end if;
        update mailboxes set special_use = p_special where id = v_box.id;
        update accounts set version = version + 1 where id = p_account;
    end if;
    return v_box.id;
end
$$;

-- RENAME. INBOX keeps its annotations, and what takes its messages has the same (RFC 5464 §4.1).
create function rename_mailbox_v3(
    p_account bigint, p_old text, p_new text, p_superiors text[], p_operation operation_v1
) returns void
language plpgsql volatile as $$
begin
    perform rename_mailbox_v2(p_account, p_old, p_new, p_superiors, p_operation);
    if p_old = 'INBOX' then
        insert into metadata (account_id, mailbox_id, reader, entry, value)
            select m.account_id, there.id, m.reader, m.entry, m.value
            from mailboxes here join metadata m on m.mailbox_id = here.id,
                mailboxes there
            where here.account_id = p_account and here.name_key = p_old
                and here.deleted_at is null and there.account_id = p_account
                and there.name_key = p_new and there.deleted_at is null;
    end if;
end
$$;
