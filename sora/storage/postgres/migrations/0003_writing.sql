-- Writing into mailboxes: what is locked when, and why.
--
-- A statement takes its snapshot before it waits for a lock, so what it reads besides the locked
-- row may be old. In a volatile PL/pgSQL function each statement takes a snapshot of its own: one
-- statement locks, the next ones see what was committed while it waited. Hence every write is
-- such a function, and one call of it is one round trip and one transaction.
--
-- The order of locks, the same everywhere:
--
--   1. contents, by hash. Who binds a message to a content holds the content's row FOR SHARE while
--      it is live. The cleaner takes FOR UPDATE SKIP LOCKED and looks for references in its next
--      statement: either it sees the new message, or the binder sees that the content is no longer
--      live and makes a new one. A foreign key would not do (its KEY SHARE lets the state change).
--      COPY and MOVE need no such lock: the row they start from keeps the content referred to, and
--      the lock on its mailbox keeps that row.
--   2. claims of deliveries, by account and recipient: a unique key is a lock as well.
--   3. accounts, by id; only for a new keyword, a quota, or a change of names.
--   4. mailboxes, by id. This row orders the mailbox: UIDs, modseqs, counters and events are given
--      out under it and are in the order of commits. It is the last lock that is waited for, and the
--      content, the body and the texts are written before it.
--   5. messages, by uid: only ever changed under the lock of their mailbox.
--
-- Every write leaves one row in events for each mailbox, with the operation's id: whoever lost
-- the answer can look whether it happened (G14). What changes nothing leaves none, and takes no
-- modseq. Counters are changed by the function that changes the messages (G16).
--
-- How they are written is a matter of planning, too. A function in SQL with a FROM is planned anew by
-- each statement that calls it, unless it can be inlined (30 us where it runs 5): those that are
-- called with every write are PL/pgSQL, which keeps its plans. For a set of UIDs, PostgreSQL would
-- rather plan again each time than take the plan that it has, which is the same one and costs 230 us:
-- hence `set plan_cache_mode` on functions of one multirange.
--
-- Functions are never replaced: a change is a function with the next number, so that nodes of the
-- version before keep working while a cluster is updated. Failures have SQLSTATEs of the class
-- SR (sora.storage.postgres.errors).

-- Who does what.
create type operation_v1 as (id uuid, actor text, session text, protocol text, address text);

-- The next modseq of a mailbox. It follows the clock in microseconds, so that a crash or a
-- database set back in time cannot give one out twice.
create function next_modseq_v1(p_highest bigint) returns bigint
language sql volatile as $$
    select greatest(p_highest + 1, modseq_at_v1(clock_timestamp()))
$$;

-- Lock a live mailbox; its row has only nulls when there is none. The first lock in a new epoch
-- of the database makes UIDs jump over those that were lost with the old one (G70).
create function lock_mailbox_v1(p_mailbox bigint) returns mailboxes
language plpgsql volatile as $$
declare
    v_box mailboxes;
    v_sora sora;
begin
    select * into v_box from mailboxes where id = p_mailbox and deleted_at is null
        for no key update;
    if not found then
        return null;
    end if;
    select * into v_sora from sora;
    if v_sora.timeline <> current_timeline_v1() then
        update sora set epoch = epoch + 1, timeline = current_timeline_v1()
            where timeline <> current_timeline_v1();
        select * into v_sora from sora;
    end if;
    if v_box.epoch <> v_sora.epoch then
        update mailboxes set
            epoch = v_sora.epoch,
            uidnext = uidnext + v_sora.uid_gap,
            lost_after = highest_modseq,
            lost_before = next_modseq_v1(highest_modseq)
        where id = p_mailbox returning * into v_box;
    end if;
    return v_box;
end
$$;

-- The messages of a mailbox whose UIDs are in a set: for each of its ranges one range of the
-- index. (Written as a plain join it may be planned as a scan of the whole mailbox.)
create function messages_in_v1(p_mailbox bigint, p_uids int8multirange) returns setof messages
language sql stable rows 100 as $$
    select m.* from unnest(p_uids) r cross join lateral (
        select * from messages
        where mailbox_id = p_mailbox and uid >= lower(r)
            and uid < coalesce(upper(r), 9223372036854775807)
        offset 0
    ) m
