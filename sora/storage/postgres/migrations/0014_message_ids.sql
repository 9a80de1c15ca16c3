-- outside a transaction
-- Contents by their message id, for what replies to them. The hash is short, however long the id is;
-- whoever finds one compares the id itself.
drop index concurrently if exists contents_message_id;
create index concurrently contents_message_id on contents (hashtextextended(message_id, 0))
    where message_id <> '';
