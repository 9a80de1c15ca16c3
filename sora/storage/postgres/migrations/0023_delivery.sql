-- Delivery after filters: what is done for a recipient is any number of messages, or none, and all
-- of it happens once.
--
-- The order of locks is that of 0003_writing.sql (G17): contents by hash, claims by account and
-- recipient, accounts by id, mailboxes by id. Last come what is remembered of vacation replies and
-- of duplicates, by account and key: only what has been done may be remembered, and whoever waits
-- there waits for a transaction that has nothing left to wait for.
--
-- A claim is by (account, recipient, hash as received), and has an id: whoever lost the answer, or
-- tries again after he did, knows his own claim by it (G14). Its row stands in `deliveries`, where
-- email_id is the id, and mailbox_id the first mailbox, 0 for a claim without any message.

-- To whom a vacation reply was sent, and until when none is sent again (G43); `claim` is the
-- delivery that sent it.
create table vacations (
    account_id bigint not null,
    key bytea not null,
    until timestamptz not null,
    claim uuid not null,
    primary key (account_id, key)
) with (fillfactor = 90);
create index vacations_until on vacations (until);

-- What the test `duplicate` has seen (RFC 7352), and until when.
create table duplicates (
    account_id bigint not null,
    key bytea not null,
    until timestamptz not null,
    primary key (account_id, key)
) with (fillfactor = 90);
create index duplicates_until on duplicates (until);

-- Targets of claims as they are possible now: a mailbox that is not there, or into which its owner
-- lets nobody else put anything, is the recipient's INBOX instead; null when that is gone as well, or
-- when its content is in another scope. Of the flags in a mailbox of somebody else those are set that
-- the rights allow (RFC 4314 §4).
create function possible_targets_v1(p_contents jsonb, p_claims jsonb, p_targets jsonb)
returns jsonb
language plpgsql volatile as $$
declare
    v_targets jsonb := '[]';
    v_rights text;
    v_scope bigint;
    t record;
begin
    for t in
        select r.value, c.inbox, c.account, b.id as mailbox, i.id as live_inbox
        from jsonb_array_elements(p_targets) with ordinality r (value, place)
            join rows from (jsonb_to_recordset(p_claims) as (a bigint, i bigint))
                with ordinality c (account, inbox, place)
                on c.place = (r.value->>'n')::integer + 1
            left join mailboxes b on b.id = (r.value->>'m')::bigint
                and b.account_id = (r.value->>'a')::bigint and b.deleted_at is null
            left join mailboxes i on i.id = c.inbox
                and i.account_id = c.account and i.deleted_at is null
        order by r.place
    loop
        if t.mailbox is not null and t.value ? 'w' then
            v_rights := rights_of_v1(
                (t.value->>'a')::bigint, t.mailbox, (t.value->>'w')::bigint
            );
            if v_rights ~ '[ip]' then
                if strpos(v_rights, 'w') = 0 then
                    t.value := t.value - 'k' - 'kk';
                end if;
                t.value := t.value || jsonb_build_object(
                    'f', (t.value->>'f')::integer & permitted_flags_v1(v_rights)
                );
            else
                t.mailbox := null;
            end if;
        end if;
        if t.mailbox is null then
            select scope_id into v_scope from accounts where id = t.account;
            if v_scope = (p_contents->(t.value->>'c')::integer->>'p')::bigint then
                t.value := t.value || jsonb_build_object(
                    'a', t.account, 'm', t.live_inbox,
                    'there', exists (
                        select from jsonb_array_elements(v_targets || p_targets) o
                        where o->'n' = t.value->'n' and o->'c' = t.value->'c'
                            and (o->>'m')::bigint = t.live_inbox
                    )
                );
            else
                t.value := t.value || '{"m": null}';
            end if;
        end if;
        v_targets := v_targets || t.value;
    end loop;
    return v_targets;
end
$$;

