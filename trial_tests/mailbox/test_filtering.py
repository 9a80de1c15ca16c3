"""Filters at delivery: the chain of scripts, what becomes of each action, and of errors."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from prometheus_client import CollectorRegistry

from sora.addresses import parse_address
from sora.errors import MessageRefused, OutcomeUnknown, SoraError, Unavailable
from sora.mail.annotations import parse_entry
from sora.mail.rights import RightsChange, parse_rights
from sora.mailbox.places import SharedNamespace
from sora.metrics.sieve import SieveMetrics
from sora.relay.memory import Kept
from sora.storage.rows import Operation, ScriptLimits, ScriptPosition
from trial_tests.mailbox.test_delivery import DeliveryTestCase
from trial_tests.mailbox.world import envelope, message, spool
from trial_tests.storage.contracts.contract import Contract

PLENTY = ScriptLimits(1_000_000, 100, 10_000_000)
ANN = "ann@example.com"


class FilteringTestCase(DeliveryTestCase):
    """Ann has mailboxes and a script."""

    async def setUp(self) -> None:
        await super().setUp()
        for name, use in (("Spam", "\\Junk"), ("Lists/Sora", None)):
            await self.world.storage.mailboxes.create(self.row.id, name, use, self.operation())
        self.relay = self.process.relay
        self.with_filters()

    def operation(self) -> Operation:
        return Operation(uuid4())

    def with_filters(self, **how: Any) -> None:
        self.delivery = self.process.filtering_delivery(**how)

    async def script(
        self, source: str, position: ScriptPosition = ScriptPosition.ACTIVE, name: str = "main"
    ) -> None:
        """Put a script, of Ann or of her domain."""
        owner = self.row.id
        if position is not ScriptPosition.ACTIVE:
            owner = (await self.world.storage.rights.domain_owner("example.com", True)).account_id
        await self.world.storage.scripts.put(owner, name, source, PLENTY, position)

    async def run_script(
        self, source: str, data: bytes | None = None, sender: str = "carl@example.net"
    ) -> SoraError | None:
        """One message through a script of Ann's."""
        await self.script(source)
        return await self.send(message() if data is None else data, sender=sender)

    async def send(
        self, data: bytes, *, sender: str = "carl@example.net", to: str = ANN, **how: Any
    ) -> SoraError | None:
        recipients = await self.resolved(to)
        self.world.statements.clear()
        made = envelope(recipients, sender)
        (outcome,) = await self.delivery.deliver(made, spool(data))
        self.spent = self.cost()
        return outcome

    async def flags(self, name: str = "INBOX") -> list[list[str]]:
        """The flags of each message of a mailbox of Ann's."""
        opened = await self.world.storage.mailboxes.open(self.row.id, name)
        names = Contract.flag_names
        return [
            sorted(names(self, mask, opened.keywords))  # type: ignore[arg-type]
            for mask in opened.states.masks
        ]

    async def counts(self) -> dict[str, int]:
        """How many messages are where, without empty mailboxes."""
        listing = await self.world.storage.mailboxes.list(self.row.id)
        return {row.name: row.messages for row in listing.mailboxes if row.messages}

    def sent(self, kind: str) -> Sequence[Kept]:
        return [kept for kept in self.relay.sent if kept.outgoing.kind == kind]


