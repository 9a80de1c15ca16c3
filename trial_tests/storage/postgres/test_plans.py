"""How statements are planned in a database with many accounts and messages, as PostgreSQL does it by
itself: by what is asked for, never by what there is."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import uuid4

from twisted.internet import reactor

from sora.addresses import parse_address
from sora.mail.criteria import TextHas
from sora.mail.flags import DELETED, SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.postgres.maildrops import Maildrops
from sora.storage.postgres.purging import Purging
from sora.storage.rows import (
    AccountFilter,
    Claim,
    FlagChange,
    NewLogin,
    SortBy,
    SortKey,
    Want,
)
from trial_tests.storage.postgres.stage import (
    DAY,
    Stage,
    StageTestCase,
    arrival_of,
    bytes_of,
    new_operation,
)
from trial_tests.support.plans import can_explain, watched_database

ACCOUNTS: Final = 10_000
FILLED: Final = [
    "accounts",
    "credentials",
    "mailboxes",
    "messages",
    "contents",
    "content_texts",
    "objects",
    "events",
    "deliveries",
    "logins",
]
"""tables that have thousands of rows here; PostgreSQL may read others as a whole"""

# Everybody has an INBOX with five messages; each of their contents is in ten of them.
FILL: Final = f"""
insert into accounts (scope_id, next_uidvalidity)
    select 7, 1 from generate_series(1, {ACCOUNTS});
insert into credentials (account_id, domain_id, address, address_key, is_primary)
    select a.id, d.id, a.id || '@example.org', a.id || '@example.org', true
    from accounts a, domains d where a.scope_id = 7;
insert into mailboxes (
    account_id, name, name_key, uidvalidity, highest_modseq, created_modseq, epoch, uidnext
) select id, 'INBOX', 'INBOX', 1, 10, 1, 1, 6 from accounts where scope_id = 7;
insert into contents (scope_id, hash, state, size)
    select 7, sha256(n::text::bytea), 'live', 1000 from generate_series(1, {ACCOUNTS} / 2) n;
insert into content_texts (scope_id, content_id, subject, from_, to_, cc, bcc, header, body)
    select scope_id, id, 'subject', 'from', 'to', '', '', E'\\nsubject:subject\\n', 'body'
    from contents where scope_id = 7;
insert into objects (scope_id, content_id, store, state, stored_size)
    select scope_id, id, 'disk', 'stored', size from contents where scope_id = 7;
insert into messages (
    account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date, email_id, thread_id,
    size, flags, internal_zone
) select b.account_id, b.id, n, c.id, n, now(), now(), gen_random_uuid(), gen_random_uuid(),
        1000, 0, 0
    from mailboxes b cross join generate_series(1, 5) n join contents c on c.scope_id = 7
        and c.hash = sha256(((b.id * 5 + n) % ({ACCOUNTS} / 2) + 1)::text::bytea)
    where b.uidnext = 6;
insert into events (account_id, mailbox_id, modseq, before, kind, uids, operation)
    select account_id, mailbox_id, uid, uid - 1, 1, int8multirange(int8range(uid, uid + 1)),
        gen_random_uuid()
    from messages;
insert into logins (account_id, credential_id, at, protocol, address)
    select account_id, id, now(), 'imap', '192.0.2.1' from credentials;
insert into deliveries (account_id, recipient, received_hash, mailbox_id, email_id, uid)
    select account_id, 'x', sha256(email_id::text::bytea), mailbox_id, email_id, uid from messages;
