-- Import: messages that come from elsewhere, many at a time, and may keep their UIDs.
--
-- What was imported stands in `imported`, by a key that the source gives (a digest of what names the
-- message there). It is written by the statement that makes the messages: whoever is killed and begins
-- again finds each message either done or not, and what a user has expunged since does not come back.
--
-- UIDs are kept in a mailbox that is given the UIDVALIDITY of the source. (name, UIDVALIDITY, UID) never
-- stand for two messages: a mailbox that has messages keeps its own UIDVALIDITY; one that is empty is
-- replaced by a new one, with a new id, so that whoever has it open or knows its id learns that it is
-- gone; and `imports` remembers which names were given a UIDVALIDITY, so that a mailbox that was deleted
-- and is imported again gets it only when all that was ever in the first was imported, too. UIDs ascend:
-- one below uidnext is never given to another message (G29).

create table imports (
    account_id bigint not null references accounts (id) on delete cascade,
    name_key text collate "C" not null,
    uidvalidity bigint not null,
    mailbox_id bigint not null,
    primary key (account_id, name_key, uidvalidity)
);

create table imported (
    account_id bigint not null,
    mailbox_id bigint not null references mailboxes (id) on delete cascade,
    key bytea not null,
    uid bigint not null,
    primary key (mailbox_id, key)
);

-- Refuse a UIDVALIDITY under which a mailbox of this name may have had a message that the import does
-- not bring.
create function require_fresh_validity_v1(p_account bigint, p_name text, p_validity bigint)
returns void
language plpgsql volatile as $$
declare
    v_before bigint;
begin
    select mailbox_id into v_before from imports
        where account_id = p_account and name_key = p_name and uidvalidity = p_validity;
    if not found then
        return;
    end if;
    if not exists (select from mailboxes where id = v_before) or exists (
        select from (
            select uid from messages where mailbox_id = v_before
            union all select uid from expunged where mailbox_id = v_before
        ) m where not exists (
            select from imported i where i.mailbox_id = v_before and i.uid = m.uid
        )
    ) then
        raise exception using errcode = 'SR002', message = format(
            'The mailbox %s had this UIDVALIDITY before, and other messages under its UIDs.', p_name
        );
    end if;
end
$$;

-- Put a new, empty mailbox in the place of an empty one, with its rights and annotations.
create function replace_mailbox_v1(p_box mailboxes, p_operation operation_v1) returns mailboxes
language plpgsql volatile as $$
declare
    v_modseq bigint := next_modseq_v1(p_box.highest_modseq);
    v_box mailboxes;
