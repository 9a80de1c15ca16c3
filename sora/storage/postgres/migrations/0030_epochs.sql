-- Epochs: what keeps numbers from being given out twice by a database that was set back in time (G70).
--
-- A replica that lagged is promoted, or a database is restored to an earlier point: clients, other
-- nodes and buckets then know of numbers that the database has forgotten. An epoch is the time between
-- two such moments. It begins
--
--   timeline  by itself, when the server writes another WAL timeline (promotion, recovery to a point in time);
--   system    by itself, when it is another cluster (a dump restored elsewhere, pg_upgrade): looked at by
--             each start and each heartbeat;
--   rewound   by itself, when a process that lives through it finds a heartbeat of its own missing;
--   command   by `sora-admin database promoted`, for what leaves no trace: a snapshot put back.
--
-- What then is done, and why nothing known is given out again:
--
--   UIDs       jump, with a mailbox's first write, by uid_gap for each timeline that was skipped and by
--              uid_rate for each second that may be lost: two epochs that begin from the same copy begin
--              at different times, and neither reaches what the other has given out.
--   modseqs    follow the clock in microseconds; the first write goes a minute ahead of it, for clocks
--              that differ. What lies between is remembered as lost.
--   ids        of accounts, mailboxes, contents and all other sequences go on from the clock in
--              microseconds, which no sequence can have reached. Each is drawn after a look at the
--              timeline (new_id_v1), so none is drawn in an epoch that nobody has noticed yet.
--   versions   of accounts and credentials follow the clock as well.
--   UIDVALIDITY goes an hour ahead of the clock, so many mailboxes may have been made in what is lost.
--   names of objects, MAILBOXID and EMAILID are random; a thread's id is made of ids that are not
--              given out again.
--
-- Functions that are replaced here keep what they promised before, so that nodes of the version before
-- are safe as well.

alter table sora
    -- The cluster that wrote last; null where it may not be asked for.
    add column system bigint,
    -- UIDs that a mailbox may have given out in a second of what is lost.
    add column uid_rate bigint not null default 1000 check (uid_rate >= 0),
    add column uidvalidity_from bigint not null default 0;

alter table mailboxes
    -- All modseqs that were lost, where lost_after and lost_before only tell the last ones.
    add column lost int8multirange not null default '{}';
update mailboxes set lost = int8multirange(int8range(lost_after + 1, lost_before))
    where lost_before > lost_after + 1;

create table epochs (
    epoch integer primary key,
    -- Two databases restored from one copy have epochs of the same number.
    id uuid not null default gen_random_uuid(),
    began_at timestamptz not null default clock_timestamp(),
    reason text not null check (reason in ('first', 'timeline', 'system', 'rewound', 'command')),
    timeline bigint not null,
    system bigint,
    -- When the database was last heard of before; what came after it may be lost.
    heard_at timestamptz not null,
    uid_jump bigint not null
);

-- When a process was last heard of; unlike `processes` it is never removed.
create table alive (
    one boolean primary key default true check (one),
    at timestamptz not null
) with (fillfactor = 10);
insert into alive (at) values (clock_timestamp());

-- The cluster's own number; null where the role may not ask.
create function current_system_v1() returns bigint
language plpgsql volatile as $$
begin
    return (select system_identifier from pg_control_system());
exception when insufficient_privilege then
    return null;
end
$$;

update sora set system = current_system_v1();
insert into epochs (epoch, reason, timeline, system, heard_at, uid_jump)
    select epoch, 'first', timeline, system, clock_timestamp(), 0 from sora;

-- ---------------------------------------------------------------- how an epoch begins

-- Why a new epoch has to begin; null when it has not. p_heard is a heartbeat that was confirmed.
create function epoch_over_v1(s sora, p_heard timestamptz) returns text
language plpgsql volatile as $$
begin
    return case
        when s.timeline <> current_timeline_v1() then 'timeline'
        when s.system <> current_system_v1() then 'system'
        when p_heard > (select at from alive) then 'rewound'
    end;
end
$$;

-- Begin a new epoch if there is a reason; p_reason is an operator's, who is not asked for one.
create function begin_epoch_v1(p_reason text, p_heard timestamptz) returns void
language plpgsql volatile as $$
declare
    v_sora sora;
    v_reason text;
    v_now timestamptz;
    v_heard timestamptz;
    v_sequence regclass;
