-- APPEND of several messages (RFC 3502) and REPLACE (RFC 8508): all of it happens, or nothing.
--
-- The order of locks is that of 0003_writing.sql: first every content, by hash; then the account,
-- whose limits and keywords all messages share; then the mailboxes by id. Only then are messages
-- taken away and made, the latter by the function that makes single ones. Whatever a
-- message is refused for is raised, and takes everything back.

-- The live content of these bytes, locked FOR SHARE, made from what came along when it is not
-- there: as place_v1 does it. Null when nothing came along.
create function keep_content_v1(
    p_scope bigint, p_hash bytea, p_facts jsonb, p_refs text[],
    p_header text, p_envelope text, p_structure text, p_parts text,
    p_text_header text, p_text_body text,
    p_pieces text[], p_object uuid, p_store text, p_key text, p_stored bigint, p_content bigint,
    out o_content bigint, out o_made boolean
)
language plpgsql volatile as $$
begin
    o_made := false;
    o_content := share_content_v1(p_scope, p_hash);
    while o_content is null loop
        if p_pieces is null and p_object is null and p_content is null then
            return;
        end if;
        o_content := make_content_v1(
            p_scope, p_hash, p_content, p_pieces is not null, p_facts, p_refs,
            p_header, p_envelope, p_structure, p_parts, p_text_header, p_text_body
        );
        o_made := o_content is not null;
        if not o_made then
            o_content := share_content_v1(p_scope, p_hash);
        end if;
    end loop;
    if o_made then
        if p_pieces is not null then
            perform stage_body_v1(p_scope, o_content, p_pieces);
        elsif p_object is not null then
            perform bind_object_v1(p_scope, o_content, p_object, p_store, p_key, p_stored);
        else
            insert into objects (scope_id, content_id) values (p_scope, o_content);
        end if;
    elsif p_content is not null and p_content <> o_content then
        perform drop_pieces_v1(p_scope, p_content);
    end if;
end
$$;

-- Make a content that messages will be made of by a later statement. Until then nothing refers to
-- it: it is left to the cleaner, which waits longer than any command takes.
create function prepare_v1(
    p_scope bigint, p_hash bytea, p_facts jsonb, p_refs text[],
    p_header text, p_envelope text, p_structure text, p_parts text,
    p_text_header text, p_text_body text,
    p_pieces text[], p_object uuid, p_store text, p_key text, p_stored bigint, p_content bigint,
    out o_content bigint, out o_used_object boolean
)
language plpgsql volatile as $$
declare
    v_kept record;
begin
    select * into v_kept from keep_content_v1(
        p_scope, p_hash, p_facts, p_refs, p_header, p_envelope, p_structure, p_parts,
        p_text_header, p_text_body, p_pieces, p_object, p_store, p_key, p_stored, p_content
    );
    o_content := v_kept.o_content;
    o_used_object := v_kept.o_made and p_object is not null;
    -- One that was there already may be an orphan too: its time begins anew.
    insert into orphans (scope_id, content_id) values (p_scope, o_content)
        on conflict (content_id) do update set since = now();
end
$$;

