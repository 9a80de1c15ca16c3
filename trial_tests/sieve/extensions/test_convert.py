"""convert (RFC 6558): what is converted, what is left as it is, and how that is told."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import parse
from sora.sieve.contents import content, walk
from sora.sieve.effects import FileInto
from sora.sieve.limits import Limits
from trial_tests.sieve.filters import errors_of, ran

REQUIRES = 'require ["convert", "foreverypart", "mime", "fileinto", "copy", "imap4flags"];'
HTML = (
    b"From: a@example.com\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html;"
    b" charset=iso-8859-1\r\nContent-Language: de\r\n\r\n<p>Gr\xfc\xdfe</p>"
)
MIXED = (
    b"Subject: two\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"before\r\n--b\r\nContent-Type: text/html\r\nContent-ID: <1@x>\r\n\r\n<b>one</b>\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: text/html\r\n\r\n"
    b"<i>two</i>\r\n--b\r\nContent-Type: image/tiff\r\n\r\nII*\r\n--b--\r\nafter\r\n"
)
TO_TEXT = 'convert "text/html" "text/plain" ["charset=utf-8"]'


def made(script: str, octets: bytes = HTML, **more: Any) -> bytes:
    """The message that the implicit keep files."""
    outcome = ran(f"{REQUIRES} {script}", octets, **more)
    assert outcome.error is None, outcome.error
    assert outcome.keep is not None
    edit = outcome.keep.message
    return octets if edit is None else edit.octets(octets)


def texts(octets: bytes) -> list[str]:
    return [
        f"{part.type.kind.decode()}: {content(octets, part).strip()}"
        for part in walk(parse(octets))
        if not part.parts and part.message is None
    ]


class Convert(SynchronousTestCase):
    def test_a_message(self) -> None:
        """Fields of other things than the content stay."""
        self.assertEqual(
            made(f"{TO_TEXT};"),
            b"From: a@example.com\r\nSubject: x\r\nContent-Language: de\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            b"R3LDvMOfZQ0K\r\n",
        )

    def test_all_parts(self) -> None:
        """§2: also those of messages in the message; what is no such part stays as it is."""
        found = made(f"{TO_TEXT};", MIXED)
        self.assertEqual(texts(found), ["text/plain: one", "text/plain: two", "image/tiff: II*"])
        self.assertIn(
            b"--b\r\nContent-ID: <1@x>\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 7bit\r\n\r\none\r\n--b\r\n",
            found,
        )
        self.assertIn(b"\r\n\r\nSubject: inner\r\nMIME-Version: 1.0\r\nContent-Type", found)
        self.assertTrue(found.endswith(b"II*\r\n--b--\r\nafter\r\n"))

    def test_in_a_loop_it_is_the_part(self) -> None:
        """§2: with the tests of RFC 5703, and only there."""
        loop = 'foreverypart { if header :mime :contains "Content-ID" "1" { ' + TO_TEXT + "; } }"
        self.assertEqual(
            texts(made(loop, MIXED)),
            ["text/plain: one", "text/html: <i>two</i>", "image/tiff: II*"],
        )

    def test_charsets(self) -> None:
        """RFC 5259 §6: what cannot be said in it fails, unless there is something for it."""
        plain = HTML.replace(b"/html", b"/plain")
        for parameters, expected in (
            ('["charset=UTF-8"]', "utf-8"),
            ('["charset=iso-8859-15"]', "iso-8859-15"),
            ('["charset=us-ascii"]', None),
            ('["charset=us-ascii", "unknown-character-replacement=?"]', "us-ascii"),
            ('["charset=us-ascii", "unknown-character-replacement=\u20ac"]', None),
            ('["charset=no-such-one"]', None),
            ('["charset=utf-8\r\nX: y"]', None),
        ):
            script = f'if convert "text/plain" "text/plain" {parameters} {{ addflag "yes"; }}'
            outcome = ran(f"{REQUIRES} {script}", plain)
            assert outcome.keep is not None
            self.assertEqual(outcome.keep.flags, ("yes",) if expected else None, parameters)
            found = made(script, plain)
            if expected is None:
                self.assertEqual(found, plain)
            else:
                self.assertIn(f"charset={expected}\r\n".encode(), found)
                text = (
                    "text/plain: <p>Gr??e</p>" if "?" in parameters else "text/plain: <p>Grüße</p>"
                )
                self.assertEqual(texts(found), [text])

    def test_what_is_not_available(self) -> None:
        """§2: no error, and nothing is changed."""
        for script in (
            'convert "image/tiff" "image/jpeg" ["pix-x=320"]',
            'convert "text/html" "text/plain" ["page=1"]',
            'convert "text/html" "application/pdf" ""',
            'convert "text/html" "text/plain" ["charset"]',
        ):
            self.assertEqual(made(f"{script};", MIXED), MIXED)
            self.assertEqual(ran(f"{REQUIRES} if not {script} {{ discard; }}", MIXED).keep, None)

    def test_without_such_a_part_nothing_has_failed(self) -> None:
        """§2, §2.2"""
        script = 'convert "image/tiff" "image/jpeg" ""'
        self.assertIsNone(ran(f"{REQUIRES} if {script} {{ discard; }}", HTML).keep)
        self.assertEqual(made(f"{script};"), HTML)

    def test_one_that_fails_undoes_the_others(self) -> None:
        """§2: all of an action, or nothing."""
        broken = MIXED.replace(b"<i>two</i>", b"\xff\xfe")
        self.assertEqual(made(f"{TO_TEXT};", broken), broken)

    def test_actions_have_the_message_as_it_was_then(self) -> None:
        """§2.1, G46"""
        outcome = ran(
            f'{REQUIRES} fileinto :copy "a"; {TO_TEXT}; fileinto :copy "b";'
            ' if header "content-type" "text/html" { fileinto "c"; }',
            HTML,
        )
        first, second = outcome.actions
        assert isinstance(first, FileInto) and isinstance(second, FileInto)
        self.assertIsNone(first.message)
        assert second.message is not None
        self.assertEqual(texts(second.message.octets(HTML)), ["text/plain: Grüße"])

    def test_a_delimiter_in_the_text(self) -> None:
        """Nobody ends a part around it."""
        octets = MIXED.replace(b"<b>one</b>", b"<p>x<p>--b--<p>Content-Type: text/evil")
        found = made(f"{TO_TEXT};", octets)
        self.assertEqual(texts(found)[0], "text/plain: x\r\n--b--\r\nContent-Type: text/evil")

    def test_what_is_too_long_is_left(self) -> None:
        limits = Limits(body=100)
        self.assertEqual(made(f"{TO_TEXT};", HTML + b"x" * 200, limits=limits), HTML + b"x" * 200)

    def test_wrong_scripts(self) -> None:
        for script, error in (
            ('convert "a" "b";', "1:18: 'convert' lacks the argument 'parameters'"),
            ("if convert { }", "1:21: 'convert' lacks the argument 'from'"),
        ):
            found = errors_of(f'require "convert"; {script}')
            self.assertEqual(len(found), 1, found)
            self.assertIn("convert", found[0], error)
        self.assertIn("needs: require", errors_of('convert "a" "b" "c";')[0])