$$;

-- Numbers of keywords, ascending; those that the account has never used are added under the lock
-- of its row. p_keys are the names as they are compared. How many there may be is
-- sora.mail.flags.MAX_KEYWORDS.
create function learn_keywords_v1(p_account bigint, p_names text[], p_keys text[])
returns integer[]
language plpgsql volatile as $$
declare
    v_ids integer[];
begin
    if coalesce(cardinality(p_keys), 0) = 0 then
        return '{}';
    end if;
    select array_agg(id order by id) into v_ids from keywords
        where account_id = p_account and name_key = any (p_keys);
    if cardinality(v_ids) = cardinality(p_keys) then
        return v_ids;
    end if;
    perform 1 from accounts where id = p_account for no key update;
    insert into keywords (account_id, id, name, name_key)
        select p_account, base.next + row_number() over (order by n.place) - 1, n.name, n.key
        from unnest(p_names, p_keys) with ordinality as n (name, key, place),
            (select coalesce(max(id) + 1, 0) as next from keywords
                where account_id = p_account) as base
        where not exists (
            select from keywords k where k.account_id = p_account and k.name_key = n.key
        );
    if exists (select from keywords where account_id = p_account and id >= 1000) then
        raise exception using errcode = 'SR010', message = 'An account has at most 1000 keywords.';
    end if;
    select array_agg(id order by id) into v_ids from keywords
        where account_id = p_account and name_key = any (p_keys);
    return v_ids;
end
$$;

-- The account's keywords from a number on, as JSON: [[number, name], ...].
create function keywords_from_v1(p_account bigint, p_from integer) returns text
language plpgsql stable as $$
begin
    return (
        select coalesce(json_agg(json_build_array(id, name) order by id)::text, '[]')
        from keywords where account_id = p_account and id >= p_from
    );
end
$$;

create function join_keywords_v1(p_old integer[], p_added integer[]) returns integer[]
language sql immutable as $$
    select array_agg(distinct k order by k) from unnest(p_old || p_added) k
$$;

create function cut_keywords_v1(p_old integer[], p_removed integer[]) returns integer[]
language sql immutable as $$
    select array_agg(k order by k) from unnest(p_old) k where k <> all (p_removed)
$$;

-- The same messages as places in the table, for a change or a deletion: `ctid = any (array(...))`
-- goes straight to them. (`uid = any (...)` is planned as a filter on the whole mailbox, n times m,
-- while the statistics do not know yet how large it is.) The places hold as long as the mailbox is
-- locked.
create function places_in_v1(p_mailbox bigint, p_uids int8multirange)
returns table (place tid, uid bigint, flags smallint, keywords integer[], modseq bigint)
language sql stable rows 100 as $$
    select m.ctid, m.uid, m.flags, m.keywords, m.modseq
    from unnest(p_uids) r cross join lateral (
        select messages.ctid, messages.uid, messages.flags, messages.keywords, messages.modseq
        from messages
        where mailbox_id = p_mailbox and messages.uid >= lower(r)
            and messages.uid < coalesce(upper(r), 9223372036854775807)
        offset 0
    ) m
$$;

-- What STORE makes of flags and of keywords; p_mode is replace, add or remove.
create function new_flags_v1(p_mode text, p_old smallint, p_flags smallint) returns smallint
language sql immutable as $$
    select (case p_mode when 'add' then p_old | p_flags when 'remove' then p_old & ~p_flags
        else p_flags end)::smallint
$$;

create function new_keywords_v1(p_mode text, p_old integer[], p_ids integer[]) returns integer[]
language sql immutable as $$
    select case
        when p_mode = 'replace' then nullif(p_ids, '{}')
        when p_ids = '{}' then p_old
        when p_mode = 'add' then join_keywords_v1(p_old, p_ids)
        else cut_keywords_v1(p_old, p_ids)
    end
$$;

