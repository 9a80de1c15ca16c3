-- Whose turn it is to say what is \Recent (RFC 3501 §2.3.2).
--
-- A message is \Recent in exactly one session, also when sessions of one mailbox are in several
-- processes. The flag itself is never stored (G34), and asking the database about each new message
-- would be a round trip before each EXISTS. So one process at a time has the turn in a mailbox: only
-- its sessions see messages as \Recent, and which of them does it decides by itself. It takes the
-- turn with the statement that a SELECT reads the mailbox with, and gives it back, with the UID that
-- sessions have learned of messages up to, when the last session leaves that could see one. The turn
-- of a process that has not been heard of lately is over.
--
-- Turns are no changes of the mailbox: no modseq rises, and no index has these columns.

alter table mailboxes
    add column recent_owner uuid,
    -- Rises whenever a process takes the turn: what is given back late is of an older number.
    add column recent_turn bigint not null default 0,
    -- Null: not known, as in a mailbox that is older than these columns.
    add column recent_uid bigint;
alter table mailboxes alter column recent_uid set default 0;

-- Take the turn in a mailbox, if nobody has it. o_turn is its number, also when the process has it
-- already; 0 when nobody has it and p_process is null, which only asks; null when it is another's, or
-- when a long write keeps the row: nobody's SELECT waits for that.
create function take_turn_v1(
    p_mailbox bigint, p_process uuid, p_lately interval, out o_turn bigint, out o_uid bigint
)
language plpgsql volatile as $$
declare
    v_owner uuid;
begin
    select recent_owner, recent_turn, recent_uid into v_owner, o_turn, o_uid
        from mailboxes where id = p_mailbox;
    if v_owner = p_process then
        return;
    elsif exists (select from processes where id = v_owner and seen_at >= now() - p_lately) then
        o_turn := null;
        o_uid := null;
    elsif p_process is null then
        o_turn := 0;
    else
        perform set_config('lock_timeout', '250ms', true);
        begin
            update mailboxes set recent_owner = p_process, recent_turn = recent_turn + 1
                where id = p_mailbox and recent_owner is not distinct from v_owner
                returning recent_turn, recent_uid into o_turn, o_uid;
        exception when lock_not_available then
            o_turn := null;
            o_uid := null;
        end;
    end if;
end
$$;

-- Give turns back. p_uids says for each what sessions have learned of, null for nothing; those that
-- are no longer the process's stay as they are.
create function end_turns_v1(
    p_process uuid, p_mailboxes bigint[], p_turns bigint[], p_uids bigint[]
)
returns void
language plpgsql volatile as $$
begin
    perform 1 from mailboxes where id = any (p_mailboxes) order by id for no key update;
    update mailboxes b set recent_owner = null, recent_uid = greatest(b.recent_uid, e.uid)
        from unnest(p_mailboxes, p_turns, p_uids) as e (id, turn, uid)
        where b.id = e.id and b.recent_owner = p_process and b.recent_turn = e.turn;
end
$$;