class FilingTests(FilteringTestCase):
    async def test_without_a_script_all_is_as_ever(self) -> None:
        self.assertIsNone(await self.send(message()))
        self.assertEqual(await self.counts(), {"INBOX": 1})
        self.assertEqual(self.spent, {"messages.deliver": 1})

    async def test_a_folder(self) -> None:
        await self.run_script('require "fileinto"; fileinto "Work";')
        self.assertEqual(await self.counts(), {"Work": 1})
        self.assertEqual(self.spent, {"messages.deliver": 1})

    async def test_all_actions_act(self) -> None:
        """G45: several fileinto, redirect and keep; each copy has its flags."""
        await self.run_script(
            'require ["fileinto", "copy", "imap4flags"];'
            'fileinto :flags "\\\\Seen" "Work"; fileinto :copy "Lists/Sora";'
            'redirect :copy "bob@example.net"; redirect "eve@example.net";'
            'keep :flags ["\\\\Flagged", "$todo"];'
        )
        self.assertEqual(await self.counts(), {"INBOX": 1, "Work": 1, "Lists/Sora": 1})
        self.assertEqual(await self.flags("Work"), [["\\Seen"]])
        self.assertEqual(await self.flags("Lists/Sora"), [[]])
        self.assertEqual(await self.flags(), [["$todo", "\\Flagged"]])
        self.assertEqual(
            [kept.outgoing.recipients[0].address for kept in self.sent("redirect")],
            ["bob@example.net", "eve@example.net"],
        )
        self.assertEqual(self.spent, {"messages.deliver": 1})

    async def test_the_same_place_twice_is_one_message(self) -> None:
        """RFC 5228 §2.10.3"""
        await self.run_script(
            'require ["fileinto", "imap4flags"]; fileinto :flags "$a" "INBOX";'
            'keep :flags "$b"; fileinto "Work"; fileinto "Work";'
        )
        self.assertEqual(await self.counts(), {"INBOX": 1, "Work": 1})
        self.assertEqual(await self.flags(), [["$a", "$b"]])

    async def test_discard(self) -> None:
        """Nothing is stored, and a retry with another script finds the claim (G42)."""
        self.assertIsNone(await self.run_script("discard;"))
        self.assertEqual(self.spent, {"messages.deliver": 1})
        self.assertEqual(self.world.storage.tables.contents, {})
        await self.run_script("keep;")
        self.assertEqual(await self.counts(), {})

    async def test_a_mailbox_that_is_not_there_is_inbox(self) -> None:
        await self.run_script('require "fileinto"; fileinto "Nowhere"; fileinto "work";')
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_a_mailbox_that_is_made(self) -> None:
        """RFC 5490 §3.2"""
        await self.run_script(
            'require ["fileinto", "mailbox"]; fileinto :create "New/Deep";'
            'if mailboxexists ["Work", "New/Deep"] { keep; }'
        )
        self.assertEqual(await self.counts(), {"New/Deep": 1})
        await self.script(
            'require ["fileinto", "mailbox"]; fileinto :create "New/Deep";'
            'if mailboxexists ["Work", "New/Deep"] { keep; }'
        )
        await self.send(message(2))
        self.assertEqual(await self.counts(), {"INBOX": 1, "New/Deep": 2})

    async def test_the_body_is_read_when_it_is_asked_for(self) -> None:
        await self.run_script(
            'require ["body", "fileinto"]; if body :contains "hello" { fileinto "Work"; }'
        )
        self.assertEqual(await self.counts(), {"Work": 1})

    async def test_the_size_is_the_message_s(self) -> None:
        """G45"""
        data = message(text="x" * 1000)
        await self.run_script(
            f'require "fileinto"; if allof (size :over {len(data) - 1},'
            f' not size :over {len(data)}) {{ fileinto "Work"; }}',
            data,
        )
        self.assertEqual(await self.counts(), {"Work": 1})

    async def test_annotations_and_names_are_looked_at(self) -> None:
        """RFC 5490: one read for what RCPT has not brought along."""
        await self.world.storage.metadata.write(
            self.row.id,
            "Work",
            self.row.id,
            {parse_entry(b"/private/comment"): b"busy"},
            10,
            1000,
            self.operation(),
        )
        await self.run_script(
            'require ["mboxmetadata", "fileinto"];'
            'if allof (metadata "Work" "/private/comment" "busy",'
            ' not metadata "Nowhere" "/private/comment" "busy") { fileinto "Work"; }'
        )
        self.assertEqual(await self.counts(), {"Work": 1})
        self.assertEqual(self.spent, {"metadata.read": 1, "messages.deliver": 1})

    async def test_the_envelope_and_the_environment(self) -> None:
        await self.script(
            'require ["envelope", "subaddress", "environment", "fileinto"];'
            'if allof (envelope "from" "carl@example.net", envelope :detail "to" "tag",'
            ' environment "domain" "example.com", environment "remote-ip" "192.0.2.7")'
            ' { fileinto "Work"; }'
        )
        await self.send(message(), to="ann+tag@example.com")
        self.assertEqual(await self.counts(), {"Work": 1})

    async def test_detail_to_folder(self) -> None:
        """Existing ones, or new ones, as the operator says; what scripts keep goes there."""
        await self.script("keep;")
        for detail, expected in (
            ("off", {"INBOX": 3}),
            ("existing", {"INBOX": 5, "Work": 1}),
            ("create", {"INBOX": 6, "Work": 2, "New": 1}),
        ):
            self.with_filters(detail=detail)
            for tag in ("Work", "New", "inbox"):
                await self.send(message(text=f"{detail} {tag}"), to=f"ann+{tag}@example.com")
            self.assertEqual(await self.counts(), expected)


