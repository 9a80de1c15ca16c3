-- The delivery that most mail is: one message to one recipient, into INBOX, without keywords, and
-- nothing that has to be remembered. It does what place_v2 would do (0023_delivery.sql), with the same
-- locks in the same order, and half of its statements: there are no lists to take apart, to order,
-- and to put together.

-- A message of one content for one claim. The parameters of the content are those of
-- keep_content_v1; p_received is the hash as received, p_claim the claim's id. `o_fate` is
-- 'missing' when the bytes did not come along and are not there: then nothing was done; else what
-- became of the claim. Of a duplicate, o_winner is the claim that was first. Without a message,
-- o_uid and what follows it are 0.
create function place_plain_v1(
    p_scope bigint, p_hash bytea, p_facts jsonb, p_refs text[],
    p_header text, p_envelope text, p_structure text, p_parts text,
    p_text_header text, p_text_body text,
    p_pieces text[], p_object uuid, p_store text, p_key text, p_stored bigint, p_content bigint,
    p_account bigint, p_mailbox bigint, p_recipient text, p_received bytea, p_claim uuid,
    p_date timestamptz, p_zone smallint, p_email uuid, p_flags smallint, p_trace text,
    p_operation operation_v1,
    out o_content bigint, out o_used_object boolean, out o_fate text,
    out o_mailbox bigint, out o_uid bigint, out o_uidvalidity bigint,
    out o_modseq bigint, out o_before bigint, out o_winner uuid
)
language plpgsql volatile as $$
declare
    v_kept record;
    v_account accounts;
    v_box mailboxes;
    v_size bigint;
begin
    o_mailbox := 0; o_uid := 0; o_uidvalidity := 0; o_modseq := 0; o_before := 0;
    v_kept := keep_content_v1(
        p_scope, p_hash, p_facts, p_refs, p_header, p_envelope, p_structure, p_parts,
        p_text_header, p_text_body, p_pieces, p_object, p_store, p_key, p_stored, p_content
    );
    o_content := v_kept.o_content;
    if o_content is null then
        o_fate := 'missing';
        return;
    end if;
    o_used_object := v_kept.o_made and p_object is not null;

    o_fate := 'placed';
    insert into deliveries (account_id, recipient, received_hash, mailbox_id, email_id)
        values (p_account, p_recipient, p_received, p_mailbox, p_claim)
        on conflict do nothing;
    if not found then
        o_fate := 'duplicate';
        select d.email_id into o_winner from deliveries d
        where d.account_id = p_account and d.recipient = p_recipient
            and d.received_hash = p_received;
    else
        select * into v_account from accounts a where a.id = p_account;
        if v_account.quota_storage is not null or v_account.quota_messages is not null then
            select * into v_account from accounts a where a.id = p_account for no key update;
        end if;
        if v_account.id is null or v_account.deleted_at is not null then
            o_fate := 'no mailbox';
        else
            v_box := lock_mailbox_v1(p_mailbox);
            if v_box.id is null or v_box.account_id <> p_account then
                o_fate := 'no mailbox';
            end if;
        end if;
        if o_fate = 'placed' then
            if v_kept.o_made then
                v_size := (p_facts->>'size')::bigint;
            else
                select size into v_size from contents where id = o_content;
            end if;
            v_size := v_size + coalesce(char_length(p_trace), 0);
            if (v_account.quota_storage is not null or v_account.quota_messages is not null)
                and not fits_quota_v1(
                    p_account, v_account.quota_storage, v_account.quota_messages, v_size, 1
                )
            then
                o_fate := 'over quota';
            end if;
        end if;
        if o_fate = 'placed' then
            o_mailbox := p_mailbox;
            o_uid := v_box.uidnext;
            o_uidvalidity := v_box.uidvalidity;
            o_before := v_box.highest_modseq;
            o_modseq := next_modseq_v1(o_before);
            insert into messages (
                account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date,
                email_id, size, flags, internal_zone, trace
            ) values (
                p_account, p_mailbox, o_uid, o_content, o_modseq, p_date, now(),
                p_email, v_size, p_flags, p_zone, p_trace
            );
            update mailboxes b set
                uidnext = b.uidnext + 1,
                highest_modseq = o_modseq,
                messages = b.messages + 1,
                unseen = b.unseen + 1 - (p_flags & 1),
                deleted = b.deleted + (p_flags & 8) / 8,
                size = b.size + v_size
            where b.id = p_mailbox;
            insert into events (
                account_id, mailbox_id, modseq, before, kind, uids,
                operation, actor, session, protocol, address
            ) values (
                p_account, p_mailbox, o_modseq, o_before, 1,
                int8multirange(int8range(o_uid, o_uid + 1)),
                p_operation.id, p_operation.actor, p_operation.session,
                p_operation.protocol, p_operation.address
            );
            return;
        end if;
        delete from deliveries d where d.account_id = p_account and d.recipient = p_recipient
            and d.received_hash = p_received and d.email_id = p_claim;
    end if;
    if v_kept.o_made then
        -- Nothing refers to it: it is left to the cleaner, which alone removes contents.
        insert into orphans (scope_id, content_id) values (p_scope, o_content)
            on conflict (content_id) do nothing;
    end if;
end
$$;
