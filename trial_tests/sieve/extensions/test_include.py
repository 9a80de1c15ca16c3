"""include (RFC 6609)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Keep, LoadScript
from sora.sieve.limits import Limits
from sora.sieve.run import Outcome
from trial_tests.sieve.filters import World, errors_of, ran

HEAD = 'require ["include", "fileinto", "variables", "relational"];\n'


def included(
    script: str,
    site: "dict[str, str] | None" = None,
    limits: "Limits | None" = None,
    **personal: str,
) -> Outcome:
    scripts = {name: HEAD + text for name, text in personal.items()}
    return ran(HEAD + script, world=World(personal=scripts, site=site or {}), limits=limits)


class Including(SynchronousTestCase):
    def test_actions_are_collected(self) -> None:
        outcome = included(
            'include "a"; fileinto "last";', a='fileinto "x"; include "b";', b='fileinto "y";'
        )
        self.assertEqual(outcome.actions, (FileInto("x"), FileInto("y"), FileInto("last")))
        self.assertIsNone(outcome.keep)

    def test_location(self) -> None:
        world = World(personal={"a": "discard;"}, site={"a": "keep;"})
        for location, keep in (("", None), (":personal", None), (":global", Keep())):
            self.assertEqual(ran(HEAD + f'include {location} "a";', world=world).keep, keep)
        self.assertEqual(
            world.asked,
            [LoadScript("a", "personal"), LoadScript("a", "personal"), LoadScript("a", "global")],
        )

    def test_stop_and_return(self) -> None:
        """`stop` ends all, `return` only the script that has it (RFC 6609 §3.2, §3.3)."""
        self.assertEqual(included('include "a"; fileinto "x";', a="stop;").actions, ())
        self.assertEqual(
            included('include "a"; fileinto "x";', a='if true { return; } fileinto "y";').actions,
            (FileInto("x"),),
        )
        self.assertEqual(included('return; fileinto "x";').keep, Keep())

    def test_missing(self) -> None:
        self.assertEqual(
            str(included('fileinto "x"; include "a";').error),
            'line 2, column 15: There is no script "a" to include',
        )
        self.assertEqual(included('include :optional "a"; fileinto "x";').actions, (FileInto("x"),))

    def test_broken(self) -> None:
        outcome = included('include :optional "a";', a="kep;")
        self.assertIn(
            "The script \"a\" has an error: line 2, column 1: There is no command 'kep'",
            str(outcome.error),
        )

    def test_errors_name_the_script(self) -> None:
        outcome = included('include "a";', a='\nredirect "${x}";')
        self.assertEqual(
            str(outcome.error), 'a: line 3, column 1: "" is not an address that mail can be sent to'
        )
        self.assertEqual(outcome.keep, Keep())

    def test_once(self) -> None:
        outcome = included(
            'include "a"; include :once "a"; include "a";', a='fileinto "${n}x"; set "n" "1";'
        )
        self.assertEqual(outcome.actions, (FileInto("x"),))
        world = World(personal={"a": HEAD + "keep;"})
        ran(HEAD + 'include :once "a"; include :once "a";', world=world)
        self.assertEqual(len(world.asked), 1)

    def test_recursion(self) -> None:
        """RFC 6609 §3.1: refused when it runs; with :once it counts as included."""
        for scripts in ({"a": 'include "a";'}, {"a": 'include "b";', "b": 'include "a";'}):
            outcome = included('include "a";', **scripts)
            self.assertIn('The script "a" includes itself', str(outcome.error))
            self.assertEqual(outcome.keep, Keep())
        outcome = included('include "a";', a='include :once "a"; fileinto "x";')
        self.assertEqual(outcome.actions, (FileInto("x"),))

    def test_same_name_elsewhere(self) -> None:
        outcome = included('include "a";', {"a": HEAD + 'fileinto "x";'}, a='include :global "a";')
        self.assertEqual(outcome.actions, (FileInto("x"),))

    def test_limits(self) -> None:
        chain = {f"s{number}": f'include "s{number + 1}";' for number in range(30)}
        self.assertIn("deeper than 10 levels", str(included('include "s0";', **chain).error))
        outcome = included('include "a";' * 60, a="keep;")
        self.assertIn("More than 50 scripts", str(outcome.error))

    def test_three_levels_at_least(self) -> None:
        outcome = included('include "a";', a='include "b";', b='include "c";', c='fileinto "x";')
        self.assertEqual(outcome.actions, (FileInto("x"),))

    def test_exponential(self) -> None:
        """Scripts that each include the next one twice."""
        tree = {f"s{number}": f'include "s{number + 1}";' * 2 for number in range(9)} | {
            "s9": "keep;"
        }
        self.assertIsNotNone(included('include "s0";', **tree).error)

    def test_deep_blocks(self) -> None:
        """Blocks of scripts that include each other add up."""
        deep = {
            f"s{number}": "if true {" * 30 + f'include "s{number + 1}";' + "}" * 30
            for number in range(9)
        } | {"s9": "keep;"}
        self.assertIn("100 levels deep", str(included('include "s0";', **deep).error))

    def test_requires_are_not_shared(self) -> None:
        outcome = ran(HEAD + 'include "a";', world=World(personal={"a": 'fileinto "x";'}))
        self.assertIn("'fileinto' needs: require \"fileinto\";", str(outcome.error))

    def test_names(self) -> None:
        """RFC 6609 §4, RFC 5804 §1.6"""
        for name in ("./../..//etc/passwd", "", "a\x01b", "a\u2028b", "x" * 513):
            (error,) = errors_of(f'require "include"; include "{name}";')
            self.assertIn("cannot be the name of a script", error)
        self.assertEqual(errors_of('require "include"; include "foo$(`rm star`)";'), [])
        self.assertEqual(
            errors_of(HEAD + 'include "${a}";'),
            ["2:9: The argument 'name' of 'include' cannot have variables in it"],
        )


class Variables(SynchronousTestCase):
    def test_private(self) -> None:
        outcome = included(
            'set "a" "1"; include "s"; fileinto "x${a}${b}";',
            s='fileinto "y${a}"; set "a" "2"; set "b" "3";',
        )
        self.assertEqual(outcome.actions, (FileInto("y"), FileInto("x1")))

    def test_global(self) -> None:
        """RFC 6609 §3.4.1, §3.4.2: declared, or by its namespace."""
        outcome = included(
            'global ["a", "b"]; set "A" "1"; include "s"; fileinto "${a}${b}${c}${global.c}";',
            s='global "a"; fileinto "in ${a} ${GLOBAL.A}"; set "a" "2"; set "b" "x"; set "global.c" "3";',
        )
        self.assertEqual(outcome.actions, (FileInto("in 1 1"), FileInto("23")))

    def test_example(self) -> None:
        """RFC 6609 §3.4.1"""
        script = """
            global "test"; global "test_mailbox";
            set "test" "$$"; include "subject_tests";
            set "test" "Make money"; include "subject_tests";
            if string :count "eq" "${test_mailbox}" "1" { fileinto "${test_mailbox}"; stop; }
        """
        tests = (
            HEAD
            + """
            global ["test", "test_mailbox"];
            if header :contains "Subject" "${test}" { set "test_mailbox" "spam-${test}"; }
        """
        )
        for subject, expected in (
            (b"$$", (FileInto("spam-$$"),)),
            (b"make money now", (FileInto("spam-Make money"),)),
            (b"hello", ()),
        ):
            world = World(personal={"subject_tests": tests})
            outcome = ran(HEAD + script, b"Subject: " + subject + b"\r\n\r\n", world)
            self.assertEqual(outcome.actions, expected)

    def test_errors(self) -> None:
        self.assertIn("was set before", str(included('set "a" "1"; global "a";').error))
        for text, error in (
            ('global "a.b";', "\"a.b\" is not a name of a variable: letters, digits and '_'"),
            ('global "1";', "\"1\" is not a name of a variable: letters, digits and '_'"),
            ('set "global.data.from" "x";', 'The variable "global.data.from" cannot be set'),
            ('set "global.12" "x";', 'The variable "global.12" cannot be set'),
        ):
            self.assertIn(error, errors_of(HEAD + text)[0])
        self.assertEqual(
            errors_of('require "include"; global "a";'),
            ["1:20: 'global' needs: require \"variables\";"],
        )
        self.assertEqual(
            errors_of('require ["variables", "fileinto"]; fileinto "${global.a}";'),
            ['1:45: There is no variable "global.a" here'],
        )

    def test_match_variables_are_private(self) -> None:
        outcome = included(
            'if string :matches "abc" "a*" { } include "s"; fileinto "${1}";',
            s='fileinto "x${1}"; if string :matches "xyz" "x*" { }',
        )
        self.assertEqual(outcome.actions, (FileInto("x"), FileInto("bc")))

    def test_flags_are_shared(self) -> None:
        """The internal variable is the run's, as is the message."""
        world = World(personal={"s": 'require "imap4flags"; addflag "b";'})
        outcome = ran('require ["include", "imap4flags"]; setflag "a"; include "s";', world=world)
        self.assertEqual(outcome.keep, Keep(("a", "b")))