class ChainTests(FilteringTestCase):
    """Server, domain, user, domain, server."""

    async def test_the_next_script_runs_while_a_keep_is_in_effect(self) -> None:
        self.with_filters(
            before='require "imap4flags"; addflag "$server";',
            after='require ["imap4flags", "fileinto"];'
            ' if header :contains "subject" "last" { fileinto "Work"; }',
        )
        await self.script('require "imap4flags"; keep :flags "$d"; stop;', ScriptPosition.BEFORE)
        await self.script('if header :is "subject" "never" { discard; }')
        await self.script("keep;", ScriptPosition.AFTER, "after")
        await self.send(message())
        self.assertEqual((await self.counts(), await self.flags()), ({"INBOX": 1}, [["$d"]]))
        await self.send(b"Subject: the last one\r\n\r\n")
        self.assertEqual(await self.counts(), {"INBOX": 1, "Work": 1})

    async def test_a_keep_is_replaced_and_all_else_adds_up(self) -> None:
        self.with_filters(before='require ["fileinto", "copy"]; fileinto :copy "Lists/Sora";')
        await self.script('require "fileinto"; fileinto "Work";')
        await self.script("discard;", ScriptPosition.AFTER)
        await self.send(message())
        self.assertEqual(await self.counts(), {"Lists/Sora": 1, "Work": 1})

    async def test_without_a_keep_the_chain_ends(self) -> None:
        self.with_filters(before='require "fileinto"; fileinto "Spam";', after="keep;")
        await self.script("keep;")
        await self.send(message())
        self.assertEqual(await self.counts(), {"Spam": 1})

    async def test_every_recipient_has_a_chain_of_his_own(self) -> None:
        """G41"""
        bob = await self.world.add_account("bob@example.com")
        await self.script('require "fileinto"; fileinto "Work";')
        self.assertEqual(await self.deliver(message(), ANN, "bob@example.com"), [None, None])
        self.spent = self.cost()
        self.assertEqual(await self.counts(), {"Work": 1})
        self.assertEqual(len(await self.stored(bob.id)), 1)
        self.assertEqual(self.spent, {"messages.deliver": 1})