-- Deliver: for up to 50 recipients, all that is to be done for each of them, or none of it.
--
-- p_contents and the arrays beside it are as for append_v1; each has its scope (p) besides.
-- p_claims is a JSON array of objects:
--   a account, i its INBOX, m its first target's mailbox or 0, r recipient, h hash as received (hex),
--   e the claim's id,
--   v vacation replies, s duplicates: each an array of {k key (hex), u seconds}
-- p_targets is a JSON array of objects, as for place_v1 but for
--   n which claim it belongs to, c which content it is made of, w the account that asks where the
--   mailbox is somebody else's; there is no n of a name, and no r and h
-- p_together says that a claim has other than one target, or that a target is not in INBOX.
--
-- The rows have a kind:
--   missing   bytes of content `place` did not come along; there are only such rows, and nothing
--             was done
--   content   content `place` is content_id, and used_object says whether the object became its own
--   target    a message of claim `claim` was made for target `place` (mailbox ... names), or, without
--             `place`, what became of a claim without any
--   vacation  the reply `place` of claim `claim` is its own to send
-- `fate` is that of the whole claim; of a duplicate, `winner` is the claim that was first. A target that
-- went to INBOX instead, where the same content is put for its claim anyway, has the uid 0.
create function place_v2(
    p_contents jsonb,
    p_headers text[], p_envelopes text[], p_structures text[], p_parts text[],
    p_text_headers text[], p_text_bodies text[], p_pieces text[],
    p_claims jsonb, p_targets jsonb, p_together boolean, p_operation operation_v1
) returns table (
    kind text, place integer, claim integer, fate text,
    mailbox bigint, uid bigint, uidvalidity bigint, modseq bigint, before bigint,
    flags smallint, keywords integer[], names text,
    content_id bigint, used_object boolean, winner uuid
)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_place integer;
    v_order integer[] := '{}';
    v_content jsonb;
    v_scope bigint;
    v_first integer;
    v_refs text[];
    v_contents bigint[] := '{}';
    v_sizes bigint[] := '{}';
    v_made bigint[] := '{}';
    v_used bigint[] := '{}';
    v_claimed uuid[] := '{}';
    v_done integer[] := '{}';
    v_lacking integer[] := '{}';
    v_limited boolean := false;
    v_claim integer := -1;
    v_fate text;
    v_by uuid;
    v_account accounts;
    v_box mailboxes;
    v_modseq bigint;
    v_octets bigint;
    v_ids integer[];
    v_rows refcursor;
    v_kept record;
    c record;
    t record;