-- p_map[number here + 1] = number there. A keyword that has none yet is one that came after the
-- map was made: the transaction is to be repeated.
create function map_keywords_v1(p_old integer[], p_map integer[]) returns integer[]
language plpgsql immutable as $$
declare
    v_new integer[];
begin
    if p_old is null then
        return null;
    end if;
    select array_agg(p_map[k + 1] order by p_map[k + 1]) into v_new from unnest(p_old) k;
    if array_position(v_new, null) is not null then
        raise exception using errcode = '40001', message = 'A keyword came meanwhile.';
    end if;
    return v_new;
end
$$;

-- Whether an account with these limits (null: none) has room for so much more. The caller holds
-- the lock of the account's row.
create function fits_quota_v1(
    p_account bigint, p_storage bigint, p_messages bigint, p_more_octets bigint, p_more bigint
) returns boolean
language sql volatile as $$
    select coalesce(sum(size), 0) + p_more_octets <= coalesce(p_storage, 9223372036854775807)
        and coalesce(sum(messages), 0) + p_more <= coalesce(p_messages, 9223372036854775807)
    from mailboxes where account_id = p_account and deleted_at is null
$$;

-- ---------------------------------------------------------------- contents

-- A live content with this hash, locked FOR SHARE; null when there is none.
create function share_content_v1(p_scope bigint, p_hash bytea) returns bigint
language plpgsql volatile as $$
declare
    v_id bigint;
begin
    select id into v_id from contents
        where scope_id = p_scope and hash = p_hash and state = 'live'
        for share;
    return v_id;
end
$$;

-- Make a content from facts; null when another transaction has made it meanwhile. With p_content
-- it is the one whose pieces are staged already.
create function make_content_v1(
    p_scope bigint, p_hash bytea, p_content bigint, p_staged boolean,
    p_facts jsonb, p_refs text[],
    p_header text, p_envelope text, p_structure text, p_parts text,
    p_text_header text, p_text_body text
) returns bigint
language plpgsql volatile as $$
declare
    v_id bigint;
begin
    if p_content is null then
        insert into contents (
            scope_id, hash, state, staging_slot, refs, header, envelope, structure, parts,
            size, size_crlf, sent_at, sent_day, sort_subject, sort_from, sort_to, sort_cc,
            display_from, display_to, message_id, in_reply_to, preview
        )
        select p_scope, p_hash, 'live',
            case when p_staged then staging_slot_at_v1(now()) end,
            p_refs, p_header, p_envelope, p_structure, p_parts,
            f.size, f.size_crlf, f.sent_at, f.sent_day, f.sort_subject, f.sort_from, f.sort_to,
            f.sort_cc, f.display_from, f.display_to, f.message_id, f.in_reply_to, f.preview
        from jsonb_to_record(p_facts) as f (
            size bigint, size_crlf bigint, sent_at timestamptz, sent_day date,
            sort_subject text, sort_from text, sort_to text, sort_cc text,
            display_from text, display_to text, message_id text, in_reply_to text, preview text
        )
        on conflict (scope_id, hash) where state = 'live' do nothing
        returning id into v_id;
    else
        begin
            update contents c set
                state = 'live', refs = p_refs, header = p_header, envelope = p_envelope,
                structure = p_structure, parts = p_parts, size = f.size, size_crlf = f.size_crlf,
                sent_at = f.sent_at, sent_day = f.sent_day, sort_subject = f.sort_subject,
                sort_from = f.sort_from, sort_to = f.sort_to, sort_cc = f.sort_cc,
                display_from = f.display_from, display_to = f.display_to,
                message_id = f.message_id, in_reply_to = f.in_reply_to, preview = f.preview
            from jsonb_to_record(p_facts) as f (
                size bigint, size_crlf bigint, sent_at timestamptz, sent_day date,
                sort_subject text, sort_from text, sort_to text, sort_cc text,
                display_from text, display_to text, message_id text, in_reply_to text, preview text
            )
            where c.id = p_content and c.scope_id = p_scope and c.hash = p_hash
                and c.state = 'pending' and c.size = f.size
            returning c.id into v_id;
        exception when unique_violation then
            return null;
        end;
        if v_id is null then
            raise exception using errcode = '55P03',
                message = 'The staged pieces of this message are gone; send it again.';
        end if;
    end if;
    if v_id is not null then
        insert into content_texts (
            scope_id, content_id, subject, from_, to_, cc, bcc, header, body
        ) select p_scope, v_id, f.text_subject, f.text_from, f.text_to, f.text_cc, f.text_bcc,
            p_text_header, p_text_body
        from jsonb_to_record(p_facts) as f (
            text_subject text, text_from text, text_to text, text_cc text, text_bcc text
        );
    end if;
    return v_id;