class TroubleTests(FilteringTestCase):
    async def test_an_error_keeps_the_mail_and_is_told_once(self) -> None:
        """RFC 5228 §2.10.6, G45: INBOX, a line in the log, one notice a day."""
        await self.script('require ["fileinto", "include"]; fileinto "Work"; include "missing";')
        for number in range(3):
            self.assertIsNone(await self.send(message(number)))
        self.assertEqual(await self.counts(), {"INBOX": 4})
        notices = [one for one in await self.stored(self.row.id) if b"has failed" in one]
        self.assertEqual(len(notices), 1)
        for text in (b"'main'", b"line 1, column 51", b"missing", b"Auto-Submitted: auto-gen"):
            self.assertIn(text, notices[0])
        self.world.clock.advance(24 * 3600)
        await self.send(message(9))
        self.assertEqual(await self.counts(), {"INBOX": 6})

    async def test_a_script_that_does_not_compile_any_more(self) -> None:
        await self.run_script('require "vnd.gone"; discard;')
        self.assertEqual(await self.counts(), {"INBOX": 2})

    async def test_what_the_scripts_before_did_stands(self) -> None:
        self.with_filters(before='require ["fileinto", "copy"]; fileinto :copy "Work";')
        await self.script('require "include"; include "missing"; discard;')
        await self.script("discard;", ScriptPosition.AFTER)
        await self.send(message())
        self.assertEqual(await self.counts(), {"INBOX": 2, "Work": 1})

    async def test_a_script_of_the_domain_is_not_the_user_s_to_hear_of(self) -> None:
        await self.script('require "include"; include "missing";', ScriptPosition.BEFORE)
        await self.send(message())
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_storage_that_cannot_be_read_defers_the_mail(self) -> None:
        """The next attempt has the answer; other recipients are not kept waiting."""
        await self.world.add_account("bob@example.com")
        await self.script('require ["mboxmetadata"]; if metadata "Work" "/private/x" "y" { stop; }')

        async def unreachable(name: str) -> None:
            if name == "metadata.read":
                raise Unavailable("The database is away")

        recipients = await self.resolved(ANN, "bob@example.com")
        self.world.storage.tables.pause = unreachable
        outcomes = await self.delivery.deliver(envelope(recipients), spool(message()))
        self.world.storage.tables.pause = None
        self.assertEqual([type(one) for one in outcomes], [Unavailable, type(None)])

    async def test_a_script_that_does_too_much_is_ended(self) -> None:
        """G49: by what it does, not by the time it takes."""
        tests = ", ".join(['header :contains "subject" "x"'] * 500)
        source = f"if anyof ({tests}) {{ stop; }}\n" * 4
        await self.script(source)
        await self.send(b"Subject: " + b"ab" * 30_000 + b"\r\n\r\n")
        self.assertEqual(await self.counts(), {"INBOX": 2})
        notice = (await self.stored(self.row.id))[-1]
        self.assertIn(b"does too much", b" ".join(notice.split()))


class StallingTests(FilteringTestCase):
    """No script keeps the reactor (G49): what may take long runs in a thread."""

    async def steps(self, source: str, data: bytes) -> int:
        """How many pieces of a script ran in a thread."""
        await self.script(source)
        self.process.script_threads.calls.clear()
        await self.send(data)
        return self.process.script_threads.calls.count("step")

    async def test_what_looks_at_large_messages_runs_in_a_thread(self) -> None:
        source = 'require "body"; if body :contains "x" { stop; }'
        self.assertEqual(await self.steps(source, message()), 0)
        self.process.arrivals.deriving._threads = self.process.script_threads  # type: ignore[assignment]
        large = b"Subject: x\r\n\r\n" + b"line\r\n" * 11_000
        self.assertEqual(await self.steps(source, large), 2)
        self.assertEqual(await self.steps("keep;", b"X: 1\r\n" + large), 0)
        huge = b"Subject: y\r\n\r\n" + b"line\r\n" * 200_000
        self.assertEqual(await self.steps(source, huge), 2)

    async def test_large_scripts_on_large_headers_run_in_a_thread(self) -> None:
        """By their sizes; included scripts are taken for large ones."""
        header = b"X: " + b"a" * 30_000 + b"\r\n\r\n"
        small = 'if header "x" "y" { stop; }'
        self.assertEqual(await self.steps(small, header), 0)
        self.assertEqual(await self.steps(small + "#" + "x" * 2000, b"1" + header), 1)
        include = 'require "include"; include :optional "other";'
        self.assertEqual(await self.steps(include, b"2" + header), 2)


class IncludeTests(FilteringTestCase):
    async def test_own_scripts_and_those_of_the_domain(self) -> None:
        """RFC 6609 §3.2"""
        owner = await self.world.storage.rights.domain_owner("example.com", True)
        put = self.world.storage.scripts.put
        await put(self.row.id, "mine", 'require "fileinto"; fileinto "Work";', PLENTY)
        await put(owner.account_id, "ours", 'require ["fileinto"]; fileinto "Lists/Sora";', PLENTY)
        await self.run_script(
            'require ["include"]; include "mine"; include :global "ours";'
            'include :optional "nothing"; keep;'
        )
        self.assertEqual(await self.counts(), {"INBOX": 1, "Work": 1, "Lists/Sora": 1})
        self.assertEqual(
            self.spent,
            {"scripts.get": 3, "rights.domain_owner": 1, "messages.deliver": 1},
        )


