"""One message to a thousand recipients, through a whole server with bodies in S3: it is one object, for
as long as anybody has it; and it is gone when the last one's grace is over."""

import os
from random import Random
from typing import Any

from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sora.addresses import parse_address
from sora.app.cleaning import cleaner_of
from sora.app.database import database_id
from sora.app.stores import object_stores
from sora.auth.passwords import new_secrets
from sora.deferreds import gather
from sora.storage.rows import NewMailbox
from sora.threads import Threads
from sora.workers.cleaner import Cleaned
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY, SeaweedFS, seaweedfs
from trial_tests.support.whole_sora import LOGIN_PASSWORD, WholeSora, WholeSoraTestCase, Wire

RECIPIENTS = int(os.environ.get("SORA_DEDUP_RECIPIENTS", "1000"))
SESSIONS = 8
LETTER = b"From: a@example.org\r\nSubject: To everybody\r\n\r\n" + b"All of you. \r\n" * 500
OTHER = b"From: a@example.org\r\nSubject: To one\r\n\r\nYou.\r\n"


def bucket_of(store: SeaweedFS) -> str:
    """The configuration of a server whose bodies are in this store."""
    return f"""
[s3]
endpoint = "{store.endpoint}"
bucket = "{BUCKET}"
access_key = "{ACCESS_KEY}"
secret_key = "{SECRET_KEY}"
use_ssl = false
path_style = true
"""