-- Make one message from each of p_contents, in their order, in the mailbox of the targets. With
-- p_source and p_uid that message is taken away in the same moment. One row for each message;
-- only rows with needs_body, and nothing done, when bytes are missing that did not come along.
--
-- p_contents is a JSON array of objects, with the texts of each in the arrays beside it:
--   h hash (hex), f facts (absent: the content is known to be there), r references,
--   n how many of p_pieces are its own (absent: none came along),
--   o object, s its store, k its key, z its stored size, c content whose pieces are staged
-- p_targets is as for place_v1; all are of one mailbox.
create function append_v1(
    p_scope bigint, p_contents jsonb,
    p_headers text[], p_envelopes text[], p_structures text[], p_parts text[],
    p_text_headers text[], p_text_bodies text[], p_pieces text[],
    p_targets jsonb, p_source bigint, p_uid bigint, p_operation operation_v1
) returns table (
    place integer, mailbox bigint, uid bigint, uidvalidity bigint,
    modseq bigint, before bigint, keywords integer[], names text,
    content_id bigint, used_object boolean, needs_body boolean,
    source_before bigint, source_modseq bigint
)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_contents bigint[];
    v_used boolean[];
    v_account bigint := (p_targets->0->>'a')::bigint;
    v_mailbox bigint := (p_targets->0->>'m')::bigint;
    v_names text[];
    v_keys text[];
    v_box mailboxes;
    v_source mailboxes;
    v_gone messages;
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
        v_used[c.place] := v_kept.o_made and c.what ? 'o';
    end loop;

    -- The account, if it has limits or learns a keyword.
    perform 1 from accounts where id = v_account
        and (quota_storage is not null or quota_messages is not null) for no key update;
    select array_agg(n.name order by n.key), array_agg(n.key order by n.key)
    into v_names, v_keys
    from (
        select distinct on (k.key) k.key, k.name
        from jsonb_array_elements(p_targets) with ordinality r (value, place),
            rows from (
                jsonb_array_elements_text(r.value->'k'), jsonb_array_elements_text(r.value->'kk')
            ) k (name, key)
        order by k.key, r.place
    ) n;
    if v_keys is not null then
        perform learn_keywords_v1(v_account, v_names, v_keys);
    end if;

    -- The mailboxes.
    if p_source < v_mailbox then
        v_source := lock_mailbox_v1(p_source);
    end if;
    v_box := lock_mailbox_v1(v_mailbox);
    if p_source > v_mailbox then
        v_source := lock_mailbox_v1(p_source);
    elsif p_source = v_mailbox then
        v_source := v_box;
    end if;
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'There is no such mailbox.';
    end if;

    -- What is replaced goes first, so that its room counts as free (RFC 8508 §3.4).
    if p_source is not null then
        if v_source.id is null then
            raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
        end if;
        delete from messages m where m.mailbox_id = p_source and m.uid = p_uid
            returning * into v_gone;
        if not found then
            raise exception using errcode = 'SR007',
                message = 'The message is no longer there; nothing was put in its place.';
        end if;
        source_before := v_source.highest_modseq;
        source_modseq := next_modseq_v1(source_before);
        insert into expunged (
            account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
            email_id, thread_id, size, flags, internal_zone, keywords, trace,
            expunged_modseq, kind
        ) values (
            v_gone.account_id, v_gone.mailbox_id, v_gone.uid, v_gone.content_id, v_gone.modseq,
            v_gone.internal_date, v_gone.save_date, v_gone.email_id, v_gone.thread_id,
            v_gone.size, v_gone.flags, v_gone.internal_zone, v_gone.keywords, v_gone.trace,
            source_modseq, 'expunged'
        );
        update mailboxes b set
            highest_modseq = source_modseq,
            messages = b.messages - 1,
            unseen = b.unseen - 1 + (v_gone.flags & 1),
            deleted = b.deleted - (v_gone.flags & 8) / 8,
            size = b.size - v_gone.size
        where b.id = p_source;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, uids,
            operation, actor, session, protocol, address
        ) values (
            v_source.account_id, p_source, source_modseq, source_before, 3,
            int8multirange(int8range(p_uid, p_uid + 1)),
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end if;

    -- The messages.
    for c in
        select j.ordinality as place, decode(j.value->>'h', 'hex') as hash
        from jsonb_array_elements(p_contents) with ordinality j order by 1
    loop
        select * into t from place_v1(
            p_scope, c.hash, null, null, null, null, null, null, null, null, null, null, null,
            null, null, null, jsonb_build_array(p_targets->(c.place - 1)::integer), p_operation
        );
        if t.fate = 'over quota' then
            raise exception using errcode = 'SR006', message = 'The account is over its quota.';
        elsif t.fate is distinct from 'placed' then
            raise exception using errcode = 'SR001', message = 'There is no such mailbox.';
        end if;
        place := c.place - 1;
        mailbox := t.mailbox;
        uid := t.uid;
        uidvalidity := t.uidvalidity;
        modseq := t.modseq;
        before := t.before;
        keywords := t.keywords;
        names := t.names;
        content_id := v_contents[c.place];
        used_object := v_used[c.place];
        return next;
    end loop;
end
$$;
