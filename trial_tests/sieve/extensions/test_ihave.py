"""ihave (RFC 5463)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Keep
from trial_tests.sieve.filters import compile_script, errors_of, ran

HEAD = 'require "ihave";\n'


class Ihave(SynchronousTestCase):
    def test_found(self) -> None:
        """From there on to the end of the script, also outside of the block (RFC 5463 §4)."""
        script = (
            HEAD + 'if ihave "fileinto" { } fileinto "a"; if ihave ["copy"] { fileinto :copy "b"; }'
        )
        self.assertEqual(ran(script).actions, (FileInto("a"), FileInto("b")))

    def test_not_found(self) -> None:
        script = HEAD + (
            'if ihave ["fileinto", "vnd.none"] { fileinto "a"; } '
            'elsif ihave "vnd.none" { none :tag "a" { b; } } else { discard; }'
        )
        outcome = ran(script)
        self.assertIsNone(outcome.error)
        self.assertIsNone(outcome.keep)

    def test_none_is_enabled_if_one_is_missing(self) -> None:
        script = HEAD + 'if not ihave ["fileinto", "vnd.none"] { fileinto "a"; }'
        outcome = ran(script)
        self.assertEqual(outcome.keep, Keep())
        self.assertEqual(
            str(outcome.error),
            "line 2, column 41: 'fileinto' needs the extension 'fileinto', which was not required",
        )

    def test_used_without_a_test(self) -> None:
        """An error when it is run, or already before (RFC 5463 §4, 1)."""
        self.assertEqual(
            errors_of(HEAD + 'fileinto "a"; if ihave "fileinto" { }'),
            ["2:1: 'fileinto' needs: require \"fileinto\";"],
        )

    def test_unknown_words(self) -> None:
        """They compile with a warning, and fail only when they are run."""
        for script, warning, error in (
            ('if not ihave "vnd.none" { none; }', "There is no command 'none'", True),
            ('if ihave "vnd.none" { none; }', "There is no command 'none'", False),
            ('if allof (ihave "vnd.none", none) { }', "There is no test 'none'", False),
            ('if anyof (ihave "vnd.none", none) { }', "There is no test 'none'", True),
            ('if ihave "vnd.none" { keep :none; }', "'keep' has no ':none'", False),
            ('if not ihave "vnd.none" { keep :none; }', "'keep' has no ':none'", True),
            (
                'if allof (ihave "comparator-x", header :comparator "x" "a" "b") { }',
                'There is no comparator "x"',
                False,
            ),
        ):
            compiled = compile_script(HEAD + script)
            self.assertEqual([one.text for one in compiled.warnings], [warning], script)
            outcome = ran(compiled)
            self.assertEqual(outcome.error is not None, error, script)
            if outcome.error is not None:
                self.assertEqual(outcome.error.text, warning)

    def test_other_errors_stay(self) -> None:
        self.assertEqual(
            errors_of(HEAD + 'if ihave "vnd.none" { redirect; }'),
            ["2:23: 'redirect' takes one argument (address), not 0"],
        )

    def test_what_changes_strings(self) -> None:
        """RFC 5463 §4: variables and encoded-character never, unless they are required."""
        for name in ("variables", "encoded-character"):
            self.assertEqual(ran(HEAD + f'if ihave "{name}" {{ discard; }}').keep, Keep())
            script = f'require ["ihave", "{name}"]; if ihave "{name}" {{ discard; }}'
            self.assertIsNone(ran(script).keep)

    def test_constant(self) -> None:
        self.assertEqual(
            errors_of('require ["ihave", "variables"]; if ihave "${a}" { }'),
            ["1:42: The argument 'capabilities' of 'ihave' cannot have variables in it"],
        )

    def test_error(self) -> None:
        """RFC 5463 §5"""
        outcome = ran(HEAD + 'if not ihave "vnd.none" { discard; error "No ünicode here"; }')
        self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))
        self.assertEqual(str(outcome.error), "line 2, column 36: No ünicode here")
