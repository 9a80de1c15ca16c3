"""Scripts over stored mail: what is moved, copied, flagged and deleted, and counts that add up."""

from typing import Any
from uuid import uuid4

from attrs import evolve

from sora.errors import NoSuchAccount, NoSuchMailbox, NoSuchScript
from sora.mailbox.chains import FilterRooms
from sora.mailbox.filtering import Filters
from sora.mailbox.folders import FolderRooms
from sora.mailbox.owners import Owners
from sora.mailbox.redirecting import Rates
from sora.mailbox.scripts import Compiler
from sora.mailbox.stored import Occasions, StoredSending
from sora.operations.sieve_filter import Counts, Done, SieveFiltering
from sora.sieve.dialect import SIEVE
from sora.sieve.errors import ScriptErrors
from sora.sieve.limits import Limits
from trial_tests.mailbox.test_filtering import ANN, FilteringTestCase
from trial_tests.mailbox.world import AtOnce


class FilterTests(FilteringTestCase):
    async def setUp(self) -> None:
        await super().setUp()
        storage, threads = self.world.storage, AtOnce()
        rooms: Any = FilterRooms(
            compiler=Compiler(SIEVE, Limits(), threads.run),
            scripts=storage.scripts,
            messages=storage.messages,
            metadata=storage.metadata,
            rights=storage.rights,
            threads=threads,
            clock=self.world.clock,
            cpu=lambda: 0.0,
        )
        self.filtering = SieveFiltering(
            accounts=storage.accounts,
            mailboxes=storage.mailboxes,
            messages=storage.messages,
            filters=Filters(rooms),
            folders=FolderRooms(
                storage.mailboxes,
                self.process.open_mailboxes,
                Owners(storage.rights, self.world.clock),
                uuid4,
            ),
            bodies=self.process.bodies,
            new_operation=self.operation,
            now=self.world.clock.seconds,
        )
        for number in range(6):
            await self.send(
                f"Subject: number {number}\r\nX-Odd: {number % 2}\r\n\r\nbody {number}\r\n".encode()
            )

    async def filter(self, source: str, mailbox: str = "INBOX", **how: Any) -> Counts:
        return await self.filtering.run(ANN, mailbox, source.encode(), **how)

    def check_sum(self, counts: Counts) -> None:
        together = counts.kept + counts.moved + counts.discarded + counts.failed
        self.assertEqual(together, counts.messages)

    async def test_what_is_filed_is_moved(self) -> None:
        counts = await self.filter('require "fileinto"; if header "x-odd" "1" { fileinto "Work"; }')
        self.assertEqual(counts, Counts(messages=6, kept=3, moved=3))
        self.assertEqual(await self.counts(), {"INBOX": 3, "Work": 3})

    async def test_what_is_kept_besides_is_copied_and_flags_go_along(self) -> None:
        counts = await self.filter(
            'require ["fileinto", "copy", "imap4flags"];'
            'if header :contains "subject" ["0", "1"] {'
            '  fileinto :copy :flags "$copy" "Work"; keep :flags "\\\\Flagged"; }'
            'elsif header :contains "subject" "2" {'
            '  fileinto :flags "$a" "Work"; fileinto :flags "$b" "Lists/Sora"; }'
        )
        self.assertEqual(counts, Counts(messages=6, kept=5, moved=1, copies=3, flagged=6))
        self.assertEqual(await self.counts(), {"INBOX": 5, "Work": 3, "Lists/Sora": 1})
        self.assertEqual(sorted(await self.flags()), [[], [], [], ["\\Flagged"], ["\\Flagged"]])
        self.assertEqual(sorted(await self.flags("Work")), [["$a"], ["$copy"], ["$copy"]])
        self.assertEqual(await self.flags("Lists/Sora"), [["$b"]])
        self.check_sum(counts)

    async def test_nothing_is_deleted_unless_it_is_asked_for(self) -> None:
        source = 'if header "x-odd" "1" { discard; }'
        self.assertEqual(await self.filter(source), Counts(messages=6, kept=3, discarded=3))
        self.assertEqual(await self.counts(), {"INBOX": 6})
        self.assertEqual(
            await self.filter(source, discard=True), Counts(messages=6, kept=3, discarded=3)
        )
        self.assertEqual(await self.counts(), {"INBOX": 3})
        self.assertEqual(len(self.world.storage.tables.expunged), 3)

    async def test_a_dry_run_does_nothing_and_tells_all(self) -> None:
        told: list[Done] = []
        counts = await self.filter(
            'require ["fileinto", "mailbox"];'
            'if header "x-odd" "1" { fileinto :create "New"; } elsif size :under 1 { keep; }'
            'elsif header :contains "subject" "4" { discard; }',
            dry_run=True,
            discard=True,
            told=told.append,
        )
        self.assertEqual(counts, Counts(messages=6, kept=2, moved=3, discarded=1))
        self.assertEqual(await self.counts(), {"INBOX": 6})
        self.assertEqual(
            [(one.uid, one.subject, one.what) for one in told[:2]],
            [(1, "number 0", "kept"), (2, "number 1", "moved to New")],
        )
        self.assertEqual(told[4].what, "deleted")
        names = [
            row.name for row in (await self.world.storage.mailboxes.list(self.row.id)).mailboxes
        ]
        self.assertNotIn("New", names)
        self.check_sum(counts)

    async def test_nothing_is_sent(self) -> None:
        """Nor is anything lost that would only have been sent."""
        counts = await self.filter(
            'require ["vacation", "reject"];'
            'if header "x-odd" "1" { redirect "bob@example.net"; }'
            'elsif header :contains "subject" "0" { reject "no"; } else { vacation "away"; }'
        )
        self.assertEqual((counts.messages, counts.kept, counts.not_sent), (6, 6, 6))
        self.assertEqual((self.relay.sent, await self.counts()), ([], {"INBOX": 6}))

    async def test_what_is_redirected_is_sent_if_it_is_asked_for(self) -> None:
        """In the owner's name; it stays, unless it is to be discarded. Answers are never sent."""
        self.filtering = evolve(
            self.filtering,
            sending=StoredSending(
                relay=self.relay,
                rates=Rates(self.world.clock, 0),
                bodies=self.process.bodies,
                occasions=Occasions(random=bytes, host="sora.example.com"),
            ),
        )
        source = (
            'require ["vacation", "copy"]; vacation "away";'
            ' if header "x-odd" "1" { redirect "bob@example.net"; }'
            ' elsif header :contains "subject" "2" { redirect "ann@example.com"; }'
        )
        counts = await self.filter(source, dry_run=True)
        self.assertEqual((counts.sent, len(self.sent("redirect"))), (4, 0))
        counts = await self.filter(source)
        self.check_sum(counts)
        self.assertEqual((counts.kept, counts.sent, counts.not_sent), (6, 3, 7))
        self.assertEqual(len(self.relay.sent), 3)
        kept = self.sent("redirect")[0]
        self.assertEqual(
            (kept.outgoing.sender, kept.outgoing.recipients[0].address), (ANN, "bob@example.net")
        )
        self.assertRegex(kept.octets, rb"\AReceived: [^\0]*\r\nX-Sieve-Redirected-From: ann@")
        self.assertNotIn(b"Delivered-To", kept.octets)
        counts = await self.filter(source, discard=True)
        self.check_sum(counts)
        self.assertEqual((counts.kept, counts.discarded, counts.sent), (3, 3, 3))
        self.assertEqual(await self.counts(), {"INBOX": 3})

    async def test_the_body_the_envelope_and_the_active_script(self) -> None:
        await self.script(
            'require ["body", "envelope", "fileinto"]; if allof (body :contains "body 3",'
            ' envelope "from" "carl@example.net", envelope "to" "ann@example.com")'
            ' { fileinto "Work"; }'
        )
        counts = await self.filtering.run(ANN, "inbox", None)
        self.assertEqual((counts.moved, counts.kept), (1, 5))

    async def test_an_error_leaves_the_message(self) -> None:
        counts = await self.filter(
            'require ["include", "fileinto"]; fileinto "Work"; include "missing";'
        )
        self.assertEqual(counts, Counts(messages=6, failed=6))
        self.assertEqual(await self.counts(), {"INBOX": 6})

    async def test_filing_into_the_same_mailbox_is_keeping(self) -> None:
        counts = await self.filter('require "fileinto"; fileinto "INBOX"; fileinto "Nowhere";')
        self.assertEqual(counts, Counts(messages=6, kept=6))

    async def test_many_messages_are_few_statements(self) -> None:
        for number in range(6, 250):
            await self.send(f"Subject: number {number}\r\n\r\n".encode())
        self.world.statements.clear()
        counts = await self.filter('require "fileinto"; fileinto "Work";')
        self.assertEqual((counts.moved, await self.counts()), (250, {"Work": 250}))
        self.assertEqual(self.world.statements["messages.move"], 2)
        self.assertEqual(self.world.statements["messages.read"], 2)

    async def test_what_is_not_there(self) -> None:
        with self.assertRaises(NoSuchMailbox):
            await self.filter("keep;", "Nowhere")
        with self.assertRaises(NoSuchScript):
            await self.filtering.run(ANN, "INBOX", None)
        with self.assertRaises(NoSuchAccount):
            await self.filtering.run("nobody@example.com", "INBOX", b"keep;")
        with self.assertRaises(ScriptErrors):
            await self.filter("nothing;")
