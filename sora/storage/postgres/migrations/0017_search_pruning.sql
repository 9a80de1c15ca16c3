-- Segments of the index whose messages are all gone.

-- Remove up to p_limit of them, with their words; gives how many. Each look is one place of the
-- index of messages.
create function prune_index_v1(p_limit integer) returns integer
language plpgsql volatile as $$
declare
    v_count integer;
begin
    with empty as (
        select s.mailbox_id, s.first_uid from search_segments s
        where not exists (
            select from messages m
            where m.mailbox_id = s.mailbox_id and m.uid >= s.first_uid and m.uid <= s.last_uid
        )
        limit p_limit for update of s skip locked
    ), gone as (
        delete from search_segments s using empty e
        where s.mailbox_id = e.mailbox_id and s.first_uid = e.first_uid
        returning s.mailbox_id, s.first_uid
    ), words as (
        delete from search_words w using gone g
        where w.mailbox_id = g.mailbox_id and w.first_uid = g.first_uid
    ) select count(*) into v_count from gone;
    return v_count;
end
$$;
