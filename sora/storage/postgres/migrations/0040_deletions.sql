-- Runs of deletions that are not an account's habit: a phone or a thief that deletes everything.
--
-- What was expunged is looked at afterwards, by the cleaner, long before it would remove anything: an
-- EXPUNGE costs nothing for it. Rows are looked at once, in the order of time, and counted by account and
-- day; that is the habit, which outlives the rows. The grace of what goes in an unusual run begins later
-- (`grace_from`).
--
-- Whoever looks has the row of deletions_pass, and others wait for it: so nobody goes on to remove what
-- has not been looked at.

create table deletions (
    account_id bigint not null references accounts (id) on delete cascade,
    -- UTC.
    day date not null,
    messages bigint not null,
    primary key (account_id, day)
) with (fillfactor = 70);

create table deletion_runs (
    account_id bigint not null references accounts (id) on delete cascade,
    began_at timestamptz not null,
    last_at timestamptz not null,
    messages bigint not null,
    habit bigint not null,
    remaining bigint not null,
    noticed_at timestamptz not null,
    -- How far the grace of its messages has been extended; null when there is nothing left to do.
    mailbox_id bigint default 0,
    uid bigint not null default 0,
    primary key (account_id, began_at)
);
create index deletion_runs_waiting on deletion_runs (account_id) where mailbox_id is not null;
create index deletion_runs_last on deletion_runs (last_at);

create table deletions_pass (
    one boolean primary key default true check (one),
    until timestamptz not null default '-infinity',
    -- What was deleted before is counted, and makes no run: nobody knows the habit yet.
    began_at timestamptz not null default now()
);
insert into deletions_pass default values;

-- Look at the next deletions after the last look, about p_limit of them, up to p_settled ago; gives one
-- row for each run that was noticed, or one without. See sora.storage.interfaces.IDeletions.
create function look_at_deletions_v1(
    p_messages bigint, p_share float8, p_factor integer, p_limit integer, p_settled interval
) returns table (
    o_looked bigint, o_account bigint, o_address text, o_began timestamptz, o_last timestamptz,
    o_messages bigint, o_habit bigint, o_remaining bigint, o_noticed timestamptz, o_extended boolean
)
language plpgsql volatile as $$
declare
    v_pass deletions_pass;
    v_until timestamptz := now() - p_settled;
    v_looked bigint := 0;
    v_more boolean;
    v_accounts bigint[];
    v_days date[];
    v_counts bigint[];
