-- How long messages may stay where they are: policies, and what they expunge.
--
-- Age counts from the time at which a message came into its mailbox (SAVEDATE, RFC 8514), everywhere:
-- so a message that was just put into Trash, imported or restored has all of its time before it, and
-- POP3 can announce what is kept (EXPIRE, RFC 2449 §6.7). In a mailbox these times ascend with the
-- UIDs, so that what is too old stands at the beginning, and costs as much as there is of it. A message
-- that was restored stands behind younger ones and goes after them.
--
-- The narrowest rule wins: one of the account before one of its domain before the server's; of one
-- owner's that for the mailbox's special use (RFC 6154) before that for all mailboxes. What a policy
-- expunges is expunged like by a client: with an event, and restorable for the grace period.

create table retention (
    account_id bigint references accounts (id) on delete cascade,
    domain_id bigint references domains (id) on delete cascade,
    -- Empty for all mailboxes.
    special_use text not null default '',
    -- Null: what is in there is never too old.
    max_age interval,
    changed_at timestamptz not null default now(),
    check ((account_id is null) <> (domain_id is null))
);
create unique index retention_account on retention (account_id, special_use)
    where account_id is not null;
create unique index retention_domain on retention (domain_id, special_use)
    where domain_id is not null;

-- How far a pass through all mailboxes has come; who has the row takes the next part of it.
create table retention_pass (
    one boolean primary key default true check (one),
    mailbox_id bigint not null default 0,
    began_at timestamptz not null default '-infinity'
);
insert into retention_pass default values;

-- Old rows are as they have to be.
alter table expunged drop constraint expunged_kind_check;
alter table expunged add constraint expunged_kind_check
    check (kind in ('expunged', 'moved', 'mailbox deleted', 'retention')) not valid;

-- How long a message may stay in a mailbox of this use; null for ever. p_uses and p_ages are the
-- server's rules for special uses, p_age that for all mailboxes.
create function max_age_v1(
    p_account bigint, p_use text, p_age interval, p_uses text[], p_ages interval[]
) returns interval
language plpgsql stable as $$
declare
    v_age interval;
    v_use text := coalesce(p_use, '');
begin
    select max_age into v_age from retention
        where account_id = p_account and special_use in (v_use, '')
        order by special_use desc limit 1;
    if found then
        return v_age;
    end if;
    if exists (select from retention where domain_id is not null offset 0) then
        select max_age into v_age from retention
            where domain_id = domain_of_v1(p_account) and special_use in (v_use, '')
            order by special_use desc limit 1;
        if found then
            return v_age;
        end if;
    end if;
    if v_use = any (p_uses) then
        return p_ages[array_position(p_uses, v_use)];
    end if;
    return p_age;
end
$$;

-- Take the next p_limit mailboxes of the pass, and give those of them that have something too old. A
-- pass begins p_rest after the last one began. o_looked is how many were looked at; 0 at the end, and
-- when somebody else has the turn.
create function take_due_mailboxes_v1(
    p_limit integer, p_rest interval, p_age interval, p_uses text[], p_ages interval[],
    out o_looked integer, out o_mailboxes bigint[], out o_before timestamptz[]
)
language plpgsql volatile as $$
declare
    v_pass retention_pass;
    v_last bigint;
begin
    o_looked := 0;
    if p_age is null and cardinality(p_uses) = 0 and not exists (select from retention) then
        return;
    end if;
    select * into v_pass from retention_pass for update skip locked;
    if not found or v_pass.mailbox_id = 0 and v_pass.began_at > clock_timestamp() - p_rest then
        return;
    end if;
    with page as materialized (
        select b.id, b.account_id, b.special_use from mailboxes b
        where b.id > v_pass.mailbox_id and b.deleted_at is null order by b.id limit p_limit
    ), limited as materialized (
        select p.id, now() - max_age_v1(p.account_id, p.special_use, p_age, p_uses, p_ages) as before
        from page p join accounts a on a.id = p.account_id
        where a.deleted_at is null
    ), due as (
        select l.id, l.before from limited l where l.before >= (
            select m.save_date from messages m where m.mailbox_id = l.id order by m.uid limit 1
        )
    )
    select (select count(*) from page), (select max(id) from page),
        (select array_agg(id order by id) from due), (select array_agg(before order by id) from due)
    into o_looked, v_last, o_mailboxes, o_before;
    update retention_pass set
        mailbox_id = case when o_looked < p_limit then 0 else v_last end,
        began_at = case when v_pass.mailbox_id = 0 then clock_timestamp() else began_at end;
