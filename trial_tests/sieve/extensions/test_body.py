"""body: RFC 5173."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.body import Body
from sora.sieve.compile import compile_script
from sora.sieve.effects import Keep, ReadMessage
from sora.sieve.limits import Limits
from sora.sieve.message import Message
from sora.sieve.run import Context, Run
from trial_tests.sieve.filters import MESSAGE, NOW, World, errors_of, holds, ran
from trial_tests.sieve.test_contents import NESTED

ENCODED = (
    b"Subject: x\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"Sch=F6ne Gr=FC=DFe\r\n"
)


class BodyTests(SynchronousTestCase):
    def test_transforms(self) -> None:
        for test, octets, expected in (
            ('body :contains "anvil"', MESSAGE, True),
            ('body :contains "ANVIL"', MESSAGE, True),
            ('body :comparator "i;octet" :contains "ANVIL"', MESSAGE, False),
            ('body :contains "present for you"', MESSAGE, False),
            ('body :contains ["hammer", "anvil"]', MESSAGE, True),
            ('body :is "Look, I\'m sorry about the whole anvil thing.\r\n"', MESSAGE, True),
            ('body :matches "Look*anvil*"', MESSAGE, True),
            ('body :text :contains "schöne grüße"', ENCODED, True),
            ('body :text :contains "Schöne Grüße"', ENCODED, True),
            ('body :raw :contains "Sch=F6ne"', ENCODED, True),
            ('body :raw :contains "Subject"', ENCODED, False),
            ('body :content "text" :contains "Schöne"', ENCODED, True),
            ('body :content "text/plain" :contains "Schöne"', ENCODED, True),
            ('body :content "text/html" :contains "Schöne"', ENCODED, False),
            ('body :content ["text/html", "text/plain"] :contains "Schöne"', ENCODED, True),
        ):
            self.assertIs(holds(test, octets, "body"), expected, test)

    def test_parts(self) -> None:
        """RFC 5173 §5.2: the tests that its example names."""
        for test, expected in (
            ('body :content "multipart" :contains "MIME"', True),
            ('body :content "text/plain" :contains "Hello"', True),
            ('body :content "text/html" :contains "Hello"', True),
            ('body :content "text" :contains "Hello"', True),
            ('body :content "message/rfc822" :contains "Hello"', True),
            ('body :content "message/rfc822" :contains "Please"', False),
            ('body :content "audio/mp3" :contains ""', False),
            ('body :content "multipart" :contains ""', True),
            # Nothing matches across parts.
            ('body :content "text" :contains "Hello\r\n<html>"', False),
            ('body :raw :contains "--inner--"', True),
            ('body :text :contains "<body>"', False),
        ):
            self.assertIs(holds(test, NESTED, "body"), expected, test)

    def test_a_message_without_a_body(self) -> None:
        """RFC 5173 §4: no empty line, no body; an empty body is one."""
        for octets, expected in ((b"Subject: x\r\n", False), (b"Subject: x\r\n\r\n", True)):
            for transform in ("", ":raw", ":content"):
                more = '""' if transform == ":content" else ""
                test = f'body {transform} {more} :contains ""'
                self.assertIs(holds(test, octets, "body"), expected, test)

    def test_wildcards_set_no_variables(self) -> None:
        """RFC 5173 §6"""
        outcome = ran(
            """
            require ["body", "variables", "fileinto"];
            if header :matches "subject" "I have a * for you" {}
            if body :matches "Look*" { fileinto "${1}"; }
            """
        )
        self.assertEqual(outcome.actions[0].mailbox, "present")  # type: ignore[union-attr]

    def test_it_is_read_once_and_within_the_limit(self) -> None:
        world = World()
        test = 'if body :contains "x" {} if body :raw :contains "thing" { discard; }'
        outcome = ran(f'require "body"; {test}', world=world, limits=Limits(body=180))
        self.assertEqual(world.asked, [ReadMessage(180)])
        self.assertEqual(outcome.keep, Keep())

    def test_nothing_is_read_for_other_tests(self) -> None:
        world = World()
        ran('require "body"; if header :contains "x" "y" {}', world=world)
        self.assertEqual(world.asked, [])

    def test_what_is_decoded_is_not_all_kept(self) -> None:

        octets = b"Subject: x\r\n\r\n" + b"a" * 600
        context = Context(NOW, limits=Limits(body=1000))
        running = Run(compile_script(""), Message.of(octets), context)
        body = Body(octets)
        for number in range(5):
            body.remember(running, ("text", str(number)), ["a" * 600])
            self.assertEqual(list(body.texts), [("text", str(number))])

    def test_work_is_bounded(self) -> None:
        octets = b"Subject: x\r\n\r\n" + b"a" * 1_000_000
        tests = " ".join(['if body :raw :contains "b" {}'] * 2000)
        outcome = ran(f'require "body"; {tests}', octets)
        assert outcome.error is not None
        self.assertIn("does too much", outcome.error.text)
        self.assertEqual(outcome.keep, Keep())

    def test_wrong_usage(self) -> None:
        for script, expected in (
            ('if body :contains "x" {}', "1:4: 'body' needs: require \"body\";"),
            (
                'require "body"; if body :raw :text "x" {}',
                "1:30: ':raw' and ':text' exclude each other",
            ),
            (
                'require "body"; if body :content {}',
                "1:25: ':content' must be followed by a string or a list of strings",
            ),
        ):
            self.assertEqual(errors_of(script), [expected])