class DeduplicationTests(WholeSoraTestCase):
    """G1, G2, G6"""

    timeout = 300

    async def setUp(self) -> None:
        self.extra = bucket_of(seaweedfs(self))
        self.one: WholeSora = await self.sora()
        self.people = [f"p{number}@example.com" for number in range(RECIPIENTS)]
        secrets = new_secrets(LOGIN_PASSWORD, os.urandom, "sha512")

        async def create(person: str) -> None:
            accounts = self.one.house.tables.accounts
            await accounts.create(parse_address(person), secrets, [NewMailbox("INBOX")])

        await self.each(create)
        await self.open_stores()
        self.registries: list[CollectorRegistry] = []

    async def open_stores(self) -> None:
        """Those of a cleaner that is not the server's own, as of the command line."""
        threads = Threads(reactor, 2, "objects")
        threads.startService()
        self.addCleanup(threads.stopService)
        stores, services = object_stores(
            self.one.config.s3,
            await database_id(self.one.database),
            reactor=reactor,
            random=Random(1),
            registry=CollectorRegistry(),
            threads=threads,
        )
        self.stores = {store.name: store for store in stores}
        for service in services:
            service.startService()
            self.addCleanup(service.stopService)

    async def each(self, work: Any, people: list[str] | None = None) -> None:
        """Do something for each, several at a time."""
        waiting = list(reversed(self.people if people is None else people))

        async def some() -> None:
            while waiting:
                await work(waiting.pop())

        await gather(*[Deferred.fromCoroutine(some()) for _ in range(SESSIONS)])

    async def test_one_object_until_the_last_recipient_has_deleted_it(self) -> None:
        cost = await self.cost(self.one, self.deliver(LETTER, self.people))
        cost.pop("staged", None)  # the upload
        self.assertEqual(cost, {"recipient": RECIPIENTS, "deliver": -(-RECIPIENTS // 50)})
        await self.deliver(OTHER, self.people[:1])
        await self.filed(self.one)
        (name,) = await self.names(LETTER)
        names = await self.names()
        self.assertEqual(len(names), 2)
        self.assertEqual(await self.rows("contents"), 2)
        self.assertEqual(await self.rows("messages"), RECIPIENTS + 1)

        # All but the last delete it, and their grace is over.
        await self.each(self.delete, self.people[:-1])
        await self.clean_nothing()
        await self.let_graces_end()
        cleaned = await self.clean()
        self.assertEqual((cleaned.expunged, cleaned.condemned), (RECIPIENTS - 1, 0))
        await self.let_graces_end()
        await self.clean_nothing()
        self.assertEqual(await self.names(), names)
        self.assertEqual(await self.octets(self.people[-1]), LETTER)

        # The last one does: it can be restored for the grace, and then it is gone.
        await self.delete(self.people[-1])
        await self.clean_nothing()
        self.assertEqual(await self.names(), names)
        await self.let_graces_end()
        cleaned = await self.clean()
        self.assertEqual((cleaned.expunged, cleaned.condemned, cleaned.deleted), (1, 0, 0))
        await self.let_graces_end()
        rounds = await gather(
            *[Deferred.fromCoroutine(self.clean(f"node {number}")) for number in range(3)]
        )
        self.assertEqual(sum(each.condemned for each in rounds), 1)
        self.assertEqual(sum(each.deleted for each in rounds), 1)
        self.assertEqual(sum(each.octets for each in rounds), len(LETTER))
        reclaimed = [
            each.get_sample_value("sora_cleaner_reclaimed_bytes_total", {"store": "s3"}) or 0
            for each in self.registries
        ]
        self.assertEqual(sum(reclaimed), len(LETTER))
        self.assertEqual(await self.names(), names - {name})
        self.assertEqual([await self.rows(table) for table in ("contents", "objects")], [1, 1])
        self.assertEqual(await self.octets(self.people[0]), OTHER)
        await self.clean_nothing()

    # ------------------------------------------------------------ doing

    async def deliver(self, letter: bytes, people: list[str]) -> None:
        """One message, in one transaction."""
        wire = await self.one.lmtp()
        wire.send(b"MAIL FROM:<a@example.org>\r\n")
        await wire.until(rb"250 [^\r\n]*\r\n")
        wire.send(b"".join(b"RCPT TO:<%s>\r\n" % one.encode() for one in people) + b"DATA\r\n")
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(letter + b".\r\n")
        for _ in people:
            await wire.until(rb"250 2.0.0 [^\r\n]*\r\n")

    async def delete(self, person: str) -> None:
        """The first message, by an IMAP session."""
        wire = await self.one.imap(person)
        await wire.ask(b"SELECT INBOX")
        await wire.ask(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        said = await wire.ask(b"EXPUNGE")
        self.assertIn(b"* 1 EXPUNGE\r\n", said)
        await wire.ask(b"LOGOUT")

    async def octets(self, person: str) -> bytes:
        """The first message, without what its delivery put before it."""
        wire: Wire = await self.one.imap(person)
        await wire.ask(b"SELECT INBOX")
        said = await wire.ask(b"FETCH 1 (BODY.PEEK[])")
        await wire.ask(b"LOGOUT")
        return said[said.index(b"From: a@") : said.rindex(b")\r\n")]

    async def clean(self, node: str = "one") -> Cleaned:
        """A round of the cleaner."""
        self.registries.append(CollectorRegistry())
        cleaner = cleaner_of(
            self.one.config,
            self.one.house.tables,
            self.stores,
            node=node,
            reactor=reactor,
            random=Random(1),
            registry=self.registries[-1],
        )
        return await cleaner.clean()

    async def clean_nothing(self) -> None:
        """A round that removes nothing. That a day's partition of staging ends is no matter."""
        self.assertEqual(evolve(await self.clean(), partitions=0), Cleaned())

    async def let_graces_end(self) -> None:
        """All that was deleted until now was deleted 15 days ago."""
        for sql in (
            "update expunged set expunged_at = expunged_at - interval '15 days'",
            "update orphans set since = since - interval '15 days'",
        ):
            await self.one.database.run("later", lambda tx, sql=sql: tx.do(sql), write=True)

    async def rows(self, table: str) -> int:
        async def count(tx: Any) -> int:
            return int(
                await tx.value(f"select count(*) from {table} where {_WHICH.get(table, 'true')}")
            )

        return await self.one.database.run("rows", count, write=False)

    async def names(self, letter: bytes | None = None) -> set[Any]:
        """The objects in the bucket; of the size of a letter, if one is given."""
        listed = await self.stores["s3"].objects.names(None, 1000)
        return {one.name for one in listed if letter is None or one.size == len(letter)}


_WHICH = {"objects": "content_id is not null"}


class KeyTests(WholeSoraTestCase):
    """Where an object is says its row alone."""

    async def test_another_address_and_another_node_find_what_was_stored(self) -> None:
        """G7: neither an account's address nor a node's name is in a key."""
        fresh = await self.fresh()
        bucket = bucket_of(seaweedfs(self))
        self.extra = bucket + '[cluster]\nnode_id = "first"\n'
        first: WholeSora = await self.sora(fresh)
        await self.account(first, "ann@example.com")
        wire = await first.imap("ann@example.com")
        await wire.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(OTHER), OTHER))
        await self.filed(first)
        await first.stop()

        self.extra = bucket + '[cluster]\nnode_id = "second"\n'
        second: WholeSora = await self.sora(fresh)
        sql = "update credentials set address = 'eve@example.com', address_key = 'eve@example.com'"
        await second.database.run("rename", lambda tx: tx.do(sql), write=True)
        wire = await second.imap("eve@example.com")
        await wire.ask(b"SELECT INBOX")
        self.assertIn(OTHER, await wire.ask(b"FETCH 1 (BODY.PEEK[])"))
