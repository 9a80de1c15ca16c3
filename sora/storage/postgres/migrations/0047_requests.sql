-- What operators ask for over HTTP: requests that are to be done once, however often they are sent,
-- and work that takes longer than a request.

-- A request with an Idempotency-Key, by the name of the caller's key. While it is under way it has no
-- status; it has ended without a word when leased_until is over, since then its process is gone.
create table requests (
    caller text not null,
    key text not null,
    -- Of all that was asked for, keyed with what only the caller knows: it may hold a password.
    digest bytea not null,
    -- The one that is under way, so that a lost answer is no other request (G14).
    holder uuid not null,
    leased_until timestamptz not null,
    until timestamptz not null,
    status integer,
    place text not null default '',
    body bytea,
    primary key (caller, key)
);
create index requests_until on requests (until);

-- Begin a request: it is `new` and the caller's to do, or `busy`, `done` with an answer, or `other`:
-- the key was used for something else.
create function begin_request_v1(
    p_caller text, p_key text, p_digest bytea, p_holder uuid,
    p_lease interval, p_keep interval, p_most integer
) returns table (o_state text, o_status integer, o_place text, o_body bytea)
language plpgsql volatile as $$
declare
    v_known requests%rowtype;
begin
    insert into requests (caller, key, digest, holder, leased_until, until)
        values (p_caller, p_key, p_digest, p_holder, now() + p_lease, now() + p_keep)
        on conflict do nothing;
    if found then
        if (
            select count(*) from (
                select from requests where caller = p_caller limit p_most + 1
            ) as mine
        ) > p_most then
            raise exception using errcode = 'SR010',
                message = format('There are at most %s idempotency keys in a day.', p_most);
        end if;
        o_state := 'new';
        return next;
        return;
    end if;
    select * into v_known from requests where caller = p_caller and key = p_key for update;
    if not found then
        -- It was given up or forgotten just now.
        o_state := 'busy';
    elsif v_known.until <= now()
        or v_known.status is null and v_known.digest = p_digest
            and (v_known.leased_until <= now() or v_known.holder = p_holder)
    then
        update requests
            set digest = p_digest, holder = p_holder, leased_until = now() + p_lease,
                until = now() + p_keep, status = null, place = '', body = null
            where caller = p_caller and key = p_key;
        o_state := 'new';
    elsif v_known.digest <> p_digest then
        o_state := 'other';
    elsif v_known.status is null then
        o_state := 'busy';
    else
        o_state := 'done';
        o_status := v_known.status;
        o_place := v_known.place;
        o_body := v_known.body;
    end if;
    return next;
end
$$;

-- Work that takes long, in one process; any node reads how far it is. That process says every few
-- seconds that it is alive (seen_at): one that does not is gone, and so is its work.
create table tasks (
    id uuid primary key,
    number bigint generated always as identity unique,
    kind text not null,
    about text not null,
    caller text not null,
    node text not null,
    state text not null default 'running'
        check (state in ('running', 'done', 'failed', 'cancelled')),
    is_cancelling boolean not null default false,
    began_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    ended_at timestamptz,
    -- How much of it is done, from 0 to 1, where that is known, and what was counted.
    part double precision,
    facts jsonb not null default '{}',
    result jsonb,
    error text not null default '',
    until timestamptz not null
);
create index tasks_until on tasks (until);

-- Forget answers that were kept long enough, and tasks; up to p_limit of each.
create function forget_requests_v1(p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_requests integer;
    v_tasks integer;
begin
    delete from requests where (caller, key) in (
        select caller, key from requests
        where until <= now() order by until limit p_limit for update skip locked
    );
    get diagnostics v_requests = row_count;
    delete from tasks where id in (
        select id from tasks
        where until <= now() order by until limit p_limit for update skip locked
    );
    get diagnostics v_tasks = row_count;
    return v_requests + v_tasks;
end
$$;
