"""extlists: RFC 6134."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import InList, Keep, ListMembers, Redirect
from sora.sieve.extensions.extlists import list_name
from sora.sieve.limits import Limits
from sora.sieve.message import Envelope
from trial_tests.sieve.filters import World, errors_of, ran

BOOK = "urn:ietf:params:sieve:addrbook:default"
TAG = "tag:example.com,2010-05-28:mylist"
REQUIRES = 'require ["extlists", "envelope", "variables", "date", "copy", "fileinto", "index"];'


def world() -> World:
    return World(
        lists={
            BOOK: ("coyote@desert.example.org", "roadrunner@acme.example.com"),
            TAG: ("a@example.com", "b@example.com"),
            "tag:x:days": ("2026-11-27",),
            "tag:x:empty": (),
            "tag:x:bad": ("nobody",),
        }
    )


class NameTests(SynchronousTestCase):
    def test_names(self) -> None:
        """§2.5: URIs; the default address book can be written in many ways."""
        for text in (
            BOOK,
            ":addrbook:default",
            ":ADDRBOOK:DEFAULT",
            ":aDdRbOOk:DeFauLt",
            ":AddrBook:%44%65%66ault",
        ):
            self.assertEqual(list_name(text), BOOK, text)
        self.assertEqual(list_name(":addrbook:Personal"), BOOK.replace("default", "Personal"))
        self.assertEqual(list_name(TAG), TAG)
        for text in ("", "mylist", "a b:c", ":", "tag:", "tag:%zz", "tag:" + "x" * 1000):
            name = None if text != ":" else list_name(":")
            self.assertEqual(list_name(text), name, text)


class MatchTests(SynchronousTestCase):
    def test_tests(self) -> None:
        """§2.2"""
        for test, expected in (
            ('address :list "from" ":addrbook:default"', True),
            ('address :all :list ["from", "to"] ":addrbook:default"', True),
            ('address :list "cc" ":addrbook:default"', False),
            (f'address :list "cc" ["{TAG}", ":addrbook:default"]', False),
            ('envelope :list "from" ":addrbook:default"', True),
            ('header :list "x-caffeine" ":addrbook:default"', False),
            ('header :index 1 :list "from" ":addrbook:default"', False),
            ('string :list "a@example.com" "' + TAG + '"', True),
            ('string :list ["x", "b@example.com"] "' + TAG + '"', True),
            ('currentdate :list "date" "tag:x:days"', True),
            ('not address :list "from" ":addrbook:default"', False),
            ('anyof (false, address :list "from" ":addrbook:default")', True),
            ('allof (true, address :list "from" ":addrbook:default")', True),
        ):
            outcome = ran(
                f"{REQUIRES} if {test} {{ discard; }}",
                world=world(),
                envelope=Envelope("coyote@desert.example.org"),
            )
            self.assertIsNone(outcome.error, test)
            self.assertIs(outcome.keep is None, expected, test)

    def test_all_values_are_asked_for_at_once(self) -> None:
        here = world()
        ran(f'{REQUIRES} if string :list ["x", "y"] "{TAG}" {{}}', world=here)
        self.assertEqual(here.asked[0], InList(TAG, ("x", "y")))

    def test_match_variable(self) -> None:
        """§2.2: ${0} is the value in the list."""
        outcome = ran(
            f'{REQUIRES} if address :list ["to", "from"] ":addrbook:default" {{ fileinto "${{0}}"; }}',
            world=world(),
        )
        self.assertEqual(
            [action.mailbox for action in outcome.actions], ["roadrunner@acme.example.com"]
        )  # type: ignore[union-attr]

    def test_a_list_that_there_is_not(self) -> None:
        """§2.2: a runtime error."""
        outcome = ran(f'{REQUIRES} if header :list "from" "tag:x:none" {{}}', world=world())
        assert outcome.error is not None
        self.assertIn('There is no list "tag:x:none"', outcome.error.text)
        self.assertEqual(outcome.keep, Keep())

    def test_valid_ext_list(self) -> None:
        """§2.7"""
        for names, expected in (
            (f'"{TAG}"', True),
            (f'["{TAG}", ":addrbook:default"]', True),
            (f'["{TAG}", "tag:x:none"]', False),
            ('"nothing"', False),
        ):
            outcome = ran(f"{REQUIRES} if valid_ext_list {names} {{ discard; }}", world=world())
            self.assertIs(outcome.keep is None, expected, names)


class RedirectTests(SynchronousTestCase):
    def test_to_all_members(self) -> None:
        """§2.3"""
        here = world()
        outcome = ran(f'{REQUIRES} redirect :list "{TAG}";', world=here)
        self.assertEqual(outcome.actions, (Redirect("a@example.com"), Redirect("b@example.com")))
        self.assertIsNone(outcome.keep)
        self.assertEqual(here.asked, [ListMembers(TAG, 6)])
        self.assertEqual(ran(f'{REQUIRES} redirect :copy :list "{TAG}";', world=here).keep, Keep())

    def test_errors(self) -> None:
        for name, expected in (
            ("tag:x:none", "There is no list"),
            ("tag:x:bad", '"nobody" in the list is not an address'),
        ):
            outcome = ran(f'{REQUIRES} redirect :list "{name}";', world=world())
            assert outcome.error is not None
            self.assertIn(expected, outcome.error.text)
        outcome = ran(
            f'{REQUIRES} redirect :list "{TAG}";', world=world(), limits=Limits(redirects=1)
        )
        assert outcome.error is not None
        self.assertIn("more than 1 addresses", outcome.error.text)

    def test_an_empty_list_loses_no_mail(self) -> None:
        outcome = ran(f'{REQUIRES} redirect :list "tag:x:empty";', world=world())
        self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))


class WrongUsageTests(SynchronousTestCase):
    def test_compile_errors(self) -> None:
        for test, expected in (
            ('header :list :comparator "i;octet" "from" "tag:x:y"', "':list' takes no comparator"),
            ('header :list :is "from" "tag:x:y"', "':list' and ':is' exclude each other"),
            ('header :list "from" "nothing"', '"nothing" is not the name of a list'),
            ('size :list "from"', "'size' has no ':list'"),
            ('exists :list "from"', "'exists' has no ':list'"),
            ('environment :list "host" "tag:x:y"', "'environment' has no ':list'"),
        ):
            found = errors_of(f'require ["extlists", "environment"]; if {test} {{}}')
            self.assertTrue(any(expected in one for one in found), (test, found))
        (found,) = errors_of('require "extlists"; redirect :list "x@example.com";')
        self.assertIn("is not the name of a list", found)
