-- The index of words, for SEARCH, and the keys of SORT and THREAD beside each other.
--
-- Both are of one mailbox, in segments of some UIDs, made by a worker (sora.workers.indexer) from
-- what stands in content_texts and contents, and never changed: no search reads what belongs to
-- another mailbox, and no delivery writes here. A segment's UIDs may be gone meanwhile; whoever
-- reads joins with messages. What a word is says sora.mail.words.

-- Of each message in a segment, in the order of UIDs: what SORT, THREAD and the dates of the Date
-- field ask for, so that nobody reads the wide rows of contents for them.
create table search_segments (
    account_id bigint not null,
    mailbox_id bigint not null references mailboxes (id) on delete cascade,
    first_uid bigint not null,
    last_uid bigint not null,
    uids bigint[] not null,
    sent_at timestamptz[] not null,
    sent_day date[] not null,
    sort_subject text[] not null,
    sort_from text[] not null,
    sort_to text[] not null,
    sort_cc text[] not null,
    display_from text[] not null,
    display_to text[] not null,
    message_id text[] not null,
    in_reply_to text[] not null,
    -- Message ids with line feeds between.
    refs text[] not null,
    is_reply boolean[] not null,
    primary key (mailbox_id, first_uid)
);

-- The different words of a segment, some hundred in a row: `words` with a line feed before, between
-- and after; `postings` the same with, for each word, a character for each message: its UID is the
-- code point less 48, above first_uid (sora.mail.word_index.number_text).
-- `grams` is the signature of the words (sora.mail.words.signature): it is all that most rows are read
-- for, so the rest lies outside of the row. Fields: s subject, f from, t to, h all of the header with
-- the trace, n names of its fields, y body.
create table search_words (
    account_id bigint not null,
    mailbox_id bigint not null references mailboxes (id) on delete cascade,
    field text collate "C" not null,
    first_uid bigint not null,
    n integer not null,
    grams bit(4096) not null,
    words text collate "C" not null,
    postings text collate "C" not null,
    primary key (mailbox_id, field, first_uid, n)
) with (toast_tuple_target = 640);
alter table search_words alter column grams set storage plain;

do $$
begin
    alter table search_words
        alter column words set compression lz4,
        alter column postings set compression lz4;
exception when feature_not_supported or invalid_parameter_value then
    null;
end
$$;

-- Who indexes a mailbox, until when.
create table search_leases (
    account_id bigint not null,
    mailbox_id bigint primary key references mailboxes (id) on delete cascade,
    until timestamptz not null
) with (fillfactor = 50);

-- UIDs of messages that have a word with p_pattern in it, in one of the fields; "\n" in the pattern
-- is where the word begins or ends. p_grams is the signature of the pattern. Several are alternatives.
create function found_v1(p_mailbox bigint, p_fields text[], p_pattern text, p_grams bit)
returns setof bigint
language sql stable rows 100 as $$
    select c.first_uid + ascii(p.place) - 48
    from (
        -- First what is in the row: the rest has to be fetched.
        select first_uid, words, postings from search_words
        where mailbox_id = p_mailbox and field = any (p_fields) and (grams & p_grams) = p_grams
        offset 0
    ) c
        cross join lateral unnest(
            string_to_array(c.words, E'\n'), string_to_array(c.postings, E'\n')
        ) as w (word, places)
        cross join lateral unnest(string_to_array(w.places, null)) as p (place)
    where strpos(c.words, p_pattern) > 0
        and strpos(E'\n' || w.word || E'\n', p_pattern) > 0
$$;

-- Take mailboxes that have at least p_least messages above what is indexed, for p_lease. Others
-- skip them meanwhile.
create function claim_indexing_v1(p_least integer, p_limit integer, p_lease interval)
returns table (account_id bigint, mailbox_id bigint, indexed_uid bigint)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    return query
        with due as (
            select b.account_id, b.id, b.indexed_uid from mailboxes b
                left join search_leases l on l.mailbox_id = b.id
            where b.deleted_at is null and b.messages >= p_least
                and b.uidnext > b.indexed_uid + p_least
                and (l.until is null or l.until < now())
                and (select count(*) from (
                    select from messages m where m.mailbox_id = b.id and m.uid > b.indexed_uid
                        and m.uid < 9223372036854775807
                    limit p_least
                ) above) >= p_least
            limit p_limit
        ), taken as (
            insert into search_leases as l (account_id, mailbox_id, until)
            select d.account_id, d.id, now() + p_lease from due d order by d.id
            on conflict (mailbox_id) do update set until = excluded.until where l.until < now()
            returning l.mailbox_id
        ) select d.account_id, d.id, d.indexed_uid from due d join taken t on t.mailbox_id = d.id;
end
$$;

-- Add a segment to the index. False, and nothing done, when somebody else did, or the mailbox is
-- gone. The mailbox's row is locked last, and for no longer than a STORE does.
create function index_v1(
    p_account bigint, p_mailbox bigint, p_after bigint, p_first bigint, p_last bigint, p_replies bigint[],
    p_fields text[], p_grams text[], p_words text[], p_postings text[]
) returns boolean
language plpgsql volatile as $$
begin
    if not exists (
        select from mailboxes where id = p_mailbox and indexed_uid = p_after and deleted_at is null
    ) then
        return false;
    end if;
    insert into search_segments (
        account_id, mailbox_id, first_uid, last_uid, uids, sent_at, sent_day, sort_subject,
        sort_from, sort_to, sort_cc, display_from, display_to, message_id, in_reply_to, refs,
        is_reply
    )
    select p_account, p_mailbox, p_first, p_last, array_agg(m.uid), array_agg(c.sent_at),
        array_agg(c.sent_day), array_agg(c.sort_subject), array_agg(c.sort_from),
        array_agg(c.sort_to), array_agg(c.sort_cc), array_agg(c.display_from),
        array_agg(c.display_to), array_agg(c.message_id), array_agg(c.in_reply_to),
        array_agg(array_to_string(c.refs, E'\n')), array_agg(m.uid = any (p_replies))
    from (
        select * from messages where mailbox_id = p_mailbox and uid > p_after and uid <= p_last
        order by uid
    ) m cross join lateral (select * from contents where id = m.content_id offset 0) c
    having count(*) > 0
    on conflict do nothing;
    if not found then
        return false;
    end if;
    insert into search_words (
        account_id, mailbox_id, field, first_uid, n, grams, words, postings
    )
    select p_account, p_mailbox, w.field, p_first, w.n, w.grams::bit(4096), w.words, w.postings
    from unnest(p_fields, p_grams, p_words, p_postings) with ordinality
        as w (field, grams, words, postings, n);
    update mailboxes set indexed_uid = p_last
        where id = p_mailbox and indexed_uid = p_after and deleted_at is null;
    if not found then
        raise exception using errcode = '40001', message = 'Somebody else was faster.';
    end if;
    return true;
end
$$;
