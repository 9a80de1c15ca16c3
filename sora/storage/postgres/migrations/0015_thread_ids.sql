-- Which thread a message belongs to (THREADID, RFC 8474 §5.2), within its account: that of the
-- message that it replies to, when that is there; else the one that the first message of the
-- thread would be in, whose id stands first in References. So a thread is one whatever comes first,
-- also with programs that send no References, or cut them. A message without an id and references
-- is a thread of its own.
--
-- A new message has the column's default, which says that it has to be found out; a copy brings its
-- thread along, also when that is null because it is older than this file.

alter table messages
    alter column thread_id set default '00000000-0000-0000-0000-000000000000';

create function thread_v1() returns trigger
language plpgsql volatile as $$
declare
    v_scope bigint;
    v_root text;
    v_parent text;
    v_thread uuid;
begin
    select scope_id, coalesce(refs[1], nullif(in_reply_to, ''), nullif(message_id, '')),
        coalesce(refs[cardinality(refs)], nullif(in_reply_to, ''))
    into v_scope, v_root, v_parent
    from contents where id = new.content_id;
    if v_parent is not null then
        -- Both limits are for what strangers may send: the same id a thousand times, one message to a
        -- thousand people.
        select m.thread_id into v_thread
        from (
            select id from contents
            where hashtextextended(message_id, 0) = hashtextextended(v_parent, 0)
                and message_id <> '' and message_id = v_parent and scope_id = v_scope
            limit 10
        ) c cross join lateral (
            select account_id, thread_id from messages where content_id = c.id limit 100
        ) m
        where m.account_id = new.account_id and m.thread_id is not null
        limit 1;
    end if;
    new.thread_id := coalesce(
        v_thread, md5(new.account_id || ':' || v_root)::uuid, new.email_id
    );
    return new;
end
$$;

create trigger messages_thread before insert on messages
    for each row when (new.thread_id = '00000000-0000-0000-0000-000000000000')
    execute function thread_v1();