end
$$;

-- Write a body's pieces to the partition that its content names, and queue its upload.
create function stage_body_v1(p_scope bigint, p_content bigint, p_pieces text[]) returns void
language plpgsql volatile as $$
begin
    insert into staging (slot, content_id, n, piece)
        select c.staging_slot, c.id, p.n - 1, p.piece
        from contents c, unnest(p_pieces) with ordinality as p (piece, n)
        where c.id = p_content;
    insert into objects (scope_id, content_id) values (p_scope, p_content);
end
$$;

-- Bind an object that is durable already, under its reserved id, to a content.
create function bind_object_v1(
    p_scope bigint, p_content bigint, p_object uuid, p_store text, p_key text, p_stored bigint
) returns void
language plpgsql volatile as $$
declare
    v_reserved boolean;
begin
    -- It is looked up by its name alone, and looked at afterwards. With the conditions in the same
    -- place the search goes through all reservations: there is an index of those.
    select content_id is null and state = 'pending' into v_reserved
        from objects where id = p_object for no key update;
    if v_reserved then
        update objects set
            scope_id = p_scope, content_id = p_content, state = 'stored', store = p_store,
            key_id = p_key, stored_size = p_stored
        where id = p_object;
    else
        raise exception using errcode = '55P03',
            message = 'The reservation of this object has ended; store it again under another id.';
    end if;
end
$$;

-- ---------------------------------------------------------------- place

-- Make messages from bytes: for APPEND one target, for LMTP up to 50. One row for each target,
-- in their order; a single row with needs_body, and nothing done, when no bytes came along and
-- the content is not there. p_targets is a JSON array of objects:
--   a account, m mailbox, d internal date, z its zone in minutes, e email id, f system flags,
--   k names of keywords, kk the same folded, t trace, r recipient, h hash as received (hex)
create function place_v1(
    p_scope bigint, p_hash bytea, p_facts jsonb, p_refs text[],
    p_header text, p_envelope text, p_structure text, p_parts text,
    p_text_header text, p_text_body text,
    p_pieces text[], p_object uuid, p_store text, p_key text, p_stored bigint, p_content bigint,
    p_targets jsonb, p_operation operation_v1
) returns table (
    place integer, fate text, mailbox bigint, uid bigint, uidvalidity bigint,
    modseq bigint, before bigint, keywords integer[], names text,
    content_id bigint, used_object boolean, needs_body boolean
)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_content bigint;
    v_size bigint;
    v_made boolean := false;
    v_claimed uuid[] := '{}';
    v_placed integer := 0;
    v_account accounts;
    v_box mailboxes;
    v_modseq bigint;
    v_octets bigint;
    v_ids integer[];
    t record;
