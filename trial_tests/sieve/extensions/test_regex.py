"""regex: draft-ietf-sieve-regex."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.regular import BadPattern, compile_pattern
from trial_tests.sieve.filters import errors_of, holds, ran

HOSTILE = (
    "(x+x+)+y",
    "(a|a)*b",
    "(.*)(.*)(.*)(.*)(.*)[0-9]",
    "(a?){300}a{300}",
    "(((a{0,9}){0,9}){0,9})b",
    "(.|.){0,200}z",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
)


class MatchTests(SynchronousTestCase):
    def test_extended_expressions(self) -> None:
        for pattern, value, expected in (
            ("anv?il", "the anvil", True),
            ("^anvil$", "the anvil", False),
            ("^the anvil$", "the anvil", True),
            ("[[:digit:]]+", "a1", True),
            ("^[[:alpha:]_]+$", "a_1", False),
            ("(a|b)c{2,3}", "bcc", True),
            ("a.+c", "a\r\nc", True),
            ("\\\\$\\\\$\\\\$", "$$$", True),
            ("für", "für Ann", True),
            ("f.r", "für", True),
            ("\\\\d+", "a1", True),
            ("ANVIL", "anvil", True),
            ("", "", True),
        ):
            test = f'string :regex "{value}" "{pattern}"'
            self.assertIs(holds(test, requires="regex variables"), expected, pattern)

    def test_comparators(self) -> None:
        """The case of letters counts with i;octet only."""
        for comparator, expected in (
            ("i;octet", False),
            ("i;ascii-casemap", True),
            ("i;unicode-casemap", True),
        ):
            test = f'header :regex :comparator "{comparator}" "subject" "PRESENT"'
            requires = "regex comparator-i;unicode-casemap"
            self.assertIs(holds(test, requires=requires), expected)

    def test_all_matching_tests_have_it(self) -> None:
        for test in (
            'address :regex :localpart "from" "^coy"',
            'header :regex ["x", "subject"] ["no", "pres[ei]nt"]',
            'body :regex "anv[aeiou]l"',
            'envelope :regex "from" "^$"',
        ):
            self.assertTrue(holds(test, requires="regex body envelope"), test)

    def test_match_variables(self) -> None:
        """${0} is what matched, the leftmost and longest; then the groups."""
        outcome = ran(
            """
            require ["regex", "variables", "fileinto"];
            if header :regex "subject" "(a|an|have) (a|b)?(x)?" { fileinto "${0}/${1}/${2}/${3}."; }
            """
        )
        self.assertEqual([action.mailbox for action in outcome.actions], ["have a/have/a/."])  # type: ignore[union-attr]

    def test_no_match_leaves_the_variables(self) -> None:
        test = 'if header :matches "subject" "I*" {} if header :regex "subject" "(zzz)" {}'
        check = 'if string "${1}" " have a present for you" { discard; }'
        self.assertIsNone(ran(f'require ["regex", "variables"]; {test} {check}').keep)

    def test_patterns_with_variables(self) -> None:
        script = 'require ["regex", "variables"]; set "x" "{}"; if header :regex "subject" "${{x}}" {{ discard; }}'
        self.assertIsNone(ran(script.format("pres.nt")).keep)
        outcome = ran(script.format("("))
        assert outcome.error is not None
        self.assertIn("is not a regular expression: missing )", outcome.error.text)

    def test_quoteregex(self) -> None:
        for value in ("a.b", "a*b+c?", "(x)[y]{1}^$|", "\\\\"):
            script = f'set :quoteregex "q" "{value}"; if string :regex "{value}" "^${{q}}$" {{ discard; }}'
            self.assertIsNone(ran(f'require ["regex", "variables"]; {script}').keep, value)
        script = 'set :quoteregex "q" "a.b"; if string "${q}" "a\\\\.b" { discard; }'
        self.assertIsNone(ran(f'require ["regex", "variables"]; {script}').keep)


class WrongUsageTests(SynchronousTestCase):
    def test_compile_errors(self) -> None:
        for pattern, expected in (
            ("(", "missing )"),
            ("a{2,1}", "invalid repetition size"),
            ("(a)\\\\1", "invalid escape sequence"),
            ("[[:nothing:]]", "invalid character class range"),
            ("a{2000}", "invalid repetition size"),
            ("((a{90}){90}){90}", ""),
            # What is wrong is told on one line, whatever the pattern is (found by the fuzzer).
            ("a\r\n)", "unexpected ): a\ufffd\ufffd)"),
            ("a" * 2001, "more than 2000 characters"),
        ):
            (found,) = errors_of(f'require "regex"; if header :regex "x" "{pattern}" {{}}')
            self.assertIn("is not a regular expression", found)
            self.assertIn(expected, found)
        (found,) = errors_of('require "regex";\nif header :regex "x" ["a", "("] {}')
        self.assertEqual(found, '2:22: "(" is not a regular expression: missing ): (')

    def test_with_numbers(self) -> None:
        script = 'require ["regex", "comparator-i;ascii-numeric"]; if header :regex :comparator "i;ascii-numeric" "x" "1" {}'
        (found,) = errors_of(script)
        self.assertIn("cannot be used with ':regex'", found)


class BoundTests(SynchronousTestCase):
    def test_hostile_patterns_are_paid_for(self) -> None:
        """G49: what a pattern costs is the text times its program, and no more is ever done."""
        for pattern in HOSTILE:
            try:
                compiled = compile_pattern(pattern, True)
            except BadPattern:
                continue
            for text in ("x" * 30_000, "a" * 30_000, "aB" * 15_000):
                compiled.search(text)
                self.assertGreaterEqual(compiled.cost(len(text)) * 2048, len(text) * compiled.size)

    def test_a_script_of_them_ends(self) -> None:
        octets = b"Subject: " + b"a" * 50_000 + b"\r\n\r\n"
        tests = "".join(f'if header :regex "subject" "(.|.){{0,90}}z{n}" {{}}' for n in range(20))
        outcome = ran(f'require "regex"; {tests}', octets)
        assert outcome.error is not None
        self.assertIn("does too much", outcome.error.text)

    def test_programs_have_a_size(self) -> None:
        for pattern in ("(.|.){0,1000}", "((((a{0,9}){0,9}){0,9}){0,9})"):
            self.assertRaises(BadPattern, compile_pattern, pattern, True)
