"""Millions of messages in thousands of accounts, made by COPY and SQL in the way that the server
itself would have left them: contents with their facts and texts, objects with their files,
messages, an event for each, the counters of mailboxes, claims of the last week.

Domains have `PEOPLE` accounts each. A domain's messages are copies of a tenth as many contents, so
each content is in ten accounts. An account has most of its mail in INBOX, a part of it in Archive.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from io import StringIO
from pathlib import Path
from uuid import UUID

import psycopg2
from attrs import frozen
from blake3 import blake3

from bench.workloads import message
from sora.auth.passwords import hash_password
from sora.mail.facts import Facts, derive
from sora.storage.postgres.arriving import texts_of
from sora.storage.postgres.packing import clean

PEOPLE = 100
"""accounts of a domain"""
SHARED = 10
"""messages of a content"""
BATCH = 2_000
"""contents that are made at a time"""
ARCHIVE = 10
"""one message in so many is in Archive"""
DAYS = 20
"""over which the messages have come"""

_CONTENT = (
    "scope_id, id, hash, state, size, size_crlf, sent_at, sent_day, created_at, sort_subject,"
    " sort_from, sort_to, sort_cc, display_from, display_to, message_id, in_reply_to, refs,"
    " preview, envelope, structure, parts, header"
)
_TEXTS = "scope_id, content_id, subject, from_, to_, cc, bcc, header, body"
_OBJECT = "id, scope_id, content_id, store, state, stored_size, checksum"


@frozen
class Scale:
    """How much there will be. `password` is everybody's."""

    messages: int
    accounts: int
    password: str = "bench-password"

    @property
    def domains(self) -> int:
        """How many domains."""
        return max(1, self.accounts // PEOPLE)

    @property
    def contents(self) -> int:
        """How many contents a domain has."""
        return max(1, self.messages // SHARED // self.domains)

    def address(self, number: int) -> str:
        """Who has this number, from 0 on."""
        return f"user{number % PEOPLE}@d{number // PEOPLE}.example"


@frozen
class _Batch:
    dsn: dict[str, object]
    objects: Path
    scope_id: int
    first: int
    count: int


def generate(scale: Scale, dsn: dict[str, object], objects: Path) -> None:
    """Fill a database whose schema is made, and the directory of its objects. It takes all cores.

    The server must not run its cleaner meanwhile; `vacuum analyze` ends it.
    """
    connection = psycopg2.connect(**dsn)  # type: ignore[call-overload]
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("set synchronous_commit = off")
    _say("accounts")
    _accounts(cursor, scale)
    cursor.execute("select name, scope_id from domains where name like 'd%.example'")
    scopes = dict(cursor.fetchall())
    cursor.execute("select coalesce(max(id), 0) from contents")
    first = cursor.fetchone()[0] + 1
    _say(f"{scale.contents * scale.domains} contents")
    batches = []
    starts = {}
    for number in range(scale.domains):
        scope = scopes[f"d{number}.example"]
        starts[number] = first
        for begin in range(0, scale.contents, BATCH):
            count = min(BATCH, scale.contents - begin)
            batches.append(_Batch(dsn, objects, scope, first, count))
            first += count
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(_contents, batches), 1):
            if done % 50 == 0:
                _say(f"  {done * BATCH}")
    cursor.execute("select setval(pg_get_serial_sequence('contents', 'id'), %s)", (first,))
    _say(f"{scale.messages} messages")
    for number in range(scale.domains):
        cursor.execute(_MESSAGES, _message_parameters(scale, number, starts[number]))
        if number % 10 == 9:
            _say(f"  {(number + 1) * scale.messages // scale.domains}")
    cursor.execute(_COUNTERS)
    # The index of words would be made meanwhile, by whoever runs on this database.
    cursor.execute(
        "insert into search_leases select account_id, id, now() + interval '1 year' from mailboxes"
        " on conflict do nothing"
    )
    _say("vacuum, analyze")
    cursor.execute("vacuum (analyze, parallel 0)")
    connection.close()


def _accounts(cursor: "psycopg2.extensions.cursor", scale: Scale) -> None:
    boxes = (
        '[{"n": "INBOX", "k": "INBOX", "u": null, "s": true},'
        ' {"n": "Archive", "k": "Archive", "u": "\\\\Archive", "s": true}]'
    )
    verifier = hash_password(scale.password, "ssha512", os.urandom)
    cursor.execute(
        "select count(create_account_v1(a, a, split_part(a, '@', 2), 'domain', '{password}',"
        " array[%s], %s::jsonb, row(gen_random_uuid(), 'bench', '', '', '')::operation_v1))"
        " from unnest(%s::text[]) a",
        (verifier, boxes, [scale.address(number) for number in range(scale.accounts)]),
    )


# ------------------------------------------------------------------ contents


def _contents(batch: _Batch) -> None:
    rows, texts, objects = StringIO(), StringIO(), StringIO()
    for number in range(batch.first, batch.first + batch.count):
        body = message(10_000_000 + number, 4 + number * 7919 % 25)
        facts = derive(body)
        name = UUID(bytes=os.urandom(16), version=4)
        _write(batch.objects, name, body)
        scope = str(batch.scope_id)
        header, envelope, structure, parts, text_header, text_body = texts_of(facts)
        content = [
            scope, str(number), "\\x" + blake3(body).hexdigest(), "live", str(facts.size),
            str(facts.size_crlf), *_dates(facts), "2026-11-01", *_sort_keys(facts), "{}",
            clean(facts.preview), envelope, structure, parts, header,
        ]  # fmt: skip
        _line(rows, content)
        known = (facts.text_subject, facts.text_from, facts.text_to, facts.text_cc, facts.text_bcc)
        _line(texts, [scope, str(number), *map(clean, known), text_header, text_body])
        _line(objects, [str(name), scope, str(number), "filesystem", "stored", str(len(body)), ""])
    connection = psycopg2.connect(**batch.dsn)  # type: ignore[call-overload]
    with connection, connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")
        for table, columns, data in (
            ("contents", _CONTENT, rows),
            ("content_texts", _TEXTS, texts),
            ("objects", _OBJECT, objects),
        ):
            data.seek(0)
            cursor.copy_expert(f"copy {table} ({columns}) from stdin", data)
    connection.close()


def _dates(facts: Facts) -> Iterator[str]:
    yield facts.sent_at.isoformat() if facts.sent_at else "\0"
    yield facts.sent_day.isoformat() if facts.sent_day else "\0"


def _sort_keys(facts: Facts) -> Iterator[str]:
    for key in (
        facts.sort_subject, facts.sort_from, facts.sort_to, facts.sort_cc, facts.display_from,
        facts.display_to, facts.message_id, facts.in_reply_to,
    ):  # fmt: skip
        yield clean(key)


_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _line(out: StringIO, values: list[str]) -> None:
    cells = ("\\N" if value == "\0" else value.translate(_ESCAPES) for value in values)
    out.write("\t".join(cells) + "\n")


def _write(objects: Path, name: UUID, body: bytes) -> None:
    with open(objects / str(name)[:3] / str(name), "wb") as file:
        file.write(body)


# ------------------------------------------------------------------ messages

# Person p of the domain has the messages whose content is one of: every tenth, beginning at p.
_MESSAGES = """
with people as (
    select c.account_id, row_number() over (order by c.address_key) - 1 as place,
        i.id as inbox, r.id as archive
    from credentials c
        join domains d on d.id = c.domain_id and d.name = %(domain)s
        join mailboxes i on i.account_id = c.account_id and i.name_key = 'INBOX'
        join mailboxes r on r.account_id = c.account_id and r.name_key = 'Archive'
), placed as (
    select p.account_id, k,
        case when k %% %(archive)s = 0 then p.archive else p.inbox end as mailbox_id,
        case when k %% %(archive)s = 0 then k / %(archive)s + 1
            else k - k / %(archive)s end as uid,
        %(first)s + (p.place * 17 + k * %(step)s) %% %(contents)s as content_id
    from people p cross join generate_series(0, %(each)s - 1) k
    order by mailbox_id, uid
), made as (
    insert into messages (
        account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date, email_id,
        thread_id, size, flags, internal_zone, trace
    )
    select p.account_id, p.mailbox_id, p.uid, p.content_id, modseq_at_v1(now() - p.age),
        now() - p.age, now() - p.age, gen_random_uuid(), gen_random_uuid(),
        c.size + length(%(trace)s), (p.k %% 3 > 0)::integer, 60, %(trace)s
    from (
        select *, interval '1 day' * (%(days)s * (1 - (k + 1) / (%(each)s + 1.0))) as age
        from placed
    ) p join contents c on c.id = p.content_id
    returning account_id, mailbox_id, uid, modseq, internal_date, email_id
), told as (
    insert into events (
        account_id, mailbox_id, modseq, before, kind, uids, operation, session, protocol, address,
        at
    )
    select account_id, mailbox_id, modseq, modseq - 1, 1, int8multirange(int8range(uid, uid + 1)),
        gen_random_uuid(), 'bench', 'lmtp', '127.0.0.1', internal_date
    from made
)
insert into deliveries (account_id, recipient, received_hash, mailbox_id, email_id, uid, at)
select account_id, account_id::text, decode(md5(email_id::text) || md5(email_id::text), 'hex'),
    mailbox_id, email_id, uid, internal_date
from made where internal_date > now() - interval '7 days'
"""

_COUNTERS = """
update mailboxes b set messages = m.n, unseen = m.unseen, size = m.size, uidnext = m.last + 1,
    highest_modseq = m.modseq
from (
    select mailbox_id, count(*) as n, count(*) filter (where flags & 1 = 0) as unseen,
        sum(size) as size, max(uid) as last, max(modseq) as modseq
    from messages group by mailbox_id
) m where m.mailbox_id = b.id and b.messages = 0
"""

_TRACE = (
    "Return-Path: <sender@bench.example>\r\nDelivered-To: somebody@example\r\n"
    "Received: from mx.example.net by mail.example.org with LMTP id 0123456789abcdef\r\n"
    "\tfor <somebody@example>; Mon, 5 Oct 2026 10:00:00 +0000\r\n"
)


def _message_parameters(scale: Scale, number: int, first: int) -> dict[str, object]:
    each = scale.messages // scale.accounts
    return {
        "domain": f"d{number}.example",
        "archive": ARCHIVE,
        "first": first,
        "step": max(1, scale.contents // each),
        "contents": scale.contents,
        "each": each,
        "days": DAYS,
        "trace": _TRACE,
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