begin
    select * into v_pass from deletions_pass for update;
    -- All that was deleted at the same moment belongs together.
    select coalesce(max(moment), v_until), count(*) > 0 into v_until, v_more from (
        select coalesce(grace_from, expunged_at) as moment from expunged
        where coalesce(grace_from, expunged_at) > v_pass.until
            and coalesce(grace_from, expunged_at) <= v_until
        order by coalesce(grace_from, expunged_at) offset p_limit - 1 limit 1
    ) last;
    if v_until > v_pass.until then
        with gone as materialized (
            -- What has grace_from was looked at before.
            select e.account_id, e.expunged_at as moment, 1 as messages from expunged e
            where coalesce(grace_from, expunged_at) > v_pass.until
                and coalesce(grace_from, expunged_at) <= v_until
                and e.grace_from is null and e.kind in ('expunged', 'mailbox deleted')
            union all
            select b.account_id, b.deleted_at, b.messages from mailboxes b
            where b.deleted_at > v_pass.until and b.deleted_at <= v_until
        ), added as (
            insert into deletions as d (account_id, day, messages)
            select g.account_id, (g.moment at time zone 'UTC')::date, sum(g.messages)
            from gone g join accounts a on a.id = g.account_id and a.deleted_at is null
            group by 1, 2 having sum(g.messages) > 0 order by 1, 2
            on conflict (account_id, day) do update set messages = d.messages + excluded.messages
            returning account_id, day
        ), changed as (
            select g.account_id, sum(g.messages)::bigint as messages from gone g group by 1
        ), by_account as (
            select account_id, max(day) as day from added group by account_id
        )
        select (select coalesce(sum(messages), 0) from gone), array_agg(account_id),
            array_agg(day), array_agg(messages)
        into v_looked, v_accounts, v_days, v_counts from by_account join changed using (account_id);
        v_looked := greatest(v_looked, v_more::integer);
        update deletions_pass set until = v_until;
    end if;
    if v_until <= v_pass.began_at then
        v_accounts := null;
    end if;
    if v_accounts is null and v_looked = 0 then
        delete from deletion_runs where last_at < now() - interval '1 year';
    end if;
    return query with candidates as materialized (
        select c.*, d.recent, d.habit, b.remaining
        from unnest(v_accounts, v_days, v_counts) c (account_id, day, messages)
        cross join lateral (
            select coalesce(sum(d.messages) filter (where d.day >= c.day - 1), 0)::bigint as recent,
                coalesce(max(d.messages) filter (where d.day <= c.day - 7), 0) as habit
            from deletions d
            where d.account_id = c.account_id and d.day between c.day - 34 and c.day
        ) d
        cross join lateral (
            select coalesce(sum(b.messages), 0)::bigint as remaining from mailboxes b
            where b.account_id = c.account_id and b.deleted_at is null
        ) b
    ), unusual as materialized (
        select * from candidates
        where recent > p_factor * habit and recent >= least(
            p_messages, greatest(50, ceil(p_share * (recent + remaining)))
        )
    ), gone_on as (
        update deletion_runs r set
            last_at = v_until, messages = r.messages + u.messages, remaining = u.remaining,
            mailbox_id = 0, uid = 0
        from unusual u
        where r.account_id = u.account_id
            and r.last_at >= (u.day - 1)::timestamp at time zone 'UTC'
        returning r.account_id
    ), begun as (
        insert into deletion_runs as r (
            account_id, began_at, last_at, messages, habit, remaining, noticed_at
        )
        select account_id, (day - 1)::timestamp at time zone 'UTC', v_until, recent, habit,
            remaining, now()
        from unusual where account_id not in (select account_id from gone_on)
        on conflict do nothing
        returning r.*
    )
    select v_looked, b.account_id, c.address, b.began_at, b.last_at, b.messages, b.habit, b.remaining,
        b.noticed_at, false
    from (select 1) one left join begun b on true
        left join credentials c on c.account_id = b.account_id and c.is_primary
    order by b.account_id;
    delete from deletions d using unnest(v_accounts, v_days) c (account_id, day)
        where d.account_id = c.account_id and d.day < c.day - 34;
end
$$;

-- Let the grace of what went in an unusual run begin p_extra later: p_limit messages of one mailbox of
-- one account are looked at. Gives how many; 0 when there is nothing more to do.
create function extend_grace_v1(p_extra interval, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_run deletion_runs;
    v_mailbox bigint;
    v_looked integer;
    v_last bigint;
begin
    perform 1 from deletions_pass for update;
    select * into v_run from deletion_runs where mailbox_id is not null order by account_id limit 1;
    if not found then
        return 0;
    end if;
    v_mailbox := (
        select min(id) from (
            select id from mailboxes where account_id = v_run.account_id offset 0
        ) b where id >= v_run.mailbox_id
    );
    if v_mailbox is null then
        update deletion_runs set mailbox_id = null
            where account_id = v_run.account_id and began_at = v_run.began_at;
        return 1;
    end if;
    -- The mailbox before its messages, as ever; one that is deleted is locked by it.
    update mailboxes set grace_from = deleted_at + p_extra
        where id = v_mailbox and deleted_at between v_run.began_at and v_run.last_at
            and coalesce(grace_from, '-infinity') < deleted_at;
    with page as materialized (
        select uid from expunged
        where mailbox_id = v_mailbox
            and uid > case when v_mailbox = v_run.mailbox_id then v_run.uid else 0 end
        order by uid limit p_limit
    ), extended as (
        update expunged e set grace_from = e.expunged_at + p_extra
        from page p
        where e.mailbox_id = v_mailbox and e.uid = p.uid and e.grace_from is null
            and e.kind in ('expunged', 'mailbox deleted')
            and e.expunged_at between v_run.began_at and v_run.last_at
    )
    select count(*), max(uid) into v_looked, v_last from page;
    if v_looked = p_limit then
        update deletion_runs set mailbox_id = v_mailbox, uid = v_last
            where account_id = v_run.account_id and began_at = v_run.began_at;
    else
        update deletion_runs set mailbox_id = v_mailbox + 1, uid = 0
            where account_id = v_run.account_id and began_at = v_run.began_at;
    end if;
    return greatest(v_looked, 1);
end
$$;
