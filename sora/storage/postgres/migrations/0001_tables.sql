-- The tables.
--
-- A content is bytes with what is derived from them, once per deduplication scope. A message is
-- a content in a mailbox. Bytes that are wanted often (header block, ENVELOPE, BODYSTRUCTURE)
-- stand in columns of type text, one character per octet (sora.mail.carrier): text decodes in
-- the client about twice as fast as bytea.
--
-- Which columns may have an index: only those that do not change. STORE updates flags, keywords
-- and modseq in place (HOT) because no index has them; "changed since" is answered by events.
-- Columns of names to compare have the collation "C": prefixes are then ranges of the index.
--
-- Foreign keys: each one is indexed. Messages and expunged messages have none, neither to their
-- mailbox nor to their content: the check costs 4 to 8 us a row, two fifths of a COPY, and guards
-- little. A mailbox's row goes only after its messages, and a content only after two looks for
-- references (0007_bodies.sql).

create table sora (
    one boolean primary key default true check (one),
    database_id uuid not null default gen_random_uuid(),
    -- Raised by an operator after a restore, and by the first write on a new timeline; a mailbox
    -- of an older epoch makes its uidnext jump by uid_gap with its first write (G70).
    epoch integer not null default 1,
    timeline bigint not null,
    uid_gap bigint not null default 100000 check (uid_gap > 0),
    -- Events up to this modseq may have been dropped.
    events_horizon bigint not null default 0,
    created_at timestamptz not null default now()
);

create sequence scope_ids as bigint minvalue 1;

-- ---------------------------------------------------------------- who

create table domains (
    id bigint generated always as identity primary key,
    scope_id bigint not null,
    name text collate "C" not null unique,
    catch_all bigint,
    created_at timestamptz not null default now()
);

create table accounts (
    id bigint generated always as identity primary key,
    scope_id bigint not null,
    -- Raised with every change of mailbox names, subscriptions and rights.
    version bigint not null default 1,
    next_uidvalidity bigint not null,
    quota_storage bigint check (quota_storage >= 0),
    quota_messages bigint check (quota_messages >= 0),
    disabled boolean not null default false,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
) with (fillfactor = 80);

alter table domains
    add constraint domains_catch_all_fkey foreign key (catch_all) references accounts (id);
create index domains_catch_all on domains (catch_all) where catch_all is not null;

