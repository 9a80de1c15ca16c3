"""Scripts that run for what clients do (RFC 6785): what leads to them, and what they may do."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.mail.annotations import parse_entry
from sora.mail.flags import Flags, parse_flags
from sora.mail.rights import RightsChange, parse_rights
from sora.mailbox.account import Account
from sora.mailbox.appending import NewMessage
from sora.mailbox.chains import Link
from sora.mailbox.crossing import Crossing
from sora.mailbox.event_acting import EventActing
from sora.mailbox.event_scripts import EventAccounts, EventRooms, EventRule, EventScripts
from sora.mailbox.places import SharedNamespace
from sora.mailbox.redirecting import Rates
from sora.mailbox.stored import Occasions, StoredSending
from sora.relay.memory import Kept
from sora.storage.rows import AccountRow, FlagChange, Operation, Placed, Want
from trial_tests.mailbox.test_filtering import PLENTY
from trial_tests.mailbox.world import Process, World, message, spool
from trial_tests.storage.contracts.contract import Contract

ALWAYS = 'require ["copy", "environment", "variables", "fileinto", "imap4flags", "imapsieve"];\n'


class EventTestCase(TestCase):
    """Ann has mailboxes, one of them for junk, and a relay is there."""

    rules: Sequence[EventRule] = ()
    most = 100
    waiting = 1000

    async def setUp(self) -> None:
        self.world = World()
        self.row = await self.world.add_account("ann@example.com", "Work", "Copies")
        for name, use in (("Spam", "\\Junk"),):
            await self.world.storage.mailboxes.create(self.row.id, name, use, Operation(uuid4()))
        storage = self.world.storage
        self.accounts = EventAccounts(storage.metadata, self.world.clock)
        self.process = Process(
            storage,
            self.world.clock,
            namespace=SharedNamespace(),
            entries_set=self.accounts.set,
        )
        self.events = self._events()
        self.process.mail_store = self.process.with_events(self.events)
        self.accounts.startService()
        self.addCleanup(self.accounts.stopService)
        self.events.startService()
        self.addCleanup(self.events.stopService)
        self.ann = self.process.session(self.row)

    def _events(self) -> EventScripts:
        process, storage = self.process, self.world.storage
        folders = process.folders(process.namespace)
        numbers = iter(range(1, 1_000_000))
        occasions = Occasions(
            random=lambda count: next(numbers).to_bytes(count, "big"), host="sora.example.com"
        )
        answering = process.answering(folders)
        sending = StoredSending(
            relay=process.relay,
            rates=Rates(process.clock, 100),
            answering=answering,
            bodies=process.bodies,
            occasions=occasions,
        )
        acting = EventActing(
            messages=storage.messages,
            arrivals=process.arrivals,
            bodies=process.bodies,
            open_mailboxes=process.open_mailboxes,
            crossing=Crossing(storage.messages, process.bodies, process.arrivals),
            sending=sending,
            answering=answering,
            occasions=occasions,
            clock=process.clock,
            new_uuid=uuid4,
        )
        rooms = EventRooms(
            accounts=storage.accounts,
            messages=storage.messages,
            metadata=storage.metadata,
            scripts=storage.scripts,
            bodies=process.bodies,
            filters=process.filters(),
            folders=folders,
            acting=acting,
            rules=self.rules,
        )
        return EventScripts(rooms, self.accounts, most=self.most, waiting=self.waiting)

    # ---------------------------------------------------------- what a client does

    async def script(self, source: str, mailbox: str = "INBOX", name: str = "events") -> None:
        """Ann puts a script, and names it in an annotation."""
        await self.world.storage.scripts.put(self.row.id, name, source, PLENTY)
        await self.annotate(mailbox, name.encode())

    async def annotate(self, mailbox: str, value: bytes | None) -> None:
        entry = parse_entry(b"/shared/imapsieve/script")
        await self.ann.annotations.write(mailbox, {entry: value})

    async def append(
        self, mailbox: str = "INBOX", flags: Flags | None = None, data: bytes | None = None
    ) -> Placed:
        return await self.ann.appending.append(
            mailbox, flags or Flags(), None, spool(data or message())
        )

    async def store(self, flags: str, mode: Any = "add", uid: int = 1) -> None:
        selected = await self.ann.select("INBOX", read_only=False)
        await selected.store([uid], FlagChange(mode, parse_flags(flags.split())), silent=False)
        await selected.close()

    async def copy(self, source: str, to: str, *, moves: bool = False, uid: int = 1) -> None:
        selected = await self.ann.select(source, read_only=False)
        await (selected.move if moves else selected.copy)([uid], to)
        await selected.close()

    # ---------------------------------------------------------- what has become of it

    async def there(self, owner: AccountRow | None = None) -> dict[str, list[str]]:
        """The flags of each message of each mailbox that has any."""
        row = owner or self.row
        found = {}
        for box in (await self.world.storage.mailboxes.list(row.id)).mailboxes:
            opened = await self.world.storage.mailboxes.open(row.id, box.name)
            flags = [
                " ".join(sorted(Contract.flag_names(self, mask, opened.keywords)))  # type: ignore[arg-type]
                for mask in opened.states.masks
            ]
            if flags:
                found[box.name] = flags
        return found

    def sent(self) -> Sequence[Kept]:
        return self.process.relay.sent


class WhatLeadsToScripts(EventTestCase):
    """RFC 6785 §2.2, §4: each script tells what it sees by a flag of its own."""

    SEES = ALWAYS + (
        'if environment :matches "imap.cause" "*" { set "cause" "${1}"; }'
        'if environment :matches "imap.mailbox" "*" { set "box" "${1}"; }'
        'if environment :matches "vnd.sora.mailbox-from" "*" { set "from" "${1}"; }'
        'if environment :matches "imap.changedflags" "*" { set "changed" "${1}"; }'
        'addflag "cause-${cause}-${box}-${from}"; if string "${changed}" "\\\\Flagged" '
        '{ addflag "flagged"; }'
    )

    async def test_without_a_script_nothing_costs_anything(self) -> None:
        statements = self.world.statements
        await self.append()
        statements.clear()
        await self.append()
        await self.store("\\Flagged")
        await self.copy("INBOX", "Work")
        self.assertEqual(
            dict(statements),
            {
                "messages.place": 1,
                "mailboxes.open": 1,
                "messages.store": 1,
                "messages.copy": 1,
            },
        )

    async def test_append(self) -> None:
        await self.script(self.SEES)
        await self.append()
        self.assertEqual(await self.there(), {"INBOX": ["cause-APPEND-INBOX-"]})

    async def test_several_are_appended(self) -> None:
        """§2.2.1: once for each."""
        await self.script(self.SEES)
        new = [NewMessage(Flags(), None, spool(message(number))) for number in range(3)]
        await self.ann.appending.append_all("INBOX", new)
        self.assertEqual(await self.there(), {"INBOX": ["cause-APPEND-INBOX-"] * 3})

    async def test_replace(self) -> None:
        await self.append()
        await self.script(self.SEES)
        selected = await self.ann.select("INBOX", read_only=False)
        new = NewMessage(Flags(), None, spool(message(2)))
        await self.ann.appending.replace(selected, 1, "INBOX", new)
        self.assertEqual(await self.there(), {"INBOX": ["cause-APPEND-INBOX-"]})

    async def test_copy_and_move(self) -> None:
        """§2.2.2; to move is to copy, and what is moved on is not copied to where it was."""
        await self.append("Work")
        await self.append("Work")
        await self.script(self.SEES)
        await self.copy("Work", "INBOX")
        await self.copy("Work", "INBOX", moves=True, uid=2)
        self.assertEqual(await self.there(), {"INBOX": ["cause-COPY-INBOX-Work"] * 2, "Work": [""]})

    async def test_flags(self) -> None:
        """§2.2.3: the script sees the flags as they are after the change (§3.8)."""
        await self.append(flags=parse_flags(["\\Seen"]))
        await self.script(self.SEES)
        await self.store("\\Flagged")
        self.assertEqual(
            await self.there(), {"INBOX": ["\\Flagged \\Seen cause-FLAG-INBOX- flagged"]}
        )

    async def test_what_changes_nothing_is_no_change(self) -> None:
        await self.append(flags=parse_flags(["\\Seen"]))
        await self.script(self.SEES)
        await self.store("\\Seen")
        self.assertEqual(await self.there(), {"INBOX": ["\\Seen"]})

    async def test_to_read_is_to_change_a_flag(self) -> None:
        """§2.2.3: FETCH may set \\Seen."""
        await self.append()
        await self.script(self.SEES)
        selected = await self.ann.select("INBOX", read_only=False)
        async for _ in selected.reading.read([1], frozenset({Want.BODY}), see=True):
            pass
        self.assertEqual(await self.there(), {"INBOX": ["\\Seen cause-FLAG-INBOX-"]})

    async def test_open_mailboxes_hear_of_it(self) -> None:
        """What a script does is news for who has the mailbox open."""
        await self.append()
        selected = await self.ann.select("INBOX", read_only=False)
        await self.script(ALWAYS + 'addflag "$todo"; fileinto :copy "Work";')
        work = await self.ann.select("Work", read_only=False)
        await selected.store([1], FlagChange("add", parse_flags(["\\Seen"])), silent=False)
        updates = selected.updates(may_expunge=True)
        self.assertEqual([update.uid for update in updates.flags], [1])
        self.assertEqual(work.updates(may_expunge=True).exists, 1)


class WhichScript(EventTestCase):
    """RFC 6785 §2.3.1"""

    FLAGS = ALWAYS + 'addflag "events";'

    async def test_the_server_has_one_for_the_others(self) -> None:
        await self.script(self.FLAGS, "")
        await self.append("Work")
        self.assertEqual(await self.there(), {"Work": ["events"]})

    async def test_an_empty_one_is_none_and_the_server_s_does_not_take_its_place(self) -> None:
        await self.script(self.FLAGS, "")
        await self.annotate("Work", b"")
        await self.append("Work")
        await self.annotate("Work", b"nobody has it")
        await self.append("Work")
        await self.annotate("Work", None)
        await self.append("Work")
        self.assertEqual(await self.there(), {"Work": ["", "", "events"]})

    async def test_the_server_s_entry_is_the_user_s_own(self) -> None:
        await self.annotate("", b"events")
        bob = self.process.session(await self.world.add_account("bob@example.com"))
        entry = parse_entry(b"/shared/imapsieve/script")
        for account, value in ((self.ann, b"events"), (bob, None)):
            found = await account.annotations.read("", [entry], 0, None)
            self.assertEqual(found.values, [(entry, value)])
        everything = [parse_entry(b"/shared")]
        found = await self.ann.annotations.read("", everything, None, None)
        self.assertEqual(found.values, [(entry, b"events")])

    async def test_it_is_its_owner_s_who_ever_does_it(self) -> None:
        """And bob is the one who has done it (§4.2)."""
        await self.script(
            ALWAYS + 'if environment "imap.email" "bob@example.com" { fileinto "Copies"; keep; }',
            "Work",
        )
        row = await self.world.add_account("bob@example.com")
        await self.world.storage.rights.set(
            self.row.id,
            "Work",
            self.row.id,
            parse_address("bob@example.com"),
            RightsChange("replace", parse_rights("lri")),
            Operation(uuid4()),
        )
        bob: Account = self.process.session(row)
        await bob.appending.append("Shared/ann@example.com/Work", Flags(), None, spool(message(5)))
        self.assertEqual(await self.there(), {"Work": [""], "Copies": [""]})
        self.assertEqual(await self.there(row), {})

    async def test_a_script_that_other_processes_name_is_heard_of(self) -> None:
        await self.append()
        await self.world.storage.scripts.put(self.row.id, "events", self.FLAGS, PLENTY)
        other = self.world.process(alone=False).session(self.row)
        await other.annotations.write(
            "INBOX", {parse_entry(b"/shared/imapsieve/script"): b"events"}
        )
        self.world.clock.advance(10)
        await self.append()
        self.assertEqual(await self.there(), {"INBOX": ["", "events"]})


class WhatScriptsDo(EventTestCase):
    """RFC 6785 §3"""

    async def test_fileinto_copies_and_marks_the_original(self) -> None:
        """§3.3; with :copy it stays as it is. A copy is a message of its own."""
        await self.script(ALWAYS + 'fileinto "Copies";')
        await self.append()
        await self.script(ALWAYS + 'fileinto :copy "Copies";')
        await self.append()
        self.assertEqual(await self.there(), {"INBOX": ["\\Deleted", ""], "Copies": ["", ""]})

    async def test_flags_of_copies(self) -> None:
        await self.script(
            ALWAYS + 'addflag "$todo"; fileinto :copy "Copies"; fileinto :copy :flags "a" "Work";'
        )
        await self.append(flags=parse_flags(["\\Seen"]))
        self.assertEqual(
            await self.there(),
            {"INBOX": ["$todo \\Seen"], "Copies": ["$todo \\Seen"], "Work": ["a"]},
        )

    async def test_nothing_that_scripts_do_leads_to_scripts(self) -> None:
        """§6: two mailboxes that file into each other."""
        await self.script(ALWAYS + 'fileinto :copy "Copies"; addflag "one";', name="one")
        await self.script(ALWAYS + 'fileinto :copy "INBOX"; addflag "two";', "Copies", "two")
        await self.append()
        self.assertEqual(await self.there(), {"INBOX": ["one"], "Copies": [""]})

    async def test_flags_are_added_and_removed(self) -> None:
        """§3.8"""
        await self.script(ALWAYS + 'removeflag "\\\\Seen"; addflag "\\\\Flagged";')
        await self.append(flags=parse_flags(["\\Seen", "$todo"]))
        self.assertEqual(await self.there(), {"INBOX": ["$todo \\Flagged"]})

    async def test_discard(self) -> None:
        """§3.5: it is marked, and not if it is kept, too."""
        await self.script(ALWAYS + "discard;")
        await self.append()
        await self.script(ALWAYS + "discard; keep;")
        await self.append()
        self.assertEqual(await self.there(), {"INBOX": ["\\Deleted", ""]})

    async def test_redirect(self) -> None:
        """§3.4: from the owner of the mailbox, the message as it stands."""
        await self.script(ALWAYS + 'redirect "spam@example.net";')
        await self.append()
        (kept,) = self.sent()
        self.assertEqual(kept.outgoing.sender, "ann@example.com")
        self.assertEqual(kept.outgoing.recipients[0].address, "spam@example.net")
        self.assertEqual(kept.octets, b"X-Sieve-Redirected-From: ann@example.com\r\n" + message())
        self.assertEqual(await self.there(), {"INBOX": ["\\Deleted"]})

    async def test_what_cannot_be_sent_stays(self) -> None:
        await self.script(ALWAYS + 'redirect "spam@example.net";')
        self.process.relay.is_off = True
        await self.append()
        self.assertEqual(await self.there(), {"INBOX": [""]})

    async def test_notify(self) -> None:
        """§3.6, and example 2 of §5."""
        await self.script(
            'require ["enotify", "imap4flags", "variables", "environment", "imapsieve"];'
            'if environment :matches "imap.mailbox" "*" { set "mailbox" "${1}"; }'
            'if allof (hasflag "\\\\Flagged",'
            ' environment :contains "imap.changedflags" "\\\\Flagged") {'
            ' notify :message "Important message in ${mailbox}" "mailto:tim@example.com"; }'
        )
        await self.append()
        await self.store("\\Seen")
        self.assertEqual(self.sent(), [])
        await self.store("\\Flagged")
        await self.store("\\Flagged", "remove")
        (kept,) = self.sent()
        self.assertIn(b"Subject: Important message in INBOX\r\n", kept.octets)

    async def test_edits_are_not_kept_but_filed_and_sent(self) -> None:
        """§3.7: messages are immutable."""
        edit = 'require "editheader"; addheader "X-New" "1";'
        await self.script(
            ALWAYS + edit + 'fileinto :copy "Copies"; redirect :copy "bob@example.net";'
        )
        await self.append()
        self.assertEqual(await self.there(), {"INBOX": [""], "Copies": [""]})
        _, copy = await self.ann.message("Copies", 1, frozenset({Want.HEADER}))
        self.assertIn(b"X-New: 1\r\n", copy.header or b"")
        _, kept = await self.ann.message("INBOX", 1, frozenset({Want.HEADER}))
        self.assertNotIn(b"X-New", kept.header or b"")
        self.assertIn(b"\nX-New: 1\r\n", self.sent()[0].octets)

    async def test_what_is_for_deliveries_is_an_error(self) -> None:
        """§3.11, §4.6: it ends the script, and the message stays as it is (G45)."""
        for source in (
            'require ["vacation", "imapsieve"]; addflag "x";',
            'require "reject"; addflag "x"; reject "no";',
            'require "ereject";',
            'require "ihave"; if ihave "reject" { addflag "x"; reject "no"; }',
            'require "envelope"; addflag "x"; if envelope "to" "a@b.c" { discard; }',
        ):
            await self.script(ALWAYS + source)
            await self.append()
            self.assertEqual((await self.there())["INBOX"][-1], "", source)

    async def test_an_error_is_told_to_the_owner_once_a_day(self) -> None:
        """G45: by a notice in INBOX; the message stays where it is."""
        await self.script(ALWAYS + 'redirect "${no}";', "Work")
        for _ in range(3):
            await self.append("Work")
        self.assertEqual(await self.there(), {"Work": [""] * 3, "INBOX": [""]})
        _, notice = await self.ann.message("INBOX", 1, frozenset({Want.BODY}))
        assert notice.body is not None
        octets = await self.ann.body(notice.body, 0, notice.body.size)
        self.assertIn(b"Your mail filter 'events' has failed", octets)
        self.assertIn(b"The message is in 'Work', as it was.", octets)
        self.world.clock.advance(24 * 3600)
        await self.append("Work")
        self.assertEqual(len((await self.there())["INBOX"]), 2)

    async def test_errors_never_reach_the_client(self) -> None:
        """A script that fails, that does not compile, a mailbox that is not there."""
        for source in (
            'redirect "${no}";',
            'require "include"; include "nothing";',
            'fileinto "No such mailbox";',
        ):
            await self.script(ALWAYS + source, "Work")
            await self.append("Work")
        await self.world.storage.scripts.put(self.row.id, "events", "not a script", PLENTY)
        await self.append("Work")
        self.assertEqual(await self.there(), {"Work": [""] * 4, "INBOX": [""] * 3})


class WhatIsBounded(EventTestCase):
    most = 2
    waiting = 3

    async def test_messages_of_a_command(self) -> None:
        await self.script(ALWAYS + 'addflag "x";')
        new = [NewMessage(Flags(), None, spool(message(number))) for number in range(4)]
        await self.ann.appending.append_all("INBOX", new)
        self.assertEqual(await self.there(), {"INBOX": ["x", "x", "", ""]})

    async def test_what_waits(self) -> None:
        """A command does not wait for scripts: it is answered while they have yet to run. What is
        too much is passed over."""
        await self.script(ALWAYS + 'addflag "x";')
        held: list[Deferred[None]] = []

        def pause(family: str) -> "Deferred[None]":
            if family != "metadata.listed":
                return succeed(None)
            held.append(Deferred())
            return held[-1]

        self.world.storage.tables.pause = pause
        for number in range(4):
            await self.append(data=message(number))
        self.assertEqual(await self.there(), {"INBOX": [""] * 4})
        self.world.answer_at_once()
        for answer in held:
            answer.callback(None)
        self.assertEqual(await self.there(), {"INBOX": ["x", "x", "x", ""]})


class RulesOfTheOperator(EventTestCase):
    """What trains a spam filter."""

    rules = (
        EventRule(
            Link("server", "spam.sieve", 'require "copy"; redirect :copy "spam@example.net";'),
            frozenset({"COPY", "APPEND"}),
            "\\Junk",
        ),
        EventRule(
            Link("server", "ham.sieve", 'require "copy"; redirect :copy "ham@example.net";'),
            frozenset({"COPY"}),
            "",
            "\\Junk",
        ),
    )

    async def test_to_and_from_junk(self) -> None:
        await self.append()
        self.assertEqual(self.sent(), [])
        await self.copy("INBOX", "Spam", moves=True)
        await self.copy("Spam", "Work", moves=True)
        await self.append("Spam")
        self.assertEqual(
            [kept.outgoing.recipients[0].address for kept in self.sent()],
            ["spam@example.net", "ham@example.net", "spam@example.net"],
        )

    async def test_the_user_s_comes_after_it(self) -> None:
        await self.script(ALWAYS + "discard;", "Spam")
        await self.append("Spam")
        self.assertEqual(len(self.sent()), 1)
        self.assertEqual(await self.there(), {"Spam": ["\\Deleted"]})