begin
    -- The content, before any other lock.
    v_content := share_content_v1(p_scope, p_hash);
    while v_content is null loop
        if p_pieces is null and p_object is null and p_content is null then
            needs_body := true;
            return next;
            return;
        end if;
        v_content := make_content_v1(
            p_scope, p_hash, p_content, p_pieces is not null, p_facts, p_refs,
            p_header, p_envelope, p_structure, p_parts, p_text_header, p_text_body
        );
        v_made := v_content is not null;
        if not v_made then
            v_content := share_content_v1(p_scope, p_hash);
        end if;
    end loop;
    if v_made then
        if p_pieces is not null then
            perform stage_body_v1(p_scope, v_content, p_pieces);
        elsif p_object is not null then
            perform bind_object_v1(p_scope, v_content, p_object, p_store, p_key, p_stored);
        else
            insert into objects (scope_id, content_id) values (p_scope, v_content);
        end if;
    elsif p_content is not null and p_content <> v_content then
        perform drop_pieces_v1(p_scope, p_content);
    end if;
    select size into v_size from contents where id = v_content;

    -- The claims, in one order, before any mailbox is locked.
    if jsonb_path_exists(p_targets, '$[*].r') then
        with claimed as (
            insert into deliveries (account_id, recipient, received_hash, mailbox_id, email_id)
            select r.a, r.r, decode(r.h, 'hex'), r.m, r.e
            from rows from (
                jsonb_to_recordset(p_targets) as (a bigint, m bigint, e uuid, r text, h text)
            ) with ordinality as r (a, m, e, r, h, place)
            where r.r is not null order by r.a, r.r, r.h, r.place
            on conflict do nothing returning email_id
        ) select coalesce(array_agg(email_id), '{}') into v_claimed from claimed;
    end if;

    -- Accounts that have limits, or learn a keyword, by id.
    for t in
        select a.id,
            a.quota_storage is not null or a.quota_messages is not null as limited,
            array_agg(n.name order by n.place) filter (where n.key is not null) as names,
            array_agg(n.key order by n.place) filter (where n.key is not null) as keys
        from accounts a join (
            select distinct on (r.a, n.key) r.a, n.key, n.name, r.place * 1000 + n.place as place
            from rows from (
                jsonb_to_recordset(p_targets) as (a bigint, k text[], kk text[])
            ) with ordinality as r (a, k, kk, place)
            left join unnest(r.k, r.kk) with ordinality as n (name, key, place) on true
            order by r.a, n.key, r.place, n.place
        ) n on n.a = a.id
        group by a.id order by a.id
    loop
        if t.limited then
            perform 1 from accounts where id = t.id for no key update;
        end if;
        if t.keys is not null then
            perform learn_keywords_v1(t.id, t.names, t.keys);
        end if;
    end loop;

    -- The messages, mailbox by mailbox in the order of their ids.
    for t in
        select * from rows from (
            jsonb_to_recordset(p_targets) as (
                a bigint, m bigint, d timestamptz, z smallint, e uuid, f smallint,
                kk text[], t text, r text, h text
            )
        ) with ordinality as r (a, m, d, z, e, f, kk, t, r, h, place)
        order by r.m, r.place
    loop
        place := t.place - 1;
        fate := 'placed';
        mailbox := t.m;
        uid := 0; uidvalidity := 0; modseq := 0; before := 0; keywords := null; names := '[]';
        v_octets := v_size + coalesce(char_length(t.t), 0);
        if t.r is not null and t.e <> all (v_claimed) then
            fate := 'duplicate';
            mailbox := 0;
            select d.mailbox_id, d.uid, b.uidvalidity into mailbox, uid, uidvalidity
            from deliveries d join mailboxes b on b.id = d.mailbox_id
            where d.account_id = t.a and d.recipient = t.r
                and d.received_hash = decode(t.h, 'hex');
        else
            select * into v_account from accounts a
                where a.id = t.a and a.scope_id = p_scope and a.deleted_at is null;
            if found then
                v_box := lock_mailbox_v1(t.m);
            end if;
            if v_account.id is null or v_box.id is null or v_box.account_id <> t.a then
                fate := 'no mailbox';
                mailbox := 0;
            elsif (v_account.quota_storage is not null or v_account.quota_messages is not null)
                and not fits_quota_v1(
                    t.a, v_account.quota_storage, v_account.quota_messages, v_octets, 1
                )
            then
                fate := 'over quota';
            end if;
            if fate <> 'placed' and t.r is not null then
                delete from deliveries d where d.account_id = t.a and d.recipient = t.r
                    and d.received_hash = decode(t.h, 'hex') and d.email_id = t.e;
            end if;
        end if;
        if fate = 'placed' then
            v_ids := null;
            if t.kk is not null then
                select array_agg(k.id order by k.id) into v_ids from keywords k
                    where k.account_id = t.a and k.name_key = any (t.kk);
                names := keywords_from_v1(t.a, 0);
            end if;
            uid := v_box.uidnext;
            uidvalidity := v_box.uidvalidity;
            before := v_box.highest_modseq;
            v_modseq := next_modseq_v1(before);
            modseq := v_modseq;
            keywords := v_ids;
            insert into messages (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, size, flags, internal_zone, keywords, trace
            ) values (
                t.a, t.m, v_box.uidnext, v_content, v_modseq, t.d, now(),
                t.e, v_octets, t.f, t.z, v_ids, t.t
            );
            update mailboxes b set
                uidnext = b.uidnext + 1,
                highest_modseq = v_modseq,
                messages = b.messages + 1,
                unseen = b.unseen + 1 - (t.f & 1),
                deleted = b.deleted + (t.f & 8) / 8,
                size = b.size + v_octets
            where b.id = t.m;
            insert into events (
                account_id, mailbox_id, modseq, before, kind, uids,
                operation, actor, session, protocol, address
            ) values (
                t.a, t.m, v_modseq, v_box.highest_modseq, 1,
                int8multirange(int8range(v_box.uidnext, v_box.uidnext + 1)),
                p_operation.id, p_operation.actor, p_operation.session,
                p_operation.protocol, p_operation.address
            );
            if t.r is not null then
                v_claimed := array_remove(v_claimed, t.e);
                update deliveries d set uid = v_box.uidnext
                where d.account_id = t.a and d.recipient = t.r
                    and d.received_hash = decode(t.h, 'hex');
            end if;
            v_placed := v_placed + 1;
        end if;
        content_id := v_content;
        used_object := v_made and p_object is not null;
        needs_body := false;
        return next;
    end loop;

    if v_made and v_placed = 0 then
        -- Nothing refers to it: leave it to the cleaner, which is the only one to remove contents.
        insert into orphans (scope_id, content_id) values (p_scope, v_content)
            on conflict (content_id) do nothing;
    end if;
