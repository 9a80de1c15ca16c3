-- SETMETADATA is a change of its mailbox (RFC 7162 §3.2): it raises the mailbox's modseq, and
-- leaves an event. o_mailbox is null for annotations of the server.
create function set_metadata_v2(
    p_account bigint, p_key text, p_asker bigint,
    p_private boolean[], p_entries text[], p_values text[], p_most integer, p_total bigint,
    p_set_special boolean, p_special text, p_operation operation_v1,
    out o_mailbox bigint, out o_before bigint, out o_modseq bigint
)
language plpgsql volatile as $$
declare
    v_box mailboxes;
begin
    o_mailbox := set_metadata_v1(
        p_account, p_key, p_asker, p_private, p_entries, p_values, p_most, p_total,
        p_set_special, p_special
    );
    if o_mailbox is null then
        return;
    end if;
    v_box := lock_mailbox_v1(o_mailbox);
    o_before := v_box.highest_modseq;
    o_modseq := next_modseq_v1(o_before);
    update mailboxes set highest_modseq = o_modseq where id = o_mailbox;
    insert into events (
        account_id, mailbox_id, modseq, before, kind, detail,
        operation, actor, session, protocol, address
    ) values (
        p_account, o_mailbox, o_modseq, o_before, 11, jsonb_build_object('entries', p_entries),
        p_operation.id, p_operation.actor, p_operation.session,
        p_operation.protocol, p_operation.address
    );
end
$$;