class RedirectTests(FilteringTestCase):
    async def test_what_is_sent_on(self) -> None:
        """RFC 5228 §4.2: the message as it is, below what happened; its sender stays."""
        data = message()
        await self.run_script('redirect "bob@example.net";', data)
        (kept,) = self.sent("redirect")
        self.assertEqual(kept.outgoing.sender, "carl@example.net")
        self.assertEqual(kept.outgoing.account, self.row.id)
        above = kept.octets.removesuffix(data).decode()
        self.assertIn("X-Sieve-Redirected-From: ann@example.com\r\n", above)
        self.assertIn("Received: from mx.example.net", above)
        self.assertNotIn("Delivered-To", above)
        self.assertEqual(await self.counts(), {})

    async def test_a_null_sender_stays_null(self) -> None:
        """G44, also where the owner would be the sender."""
        for as_owner, sender, expected in (
            (False, "", ""),
            (True, "", ""),
            (True, "carl@example.net", ANN),
        ):
            self.relay.sent.clear()
            self.with_filters(redirects_as_owner=as_owner)
            data = message(text=f"{as_owner}{sender}")
            await self.run_script('redirect "bob@example.net";', data, sender=sender)
            self.assertEqual([one.outgoing.sender for one in self.relay.sent], [expected])

    async def test_circles_end(self) -> None:
        """G44: what was sent on from here before, or too often, stays in INBOX."""
        marks = b"X-Sieve-Redirected-From: %s\r\n"
        cases = [
            (marks % b"Ann@example.com" + message(1), 0),
            (marks % b"eve@example.com" + message(2), 1),
            (marks % b"eve@example.com" * 10 + message(3), 0),
            (b"Received: from a by b; today\r\n" * 50 + message(4), 0),
        ]
        kept = 0
        for data, expected in cases:
            self.relay.sent.clear()
            await self.run_script('redirect "bob@example.net";', data)
            self.assertEqual(len(self.relay.sent), expected)
            kept += 1 - expected
            self.assertEqual((await self.counts()).get("INBOX", 0), kept)

    async def test_one_s_own_address_is_not_sent_to(self) -> None:
        await self.run_script('redirect "ANN+x@example.com";')
        self.assertEqual((self.relay.sent, await self.counts()), ([], {"INBOX": 1}))

    async def test_the_rate_of_an_account(self) -> None:
        """G44: in an hour no more than the operator allows."""
        from sora.mailbox.redirecting import Rates

        self.with_filters(rates=Rates(self.world.clock, 2))
        await self.script('redirect "bob@example.net";')
        for number in range(4):
            await self.send(message(number))
        self.assertEqual((len(self.relay.sent), await self.counts()), (2, {"INBOX": 2}))
        self.world.clock.advance(3600)
        await self.send(message(5))
        self.assertEqual(len(self.relay.sent), 3)

    async def test_without_a_relay_it_stays_in_inbox(self) -> None:
        self.with_filters(has_relay=False)
        await self.run_script('redirect "bob@example.net";')
        self.assertEqual((self.relay.sent, await self.counts()), ([], {"INBOX": 1}))

    async def test_a_relay_that_refuses(self) -> None:
        for attribute in ("is_off", "is_broken"):
            setattr(self.relay, attribute, True)
            data = message(text=attribute)
            await self.run_script('redirect "bob@example.net";', data)
            setattr(self.relay, attribute, False)
        self.assertEqual((self.relay.sent, await self.counts()), ([], {"INBOX": 2}))

    async def test_a_retry_sends_nothing_twice(self) -> None:
        """G42: with the same script and with another one."""
        await self.run_script('redirect "bob@example.net";')
        await self.send(message())
        await self.run_script('redirect "eve@example.net"; keep;')
        self.assertEqual(len(self.relay.sent), 1)
        self.assertEqual((self.relay.held, len(self.relay.dropped)), ({}, 2))
        self.assertEqual(await self.counts(), {})

    async def test_what_could_not_be_placed_was_not_sent_on(self) -> None:
        self.world.storage.tables.accounts[self.row.id].quota_storage = 10
        outcome = await self.run_script(
            'redirect :copy "bob@example.net";'.replace("redirect", 'require "copy"; redirect')
        )
        self.assertIsNotNone(outcome)
        self.assertEqual((self.relay.sent, self.relay.held), ([], {}))


