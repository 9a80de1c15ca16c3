-- Who has named scripts for what clients do to mailboxes (RFC 6785). Each process asks that now and then,
-- so that a command of anybody else costs nothing more. An entry that is private is the account's own
-- for all of its mailboxes; the shared ones are those of a mailbox, and count for its owner.

create index metadata_event_scripts on metadata (account_id)
    where entry in ('/imapsieve/script', '/vendor/sora/imapsieve/script');

create function event_script_accounts_v1(p_most integer) returns setof bigint
language sql stable as $$
    select distinct account_id from metadata
    where entry in ('/imapsieve/script', '/vendor/sora/imapsieve/script')
        and ((reader = 0) = (entry = '/imapsieve/script'))
        and ((mailbox_id is null) = (entry <> '/imapsieve/script'))
    limit p_most
$$;
