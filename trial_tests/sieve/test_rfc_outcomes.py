"""What the example scripts of the RFCs do, where the RFC says it; the messages are our own."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notify,
    Redirect,
    Reject,
    Remember,
    Vacation,
)
from sora.sieve.message import Envelope
from sora.sieve.run import Outcome
from trial_tests.sieve.extensions.test_mime import OCTETS as PARTS
from trial_tests.sieve.filters import World, ran
from trial_tests.sieve.rfc_examples import example
from trial_tests.sieve.rfc_outcomes import CASES, FRIDAY, LISTS, message


def said(outcome: Outcome) -> str:
    """An outcome in short: what `remember` records and copies of edits are told elsewhere."""
    if outcome.error is not None:
        return f"error {outcome.error.text}"
    texts = [_said(one) for one in outcome.actions if not isinstance(one, Remember)]
    if outcome.keep is not None:
        texts.append(_said(outcome.keep))
    return ", ".join(texts)


def _said(action: Action | Keep) -> str:
    flags = getattr(action, "flags", None)
    more = " " + " ".join(sorted(flags)) if flags else ""
    match action:
        case Keep():
            return "keep" + more
        case FileInto():
            return f"fileinto {action.mailbox}{more}{' :create' if action.create else ''}"
        case Redirect():
            return f"redirect {action.address}"
        case Reject():
            return f"reject {' '.join(action.reason.split())}"
        case Vacation():
            return f"vacation {' '.join(action.reason.split())}"
        case Notify():
            return f"notify {action.importance} {action.text}"
        case Discard():
            return "discard"
    return type(action).__name__


class OutcomeTests(SynchronousTestCase):
    def test_outcomes(self) -> None:
        for one in CASES:
            outcome = ran(example(one.rfc, one.section).meant, one.octets, **one.more)
            self.assertEqual(
                said(outcome), one.expected, f"RFC {one.rfc} §{one.section}: {one.octets[:200]!r}"
            )

    def test_xmpp_is_an_error_only_when_it_is_used(self) -> None:
        """RFC 5435 §3.2, for all examples with methods that we do not have."""
        for rfc, section, octets, more in (
            ("5435", "3.7 example 3", message("Subject: Your dog"), {}),
            ("5435", "5 example 5", message("x: y"), {}),
            ("7352", "5.3 sender", message("Subject: x"), {"envelope": Envelope("a@example.com")}),
            (
                "6134",
                "2.9.2 holidays",
                message("x: y"),
                {"world": World(lists=LISTS), "now": FRIDAY},
            ),
        ):
            outcome = ran(example(rfc, section).meant, octets, **more)  # type: ignore[arg-type]
            assert outcome.error is not None, section
            self.assertIn("is not supported, only 'mailto'", outcome.error.text)
            self.assertEqual(outcome.keep, Keep())


class DetailTests(SynchronousTestCase):
    """What is not to be seen in the list above."""

    def test_flags_are_the_same(self) -> None:
        """RFC 5232 §3.2: four ways to say it."""
        names = ("3.2 two actions", "3.2 a list", "3.2 one string", "3.2 the other order")
        for name in names:
            script = example("5232", name).meant + 'keep :flags "${flagvar}";'
            keep = ran(script).keep
            assert keep is not None and keep.flags is not None
            self.assertEqual(set(keep.flags), {"\\Deleted", "\\Answered"})

    def test_hasflag(self) -> None:
        """RFC 5232 §4"""
        value = "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk"
        for name, variable, expected in (
            ("4 contains Junk", value, True),
            ("4 contains forward", value, True),
            ("4 contains label or forward", value, True),
            ("4 contains junk or forward", value, True),
            ("4 contains junk forward", value, True),
            ("4 contains forward junk", value, True),
            ("4 contains label", value, False),
            ("4 contains labels", value, False),
        ):
            requires, rest = example("5232", name).meant.split("\n", 1)
            script = f'{requires}\nset "MyVar" "{variable}"; {rest.replace("keep", "discard")}'
            self.assertIs(ran(script).keep is None, expected, name)

    def test_counts(self) -> None:
        """RFC 5231 §6: what the section says of its message."""
        octets = message(
            "received: a",
            "received: b",
            "subject: c",
            'to: "Name" <a@example.com>, b@example.com',
            "cc: c@example.com",
        )
        for name, expected in (
            ("6 addresses", True),
            ("6 received", False),
            ("6 received and subject", True),
            ("6 fields", False),
        ):
            script = example("5231", name).meant.replace("keep", "discard")
            self.assertIs(ran(script, octets).keep is None, expected, name)

    def test_modifiers(self) -> None:
        """RFC 5229 §4.1"""
        for line in example("5229", "4.1 modifiers").script.splitlines()[1:]:
            command, arrow, result = line.partition("=>")
            if not arrow:
                continue
            expected = result.strip().strip('"').replace("\\", "\\\\")
            name = "a" if '"a" "ju' in command else "b"
            script = f'require "variables"; set "a" "juMBlEd lETteRS"; {command} if string :comparator "i;octet" "${{{name}}}" "{expected}" {{ discard; }}'
            self.assertIsNone(ran(script).keep, line)

    def test_edits(self) -> None:
        """RFC 5293 §5, §7; RFC 5260 §5.1"""
        octets = message("X-Hello: 1", "Delivered-To: bob@example.com", "X-Hello: 2", "X-Hello: 3")
        for rfc, name, gone, new in (
            ("5293", "7 add and delete", (), b""),
            ("5293", "7 first and third", (b"X-Hello: 1\r\n", b"X-Hello: 3\r\n"), b""),
            ("5293", "5 deleteheader", (b"Delivered-To: bob@example.com\r\n",), b""),
            ("5293", "7 keep twice", (), b"X-Flavor: vanilla\r\n"),
            ("5260", "5.1 std11", (), b"Processing-date: Fri, 27 Nov 2026 20:30:00 +0000\r\n"),
        ):
            outcome = ran(example(rfc, name).meant, octets, now=FRIDAY)
            expected = new + octets
            for line in gone:
                expected = expected.replace(line, b"")
            assert outcome.keep is not None and outcome.keep.message is not None
            self.assertEqual(outcome.keep.message.octets(octets), expected, name)

    def test_vacation(self) -> None:
        """RFC 5230 §4.2, §4.8; RFC 6131 §3; RFC 8580 §5"""
        for rfc, name, expected in (
            (
                "5230",
                "4.8 days and addresses",
                (23 * 86_400, ("tjs@example.edu", "ts4z@landru.example.edu")),
            ),
            ("6131", "3 a meeting", (1800, ("tjs@example.edu", "ts4z@landru.example.edu"))),
            ("6131", "3 every time", (0, ())),
            ("8580", "5 vacation", (7 * 86_400, ())),
        ):
            (action,) = ran(example(rfc, name).meant).actions
            assert isinstance(action, Vacation)
            self.assertEqual((action.seconds, action.addresses), expected, name)
        (action,) = ran(example("8580", "5 vacation").meant).actions
        assert isinstance(action, Vacation)
        self.assertEqual(
            action.fcc, FileInto("INBOX.Sent", ("\\Seen",), create=True, special_use="\\Sent")
        )

    def test_executables_are_replaced(self) -> None:
        """RFC 5703 §9.1"""
        octets = PARTS.replace(b"application/pdf", b"application/exe")
        outcome = ran(example("5703", "9.1 replace").meant, octets)
        assert outcome.keep is not None and outcome.keep.message is not None
        found = outcome.keep.message.octets(octets)
        self.assertIn(b"Executable attachment removed by user filter\r\n--b\r\n", found)
        self.assertNotIn(b"%PDF", found)

    def test_executables_are_enclosed(self) -> None:
        """RFC 5703 §9.2; RFC 6134 §2.9.5"""
        octets = PARTS.replace(b"filename*0=important; filename*1=.pdf", b"filename=x.exe")
        for rfc, name in (("5703", "9.2 enclose"), ("6134", "2.9.5 enclose")):
            outcome = ran(example(rfc, name).meant, octets, World(lists=LISTS))
            assert outcome.keep is not None and outcome.keep.message is not None
            found = outcome.keep.message.octets(octets)
            self.assertIn(b"Subject: Warning\r\n", found)
            self.assertIn(b"WARNING! The enclosed message", found)
            self.assertIn(octets, found)

    def test_special_use(self) -> None:
        """RFC 8579 §6; RFC 9042 §4"""
        for rfc, name, expected in (
            ("8579", "4.2 archive", FileInto("INBOX/Archive", special_use="\\Archive")),
            ("8579", "6 junk with create", FileInto("Spam", create=True, special_use="\\Junk")),
            (
                "9042",
                "4.1 create",
                FileInto("INBOX.no-such-folder", create=True, mailbox_id="Fnosuch"),
            ),
        ):
            self.assertEqual(ran(example(rfc, name).meant).actions, (expected,), name)

    def test_encoded_url(self) -> None:
        """RFC 5435 §6"""
        (action,) = ran(example("5435", "6 example 6").meant).actions
        assert isinstance(action, Notify)
        self.assertEqual(action.method, "mailto:tim@example.com?body=Safe%20body%26evil%3Devilbody")