class UnknownTests(FilteringTestCase):
    """The answer of the statement that places and claims is lost (G14)."""

    SOURCE = 'require "copy"; redirect :copy "bob@example.net";'

    def lose(self, times: int) -> None:
        """Lose the next answers of deliveries, after they have happened."""
        left = [times]

        async def lost(name: str) -> None:
            if name == "messages.deliver" and left[0]:
                left[0] -= 1
                raise OutcomeUnknown("The connection broke")

        self.world.storage.tables.pause = lost

    async def test_one_recipient_what_may_have_been_claimed_is_sent_on(self) -> None:
        """Its sender tries again, and hears that it was here; it was sent on once."""
        await self.script(self.SOURCE)
        self.lose(1)
        self.assertIsInstance(await self.send(message()), OutcomeUnknown)
        self.assertEqual((len(self.relay.sent), self.relay.held), (1, {}))
        self.assertIsNone(await self.send(message()))
        self.assertEqual((len(self.relay.sent), len(self.relay.dropped)), (1, 1))
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_several_are_tried_one_by_one_and_know_their_own_claims(self) -> None:
        await self.world.add_account("bob@example.com")
        await self.script(self.SOURCE)
        recipients = await self.resolved(ANN, "bob@example.com")
        self.lose(1)
        outcomes = await self.delivery.deliver(envelope(recipients), spool(message()))
        self.assertEqual(list(outcomes), [None, None])
        self.assertEqual((len(self.relay.sent), self.relay.held), (1, {}))
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_what_was_certainly_not_claimed_is_dropped(self) -> None:
        await self.script(self.SOURCE)

        async def unreachable(name: str) -> None:
            if name == "messages.deliver":
                self.world.storage.tables.deliveries.clear()
                raise Unavailable("The database is away")

        self.world.storage.tables.pause = unreachable
        self.assertIsInstance(await self.send(message()), Unavailable)
        self.assertEqual((self.relay.sent, len(self.relay.dropped)), ([], 1))


class SharedTests(FilteringTestCase):
    """fileinto into mailboxes of others."""

    async def setUp(self) -> None:
        await super().setUp()
        self.bob = await self.world.add_account("bob@example.com", "Team")
        self.with_filters(namespace=SharedNamespace())

    async def allow(self, rights: str) -> None:
        await self.world.storage.rights.set(
            self.bob.id,
            "Team",
            self.bob.id,
            parse_address(ANN),
            RightsChange("replace", parse_rights(rights)),
            self.operation(),
        )

    async def test_with_the_right_to_insert_or_post(self) -> None:
        source = 'require "fileinto"; fileinto "Shared/bob@example.com/Team";'
        team = 0
        for number, (rights, expected) in enumerate((("lrs", 0), ("lp", 1), ("lri", 1), ("lr", 0))):
            await self.allow(rights)
            await self.run_script(source, message(number))
            team += expected
            self.assertEqual(len(await self.stored(self.bob.id, "Team")), team, rights)
        self.assertEqual(await self.counts(), {"INBOX": 2})

    async def test_a_right_that_goes_meanwhile(self) -> None:
        """It was there when the script ran: INBOX has the message, in the same statement."""
        await self.allow("lri")
        await self.script('require "fileinto"; fileinto "Shared/bob@example.com/Team";')

        async def take_away(name: str) -> None:
            if name == "mailboxes.find":
                self.world.storage.tables.pause = None
                await self.allow("lr")

        recipients = await self.resolved(ANN)
        self.world.storage.tables.pause = take_away
        (outcome,) = await self.delivery.deliver(envelope(recipients), spool(message()))
        self.assertIsNone(outcome)
        self.assertEqual(await self.counts(), {"INBOX": 1})
        self.assertEqual(await self.stored(self.bob.id, "Team"), [])


