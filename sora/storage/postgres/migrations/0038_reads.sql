-- Reads on replicas (`sora/storage/postgres/reads.py`). Stands in front of a read, in the same message: fails
-- where this server has not applied what the reader knows of a mailbox, its modseq and a UID (0: none).
create function require_known_v1(p_mailbox bigint, p_modseq bigint, p_uid bigint) returns void
language plpgsql stable as $$
begin
    perform 1 from mailboxes
        where id = p_mailbox and highest_modseq >= p_modseq and uidnext > p_uid;
    if not found then
        raise exception 'not applied yet' using errcode = 'SR030';
    end if;
end
$$;