create table credentials (
    account_id bigint not null references accounts (id),
    id bigint generated always as identity primary key,
    domain_id bigint not null references domains (id),
    address text not null,
    address_key text collate "C" not null unique,
    is_primary boolean not null,
    -- Raised with every change of the secrets (G54).
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index credentials_account on credentials (account_id);
create unique index credentials_primary on credentials (account_id) where is_primary;
create index credentials_domain on credentials (domain_id, address_key);

create table secrets (
    account_id bigint not null references accounts (id),
    credential_id bigint not null references credentials (id) on delete cascade,
    kind text not null,
    name text not null default '',
    verifier text not null,
    scopes text[] not null default '{}',
    expires timestamptz,
    last_used timestamptz,
    created_at timestamptz not null default now(),
    primary key (credential_id, kind, name)
);
create index secrets_account on secrets (account_id);

create table aliases (
    account_id bigint not null references accounts (id),
    address text not null,
    address_key text collate "C" not null primary key,
    created_at timestamptz not null default now()
);
create index aliases_account on aliases (account_id);

-- ---------------------------------------------------------------- mailboxes

create table mailboxes (
    account_id bigint not null references accounts (id),
    id bigint generated always as identity primary key,
    object_id text not null default 'M' || replace(gen_random_uuid()::text, '-', ''),
    name text not null,
    name_key text collate "C" not null,
    special_use text,
    uidvalidity bigint not null,
    uidnext bigint not null default 1,
    -- Greater than the modseq of everything that was ever in it.
    highest_modseq bigint not null,
    created_modseq bigint not null,
    messages bigint not null default 0,
    unseen bigint not null default 0,
    deleted bigint not null default 0,
    size bigint not null default 0,
    epoch integer not null,
    -- The modseqs strictly between these two were lost with the epoch before: who knows one of
    -- them has to resynchronise (G70).
    lost_after bigint not null default 0,
    lost_before bigint not null default 0,
    indexed_uid bigint not null default 0,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);
create unique index mailboxes_name on mailboxes (account_id, name_key) where deleted_at is null;
create unique index mailboxes_special_use on mailboxes (account_id, special_use)
    where deleted_at is null and special_use is not null;
create index mailboxes_account on mailboxes (account_id);
create index mailboxes_deleted on mailboxes (deleted_at) where deleted_at is not null;

create table subscriptions (
    account_id bigint not null references accounts (id),
    name text not null,
    name_key text collate "C" not null,
    primary key (account_id, name_key)
);

create table keywords (
    account_id bigint not null references accounts (id),
    id integer not null,
    name text not null,
    name_key text collate "C" not null,
    primary key (account_id, id),
    unique (account_id, name_key)
);

-- ---------------------------------------------------------------- contents

create table contents (
    scope_id bigint not null,
    id bigint generated always as identity primary key,
    hash bytea not null,
    state text not null check (state in ('pending', 'live', 'deleting')),
    size bigint not null,
    size_crlf bigint not null default 0,
    sent_at timestamptz,
    sent_day date,
    -- The hour in whose partition of staging the bytes are; null when they are not staged.
    staging_slot integer,
    created_at timestamptz not null default now(),
    sort_subject text not null default '',
    sort_from text not null default '',
    sort_to text not null default '',
    sort_cc text not null default '',
    display_from text not null default '',
    display_to text not null default '',
    message_id text not null default '',
    in_reply_to text not null default '',
    refs text[] not null default '{}',
    preview text not null default '',
    envelope text not null default '',
    structure text not null default '',
    parts text not null default '',
    header text not null default ''
) with (toast_tuple_target = 8160, fillfactor = 100);
-- What a FETCH of many messages reads stays in the row, as it is; a header block that is too
-- large for the row is the first to leave it.
alter table contents
    alter column envelope set storage main,
    alter column structure set storage main,
    alter column parts set storage main,
    alter column header set storage external;
create unique index contents_hash on contents (scope_id, hash) where state = 'live';
create index contents_staging on contents (staging_slot) where staging_slot is not null;
create index contents_deleting on contents (id) where state = 'deleting';
create index contents_pending on contents (created_at) where state = 'pending';

-- Folded texts for search, apart so that they never slow a FETCH. Names and values of the header
-- stand as lines: E'\nname:value\n'.
create table content_texts (
    scope_id bigint not null,
    content_id bigint primary key references contents (id) on delete cascade,
    subject text not null,
    from_ text not null,
    to_ text not null,
    cc text not null,
    bcc text not null,
    header text not null,
    body text not null
);

-- A row exists before its object does, and goes after it.
create table objects (
    id uuid primary key default gen_random_uuid(),
    scope_id bigint,
    -- Null for a reservation.
    content_id bigint references contents (id),
    -- Null until an upload worker takes it.
    store text,
    state text not null default 'pending' check (state in ('pending', 'stored', 'deleting')),
    key_id text,
    stored_size bigint,
    checksum text,
    attempts integer not null default 0,
    -- For a waiting upload: not before this time (a lease, or a postponement).
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now()
) with (fillfactor = 80);
create index objects_content on objects (content_id) where content_id is not null;
create index objects_waiting on objects (created_at)
    where state = 'pending' and content_id is not null;
create index objects_reserved on objects (created_at)
    where state = 'pending' and content_id is null;
create index objects_deleting on objects (created_at) where state = 'deleting';

-- Bodies on their way to an object store, in pieces of 256 KiB, one character per octet.
-- Partitions are hours and are dropped whole.
create table staging (
    slot integer not null,
    content_id bigint not null,
    n integer not null,
    piece text not null,
    primary key (slot, content_id, n)
) partition by list (slot);
create table staging_default partition of staging default with (toast_tuple_target = 8160);
alter table staging_default alter column piece set storage external;

-- Contents that lost a reference: they may have lost the last one. The cleaner looks.
create table orphans (
    scope_id bigint not null,
    content_id bigint primary key references contents (id) on delete cascade,
    since timestamptz not null default now()
);
create index orphans_since on orphans (since);

-- ---------------------------------------------------------------- messages

create table messages (
    account_id bigint not null,
    mailbox_id bigint not null,
    uid bigint not null,
    content_id bigint not null,
    modseq bigint not null,
    internal_date timestamptz not null,
    save_date timestamptz not null,
    email_id uuid not null,
    thread_id uuid,
    size bigint not null,
    flags smallint not null,
    -- Minutes east of UTC.
    internal_zone smallint not null,
    -- Numbers of keywords, ascending; null for none.
    keywords integer[],
    -- Lines that this delivery put before the content, one character per octet.
    trace text,
    primary key (mailbox_id, uid)
) with (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);
create index messages_content on messages (content_id);

create table expunged (
    account_id bigint not null,
    mailbox_id bigint not null,
    uid bigint not null,
    content_id bigint not null,
    modseq bigint not null,
    internal_date timestamptz not null,
    save_date timestamptz not null,
    email_id uuid not null,
    thread_id uuid,
    size bigint not null,
    flags smallint not null,
    internal_zone smallint not null,
    keywords integer[],
    trace text,
    expunged_modseq bigint not null,
    expunged_at timestamptz not null default now(),
    kind text not null check (kind in ('expunged', 'moved', 'mailbox deleted')),
    primary key (mailbox_id, uid)
);
create index expunged_content on expunged (content_id);
create index expunged_at on expunged (expunged_at);

-- \Seen of those who share a mailbox and keep it private; reserved.
create table seen (
    account_id bigint not null references accounts (id),
    mailbox_id bigint not null references mailboxes (id) on delete cascade,
    uids int8multirange not null default '{}',
    primary key (account_id, mailbox_id)
);
create index seen_mailbox on seen (mailbox_id);

-- One row for each write command and mailbox: the change index, the log of what vanished, the
-- proof of what happened (G14). Kinds are numbered in sora.storage.rows.EventKind.
create table events (
    account_id bigint not null,
    mailbox_id bigint not null,
    modseq bigint not null,
    -- The mailbox's highest_modseq just before.
    before bigint not null,
    kind smallint not null,
    uids int8multirange not null default '{}',
    detail jsonb,
    operation uuid not null,
    actor text not null default '',
    session text not null default '',
    protocol text not null default '',
    address text not null default '',
    at timestamptz not null default now(),
    primary key (mailbox_id, modseq)
) partition by range (modseq);
create table events_default partition of events default;

-- What was delivered to whom, so that a repeated delivery is known (G42).
create table deliveries (
    account_id bigint not null,
    recipient text collate "C" not null,
    received_hash bytea not null,
    mailbox_id bigint not null,
    email_id uuid not null,
    uid bigint not null default 0,
    at timestamptz not null default now(),
    primary key (account_id, recipient, received_hash)
) with (fillfactor = 90);
create index deliveries_at on deliveries (at);

create table processes (
    id uuid primary key,
    name text not null,
    seen_at timestamptz not null
) with (fillfactor = 50);

-- ---------------------------------------------------------------- what a build may offer

do $$
begin
    -- lz4 is a choice of PostgreSQL's build; without it the default compression serves.
    alter table content_texts
        alter column header set compression lz4,
        alter column body set compression lz4;
exception when feature_not_supported or invalid_parameter_value then
    null;
end
$$;