begin
    select * into v_sora from sora for no key update;
    -- Somebody else may have begun it while we waited.
    v_reason := coalesce(p_reason, epoch_over_v1(v_sora, p_heard));
    if v_reason is null then
        return;
    end if;
    v_now := clock_timestamp();
    v_heard := greatest((select at from alive), (select max(seen_at) from processes));
    update sora set
        epoch = epoch + 1,
        timeline = current_timeline_v1(),
        system = current_system_v1(),
        uidvalidity_from = greatest(uidvalidity_from, extract(epoch from v_now)::bigint + 3600);
    insert into epochs (epoch, reason, timeline, system, heard_at, uid_jump) values (
        v_sora.epoch + 1, v_reason, current_timeline_v1(), current_system_v1(),
        least(v_heard, v_now),
        v_sora.uid_gap * case
            when v_sora.system is distinct from current_system_v1() then 1
            else least(greatest(current_timeline_v1() - v_sora.timeline, 1), 100) end
        + (v_sora.uid_rate * greatest(extract(epoch from v_now - v_heard), 0))::bigint
    );
    -- Not undone by a rollback, which does no harm.
    for v_sequence in
        select s.oid::regclass from pg_class s
        where s.relkind = 'S'
            and s.relnamespace = (select relnamespace from pg_class where oid = 'sora'::regclass)
    loop
        perform setval(v_sequence, greatest(nextval(v_sequence), modseq_at_v1(v_now)));
    end loop;
end
$$;

-- Look whether a new epoch has to begin, by all signs, and begin it; gives the one that is now.
create function notice_epoch_v1(p_heard timestamptz) returns uuid
language plpgsql volatile as $$
declare
    v_sora sora;
begin
    select * into v_sora from sora;
    if epoch_over_v1(v_sora, p_heard) is not null then
        perform begin_epoch_v1(null, p_heard);
    end if;
    return (select id from epochs order by epoch desc limit 1);
end
$$;

-- The row of sora in an epoch that is not over, as far as the timeline tells: what each write looks at.
create function sora_now_v1() returns sora
language plpgsql volatile as $$
declare
    v_sora sora;
begin
    select * into v_sora from sora;
    if v_sora.timeline <> current_timeline_v1() then
        perform begin_epoch_v1(null, null);
        select * into v_sora from sora;
    end if;
    return v_sora;
end
$$;

-- ---------------------------------------------------------------- ids

-- The next id of a sequence. Who draws one has seen that the epoch is not over, and so an id that is
-- larger than all that were lost.
create function new_id_v1(p_sequence regclass) returns bigint
language plpgsql volatile as $$
begin
    perform sora_now_v1();
    return nextval(p_sequence);
end
$$;

do $$
declare
    v_table text;
    v_last bigint;
begin
    foreach v_table in array array['domains', 'accounts', 'credentials', 'mailboxes', 'contents'] loop
        execute format('lock table %I in access exclusive mode', v_table);
        v_last := nextval(pg_get_serial_sequence(v_table, 'id'));
        execute format('alter table %I alter column id drop identity', v_table);
        execute format(
            'create sequence %1$I as bigint start with %2$s owned by %3$I.id',
            v_table || '_ids', v_last, v_table
        );
        execute format(
            'alter table %1$I alter column id set default new_id_v1(%2$L)', v_table, v_table || '_ids'
        );
    end loop;
end
$$;

-- ---------------------------------------------------------------- mailboxes

-- Lock a live mailbox; its row has only nulls when there is none. The first lock in a new epoch
-- makes UIDs and modseqs jump over what was lost with the old one.
create or replace function lock_mailbox_v1(p_mailbox bigint) returns mailboxes
language plpgsql volatile as $$
declare
    v_sora sora;
    v_box mailboxes;
begin
    -- Before the mailbox: who begins an epoch locks the row of sora, and then mailboxes.
    v_sora := sora_now_v1();
    select * into v_box from mailboxes where id = p_mailbox and deleted_at is null
        for no key update;
    if not found then
        return null;
    end if;
    if v_box.epoch <> v_sora.epoch then
        v_box := renew_mailbox_v1(v_box, v_sora);
    end if;
    return v_box;
end
$$;