end
$$;

-- Drop a content that is still pending, with its pieces: the same bytes are live under another id.
create function drop_pieces_v1(p_scope bigint, p_content bigint) returns void
language plpgsql volatile as $$
declare
    v_slot integer;
begin
    select staging_slot into v_slot from contents
        where id = p_content and scope_id = p_scope and state = 'pending' for update;
    if found then
        delete from staging where slot = v_slot and content_id = p_content;
        delete from contents where id = p_content;
    end if;
end
$$;

-- ---------------------------------------------------------------- store

-- Change flags. p_mode is replace, add or remove; p_unchanged is UNCHANGEDSINCE (RFC 7162 §3.1.3)
-- or null. o_uids, o_flags and o_spots are packed as in open_v1; all have o_modseq.
create function store_v1(
    p_mailbox bigint, p_uids int8multirange, p_mode text, p_flags smallint,
    p_names text[], p_keys text[], p_unchanged bigint, p_known integer, p_operation operation_v1,
    out o_before bigint, out o_modseq bigint,
    out o_uids text, out o_flags text, out o_spots text,
    out o_modified text, out o_keywords text
)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
declare
    v_account bigint;
    v_ids integer[];
    v_box mailboxes;
    v_count bigint;
    v_unseen bigint;
    v_deleted bigint;
    v_ranges int8multirange;
    v_modified int8multirange;
    v_was json;