class RefusalTests(FilteringTestCase):
    """reject and ereject (RFC 5429)."""

    async def refused(self, source: str, **how: Any) -> tuple[SoraError | None, dict[str, int]]:
        await self.script(source)
        outcome = await self.send(message(), **how)
        return outcome, await self.counts()

    async def test_the_answer_tells_the_reason(self) -> None:
        outcome, counts = await self.refused('require "reject"; reject "No, thank\r\nyou";')
        self.assertIsInstance(outcome, MessageRefused)
        assert outcome is not None
        self.assertEqual((outcome.text, counts), ("No, thank\r\nyou", {}))
        self.assertEqual(self.spent, {})

    async def test_a_retry_is_refused_again(self) -> None:
        for _ in range(2):
            outcome, _ = await self.refused('require "ereject"; ereject "No";')
            self.assertIsInstance(outcome, MessageRefused)

    async def test_other_letters_go_by_mdn(self) -> None:
        """RFC 5429 §2.2: `reject` keeps the text, `ereject` the answer of the protocol."""
        outcome, counts = await self.refused('require "reject"; reject "Nein, für heute";')
        self.assertEqual((outcome, counts), (None, {}))
        (kept,) = self.sent("report")
        self.assertEqual(kept.outgoing.sender, "")
        self.assertEqual(kept.outgoing.recipients[0].address, "carl@example.net")
        self.assertIn(b"disposition-notification", kept.octets)
        self.assertIn(b"automatic-action/MDN-sent-automatically; deleted", kept.octets)
        self.assertIn("für".encode(), kept.octets.replace(b"=C3=BC", "ü".encode()))
        await self.send(message())
        self.assertEqual(len(self.sent("report")), 1)

    async def test_ereject_is_told_in_ascii(self) -> None:
        outcome, _ = await self.refused('require "ereject"; ereject "Für\r\nyou: no";')
        assert outcome is not None
        self.assertTrue(outcome.text.isascii(), outcome.text)
        self.assertTrue(outcome.text.endswith("you: no"), outcome.text)

    async def test_nobody_to_send_an_mdn_to(self) -> None:
        """Not to the null sender, nor without a relay (RFC 5429 §2.2.1)."""
        source = 'require "reject"; reject "für";'
        outcome, _ = await self.refused(source, sender="")
        self.assertIsInstance(outcome, MessageRefused)
        self.with_filters(has_relay=False)
        outcome, _ = await self.refused(source)
        self.assertIsInstance(outcome, MessageRefused)
        self.assertEqual(self.relay.sent, [])

    async def test_others_have_an_answer_of_their_own(self) -> None:
        """G41"""
        bob = await self.world.add_account("bob@example.com")
        await self.script('require "reject"; reject "No";')
        self.assertEqual(
            await self.deliver(message(), ANN, "bob@example.com"), [MessageRefused, None]
        )
        self.assertEqual(len(await self.stored(bob.id)), 1)

    async def test_what_was_filed_before_is_not_refused_at_the_protocol(self) -> None:
        """An archive of the server beside: the message was delivered, so an MDN tells it."""
        self.with_filters(before='require ["fileinto", "copy"]; fileinto :copy "Work";')
        outcome, counts = await self.refused('require "reject"; reject "No";')
        self.assertEqual((outcome, counts), (None, {"Work": 1}))
        self.assertEqual(len(self.sent("report")), 1)


class EditedTests(FilteringTestCase):
    """editheader (RFC 5293): copies as they were when they were taken (G46)."""

    async def test_each_copy_has_the_edits_before_it(self) -> None:
        data = message()
        await self.run_script(
            'require ["editheader", "fileinto", "copy"]; fileinto :copy "Work";'
            'addheader "X-One" "1"; fileinto :copy "Lists/Sora"; addheader "X-Two" "2";'
            'redirect :copy "bob@example.net";',
            data,
        )
        work, sora, inbox = [
            (await self.stored(self.row.id, name))[0] for name in ("Work", "Lists/Sora", "INBOX")
        ]
        self.assertTrue(work.endswith(data))
        self.assertTrue(sora.endswith(b"X-One: 1\r\n" + data))
        self.assertTrue(inbox.endswith(b"X-Two: 2\r\nX-One: 1\r\n" + data))
        self.assertTrue(self.relay.sent[0].octets.endswith(b"X-Two: 2\r\nX-One: 1\r\n" + data))
        self.assertEqual(self.spent, {"messages.deliver": 1})
        self.assertEqual(len(self.world.storage.tables.contents), 3)

    async def test_the_next_script_sees_the_edits(self) -> None:
        self.with_filters(before='require "editheader"; addheader "X-Spam" "yes";')
        await self.script(
            'require ["fileinto", "body", "editheader"];'
            'if allof (header "x-spam" "yes", body :contains "hello")'
            ' { addheader "X-Seen" "too"; fileinto "Work"; }'
        )
        data = message()
        await self.send(data)
        (whole,) = await self.stored(self.row.id, "Work")
        self.assertTrue(whole.endswith(b"X-Seen: too\r\nX-Spam: yes\r\n" + data), whole)

    async def test_so_many_edits_and_no_more(self) -> None:
        """Each edited message is stored as a whole: a script cannot make fifty of one."""
        await self.world.storage.mailboxes.create(self.row.id, "B", None, self.operation())
        for count, expected in ((7, {"B": 7, "INBOX": 1}), (9, {"B": 7, "INBOX": 3})):
            edits = 'addheader "X" "1"; fileinto :copy "B";' * count
            source = f'require ["editheader", "fileinto", "copy"]; {edits} addheader "Y" "2";'
            await self.run_script(source, message(count))
            self.assertEqual(await self.counts(), expected)

    async def test_a_retry_is_known_by_the_bytes_as_received(self) -> None:
        """G42"""
        await self.run_script('require "editheader"; addheader "X-One" "1";')
        await self.run_script('require "editheader"; addheader "X-Other" "2";')
        self.assertEqual(await self.counts(), {"INBOX": 1})