end
$$;

-- Expunge the first messages of a mailbox that came there at p_before or earlier, p_limit of them.
create function expire_v1(
    p_mailbox bigint, p_before timestamptz, p_limit integer, p_operation operation_v1,
    out o_before bigint, out o_modseq bigint, out o_vanished text
)
language plpgsql volatile as $$
declare
    v_box mailboxes;
    v_count bigint;
    v_unseen bigint;
    v_deleted bigint;
    v_size bigint;
    v_ranges int8multirange;
begin
    v_box := lock_mailbox_v1(p_mailbox);
    if v_box.id is null then
        raise exception using errcode = 'SR001', message = 'The mailbox is no longer there.';
    end if;
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    with first as materialized (
        select m.ctid as place, bool_and(m.save_date <= p_before) over (order by m.uid) as is_old
        from messages m where m.mailbox_id = p_mailbox order by m.uid limit p_limit
    ), gone as (
        delete from messages m
        where m.ctid = any (array(select place from first where is_old))
        returning m.*
    ), kept as (
        insert into expunged (
            account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
            email_id, thread_id, size, flags, internal_zone, keywords, trace,
            expunged_modseq, kind
        ) select account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
            email_id, thread_id, size, flags, internal_zone, keywords, trace,
            o_modseq, 'retention'
        from gone
    )
    select count(*), coalesce(sum(1 - (flags & 1)), 0), coalesce(sum(flags & 8), 0) / 8,
        coalesce(sum(size), 0), range_agg(int8range(uid, uid + 1))
    into v_count, v_unseen, v_deleted, v_size, v_ranges from gone;
    if v_count = 0 then
        o_modseq := o_before;
    else
        update mailboxes set highest_modseq = o_modseq, messages = messages - v_count,
            unseen = unseen - v_unseen, deleted = deleted - v_deleted, size = size - v_size
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

-- What policies would expunge now: of mailboxes beyond p_after, p_limit of them, those that have
-- something too old, of one account or domain if it is given. o_last is the last one looked at.
create function due_v1(
    p_after bigint, p_limit integer, p_account bigint, p_domain bigint,
    p_age interval, p_uses text[], p_ages interval[]
) returns table (
    o_last bigint, o_account bigint, o_address text, o_mailbox text, o_age interval,
    o_messages bigint, o_octets bigint
)
language plpgsql stable as $$
begin
    return query
        with page as materialized (
            select b.id, b.account_id, b.name, b.special_use from mailboxes b
            where b.id > p_after and b.deleted_at is null
                and (p_account is null or b.account_id = p_account)
            order by b.id limit p_limit
        ), limited as materialized (
            select p.id, p.account_id, p.name,
                max_age_v1(p.account_id, p.special_use, p_age, p_uses, p_ages) as age
            from page p join accounts a on a.id = p.account_id
            where a.deleted_at is null
                and (p_domain is null or domain_of_v1(p.account_id) = p_domain)
        ), due as (
            select l.id, l.account_id, l.name, l.age, count(m.uid) as messages,
                coalesce(sum(m.size), 0)::bigint as octets
            from limited l left join lateral (
                select m.uid, m.size from messages m
                where l.age is not null and m.mailbox_id = l.id and m.uid < coalesce((
                    select n.uid from messages n
                    where n.mailbox_id = l.id and n.save_date > now() - l.age
                    order by n.uid limit 1
                ), 9223372036854775807)
            ) m on true
            group by l.id, l.account_id, l.name, l.age
        )
        select (select max(p.id) from page p), d.account_id, c.address, d.name, d.age,
            coalesce(d.messages, 0), coalesce(d.octets, 0)
        from (select 1) one left join due d on d.messages > 0
            left join credentials c on c.account_id = d.account_id and c.is_primary
        where exists (select from page)
        order by d.account_id, d.name;
end
$$;

-- Say how long messages may stay; of an account or of a domain.
create function set_retention_v1(
    p_account bigint, p_domain bigint, p_use text, p_age interval
) returns void
language plpgsql volatile as $$
begin
    if p_account is not null then
        insert into retention (account_id, special_use, max_age) values (p_account, p_use, p_age)
            on conflict (account_id, special_use) where account_id is not null
            do update set max_age = excluded.max_age, changed_at = now();
    else
        insert into retention (domain_id, special_use, max_age) values (p_domain, p_use, p_age)
            on conflict (domain_id, special_use) where domain_id is not null
            do update set max_age = excluded.max_age, changed_at = now();
    end if;
end
$$;
