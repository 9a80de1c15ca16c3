-- outside a transaction
-- What an account's expunged messages are listed by, the latest first (0043_restoring.sql).
drop index concurrently if exists expunged_account;
create index concurrently expunged_account on expunged (account_id, expunged_at, mailbox_id, uid);
