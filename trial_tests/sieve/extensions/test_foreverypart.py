"""foreverypart and extracttext: RFC 5703 §3, §7."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Keep
from sora.sieve.limits import Limits
from trial_tests.sieve.extensions.test_mime import OCTETS
from trial_tests.sieve.filters import World, errors_of, ran
from trial_tests.sieve.test_contents import NESTED

REQUIRES = (
    'require ["foreverypart", "mime", "variables", "fileinto", "extracttext", "regex", "enotify", '
    '"include"];'
)
TYPE = 'if header :mime :contenttype :matches "Content-Type" "*" { set "t" "${t} ${0}"; } '


def filed(script: str, octets: bytes = OCTETS, **more: Any) -> str:
    """The name of the mailbox that the script files into at its end: its variable `t`."""
    outcome = ran(f'{REQUIRES} {script} fileinto "${{t}}.";', octets, **more)
    assert outcome.error is None, outcome.error
    (action,) = outcome.actions
    assert isinstance(action, FileInto)
    return action.mailbox.removesuffix(".").strip()


class LoopTests(SynchronousTestCase):
    def test_depth_first_from_the_message_on(self) -> None:
        self.assertEqual(
            filed(f"foreverypart {{ {TYPE} }}"),
            "multipart/mixed text/plain application/pdf message/rfc822 image/png",
        )
        self.assertEqual(
            filed(f"foreverypart {{ {TYPE} }}", b"Content-Type: text/x\r\n\r\n"), "text/x"
        )

    def test_a_message_without_a_type(self) -> None:
        self.assertEqual(filed('foreverypart { set "t" "${t}x"; }', b"Subject: x\r\n\r\ny"), "x")

    def test_loops_in_loops(self) -> None:
        """The inner one goes through the parts of the part; without any it does nothing."""
        script = (
            'foreverypart { set "t" "${t}("; foreverypart { set "t" "${t}x"; } set "t" "${t})"; }'
        )
        # The message has five parts below it, the first multipart of two, the message in it one.
        self.assertEqual(filed(script, NESTED), "(xxxxx)(xx)()()(x)()")

    def test_break(self) -> None:
        for script, expected in (
            (
                f'foreverypart {{ {TYPE} if header :mime :type "Content-Type" "text" {{ break; }} }}',
                "multipart/mixed text/plain",
            ),
            (
                'foreverypart { foreverypart { set "t" "${t}i"; break; } set "t" "${t}o"; }',
                "ioooioo",
            ),
            (
                'foreverypart :name "a" { foreverypart { set "t" "${t}i"; break :name "a"; } set "t" "${t}o"; }',
                "i",
            ),
            # The inner name hides the outer one.
            (
                'foreverypart :name "a" { foreverypart :name "a" { set "t" "${t}i"; break :name "a"; } set "t" "${t}o"; }',
                "ioooioo",
            ),
        ):
            self.assertEqual(filed(script), expected, script)

    def test_tests_without_mime_see_the_message(self) -> None:
        script = 'foreverypart { if header "subject" "top" { set "t" "${t}x"; } }'
        self.assertEqual(filed(script), "xxxxx")

    def test_stop_in_a_loop(self) -> None:
        outcome = ran(f'{REQUIRES} foreverypart {{ stop; }} fileinto "x";', OCTETS)
        self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))

    def test_included_scripts_know_the_part(self) -> None:
        inner = f'require ["mime", "variables", "include"]; global "t"; {TYPE}'
        script = 'global "t"; foreverypart { include "inner"; }'
        self.assertEqual(
            filed(script, world=World(personal={"inner": inner})),
            "multipart/mixed text/plain application/pdf message/rfc822 image/png",
        )

    def test_included_scripts_see_nothing_but_the_part(self) -> None:
        """RFC 6609 §3.5: its header, its size, its body, its parts, as if it were the message."""
        names = (
            'require ["mime", "variables", "include", "foreverypart", "body", "environment"];'
            ' global "t"; set "t" "${t},";'
        )
        for inner, expected in (
            ('if header "subject" "top" { set "t" "${t}top"; }', ",top,,,,"),
            ('if header "content-disposition" "*" {} if exists "content-md5" '
             '{ set "t" "${t}md5"; }', ",,,md5,,"),
            ('if header "subject" "inner" { set "t" "${t}in"; }', ",,,,,in"),
            ('if size :under 100 { set "t" "${t}s"; }', ",,s,,,s"),
            ('if body :raw :contains "PNG" { set "t" "${t}png"; }', ",png,,,png,png"),
            # It loops over what is in the part, the part being the first.
            ('foreverypart { set "t" "${t}x"; }', ",xxxxx,x,x,xx,x"),
            ('stop;', ""),
        ):  # fmt: skip
            world = World(personal={"inner": names + inner})
            outcome = ran(
                f'{REQUIRES} global "t"; foreverypart {{ include "inner"; }} fileinto "${{t}}."; ',
                OCTETS,
                world=world,
            )
            assert outcome.error is None, outcome.error
            found = [one.mailbox for one in outcome.actions if isinstance(one, FileInto)]
            if expected:
                self.assertEqual(found, [f"{expected}."], inner)
            else:
                self.assertEqual((found, outcome.keep), ([], Keep()))

    def test_what_included_scripts_do_to_the_part(self) -> None:
        """It is done to it where it stands; actions take the whole message as it is then."""
        inner = (
            'require ["replace", "editheader", "fileinto", "copy", "mime", "body", "include"];'
            ' if header :contains "Content-Type" "pdf" { addheader "X-New" "1"; replace "gone";'
            ' fileinto :copy "a"; if body :raw :contains "%PDF" { discard; } }'
            ' elsif header "subject" "inner" { addheader "X-Inner" "2"; include "more"; }'
        )
        more = 'require ["fileinto", "copy"]; fileinto :copy "b";'
        world = World(personal={"inner": inner, "more": more})
        outcome = ran(f'{REQUIRES} foreverypart {{ include "inner"; }}', OCTETS, world=world)
        assert outcome.error is None, outcome.error
        first, second = outcome.actions
        assert isinstance(first, FileInto) and isinstance(second, FileInto)
        assert first.message is not None and second.message is not None
        after = (
            b"--b\r\nX-New: 1\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
            b"Content-Transfer-Encoding: 7bit\r\n\r\ngone\r\n--b\r\n"
        )
        whole = first.message.octets(OCTETS)
        self.assertIn(after, whole)
        self.assertTrue(whole.startswith(OCTETS[: OCTETS.index(b"Content-Type: application")]))
        self.assertNotIn(b"X-Inner", whole)
        whole = second.message.octets(OCTETS)
        self.assertIn(after, whole)
        self.assertIn(b"X-Inner: 2\r\nSubject: inner\r\n", whole)
        self.assertTrue(whole.endswith(b"PNG\r\n--b--\r\n"))
        assert outcome.keep is not None and outcome.keep.message is not None
        self.assertEqual(outcome.keep.message.octets(OCTETS), whole)

    def test_a_part_of_a_message_that_is_too_long_to_be_changed(self) -> None:
        inner = 'require "editheader"; addheader "X-New" "1";'
        for script, is_error in ((inner, True), ("keep;", False)):
            outcome = ran(
                f'{REQUIRES} foreverypart {{ if header :mime :type "content-type" "text"'
                ' { include "inner"; } }',
                OCTETS,
                world=World(personal={"inner": script}),
                limits=Limits(body=len(OCTETS) - 10),
            )
            self.assertEqual(outcome.error is not None, is_error)

    def test_wrong_usage(self) -> None:
        for script, expected in (
            ("break;", "'break' stands outside of any 'foreverypart'"),
            ('foreverypart { break :name "x"; }', "There is no 'foreverypart' named \"x\" around"),
            (
                'foreverypart :name "x" {} foreverypart { break :name "x"; }',
                "There is no 'foreverypart'",
            ),
            ("foreverypart;", "must end with a block"),
            ("foreverypart {" * 5 + "}" * 5, "Loops can be nested 4 deep"),
            ('foreverypart :name "${x}" {}', "cannot have variables"),
            ('extracttext "x";', "'extracttext' stands outside of any 'foreverypart'"),
            ('foreverypart { extracttext "1"; }', "cannot be set"),
            ('foreverypart { extracttext :lower :upper "x"; }', "exclude each other"),
        ):
            found = errors_of(f"{REQUIRES} {script}")
            self.assertEqual(len(found), 1, (script, found))
            self.assertIn(expected, found[0])
        found = errors_of(
            'require ["foreverypart", "extracttext"]; foreverypart { extracttext "x"; }'
        )
        self.assertIn("'extracttext' needs: require \"variables\";", found[0])

    def test_work_is_bounded(self) -> None:
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000
        script = "foreverypart { foreverypart { foreverypart { if true {} } } }"
        for test in (
            script,
            'foreverypart { if exists :mime :anychild "x" {} foreverypart { if true {} } }',
        ):
            outcome = ran(f"{REQUIRES} {test * 10}", octets)
            assert outcome.error is not None
            self.assertIn("does too much", outcome.error.text)

    def test_only_the_beginning_of_a_long_message_is_seen(self) -> None:
        found = filed(f"foreverypart {{ {TYPE} }}", limits=Limits(body=OCTETS.index(b"%PDF")))
        self.assertEqual(found, "multipart/mixed text/plain application/pdf")


class ExtractTextTests(SynchronousTestCase):
    def extracted(self, arguments: str, octets: bytes) -> str:
        return filed(f'foreverypart {{ extracttext {arguments} "t"; }}', octets)

    def test_decoded(self) -> None:
        """§7: transfer encoding and charset; empty if one is not known, or the text is not in it."""
        for kind, encoding, body, expected in (
            (b"text/plain; charset=iso-8859-1", b"quoted-printable", b"f=FCr", "für"),
            (b"text/plain; charset=utf-8", b"base64", b"ZsO8cg==", "für"),
            (b"text/plain", b"7bit", b"plain", "plain"),
            (b"text/plain; charset=x-none", b"7bit", b"plain", ""),
            (b"text/plain; charset=utf-8", b"8bit", b"f\xfcr", ""),
            (b"text/plain", b"x-none", b"plain", ""),
            (b"multipart/mixed; boundary=b", b"7bit", b"--b\r\n\r\nx\r\n--b--", "x"),
        ):
            octets = b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (
                kind,
                encoding,
                body,
            )
            self.assertEqual(self.extracted("", octets), expected, kind)

    def test_arguments(self) -> None:
        octets = b"Content-Type: text/plain\r\n\r\nHello. World"
        for arguments, expected in (
            (":first 5", "Hello"),
            (":first 100", "Hello. World"),
            (":first 5 :upper", "HELLO"),
            (":length", "12"),
            (":quoteregex :first 6", "Hello\\."),
            (":encodeurl :first 7", "Hello.%20"),
        ):
            self.assertEqual(self.extracted(arguments, octets), expected, arguments)

    def test_a_limit(self) -> None:
        octets = b"Content-Type: text/plain\r\n\r\n" + b"x" * 10_000
        found = filed(
            'foreverypart { extracttext :length "t"; }', octets, limits=Limits(string=4000)
        )
        self.assertEqual(found, "4000")
