-- How a delivery is planned does not depend on how many accounts there are. Its statements join what a
-- call brings along, a few rows in JSON of which PostgreSQL expects a hundred, with tables of any size:
-- with ten thousand accounts it began to read all of them for each message, 1.4 ms and 400 pages where
-- three pages will do. Inside of these functions everything is found by its index.
--
-- (Settings of a function are no other function: what it does and answers stays.)

alter function place_v1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off;
alter function place_v2 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off;
alter function append_v1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off;
