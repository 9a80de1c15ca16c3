-- How the caches of bodies were, every few minutes: a row for each process and look, kept for weeks. The
-- counters count from began_at; who wants a rate takes the difference of two rows with the same began_at.

create table cache_metrics (
    instance text not null,
    at timestamptz not null,
    began_at timestamptz not null,
    objects bigint not null,
    octets bigint not null,
    capacity bigint not null,
    max_object_size bigint not null,
    hits bigint not null,
    misses bigint not null,
    written bigint not null,
    evicted bigint not null,
    damaged bigint not null,
    primary key (instance, at)
);
create index cache_metrics_at on cache_metrics (at);
