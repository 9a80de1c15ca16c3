"""replace and enclose: RFC 5703 §5, §6."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import parse
from sora.sieve.contents import content, walk
from sora.sieve.effects import FileInto, Keep, Redirect
from sora.sieve.limits import Limits
from trial_tests.sieve.extensions.test_mime import OCTETS
from trial_tests.sieve.filters import errors_of, ran

REQUIRES = (
    'require ["foreverypart", "mime", "replace", "enclose", "editheader", "fileinto", "variables", '
    '"body", "copy"];'
)
PLAIN = b"From: Ann <ann@example.com>\r\nSubject: Old\r\nX-Own: 1\r\nContent-Language: de\r\n\r\nOld body\r\n"


def made(script: str, octets: bytes = PLAIN, **more: Any) -> bytes:
    """The message that the implicit keep files."""
    outcome = ran(f"{REQUIRES} {script}", octets, **more)
    assert outcome.error is None, outcome.error
    assert outcome.keep is not None
    edit = outcome.keep.message
    return octets if edit is None else edit.octets(octets)


def kinds(octets: bytes) -> str:
    return " ".join(part.type.kind.decode() for part in walk(parse(octets)))


class WholeTests(SynchronousTestCase):
    def test_text(self) -> None:
        """§5: other fields stay, but those of the old content."""
        self.assertEqual(
            made('replace "New";'),
            b"From: Ann <ann@example.com>\r\nSubject: Old\r\nX-Own: 1\r\n"
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
            b"Content-Transfer-Encoding: 7bit\r\n\r\nNew\r\n",
        )
        found = made('replace "für";')
        self.assertEqual(content(found, parse(found)), "für\r\n")

    def test_subject_and_from(self) -> None:
        """§5: what was there before is kept as Original-Subject and Original-From."""
        found = made('replace :subject "Größe" :from "Bob <bob@example.com>" "x";')
        for line in (
            b"Original-Subject: Old\r\n",
            b"Subject: =?utf-8?b?R3LDtsOfZQ==?=\r\n",
            b"Original-From: Ann <ann@example.com>\r\n",
            b"From: Bob <bob@example.com>\r\n",
        ):
            self.assertIn(line, found)
        self.assertEqual(found.count(b"Subject: "), 2)

    def test_they_stay_the_first_ones(self) -> None:
        """§5: neither another `replace` nor editheader changes them."""
        found = made(
            'replace :subject "a" "x"; replace :subject "b" "y"; deleteheader "Original-Subject";'
            'addheader "Original-Subject" "c";'
        )
        self.assertIn(b"Original-Subject: Old\r\nSubject: b\r\n", found)
        self.assertEqual(found.count(b"Original-Subject"), 1)

    def test_mime(self) -> None:
        found = made('replace :mime "Content-Type: text/html\r\nSubject: no\r\n\r\n<p>x";')
        self.assertIn(b"Content-Type: text/html\r\n", found)
        self.assertNotIn(b"Subject: no", found)
        self.assertTrue(found.endswith(b"\r\n\r\n<p>x"))

    def test_what_comes_after_sees_it(self) -> None:
        script = 'replace "New text"; if body :contains "New text" { fileinto "seen"; }'
        outcome = ran(f"{REQUIRES} {script}", PLAIN)
        self.assertEqual(len(outcome.actions), 1)

    def test_actions_before_it_have_the_old_one(self) -> None:
        """G46"""
        outcome = ran(f'{REQUIRES} fileinto "old"; replace "New"; keep;', PLAIN)
        (action,) = outcome.actions
        assert isinstance(action, FileInto)
        self.assertIsNone(action.message)
        assert outcome.keep is not None and outcome.keep.message is not None
        self.assertIn(b"New\r\n", outcome.keep.message.octets(PLAIN))


class PartTests(SynchronousTestCase):
    def test_a_part(self) -> None:
        """§5: only that part changes; the header of the message stays."""
        script = (
            'foreverypart { if header :mime :subtype "Content-Type" "pdf" { replace "Removed"; } }'
        )
        found = made(script, OCTETS)
        self.assertEqual(
            kinds(found), "multipart/mixed text/plain text/plain message/rfc822 image/png"
        )
        self.assertEqual(content(found, list(walk(parse(found)))[2]), "Removed")
        self.assertTrue(found.startswith(OCTETS[: OCTETS.index(b"Content-Type: application/pdf")]))
        self.assertTrue(found.endswith(OCTETS[OCTETS.index(b"\r\n--b\r\nContent-Type: message") :]))

    def test_a_part_with_parts(self) -> None:
        """§5: the loop does not go into what is no longer there."""
        script = """
            foreverypart {
                if header :mime :type "Content-Type" "message" { replace "Gone"; }
                if header :mime :type "Content-Type" "image" { fileinto "never"; }
            }
        """
        outcome = ran(f"{REQUIRES} {script} keep;", OCTETS)
        self.assertEqual(outcome.actions, ())
        assert outcome.keep is not None and outcome.keep.message is not None
        self.assertEqual(
            kinds(outcome.keep.message.octets(OCTETS)),
            "multipart/mixed text/plain application/pdf text/plain",
        )

    def test_all_parts(self) -> None:
        script = (
            'foreverypart { if not header :mime :type "Content-Type" "multipart" { replace "x"; } }'
        )
        self.assertEqual(
            kinds(made(script, OCTETS)), "multipart/mixed text/plain text/plain text/plain"
        )

    def test_a_text_that_looks_like_a_delimiter(self) -> None:
        """Whoever wrote the message may know the script."""
        script = 'foreverypart { if header :mime :type "Content-Type" "text" { replace "a\r\n--b--\r\nc"; } }'
        found = made(script, OCTETS)
        self.assertEqual(kinds(found), kinds(OCTETS))
        self.assertEqual(content(found, list(walk(parse(found)))[1]), "a\r\n--b--\r\nc")

    def test_edits_of_the_header_stay(self) -> None:
        script = 'addheader "X-New" "1"; foreverypart { if header :mime :subtype "Content-Type" "pdf" { replace "R"; } } addheader "X-More" "2";'
        found = made(script, OCTETS)
        self.assertTrue(found.startswith(b"X-More: 2\r\nX-New: 1\r\nFrom: a@example.com\r\n"))
        self.assertIn(b"\r\n\r\nR\r\n--b\r\n", found)


class EncloseTests(SynchronousTestCase):
    def test_a_new_message_around(self) -> None:
        """§6"""
        found = made('enclose :subject "Warning" "Careful.";', addresses=("me@example.com",))
        root = parse(found)
        self.assertEqual(kinds(found), "multipart/mixed text/plain message/rfc822 text/plain")
        head = found[: root.body]
        for line in (
            b"From: me@example.com\r\n",
            b"Date: Fri, 27 Nov 2026 08:30:00 +0000\r\n",
            b"Subject: Warning\r\n",
        ):
            self.assertIn(line, head)
        self.assertNotIn(b"X-Own", head)
        text, inner = root.parts
        self.assertEqual(content(found, text), "Careful.\r\n")
        assert inner.message is not None
        self.assertEqual(found[inner.body : inner.end], PLAIN)

    def test_headers(self) -> None:
        found = made('enclose :headers ["From", "x-own", "Content-Language"] "x";')
        head = found[: parse(found).body]
        self.assertIn(b"From: Ann <ann@example.com>\r\nX-Own: 1\r\nDate: ", head)
        self.assertIn(b"Subject: Old\r\n", head)
        self.assertNotIn(b"Content-Language", head)

    def test_what_comes_after_sees_the_new_message(self) -> None:
        script = """
            enclose :subject "Warning" "Careful."; addheader "X-Checked" "1";
            if header :mime :contenttype "Content-Type" "multipart/mixed" { fileinto "${x}a"; }
        """
        outcome = ran(f"{REQUIRES} {script}", PLAIN)
        (action,) = outcome.actions
        assert isinstance(action, FileInto) and action.message is not None
        found = action.message.octets(PLAIN)
        self.assertTrue(found.startswith(b"X-Checked: 1\r\n"))
        self.assertEqual(found.count(b"X-Checked"), 1)

    def test_redirects_have_the_old_message(self) -> None:
        """§6"""
        outcome = ran(
            f'{REQUIRES} addheader "X-A" "1"; enclose "x"; addheader "X-B" "2";'
            'redirect :copy "x@example.com";',
            PLAIN,
        )
        (action,) = outcome.actions
        assert isinstance(action, Redirect) and action.message is not None
        self.assertEqual(action.message.octets(PLAIN), b"X-A: 1\r\n" + PLAIN)
        self.assertIsNone(
            ran(f'{REQUIRES} enclose "x"; redirect "x@example.com";', PLAIN).actions[0].message
        )  # type: ignore[union-attr]

    def test_twice(self) -> None:
        found = made('enclose "x"; enclose "y";')
        self.assertEqual(
            kinds(found),
            "multipart/mixed text/plain message/rfc822 multipart/mixed text/plain message/rfc822 text/plain",
        )

    def test_in_a_loop(self) -> None:
        """It goes on in the message that is now inside."""
        script = """
            foreverypart {
                if header :mime :subtype "Content-Type" "pdf" { enclose "x"; }
                if header :mime :contenttype :matches "Content-Type" "*" { set "t" "${t} ${0}"; }
            }
            fileinto "${t}";
        """
        outcome = ran(f"{REQUIRES} {script}", OCTETS)
        (action,) = outcome.actions
        assert isinstance(action, FileInto)
        self.assertEqual(
            action.mailbox.strip(),
            "multipart/mixed text/plain application/pdf message/rfc822 image/png",
        )

    def test_the_boundary_cannot_be_foreseen(self) -> None:
        first = made('enclose "x";')
        self.assertEqual(kinds(made('enclose "x";', first)).count("message/rfc822"), 2)


class BoundTests(SynchronousTestCase):
    def test_a_message_that_is_too_long(self) -> None:
        """Only its beginning is seen: nothing can be put in its place."""
        for command in ('replace "x";', 'enclose "x";'):
            outcome = ran(f"{REQUIRES} {command}", PLAIN, limits=Limits(body=50))
            assert outcome.error is not None
            self.assertIn("only one of at most 50 can be changed", outcome.error.text)
            self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))

    def test_a_message_that_gets_too_long(self) -> None:
        octets = b"Subject: x\r\n\r\n" + b"x" * 1000
        commands = f'enclose "{"x" * 500}";' * 4
        outcome = ran(f"{REQUIRES} {commands}", octets, limits=Limits(body=1500))
        assert outcome.error is not None
        self.assertIn("makes the message too long", outcome.error.text)

    def test_many_changed_messages(self) -> None:
        """What is held for actions is bounded; the same one for several is held once."""
        octets = b"Subject: x\r\n\r\n" + b"x" * 900
        once = f"{REQUIRES} " + 'enclose "x"; ' + "".join(f'fileinto "{n}";' for n in range(9))
        self.assertIsNone(ran(once, octets, limits=Limits(body=1000)).error)
        each = "".join(f'replace "{n}{"x" * 900}"; fileinto "{n}";' for n in range(9))
        outcome = ran(f"{REQUIRES} {each}", octets, limits=Limits(body=1000))
        assert outcome.error is not None
        self.assertIn("files too many changed messages", outcome.error.text)
        self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))

    def test_many_parts(self) -> None:
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nold\r\n" * 200
        script = 'foreverypart { if body :raw :contains "never" {} if not header :mime :type "Content-Type" "multipart" { replace "new"; } }'
        found = made(script, octets + b"--b--\r\n")
        self.assertEqual((found.count(b"new"), found.count(b"old")), (200, 0))

    def test_wrong_usage(self) -> None:
        for command, expected in (
            ('replace :mime :subject "x" "y";', "With ':mime', ':subject' would be ignored"),
            ('replace :mime :from "a@example.com" "y";', "With ':mime', ':from' would be ignored"),
            ('replace :from "nobody" "y";', '"nobody" is not an address'),
            ("replace;", "takes one argument (replacement), not 0"),
            ('enclose :subject ["a", "b"] "y";', "must be"),
            ("enclose;", "takes one argument (text), not 0"),
        ):
            found = errors_of(f"{REQUIRES} {command}")
            self.assertEqual(len(found), 1, (command, found))
            self.assertIn(expected, found[0])
