-- Time, and the partitions that follow it.

-- Microseconds since 2020-01-01 UTC: what a modseq is at least. (Declared as stable as `extract`
-- is: what claims to be more than its parts is not inlined, and planned with every call.)
create function modseq_at_v1(p_time timestamptz) returns bigint
language sql stable parallel safe as $$
    select (extract(epoch from p_time) * 1000000)::bigint - 1577836800000000
$$;

-- The hour number that staging is partitioned by.
create function staging_slot_at_v1(p_time timestamptz) returns integer
language sql immutable parallel safe as $$
    select floor(extract(epoch from p_time) / 3600)::integer
$$;

-- The WAL timeline that this server writes: another one after a promotion or a restore.
create function current_timeline_v1() returns bigint
language sql volatile as $$
    select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
$$;

-- Make the partitions that the next days need; gives how many are new. One that cannot be made
-- now (locked, or its rows are in the default partition already) is left to the default one.
create function make_partitions_v1() returns integer
language plpgsql as $$
declare
    v_made integer := 0;
    v_from timestamptz;
    v_slot integer;
    v_name text;
begin
    perform set_config('lock_timeout', '200ms', true);
    for i in 0..2 loop
        v_from := (date_trunc('month', now() at time zone 'UTC') + i * interval '1 month')
            at time zone 'UTC';
        v_name := 'events_' || to_char(v_from at time zone 'UTC', 'YYYY_MM');
        continue when to_regclass(v_name) is not null;
        begin
            execute format(
                'create table %I partition of events for values from (%s) to (%s)',
                v_name,
                modseq_at_v1(v_from),
                modseq_at_v1((v_from at time zone 'UTC' + interval '1 month') at time zone 'UTC')
            );
            v_made := v_made + 1;
        exception when lock_not_available or check_violation or duplicate_table then
            null;
        end;
    end loop;
    for i in 0..5 loop
        v_slot := staging_slot_at_v1(now()) + i;
        v_name := 'staging_' || v_slot;
        continue when to_regclass(v_name) is not null;
        begin
            execute format(
                'create table %I partition of staging for values in (%s)'
                ' with (toast_tuple_target = 8160)', v_name, v_slot
            );
            execute format('alter table %I alter column piece set storage external', v_name);
            v_made := v_made + 1;
        exception when lock_not_available or check_violation or duplicate_table then
            null;
        end;
    end loop;
    return v_made;
end
$$;

insert into sora (timeline) select current_timeline_v1();
select make_partitions_v1();
