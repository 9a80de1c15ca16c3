-- Since when logins are noted: whoever was here before only is known as one who never was.

alter table sora add column logins_since timestamptz not null default now();