begin
    select account_id into v_account from mailboxes where id = p_mailbox and deleted_at is null;
    if p_mode = 'remove' then
        select coalesce(array_agg(id), '{}') into v_ids from keywords
            where account_id = v_account and name_key = any (p_keys);
    elsif v_account is not null then
        v_ids := learn_keywords_v1(v_account, p_names, p_keys);
    end if;
    v_box := lock_mailbox_v1(p_mailbox);
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    end if;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    if p_unchanged is not null then
        select range_agg(int8range(m.uid, m.uid + 1)) into v_modified
        from messages_in_v1(p_mailbox, p_uids) m
        where m.modseq > p_unchanged;
    end if;
    with old as materialized (
        select m.place, m.uid, m.flags, m.keywords,
            new_flags_v1(p_mode, m.flags, p_flags) as new_flags,
            new_keywords_v1(p_mode, m.keywords, v_ids) as new_keywords
        from places_in_v1(p_mailbox, p_uids) m
        where (p_unchanged is null or m.modseq <= p_unchanged) and (
            new_flags_v1(p_mode, m.flags, p_flags) <> m.flags
            or new_keywords_v1(p_mode, m.keywords, v_ids) is distinct from m.keywords
        )
    ), changed as (
        update messages m set
            flags = new_flags_v1(p_mode, m.flags, p_flags),
            keywords = new_keywords_v1(p_mode, m.keywords, v_ids),
            modseq = o_modseq
        where m.ctid = any (array(select place from old))
    )
    select count(*), coalesce(sum((o.flags & 1) - (o.new_flags & 1)), 0),
        coalesce(sum((o.new_flags & 8) - (o.flags & 8)), 0) / 8,
        range_agg(int8range(o.uid, o.uid + 1)),
        string_agg(o.uid::text, ','), string_agg(chr(64 + o.new_flags), ''),
        string_agg(o.uid || ':' || array_to_string(o.new_keywords, '.'), ',')
            filter (where o.new_keywords is not null),
        (select json_agg(w) from (
            select flags, keywords, range_agg(int8range(uid, uid + 1)) as uids
            from old group by flags, keywords limit 100) w)
    into v_count, v_unseen, v_deleted, v_ranges, o_uids, o_flags, o_spots, v_was
    from (select * from old order by uid) o;
    if v_count = 0 then
        o_modseq := o_before;
    else
        update mailboxes set highest_modseq = o_modseq, unseen = unseen + v_unseen,
            deleted = deleted + v_deleted
        where id = p_mailbox;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, uids, detail,
            operation, actor, session, protocol, address
        ) values (
            v_account, p_mailbox, o_modseq, o_before, 2, v_ranges,
            jsonb_build_object(
                'mode', p_mode, 'flags', p_flags, 'keywords', v_ids,
                'was', v_was, 'modified', v_modified
            ),
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end if;
    o_modified := coalesce(v_modified, '{}')::text;
    o_keywords := keywords_from_v1(v_account, p_known);
end
$$;

-- ---------------------------------------------------------------- expunge

-- Remove the messages of p_uids that have \Deleted.
create function expunge_v1(
    p_mailbox bigint, p_uids int8multirange, p_operation operation_v1,
    out o_before bigint, out o_modseq bigint, out o_vanished text
)
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
declare
    v_box mailboxes;
    v_count bigint := 0;
    v_unseen bigint;
    v_size bigint;
    v_ranges int8multirange;
begin
    v_box := lock_mailbox_v1(p_mailbox);
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    end if;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    if v_box.deleted > 0 then
        with gone as (
            delete from messages m
            where m.ctid = any (array(
                select place from places_in_v1(p_mailbox, p_uids) where (flags & 8) <> 0
            ))
            returning m.*
        ), kept as (
            insert into expunged (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, thread_id, size, flags, internal_zone, keywords, trace,
                expunged_modseq, kind
            ) select account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, thread_id, size, flags, internal_zone, keywords, trace,
                o_modseq, 'expunged'
            from gone
        )
        select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(size), 0),
            range_agg(int8range(uid, uid + 1))
        into v_count, v_unseen, v_size, v_ranges from gone;
    end if;
    if v_count = 0 then
        o_modseq := o_before;
    else
        update mailboxes set highest_modseq = o_modseq, messages = messages - v_count,
            unseen = unseen - v_unseen, deleted = deleted - v_count, size = size - v_size
        where id = p_mailbox;
        insert into events (
            account_id, mailbox_id, modseq, before, kind, uids,
            operation, actor, session, protocol, address
        ) values (
            v_box.account_id, p_mailbox, o_modseq, o_before, 3, v_ranges,
            p_operation.id, p_operation.actor, p_operation.session,
            p_operation.protocol, p_operation.address
        );
    end if;
    o_vanished := coalesce(v_ranges, '{}')::text;
end
$$;
