-- outside a transaction
-- What is to be purged next, by when its grace began; the index by the time alone has no other use.
drop index concurrently if exists expunged_grace;
create index concurrently expunged_grace on expunged (coalesce(grace_from, expunged_at));
drop index concurrently if exists expunged_at;