-- Let a mailbox, which is locked, begin a new epoch. UIDs are numbers of 32 bits (RFC 3501 §2.3.1.1):
-- half of those that are left is the most that a jump takes. Of lost modseqs at most 16 ranges are
-- remembered; the older ones become one.
create function renew_mailbox_v1(p_box mailboxes, p_sora sora) returns mailboxes
language plpgsql volatile as $$
declare
    v_jump bigint;
    v_modseq bigint := next_modseq_v1(
        greatest(p_box.highest_modseq, modseq_at_v1(clock_timestamp() + interval '1 minute'))
    );
    v_lost int8multirange := p_box.lost;
    v_box mailboxes;
begin
    -- An epoch that somebody has begun by hand has no row.
    select greatest(sum(uid_jump), p_sora.uid_gap) into v_jump
        from epochs where epoch > p_box.epoch;
    if (select count(*) from unnest(v_lost)) >= 16 then
        v_lost := int8multirange(range_merge(v_lost));
    end if;
    update mailboxes set
        epoch = p_sora.epoch,
        uidnext = uidnext + least(v_jump, (4294967295 - uidnext) / 2),
        highest_modseq = v_modseq,
        lost_after = p_box.highest_modseq,
        lost_before = v_modseq,
        lost = v_lost + int8multirange(int8range(p_box.highest_modseq + 1, v_modseq))
    where id = p_box.id returning * into v_box;
    return v_box;
end
$$;

-- Whether a modseq was never given out, as far as this database knows.
create function is_lost_v1(p_mailbox mailboxes, p_modseq bigint) returns boolean
language sql immutable as $$
    select p_modseq > p_mailbox.highest_modseq or p_modseq <@ p_mailbox.lost
$$;

-- Make the row of a mailbox; the caller holds the account's lock and has looked that the name is
-- free. UIDVALIDITY only rises, also over a database that was set back in time.
create or replace function add_mailbox_v1(
    p_account bigint, p_name text, p_key text, p_special text, p_operation operation_v1
) returns mailboxes
language plpgsql volatile as $$
declare
    v_sora sora := sora_now_v1();
    v_validity bigint;
    v_modseq bigint := next_modseq_v1(0);
    v_box mailboxes;
begin
    update accounts set
        next_uidvalidity = greatest(
            next_uidvalidity, extract(epoch from now())::bigint, v_sora.uidvalidity_from
        ) + 1
    where id = p_account returning next_uidvalidity - 1 into v_validity;
    insert into mailboxes (
        account_id, name, name_key, special_use, uidvalidity, highest_modseq, created_modseq, epoch
    ) values (
        p_account, p_name, p_key, p_special, v_validity, v_modseq, v_modseq, v_sora.epoch
    ) returning * into v_box;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, v_box.id, v_modseq, v_modseq - 1, 7, jsonb_build_object('name', p_name),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
    return v_box;
end
$$;

-- ---------------------------------------------------------------- who knows what is lost

create or replace function changes_v1(
    p_mailbox bigint, p_since bigint, p_known integer,
    out o_box mailbox_v1, out o_uids text, out o_flags text, out o_modseqs text,
    out o_spots text, out o_vanished text, out o_keywords text, out o_complete boolean
)
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    v_box mailboxes;
    v_changed int8multirange;
    v_came int8multirange;
    v_vanished int8multirange;
begin
    select * into v_box from mailboxes where id = p_mailbox and deleted_at is null;
    if not found then
        return;
    end if;
    o_box := mailbox_row_v1(v_box);
    o_keywords := keywords_from_v1(v_box.account_id, p_known);
    o_complete := not is_lost_v1(v_box, p_since) and (
        p_since = v_box.highest_modseq
        or greatest(p_since, v_box.created_modseq) >= (select events_horizon from sora)
    );
    if p_since < v_box.highest_modseq and o_complete then
        select range_agg(r) filter (where e.kind in (1, 2, 4, 5)),
            range_agg(r) filter (where e.kind in (1, 4, 5)),
            range_agg(r) filter (where e.kind in (3, 6))
        into v_changed, v_came, v_vanished
        from events e, unnest(e.uids) r
        where e.mailbox_id = p_mailbox and e.modseq > p_since
            and e.modseq <= v_box.highest_modseq;
        -- What came and went since then was never there for the caller (G24).
        v_vanished := v_vanished - coalesce(v_came, '{}');
        select string_agg(m.uid::text, ','), string_agg(chr(64 + m.flags), ''),
            string_agg(m.modseq::text, ','),
            string_agg(m.uid || ':' || array_to_string(m.keywords, '.'), ',')
                filter (where m.keywords is not null)
        into o_uids, o_flags, o_modseqs, o_spots
        from (
            select m.uid, m.flags, m.modseq, m.keywords
            from messages_in_v1(p_mailbox, v_changed) m
            order by m.uid
        ) m;
    end if;
    o_vanished := coalesce(v_vanished, '{}')::text;