analyze
"""


class PlansTests(StageTestCase):
    """auto_explain tells the plans; nothing is forced."""

    timeout = 120

    async def test_no_operation_reads_a_table_of_many_as_a_whole(self) -> None:
        if not can_explain():
            return
        database, plans = await watched_database(self, forced=False)
        stage = await self.stage_on(database)
        await stage.put_many(3)
        await stage.rows(FILL)
        plans.take()
        for name, work in self.operations(stage).items():
            await work()
            whole = {one for one in plans.take() if one.split()[2].rstrip(":") in FILLED}
            self.assertEqual(whole, set(), name)

    def operations(self, stage: Stage) -> dict[str, Callable[[], Awaitable[object]]]:
        """What sessions and deliveries do, in the order in which it is done."""
        account, messages, mailboxes = stage.account, stage.messages, stage.mailboxes
        first, address = NumberSet.of([1]), parse_address("a@example.org")
        content, box = bytes_of(77), stage.inbox
        drops, session = Maildrops(stage.database, reactor), uuid4()  # type: ignore[arg-type]
        purging = Purging(stage.database)
        target = stage.target(recipient="a@example.org", received_hash=b"h" * 32)
        claim = Claim(uuid4(), account.id, box, "a@example.org", b"g" * 32, (target,))
        subject = TextHas("message")
        return {
            "login": lambda: stage.credentials.login(address),
            "recipient": lambda: stage.accounts.recipient(address),
            "deliver": lambda: messages.deliver(
                [(account.scope_id, arrival_of(content))], [claim], new_operation()
            ),
            "place": lambda: messages.place(
                account.scope_id,
                arrival_of(bytes_of(78)),
                [stage.target(flags=Flags(SEEN, ("$New",)))],
                new_operation(),
            ),
            "append": lambda: messages.append(
                account.scope_id, [arrival_of(bytes_of(79))], [stage.target()], new_operation()
            ),
            "list": lambda: mailboxes.list(account.id, shared=True, deleted_sizes=True),
            "find": lambda: mailboxes.find(account.id, "INBOX"),
            "open": lambda: mailboxes.open(account.id, "INBOX", uuid4()),
            "changes": lambda: mailboxes.changes(box, 1, 0),
            "vanished": lambda: mailboxes.vanished(box, 1, first),
            "poll": lambda: mailboxes.poll([box, stage.trash]),
            "versions": lambda: mailboxes.versions([account.id]),
            "read": lambda: messages.read(box, first, frozenset(Want), see=new_operation()),
            "search": lambda: messages.search(box, subject, 1),
            "sort": lambda: messages.sort(box, subject, [SortKey(SortBy.SUBJECT)], 1),
            "threads": lambda: messages.threads(box, subject),
            "store": lambda: messages.store(
                box, first, FlagChange("add", Flags(DELETED, ("$Other",))), new_operation()
            ),
            "copy": lambda: messages.copy(box, first, account.id, "Trash", new_operation()),
            "expunge": lambda: messages.expunge(box, None, new_operation()),
            "move": lambda: messages.move(
                stage.trash, NumberSet.of([1]), account.id, "INBOX", new_operation()
            ),
            "maildrop": lambda: drops.open(
                account.id, session, timedelta(minutes=10), timedelta(0)
            ),
            "quit": lambda: drops.quit(
                account.id, session, box, NumberSet(), first, new_operation()
            ),
            "create": lambda: mailboxes.create(account.id, "a/b", None, new_operation()),
            "rename": lambda: mailboxes.rename(account.id, "a", "c", new_operation()),
            "delete": lambda: mailboxes.delete(account.id, "c/b", new_operation()),
            "claim": lambda: stage.uploads.claim("disk", 10, timedelta(minutes=1)),
            "backlog": lambda: stage.uploads.backlog(),
            "purge": lambda: stage.cleaning.purge_expunged(timedelta(0), 100),
            "condemn": lambda: stage.cleaning.condemn(timedelta(0), 100),
            "condemned": lambda: stage.cleaning.condemned(["disk"], 100, timedelta(0)),
            "cleaning status": lambda: stage.cleaning.status(timedelta(0), timedelta(0)),
            "list accounts": lambda: stage.accounts.list(),
            "accounts of a domain": lambda: stage.accounts.list(
                AccountFilter(domain="example.com")
            ),
            "accounts by prefix": lambda: stage.accounts.list(AccountFilter(prefix="12"), "1", 50),
            "disabled accounts": lambda: stage.accounts.list(AccountFilter(disabled=True)),
            "deleted accounts": lambda: stage.accounts.list(AccountFilter(deleted=True)),
            "inactive accounts": lambda: stage.accounts.list(AccountFilter(inactive_since=DAY)),
            "inactive accounts that are disabled": lambda: stage.accounts.list(
                AccountFilter(disabled=True, inactive_since=DAY)
            ),
            "note logins": lambda: stage.credentials.note_logins(
                [NewLogin(number, number, 0, "imap", "") for number in range(500)]
            ),
            "credentials": lambda: stage.credentials.list(address),
            "closed accounts": lambda: stage.accounts.closed(["a@example.org", "7@example.org"]),
            "show account": lambda: stage.accounts.show(address),
            "disable account": lambda: stage.accounts.disable(address, False),
            "delete account": lambda: stage.accounts.delete(address),
            "remove a part": lambda: stage.cleaning.remove_account(timedelta(0), 1),
            "remove account": lambda: self.remove_all(stage),
            "what a domain holds": lambda: purging.own_holdings("example.org", 100),
            "what its accounts hold": lambda: purging.account_holdings("example.org", "5", 500),
            "mark a domain": lambda: purging.mark("example.org"),
            "disable its accounts": lambda: purging.disable("example.org", "5", 500),
            "delete its accounts": lambda: purging.delete("example.org", "5", 500),
            "free its addresses": lambda: purging.free_addresses("example.org", 500),
            "end a domain": lambda: purging.end("example.org"),
        }

    async def remove_all(self, stage: Stage) -> None:
        """A deleted account, to its end."""
        while await stage.cleaning.remove_account(timedelta(0), 100) is not None:
            pass