class DuplicateTests(FilteringTestCase):
    """duplicate (RFC 7352)."""

    SOURCE = 'require ["duplicate", "fileinto"]; if duplicate { fileinto "Work"; }'

    async def test_the_second_one_is_seen(self) -> None:
        await self.script(self.SOURCE)
        for text in ("one", "two"):
            await self.send(b"Message-ID: <same@x>\r\nX: " + text.encode() + b"\r\n\r\n")
        self.assertEqual(await self.counts(), {"INBOX": 1, "Work": 1})
        self.assertEqual(self.spent, {"messages.seen_before": 1, "messages.deliver": 1})

    async def test_a_retry_is_no_duplicate(self) -> None:
        """The script that runs again sees it, and its claim says that all was done."""
        await self.script('require ["duplicate", "fileinto"]; if duplicate { discard; }')
        for _ in range(2):
            await self.send(b"Message-ID: <same@x>\r\n\r\n")
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_what_did_not_arrive_was_not_seen(self) -> None:
        await self.script(self.SOURCE)
        account = self.world.storage.tables.accounts[self.row.id]
        account.quota_storage = 1
        data = b"Message-ID: <same@x>\r\n\r\n"
        self.assertIsNotNone(await self.send(data))
        account.quota_storage = None
        await self.send(data)
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_two_addresses_of_one_account_in_one_message(self) -> None:
        await self.world.storage.credentials.add(
            parse_address(ANN), parse_address("a@example.com"), []
        )
        await self.script('require "duplicate"; if duplicate { discard; }')
        data = b"Message-ID: <same@x>\r\n\r\n"
        self.assertEqual(await self.deliver(data, ANN, "a@example.com"), [None, None])
        self.assertEqual(await self.counts(), {"INBOX": 1})


class MetricsTests(FilteringTestCase):
    async def test_scripts_and_actions_are_counted(self) -> None:
        registry = CollectorRegistry()
        self.with_filters(metrics=SieveMetrics(registry))

        def value(name: str, **labels: str) -> float:
            return registry.get_sample_value(name, {"occasion": "delivery", **labels}) or 0

        await self.run_script('require "copy"; redirect :copy "bob@example.net";')
        await self.run_script('require "include"; include "nothing";', message(2))
        await self.run_script('require "fileinto"; fileinto "Work";', message(3))
        await self.world.storage.scripts.put(self.row.id, "main", "nonsense", PLENTY)
        await self.send(message(4))
        for result, count in (("ok", 2), ("failed", 1), ("invalid", 1)):
            found = value("sora_sieve_executions_total", where="user", result=result)
            self.assertEqual(found, count, result)
        for action, count in (("keep", 3), ("redirect", 1), ("fileinto", 1), ("discard", 0)):
            self.assertEqual(value("sora_sieve_actions_total", action=action), count, action)
        self.assertEqual(value("sora_sieve_cpu_seconds_count"), 4)
