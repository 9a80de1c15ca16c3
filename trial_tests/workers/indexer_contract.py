"""What the indexer does over any storage."""

from random import Random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sora.mail.criteria import HeaderHas, TextHas
from sora.mail.flags import parse_flags
from sora.mail.numbers import NumberSet
from sora.storage.rows import FlagChange
from sora.threads import Threads
from sora.workers.indexer import LEASE, Indexer
from trial_tests.storage.contracts.contract import Contract, Letter, letter


class IndexerContract(Contract):
    """The worker over a storage."""

    async def setUp(self) -> None:
        await super().setUp()
        self.threads = Threads(reactor, 2, "indexer")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.ann = await self.account("ann@example.com", "Other")
        self.inbox = await self.find(self.ann)

    def indexer(self, **other: Any) -> Indexer:
        how = {"clock": reactor, "least": 3, "most": 5} | other
        return Indexer(self.storage.indexing, self.threads, random=Random(1), **how)

    async def deliver(self, count: int, name: str = "INBOX") -> None:
        mailbox = await self.find(self.ann, name)
        for number in range(count):
            await self.put(self.ann, mailbox, letter(f"Re: {name} {number}", f"word{number}"))

    async def indexed(self, name: str = "INBOX") -> int:
        """Up to which UID a mailbox is indexed."""
        mailbox = await self.find(self.ann, name)
        for uid in range(mailbox.uidnext):
            if len(await self.storage.indexing.texts(mailbox.id, uid, 10, 10**6)):
                claimed = await self.storage.indexing.claim(1, 10, LEASE)
                for one in claimed:
                    await self.storage.indexing.release(one.mailbox_id)
                return {one.mailbox_id: one.indexed_uid for one in claimed}.get(
                    mailbox.id, mailbox.uidnext - 1
                )
        return 0

    async def test_a_mailbox_is_indexed_in_segments_and_the_rest_is_left(self) -> None:
        await self.deliver(12)
        self.assertEqual(await self.indexer().index(), 10)
        self.assertEqual(await self.indexed(), 10)
        self.assertEqual(await self.indexer().index(), 0)
        await self.deliver(1)
        self.assertEqual(await self.indexer().index(), 3)
        self.assertEqual(await self.indexed(), 13)

    async def test_few_messages_are_left_alone(self) -> None:
        await self.deliver(2)
        await self.deliver(7, "Other")
        self.assertEqual(await self.indexer().index(), 5)
        self.assertEqual(await self.indexed(), 0)
        self.assertEqual(await self.indexed("Other"), 5)

    async def test_what_is_indexed_is_found(self) -> None:
        await self.deliver(8)
        await self.indexer().index()
        search = self.storage.messages.search
        self.assertEqual(list(await search(self.inbox.id, TextHas("ord3"))), [4])
        self.assertEqual(list(await search(self.inbox.id, HeaderHas("Subject", "x 7"))), [8])

    async def test_much_text_ends_a_segment(self) -> None:
        long = "".join(f"w{number} " for number in range(20_000))
        for number in range(4):
            await self.put(self.ann, self.inbox, Letter([("Subject", str(number))], long))
        indexer = self.indexer(least=4, most_octets=200_000)
        self.assertEqual(await indexer.index(), 4)
        self.assertEqual(await self.indexed(), 4)
        found = await self.storage.messages.search(self.inbox.id, TextHas("w19999"))
        self.assertEqual(list(found), [1, 2, 3, 4])

    async def test_two_share_the_work(self) -> None:
        await self.deliver(6)
        await self.deliver(6, "Other")
        both = [
            Deferred.fromCoroutine(self.indexer(most=6).index()),
            Deferred.fromCoroutine(self.indexer(most=6).index()),
        ]
        self.assertEqual(sum([await one for one in both]), 12)

    async def test_what_belongs_to_messages_that_are_gone_is_removed(self) -> None:
        await self.deliver(10)
        indexer = self.indexer()
        await indexer.index()
        self.assertEqual(await indexer.prune(), 0)
        change = FlagChange("add", parse_flags(["\\Deleted"]))
        messages = self.storage.messages
        for gone, pruned in (((2, 5), 0), ((1, 1), 1), ((6, 9), 0)):
            await messages.store(self.inbox.id, NumberSet((gone,)), change, self.operation())
            await messages.expunge(self.inbox.id, None, self.operation())
            self.assertEqual(await indexer.prune(), pruned, gone)
            self.assertEqual(list(await messages.search(self.inbox.id, TextHas("ord9"))), [10])