begin
    update mailboxes set deleted_at = now(), highest_modseq = v_modseq where id = p_box.id;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, detail,
        operation, actor, session, protocol, address
    ) values (
        p_box.account_id, p_box.id, v_modseq, p_box.highest_modseq, 9,
        jsonb_build_object('name', p_box.name),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
    v_box := add_mailbox_v1(
        p_box.account_id, p_box.name, p_box.name_key, p_box.special_use, p_operation
    );
    update rights set mailbox_id = v_box.id where mailbox_id = p_box.id;
    update metadata set mailbox_id = v_box.id where mailbox_id = p_box.id;
    update mailboxes set acl = p_box.acl where id = v_box.id returning * into v_box;
    return v_box;
end
$$;

-- The mailbox that an import goes to, made when it is not there, with the special use p_special if no
-- other has it. p_validity, unless null, becomes its UIDVALIDITY.
create function begin_import_v1(
    p_account bigint, p_name text, p_special text, p_superiors text[], p_validity bigint,
    p_operation operation_v1
) returns mailbox_v1
language plpgsql volatile as $$
declare
    v_box mailboxes;
begin
    perform lock_names_v1(p_account);
    select (lock_mailbox_v1(id)).* into v_box from mailboxes
        where account_id = p_account and name_key = p_name and deleted_at is null;
    if v_box.id is not null and (p_validity is null or v_box.uidvalidity = p_validity) then
        return mailbox_row_v1(v_box);
    elsif v_box.messages > 0 then
        raise exception using errcode = 'SR002', message = format(
            'The mailbox %s has messages under UIDs of its own; those of the import cannot be kept.',
            p_name
        );
    end if;
    if p_validity is not null then
        perform require_fresh_validity_v1(p_account, p_name, p_validity);
    end if;
    if v_box.id is not null then
        v_box := replace_mailbox_v1(v_box, p_operation);
    else
        if exists (select from mailboxes where account_id = p_account
            and special_use = p_special and deleted_at is null)
        then
            p_special := null;
        end if;
        perform create_mailbox_v3(
            p_account, p_name, p_special, p_superiors, null, '', p_operation
        );
        select * into v_box from mailboxes
            where account_id = p_account and name_key = p_name and deleted_at is null;
    end if;
    if p_validity is not null then
        update mailboxes set uidvalidity = p_validity where id = v_box.id returning * into v_box;
        update accounts set next_uidvalidity = greatest(next_uidvalidity, p_validity + 1)
            where id = p_account;
        insert into imports (account_id, name_key, uidvalidity, mailbox_id)
            values (p_account, p_name, p_validity, v_box.id)
            on conflict (account_id, name_key, uidvalidity) do update set mailbox_id = v_box.id;
    end if;
    return mailbox_row_v1(v_box);
end
$$;

-- Make one message from each of p_contents, in their order, all of one mailbox; one event. One row for
-- each message; only rows with needs_body, and nothing done, when bytes are missing that did not come
-- along. p_contents and the arrays beside it are those of append_v1. p_messages is a JSON array of
-- objects:
--   i key (hex), u UID (absent: the next one), d internal date, z its zone in minutes, e email id,
--   f system flags, k names of keywords, kk the same folded
-- Fates: placed; duplicate (its key is known, or it is there under its UID); uid taken (by another
-- message, or one that is no longer known).
create function import_v1(
    p_scope bigint, p_mailbox bigint, p_contents jsonb,
    p_headers text[], p_envelopes text[], p_structures text[], p_parts text[],
    p_text_headers text[], p_text_bodies text[], p_pieces text[],
    p_messages jsonb, p_operation operation_v1
) returns table (
    place integer, fate text, uid bigint, content_id bigint, used_object boolean, needs_body boolean
)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_contents bigint[];
    v_made boolean[];
    v_bound boolean[];
    v_account accounts;
    v_owner bigint;
    v_names text[];
    v_keys text[];
    v_box mailboxes;
    v_modseq bigint;
    v_ids integer[];
    v_there bigint;
    v_size bigint;
    v_count bigint := 0;
    v_unseen bigint := 0;
    v_deleted bigint := 0;
    v_octets bigint := 0;
    v_uids int8range[] := '{}';
    v_kept record;
    c record;
    t record;
begin
    -- The contents. First a look, so that nothing is made when something is missing.
    needs_body := true;
    for c in
        select j.ordinality - 1 as place, decode(j.value->>'h', 'hex') as hash
        from jsonb_array_elements(p_contents) with ordinality j
        where not j.value ?| '{n,o,c}'
        order by 2
    loop
        if share_content_v1(p_scope, c.hash) is null then
            place := c.place;
            return next;
        end if;
    end loop;
    if place is not null then
        return;
    end if;
    needs_body := false;
    for c in
        select j.ordinality as place, decode(j.value->>'h', 'hex') as hash, j.value as what,
            array(select jsonb_array_elements_text(j.value->'r')) as refs,
            coalesce(sum((j.value->>'n')::integer) over (order by j.ordinality), 0)
                - coalesce((j.value->>'n')::integer, 0) as first
        from jsonb_array_elements(p_contents) with ordinality j
        order by 2, 1
    loop
        select * into v_kept from keep_content_v1(
            p_scope, c.hash, c.what->'f', c.refs,
            p_headers[c.place], p_envelopes[c.place], p_structures[c.place], p_parts[c.place],
            p_text_headers[c.place], p_text_bodies[c.place],
            case when c.what ? 'n'
                then p_pieces[c.first + 1 : c.first + (c.what->>'n')::integer] end,
            (c.what->>'o')::uuid, c.what->>'s', c.what->>'k', (c.what->>'z')::bigint,
            (c.what->>'c')::bigint
        );
        v_contents[c.place] := v_kept.o_content;
        v_made[c.place] := v_kept.o_made;
        v_bound[c.place] := v_kept.o_made and c.what ? 'o';
    end loop;

    -- The account, if it has limits or learns a keyword.
    select account_id into v_owner from mailboxes where id = p_mailbox;
    select * into v_account from accounts
        where id = v_owner and scope_id = p_scope and deleted_at is null;
    if v_account.quota_storage is not null or v_account.quota_messages is not null then
        perform 1 from accounts where id = v_owner for no key update;
    end if;
    select array_agg(n.name order by n.key), array_agg(n.key order by n.key)
    into v_names, v_keys
    from (
        select distinct on (k.key) k.key, k.name
        from jsonb_array_elements(p_messages) with ordinality r (value, place),
            rows from (
                jsonb_array_elements_text(r.value->'k'), jsonb_array_elements_text(r.value->'kk')
            ) k (name, key)
        order by k.key, r.place
    ) n;
    if v_keys is not null then
        perform learn_keywords_v1(v_owner, v_names, v_keys);
    end if;

    v_box := lock_mailbox_v1(p_mailbox);
    if v_account.id is null or v_box.id is null then
        raise exception using errcode = 'SR001', message = 'There is no such mailbox.';
    end if;
    v_modseq := next_modseq_v1(v_box.highest_modseq);

    for t in
        select r.place::integer as place, decode(r.i, 'hex') as key, r.u, r.d, r.z, r.e, r.f, r.kk
        from rows from (
            jsonb_to_recordset(p_messages) as (
                i text, u bigint, d timestamptz, z smallint, e uuid, f smallint, kk text[]
            )
        ) with ordinality as r (i, u, d, z, e, f, kk, place)
        order by r.place
    loop
        place := t.place - 1;
        fate := 'placed';
        content_id := v_contents[t.place];
        used_object := v_bound[t.place];
        select i.uid into uid from imported i where i.mailbox_id = p_mailbox and i.key = t.key;
        if found then
            fate := 'duplicate';
        elsif t.u < v_box.uidnext then
            uid := t.u;
            select m.content_id into v_there from (
                select content_id from messages where mailbox_id = p_mailbox and uid = t.u
                union all
                select content_id from expunged where mailbox_id = p_mailbox and uid = t.u
            ) m;
            fate := case when v_there = content_id then 'duplicate' else 'uid taken' end;
        end if;
        if fate = 'placed' then
            uid := coalesce(t.u, v_box.uidnext);
            v_box.uidnext := uid + 1;
            v_ids := null;
            if t.kk is not null then
                select array_agg(k.id order by k.id) into v_ids from keywords k
                    where k.account_id = v_owner and k.name_key = any (t.kk);
            end if;
            select size into v_size from contents where id = content_id;
            insert into messages (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, size, flags, internal_zone, keywords
            ) values (
                v_owner, p_mailbox, uid, content_id, v_modseq, t.d, now(),
                t.e, v_size, t.f, t.z, v_ids
            );
            v_count := v_count + 1;
            v_octets := v_octets + v_size;
            v_unseen := v_unseen + 1 - (t.f & 1);
            v_deleted := v_deleted + (t.f & 8) / 8;
            v_uids := v_uids || int8range(uid, uid + 1);
        elsif v_made[t.place] then
            -- Nothing refers to it: it is left to the cleaner.
            insert into orphans (scope_id, content_id) values (p_scope, v_contents[t.place])
                on conflict (content_id) do nothing;
        end if;
        if fate <> 'uid taken' then
            insert into imported (account_id, mailbox_id, key, uid)
                values (v_owner, p_mailbox, t.key, uid)
                on conflict do nothing;
        end if;
        return next;
    end loop;

    if v_count = 0 then
        return;
    end if;
    if (v_account.quota_storage is not null or v_account.quota_messages is not null)
        and not fits_quota_v1(
            v_owner, v_account.quota_storage, v_account.quota_messages, v_octets, v_count
        )
    then
        raise exception using errcode = 'SR006', message = 'The account is over its quota.';
    end if;
    update mailboxes b set
        uidnext = v_box.uidnext,
        highest_modseq = v_modseq,
        messages = b.messages + v_count,
        unseen = b.unseen + v_unseen,
        deleted = b.deleted + v_deleted,
        size = b.size + v_octets
    where b.id = p_mailbox;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, uids,
        operation, actor, session, protocol, address
    ) values (
        v_owner, p_mailbox, v_modseq, v_box.highest_modseq, 1,
        (select range_agg(r) from unnest(v_uids) r),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
end
$$;

-- UIDs below p_uidnext were given out by the source: they are given to no other message.
create function finish_import_v1(p_mailbox bigint, p_uidnext bigint) returns void
language plpgsql volatile as $$
declare
    v_box mailboxes := lock_mailbox_v1(p_mailbox);
begin
    if v_box.uidnext < p_uidnext then
        update mailboxes set uidnext = p_uidnext where id = p_mailbox;
    end if;
end
$$;