end
$$;

create or replace function vanished_v1(
    p_mailbox bigint, p_since bigint, p_known int8multirange,
    out o_vanished text, out o_lost boolean
)
returns setof record
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    v_box mailboxes;
begin
    select * into v_box from mailboxes where id = p_mailbox and deleted_at is null;
    if not found then
        return;
    end if;
    o_lost := is_lost_v1(v_box, p_since);
    if not o_lost and (
        p_since = v_box.highest_modseq
        or greatest(p_since, v_box.created_modseq) >= (select events_horizon from sora)
    ) and not (
        select count(*) > 20000 from (
            select from events e where e.mailbox_id = p_mailbox and e.modseq > p_since limit 20001
        ) s
    ) then
        select (coalesce(range_agg(r), '{}') * p_known)::text into o_vanished
        from events e, unnest(e.uids) r
        where e.mailbox_id = p_mailbox and e.modseq > p_since
            and e.modseq <= v_box.highest_modseq and e.kind in (3, 6);
    end if;
    return next;
end
$$;

create or replace function touched_since_v1(
    p_mailbox mailboxes, p_since bigint, p_uids int8multirange, p_flags smallint, p_ids integer[]
) returns int8multirange
language plpgsql stable as $$
begin
    if greatest(p_since, p_mailbox.created_modseq) < (select events_horizon from sora)
        or is_lost_v1(p_mailbox, p_since)
        or (
            select count(*) > 2000 from (
                select from events e
                where e.mailbox_id = p_mailbox.id and e.modseq > p_since limit 2001
            ) s
        )
    then
        return p_uids;
    end if;
    return (
        select coalesce(range_agg(r), '{}') * p_uids
        from events e, unnest(e.uids) r
        where e.mailbox_id = p_mailbox.id and e.modseq > p_since and (
            e.kind in (1, 4, 5)
            or e.kind = 2 and (
                e.detail->>'mode' = 'replace'
                or ((e.detail->>'flags')::integer & p_flags) <> 0
                or exists (
                    select from jsonb_array_elements_text(
                        case jsonb_typeof(e.detail->'keywords') when 'array'
                            then e.detail->'keywords' else '[]' end
                    ) k where k::integer = any (p_ids)
                )
            )
        )
    );
end
$$;

-- ---------------------------------------------------------------- versions, heartbeats

-- Versions of accounts and credentials follow the clock: what a process remembers of a lost one is
-- never taken for a later one (G54).
create function version_by_clock_v1() returns trigger
language plpgsql volatile as $$
begin
    new.version := greatest(new.version, modseq_at_v1(clock_timestamp()));
    return new;
end
$$;
create trigger accounts_version before update of version on accounts
    for each row execute function version_by_clock_v1();
create trigger credentials_version before update of version on credentials
    for each row execute function version_by_clock_v1();

-- A process says that it lives, and when it was last told that this had been written down; it hears how
-- many others live, which epoch it is, and when it was written down now.
create function beat_v2(
    p_process uuid, p_name text, p_lately interval, p_heard timestamptz,
    out o_others integer, out o_epoch uuid, out o_at timestamptz
)
language plpgsql volatile as $$
begin
    o_epoch := notice_epoch_v1(p_heard);
    o_others := beat_v1(p_process, p_name, p_lately);
    update alive set at = greatest(at, clock_timestamp()) returning at into o_at;
end
$$;

-- An operator says that the database was set back. Where the present epoch knows this timeline and
-- this cluster already, nothing is done unless p_force. Gives whether a new one began.
create function promoted_v1(p_force boolean) returns boolean
language plpgsql volatile as $$
declare
    v_before integer;
begin
    select epoch into v_before from sora;
    perform notice_epoch_v1(null);
    if p_force and v_before = (select epoch from sora) then
        perform begin_epoch_v1('command', null);
    end if;
    return v_before <> (select epoch from sora);
end
$$;
