"""What is told of scripts that are not valid: several errors, with line and column."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.compile import compile_script
from sora.sieve.dialect import SIEVE
from sora.sieve.limits import Limits
from trial_tests.sieve.filters import errors_of

ALL = "require [" + ", ".join(f'"{name}"' for name in SIEVE.names) + "];\n"


def warnings_of(script: str) -> list[str]:
    return [f"{one.line}:{one.column}: {one.text}" for one in compile_script(script).warnings]


class Errors(SynchronousTestCase):
    def test_table(self) -> None:
        for script, error in (
            # Words.
            ("kep;", "1:1: There is no command 'kep'; did you mean 'keep'?"),
            ("requires \"x\";", "1:1: There is no command 'requires'; did you mean 'require'?"),
            ("if hedaer \"a\" \"b\" { }", "1:4: There is no test 'hedaer'; did you mean 'header'?"),
            ("xyzzy;", "1:1: There is no command 'xyzzy'"),
            ("true;", "1:1: 'true' is a test, not a command"),
            ("if keep { }", "1:4: 'keep' is a command, not a test"),
            # Extensions.
            ('require "fileintoo";', '1:9: The extension "fileintoo" is not supported here; did you mean \'fileinto\'?'),
            ('require ["copy", ""];', '1:18: The extension "" is not supported here'),
            ("require;", "1:1: 'require' takes one argument: a string or a list of strings"),
            ("require 1;", "1:1: 'require' takes one argument: a string or a list of strings"),
            ('keep; require "copy";', "1:7: 'require' must stand before all other commands"),
            ('if true { require "copy"; }', "1:11: 'require' must stand before all other commands"),
            ('fileinto "a";', '1:1: \'fileinto\' needs: require "fileinto";'),
            ('redirect :copy "a@example.com";', '1:10: \':copy\' needs: require "copy";'),
            ('if header :value "gt" "a" "b" { }', '1:11: \':value\' needs: require "relational";'),
            ('if header :comparator "i;ascii-numeric" "a" "1" { }', '1:11: The comparator "i;ascii-numeric" needs: require "comparator-i;ascii-numeric";'),
            ('if header :comparator "i;ascii" "a" "1" { }', "1:11: There is no comparator \"i;ascii\""),
            # Arguments.
            ('redirect;', "1:1: 'redirect' takes one argument (address), not 0"),
            ('redirect "a@b.example" "c@d.example";', "1:1: 'redirect' takes one argument (address), not 2"),
            ('if header "a" { }', "1:4: 'header' takes 2 arguments (headers, keys), not 1"),
            ("keep 1;", "1:1: 'keep' takes no arguments"),
            ("stop 1;", "1:1: 'stop' takes no arguments"),
            ("redirect 1;", "1:10: The argument 'address' of 'redirect' must be a string, not a number"),
            ('redirect ["a@b.example"];', "1:10: The argument 'address' of 'redirect' must be a string, without brackets"),
            ('redirect ["a", "b"];', "1:10: The argument 'address' of 'redirect' must be a string, not a list of strings"),
            ('if size :over "1" { }', "1:15: The argument 'limit' of 'size' must be a number, not a string"),
            ('if exists 1 { }', "1:11: The argument 'headers' of 'exists' must be a string or a list of strings, not a number"),
            # Tags.
            ('if header :fo "a" "b" { }', "1:11: 'header' has no ':fo'"),
            ('if header :match "a" "b" { }', "1:11: 'header' has no ':match'; did you mean ':matches'?"),
            ('if header "a" :is "b" { }', "1:15: ':is' must stand before the other arguments of 'header'"),
            ('if header :is :is "a" "b" { }', "1:15: ':is' is given twice"),
            ('if header :is :contains "a" "b" { }', "1:15: ':is' and ':contains' exclude each other"),
            ('if address :all :domain "to" "b" { }', "1:17: ':all' and ':domain' exclude each other"),
            ('if header :comparator :is "a" "b" { }', "1:11: ':comparator' must be followed by a string"),
            ('if size 1 { }', "1:4: 'size' needs ':over' or ':under'"),
            ('if size :over :under 1 { }', "1:15: ':over' and ':under' exclude each other"),
            # Tests and blocks.
            ("if { }", "1:1: 'if' needs a test"),
            ("if true;", "1:1: 'if' must end with a block: { ... }"),
            ("keep { }", "1:1: 'keep' takes no block: it ends with a semicolon"),
            ("keep true;", "1:6: 'keep' takes no test"),
            ("if (true, false) { }", "1:5: 'if' takes one test, without parentheses; combine several with 'anyof' or 'allof'"),
            ("if (true) { }", "1:5: 'if' takes one test, without parentheses; combine several with 'anyof' or 'allof'"),
            ("if not { }", "1:4: 'not' needs a test"),
            ("if anyof true { }", "1:10: The tests of 'anyof' must stand in parentheses"),
            ("if allof { }", "1:4: 'allof' needs a list of tests in parentheses"),
            ("if true true { }", "1:9: 'true' takes no test"),
            ("if anyof (true false) { }", "1:16: A comma is missing before this test"),
            ('if anyof (exists "a" not false) { }', "1:22: A comma is missing before this test"),
            ("else { }", "1:1: 'else' must stand directly behind the block of 'if' or 'elsif'"),
            ("if true { } keep; elsif true { }", "1:19: 'elsif' must stand directly behind the block of 'if' or 'elsif'"),
            ("if true { } else { } else { }", "1:22: 'else' must stand directly behind the block of 'if' or 'elsif'"),
            ("if true { else { } }", "1:11: 'else' must stand directly behind the block of 'if' or 'elsif'"),
            # Values.
            ('redirect "nobody";', '1:10: "nobody" is not an address that mail can be sent to'),
            ('if address "subject" "x" { }', "1:12: \"subject\" is not a header field with addresses; use 'header'"),
            ('require "fileinto"; fileinto "a//b";', "1:30: \"a//b\" cannot be the name of a mailbox: The name of a mailbox cannot have an empty level"),
            ('require "envelope"; if envelope "form" "a" { }', "1:33: There is no envelope part \"form\"; did you mean 'from'?"),
            ('require "relational"; if header :count "more" "a" "1" { }', '1:40: "more" is not a relation; those are "gt", "ge", "lt", "le", "eq", "ne"'),
            ('require ["comparator-i;ascii-numeric"]; if header :contains :comparator "i;ascii-numeric" "a" "1" { }', "1:61: The comparator \"i;ascii-numeric\" cannot be used with ':contains'"),
        ):  # fmt: skip
            self.assertEqual(errors_of(script)[:1], [error], script)

    def test_several(self) -> None:
        """All at once, in the order of their places; an `else` behind a wrong `if` is no error."""
        self.assertEqual(
            errors_of(
                'require "copyy";\n'
                'if header :contian "a" "b" {\n  kep;\n  fileinto "x";\n} elsif tru {\n} else {\n  redirect;\n}\n'
                "keep\nstop;\nfileinto 1;"
            ),
            [
                "1:9: The extension \"copyy\" is not supported here; did you mean 'copy'?",
                "2:11: 'header' has no ':contian'; did you mean ':contains'?",
                "3:3: There is no command 'kep'; did you mean 'keep'?",
                "4:3: 'fileinto' needs: require \"fileinto\";",
                "5:9: There is no test 'tru'; did you mean 'true'?",
                "7:3: 'redirect' takes one argument (address), not 0",
                "9:5: A semicolon is missing after 'keep'",
                "11:10: The argument 'mailbox' of 'fileinto' must be a string, not a number",
            ],
        )

    def test_missing_semicolons(self) -> None:
        for script, errors in (
            ("keep\nstop;", ["1:5: A semicolon is missing after 'keep'"]),
            ("keep # why\nstop;", ["2:1: A semicolon is missing after 'keep'"]),
            ("keep\nif true { stop; }", ["1:5: A semicolon is missing after 'keep'"]),
            (
                "keep\ndiscard\nstop;",
                ["1:5: A semicolon is missing after 'keep'", "2:8: A semicolon is missing after 'discard'"],
            ),
            ('stop\nrequire "copy";', ["1:5: A semicolon is missing after 'stop'", "2:1: 'require' must stand before all other commands"]),
        ):  # fmt: skip
            self.assertEqual(errors_of(script), errors, script)

    def test_bounded(self) -> None:
        self.assertEqual(len(errors_of("kep;" * 5000)), 20)
        self.assertEqual(len(errors_of("kep;" * 5000, limits=Limits(errors=3))), 3)
        self.assertEqual(len(errors_of('require ["' + '","'.join("x" * 5000) + '"];')), 20)

    def test_shown(self) -> None:
        """What a script says is shown shortened, and without what is not printable."""
        (error,) = errors_of('require "' + "\x07" + "x" * 5000 + '";')
        self.assertLess(len(error), 150)
        self.assertTrue(error.isprintable())

    def test_too_large(self) -> None:
        self.assertEqual(
            errors_of("#" + "x" * 100, limits=Limits(script_size=100)),
            ["1:1: The script has 101 octets; the most that is accepted is 100"],
        )


class Warnings(SynchronousTestCase):
    def test_never_reached(self) -> None:
        self.assertEqual(
            warnings_of("if true { stop; keep; keep; }"),
            ["1:17: This is never reached: 'stop' stands before it"],
        )

    def test_many(self) -> None:
        self.assertEqual(len(warnings_of("if true { stop; keep; }" * 1000)), 20)


class Dialects(SynchronousTestCase):
    def test_only(self) -> None:
        """`[sieve] extensions`"""
        dialect = SIEVE.only(["fileinto"])
        self.assertEqual(dialect.capabilities, "fileinto")
        self.assertEqual(errors_of('require "fileinto"; fileinto "a";', dialect), [])
        self.assertEqual(
            errors_of('require "copy"; keep :flags "a";', dialect),
            ['1:9: The extension "copy" is not supported here', "1:22: 'keep' has no ':flags'"],
        )
        self.assertIs(SIEVE.only([]), SIEVE)

    def test_unknown(self) -> None:
        from sora.errors import BadArgument

        self.assertRaises(BadArgument, SIEVE.only, ["filein"])

    def test_everything_at_once(self) -> None:
        self.assertEqual(errors_of(ALL + "keep;"), [])

    def test_words_are_brought_once(self) -> None:
        """No extension takes a word, a match type or a comparator away from another."""
        for kind in (
            "words",
            "match_types",
            "address_parts",
            "comparators",
            "envelope_parts",
            "namespaces",
        ):
            names = [
                getattr(one, "tag", one).name
                for extension in (SIEVE.base, *SIEVE.extensions)
                for one in getattr(extension, kind)
            ]
            self.assertEqual(sorted(names), sorted(set(names)), kind)