begin
    -- The contents. First a look, so that nothing is made when something is missing: the locks of
    -- this look are shared, and only the cleaner is against them, who does not wait.
    for v_number in 0 .. jsonb_array_length(p_contents) - 1 loop
        v_content := p_contents->v_number;
        if not v_content ?| '{n,o,c}' and share_content_v1(
            (v_content->>'p')::bigint, decode(v_content->>'h', 'hex')
        ) is null then
            kind := 'missing';
            place := v_number;
            return next;
        end if;
        v_order := v_order || v_number;
    end loop;
    if kind is not null then
        return;
    end if;
    if cardinality(v_order) > 1 then
        select array_agg(j.place - 1 order by j.value->>'h', (j.value->>'p')::bigint) into v_order
            from jsonb_array_elements(p_contents) with ordinality j (value, place);
    end if;
    foreach v_place in array v_order loop
        v_content := p_contents->v_place;
        v_scope := (v_content->>'p')::bigint;
        v_first := 0;
        if v_place > 0 and v_content ? 'n' then
            select coalesce(sum((j.value->>'n')::integer), 0) into v_first
                from jsonb_array_elements(p_contents) with ordinality j (value, place)
                where j.place <= v_place;
        end if;
        v_refs := '{}';
        if jsonb_array_length(v_content->'r') > 0 then
            v_refs := array(select jsonb_array_elements_text(v_content->'r'));
        end if;
        v_kept := keep_content_v1(
            v_scope, decode(v_content->>'h', 'hex'), v_content->'f', v_refs,
            p_headers[v_place + 1], p_envelopes[v_place + 1], p_structures[v_place + 1],
            p_parts[v_place + 1], p_text_headers[v_place + 1], p_text_bodies[v_place + 1],
            case when v_content ? 'n'
                then p_pieces[v_first + 1 : v_first + (v_content->>'n')::integer] end,
            (v_content->>'o')::uuid, v_content->>'s', v_content->>'k', (v_content->>'z')::bigint,
            (v_content->>'c')::bigint
        );
        kind := 'content';
        place := v_place;
        content_id := v_kept.o_content;
        used_object := v_kept.o_made and v_content ? 'o';
        v_contents[place + 1] := content_id;
        if v_kept.o_made then
            v_made := v_made || content_id;
            v_octets := (v_content->'f'->>'size')::bigint;
        else
            select size into v_octets from contents where id = content_id;
        end if;
        v_sizes[place + 1] := v_octets;
        return next;
    end loop;
    content_id := null;
    used_object := null;

    -- The claims, in one order, before any mailbox is locked.
    with claimed as (
        insert into deliveries (account_id, recipient, received_hash, mailbox_id, email_id)
        select r.a, r.r, decode(r.h, 'hex'), r.m, r.e
        from rows from (
            jsonb_to_recordset(p_claims) as (a bigint, m bigint, e uuid, r text, h text)
        ) with ordinality as r (a, m, e, r, h, place)
        order by r.a, r.r, r.h, r.place
        on conflict do nothing returning email_id
    ) select coalesce(array_agg(email_id), '{}') into v_claimed from claimed;

    -- Mailboxes that have gone.
    if p_together then
        p_targets := possible_targets_v1(p_contents, p_claims, p_targets);
        select coalesce(array_agg((r->>'n')::integer), '{}') into v_lacking
            from jsonb_array_elements(p_targets) r where r->>'m' is null;
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
            v_limited := true;
            perform 1 from accounts where id = t.id for no key update;
        end if;
        if t.keys is not null then
            perform learn_keywords_v1(t.id, t.names, t.keys);
        end if;
    end loop;

    -- The mailboxes, by id: here when it has to be known of all of a claim's whether they are there.
    -- One that went since we looked is not found by looking again under these locks: all is undone,
    -- and done again.
    if p_together then
        for c in
            select distinct (r.value->>'m')::bigint as mailbox
            from jsonb_array_elements(p_targets) r
            where r.value->>'m' is not null order by 1
        loop
            v_box := lock_mailbox_v1(c.mailbox);
            if v_box.id is null then
                raise exception using errcode = '40001',
                    message = 'A mailbox has just gone; try again.';
            end if;
        end loop;
    end if;

    -- The messages, claim by claim; where no mailbox is locked yet, in the order of their ids. (A join
    -- of two functions costs 30 us; most deliveries can do without.)
    if p_together then
        open v_rows for
        select q.a as owner, q.r, q.h, q.claim_id, q.claim_place, o.*
        from rows from (
            jsonb_to_recordset(p_claims) as (a bigint, e uuid, r text, h text)
        ) with ordinality as q (a, claim_id, r, h, claim_place)
        left join rows from (
            jsonb_to_recordset(p_targets) as (
                c integer, a bigint, m bigint, d timestamptz, z smallint, e uuid,
                f smallint, kk text[], t text, there boolean, n integer
            )
        ) with ordinality as o (c, a, m, d, z, e, f, kk, t, there, n, place)
            on o.n = q.claim_place - 1
        order by q.claim_place, o.place;
    else
        open v_rows for
        select o.owner, o.r, o.h, o.claim_id, o.place as claim_place,
            o.c, o.a, o.m, o.d, o.z, o.e, o.f, o.kk, o.t, o.there, o.n, o.place
        from rows from (
            jsonb_to_recordset(p_claims) as (a bigint, e uuid, r text, h text),
            jsonb_to_recordset(p_targets) as (
                c integer, a bigint, m bigint, d timestamptz, z smallint, e uuid,
                f smallint, kk text[], t text, there boolean, n integer
            )
        ) with ordinality as o (
            owner, claim_id, r, h, c, a, m, d, z, e, f, kk, t, there, n, place
        )
        order by o.m, o.place;
    end if;
    loop
        fetch v_rows into t;
        exit when not found;
        kind := 'target';
        place := t.place - 1;
        claim := t.claim_place - 1;
        mailbox := 0; uid := 0; uidvalidity := 0; modseq := 0; before := 0;
        flags := 0; keywords := null; names := '[]'; winner := null;
        if t.claim_place <> v_claim then
            v_claim := t.claim_place;
            v_fate := 'placed';
            v_by := null;
            if t.claim_id <> all (v_claimed) then
                v_fate := 'duplicate';
                select d.email_id into v_by from deliveries d
                where d.account_id = t.owner and d.recipient = t.r
                    and d.received_hash = decode(t.h, 'hex');
            else
                select * into v_account from accounts a
                    where a.id = t.owner and a.deleted_at is null;
                if v_account.id is null or claim = any (v_lacking) then
                    v_fate := 'no mailbox';
                elsif not p_together then
                    v_box := lock_mailbox_v1(t.m);
                    if v_box.id is null or v_box.account_id <> t.a then
                        v_fate := 'no mailbox';
                    end if;
                end if;
                if v_fate = 'placed' and v_limited then
                    select case when bool_or(w.a = t.owner) then 'over quota' else 'no mailbox' end
                    into v_fate
                    from (
                        select o.a, count(*) as more,
                            sum(
                                v_sizes[o.c + 1] + coalesce(char_length(o.t), 0)
                            )::bigint as octets
                        from jsonb_to_recordset(p_targets) as o (
                            n integer, c integer, a bigint, t text
                        ) where o.n = t.claim_place - 1 group by o.a
                    ) w join accounts a on a.id = w.a
                    where (a.quota_storage is not null or a.quota_messages is not null)
                        and not fits_quota_v1(
                            a.id, a.quota_storage, a.quota_messages, w.octets, w.more
                        )
                    having count(*) > 0;
                    v_fate := coalesce(v_fate, 'placed');
                end if;
                if v_fate = 'placed' then
                    v_done := v_done || claim;
                    v_claimed := array_remove(v_claimed, t.claim_id);
                else
                    delete from deliveries d where d.account_id = t.owner and d.recipient = t.r
                        and d.received_hash = decode(t.h, 'hex') and d.email_id = t.claim_id;
                end if;
            end if;
        end if;
        fate := v_fate;
        winner := v_by;
        if v_fate = 'placed' and t.there then
            mailbox := t.m;
        elsif v_fate = 'placed' and t.place is not null then
            if p_together then
                select * into v_box from mailboxes b where b.id = t.m;
            end if;
            v_octets := v_sizes[t.c + 1] + coalesce(char_length(t.t), 0);
            v_ids := null;
            if t.kk is not null then
                select array_agg(k.id order by k.id) into v_ids from keywords k
                    where k.account_id = t.a and k.name_key = any (t.kk);
                names := keywords_from_v1(t.a, 0);
            end if;
            mailbox := t.m;
            uid := v_box.uidnext;
            uidvalidity := v_box.uidvalidity;
            before := v_box.highest_modseq;
            v_modseq := next_modseq_v1(before);
            modseq := v_modseq;
            flags := t.f;
            keywords := v_ids;
            insert into messages (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, size, flags, internal_zone, keywords, trace
            ) values (
                t.a, t.m, v_box.uidnext, v_contents[t.c + 1], v_modseq, t.d, now(),
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
            v_used := v_used || v_contents[t.c + 1];
        end if;
        return next;
    end loop;

    -- What is remembered of those that were delivered.
    if jsonb_path_exists(p_claims, '$[*].v') then
        for c in
            select q.place - 1 as claim, q.a, q.e, decode(m.value->>'k', 'hex') as key,
                (m.value->>'u')::double precision as seconds, m.place - 1 as place
            from rows from (jsonb_to_recordset(p_claims) as (a bigint, e uuid, v jsonb))
                    with ordinality q (a, e, v, place)
                cross join jsonb_array_elements(q.v) with ordinality m (value, place)
            where q.place - 1 = any (v_done)
            order by q.a, key, q.place, m.place
        loop
            insert into vacations as o (account_id, key, until, claim)
                values (c.a, c.key, now() + make_interval(secs => c.seconds), c.e)
                on conflict (account_id, key) do update
                set until = excluded.until, claim = excluded.claim
                where o.until <= now();
            if found then
                kind := 'vacation';
                place := c.place;
                claim := c.claim;
                fate := 'placed';
                return next;
            end if;
        end loop;
    end if;
    if jsonb_path_exists(p_claims, '$[*].s') then
        insert into duplicates as o (account_id, key, until)
            select q.a, decode(m->>'k', 'hex') as key,
                max(now() + make_interval(secs => (m->>'u')::double precision))
            from rows from (jsonb_to_recordset(p_claims) as (a bigint, s jsonb))
                    with ordinality q (a, s, place)
                cross join jsonb_array_elements(q.s) m
            where q.place - 1 = any (v_done)
            group by q.a, key order by q.a, key
            on conflict (account_id, key) do update set until = excluded.until;
    end if;

    if v_made <> '{}' and not v_made <@ v_used then
        -- Nothing refers to these: they are left to the cleaner, which alone removes contents.
        insert into orphans (scope_id, content_id)
            select scope_id, id from contents
            where id = any (v_made) and id <> all (v_used)
            on conflict (content_id) do nothing;
    end if;
end
$$;

-- Whether these claims are there, and with whose id, after an answer was lost. Waits for a
-- transaction that holds one of the mailboxes.
create function claimed_v1(p_mailboxes bigint[], p_claims jsonb)
returns table (place integer, winner uuid, replies integer[])
language plpgsql volatile as $$
begin
    perform 1 from mailboxes where id = any (p_mailboxes) order by id for share;
    return query
        select q.place::integer - 1, d.email_id, array(
            select m.place::integer - 1
            from jsonb_array_elements(q.v) with ordinality m (value, place)
                join vacations o on o.account_id = q.a and o.key = decode(m.value->>'k', 'hex')
            where o.claim = q.e order by m.place
        )
        from rows from (
            jsonb_to_recordset(p_claims) as (a bigint, e uuid, r text, h text, v jsonb)
        ) with ordinality q (a, e, r, h, v, place)
        join deliveries d on d.account_id = q.a and d.recipient = q.r
            and d.received_hash = decode(q.h, 'hex')
        order by 1;
end
$$;

-- Forget what was remembered up to now: vacation replies and duplicates, so many of each.
create function forget_memories_v1(p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_vacations integer;
    v_duplicates integer;
begin
    delete from vacations where (account_id, key) in (
        select account_id, key from vacations
        where until <= now() order by until limit p_limit for update skip locked
    );
    get diagnostics v_vacations = row_count;
    delete from duplicates where (account_id, key) in (
        select account_id, key from duplicates
        where until <= now() order by until limit p_limit for update skip locked
    );
    get diagnostics v_duplicates = row_count;
    return v_vacations + v_duplicates;
end
$$;

-- Whether the test `duplicate` has seen this.
create function seen_before_v1(p_account bigint, p_key bytea) returns boolean
language plpgsql stable as $$
begin
    return exists (
        select from duplicates where account_id = p_account and key = p_key and until > now()
    );
end
$$;
