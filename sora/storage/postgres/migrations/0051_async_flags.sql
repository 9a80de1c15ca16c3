-- Flags that are committed asynchronously (`[database] async_flags`): a crash of the server forgets the
-- last of them, and with them modseqs that clients were told. So a crash, too, ends an epoch
-- (0030_epochs.sql): the next write of each mailbox goes beyond what was lost, and remembers it.

-- A crash is known by this table, which PostgreSQL empties when it recovers from one, as it does with all
-- that is unlogged; a replica that is promoted has it empty as well.
create unlogged table uncrashed (
    one boolean primary key default true check (one)
);

alter table sora
    -- Whether some process has ever committed asynchronously: else a crash loses nothing.
    add column async_flags boolean not null default false;

alter table epochs drop constraint epochs_reason_check;
alter table epochs add constraint epochs_reason_check
    check (reason in ('first', 'timeline', 'system', 'rewound', 'command', 'crash'));

-- Why a new epoch has to begin; null when it has not. p_heard is a heartbeat that was confirmed.
create or replace function epoch_over_v1(s sora, p_heard timestamptz) returns text
language plpgsql volatile as $$
begin
    return case
        when s.timeline <> current_timeline_v1() then 'timeline'
        when s.system <> current_system_v1() then 'system'
        when p_heard > (select at from alive) then 'rewound'
        when s.async_flags and not exists (select from uncrashed) then 'crash'
    end;
end
$$;

-- The row of sora in an epoch that is not over, as far as timeline and crashes tell: what each write
-- looks at.
create or replace function sora_now_v1() returns sora
language plpgsql volatile as $$
declare
    v_sora sora;
begin
    select * into v_sora from sora;
    if v_sora.timeline <> current_timeline_v1()
        or v_sora.async_flags and not exists (select from uncrashed)
    then
        perform begin_epoch_v1(null, null);
        select * into v_sora from sora;
    end if;
    return v_sora;
end
$$;

-- However an epoch begins, the next crash is another one.
create function epoch_begun_v1() returns trigger
language plpgsql volatile as $$
begin
    insert into uncrashed default values on conflict do nothing;
    return null;
end
$$;
create trigger epochs_begun after insert on epochs
    for each row execute function epoch_begun_v1();

-- From now on some flags are committed asynchronously. Said by each process that does so, when it starts.
create function flags_are_async_v1() returns void
language plpgsql volatile as $$
begin
    perform notice_epoch_v1(null);
    if not (select async_flags from sora for no key update) then
        insert into uncrashed default values on conflict do nothing;
        update sora set async_flags = true;
    end if;
end
$$;
