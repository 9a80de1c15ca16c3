-- The beginning of an epoch is a sign of life: what the next one may have lost came after it. Else the
-- same seconds would make UIDs jump with each epoch until the next heartbeat, and an epoch from an
-- older copy would not jump as far.

-- Begin a new epoch if there is a reason; p_reason is an operator's, who is not asked for one.
create or replace function begin_epoch_v1(p_reason text, p_heard timestamptz) returns void
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
    update alive set at = greatest(at, v_now);
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
