"""Scripts and messages that mean harm are bounded: by counting, not by the clock (G49)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.dialect import SIEVE
from sora.sieve.effects import Keep
from sora.sieve.limits import Limits
from trial_tests.sieve.filters import compile_script, errors_of, ran

HEAD = (
    'require ["variables", "fileinto", "imap4flags", "copy", "relational", "encoded-character"];\n'
)
WIDE = b"Subject: " + b"a" * 200_000 + b"\r\n\r\n"
LONG = b"".join(b"X-A: %d\r\n" % number for number in range(20_000)) + b"\r\n"


class Hostile(SynchronousTestCase):
    def bounded(self, script: str, octets: bytes = b"\r\n", error: str | None = None) -> None:
        """It ends, within its limits; what it may not do is an error that keeps the mail."""
        outcome = ran(HEAD + script, octets)
        if error is None:
            self.assertIsNone(outcome.error)
        else:
            self.assertIn(error, str(outcome.error))
            self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))

    def test_many_commands(self) -> None:
        self.bounded("keep;" * 10_000)
        self.bounded('set "a" "b";' * 5000)

    def test_actions(self) -> None:
        many = "".join(f'fileinto "m{number}";' for number in range(65))
        self.bounded(many, error="more than 64 actions")

    def test_wildcards(self) -> None:
        for pattern in ("*a*a*a*a*b", "*a" * 1000 + "b", "*?b"):
            self.bounded(f'if header :matches "subject" "{pattern}" {{ }}', WIDE)
        self.bounded(
            'if header :matches "subject" ["'
            + '", "'.join(["*" + "?a" * 300 + "b"] * 60)
            + '"] { }',
            WIDE,
            "does too much",
        )

    def test_long_header_many_tests(self) -> None:
        self.bounded('if header :contains "subject" "b" { }' * 1000, WIDE, "does too much")

    def test_many_fields(self) -> None:
        keys = ", ".join(f'"k{number}"' for number in range(1000))
        self.bounded(f'if header :contains "x-a" [{keys}] {{ }}', LONG, "does too much")
        names = ", ".join(['"x-a"'] * 3000)
        self.bounded(f'if header :contains [{names}] "b" {{ }}', LONG, "does too much")

    def test_doubling(self) -> None:
        self.bounded('set "a" "xxxxxxxx";' + 'set "a" "${a}${a}";' * 150)
        self.bounded('set "a" "x";' + 'set "a" "${a}${a}";' * 250, error="does too much")
        many = "".join(f'set "v{number}" "${{a}}";' for number in range(100))
        self.bounded(
            'set "a" "xxxxxxxx";' + 'set "a" "${a}${a}";' * 20 + many, error="holds too much"
        )

    def test_flags(self) -> None:
        flags = " ".join(f"f{number}" for number in range(5000))
        self.bounded(f'setflag "{flags}";')
        self.assertEqual(len(ran(HEAD + f'setflag "{flags}";').keep.flags), 100)  # type: ignore[union-attr,arg-type]
        self.bounded(f'set "f" "{flags}";' + 'addflag "g" "${f}";' * 50)
        self.bounded(f'set "f" "{flags}";' + 'addflag "g" "${f}";' * 500, error="does too much")

    def test_numbers(self) -> None:
        digits = "9" * 20_000
        test = f'string :value "gt" :comparator "i;ascii-numeric" "{digits}" "{digits}"'
        outcome = ran(
            'require ["relational", "variables", "comparator-i;ascii-numeric"]; if ' + test + " { }"
        )
        self.assertIsNone(outcome.error)

    def test_sources(self) -> None:
        """What is no script at all."""
        for source in (
            b"\xff" * 60_000,
            b"\0",
            b"(" * 60_000,
            b"/*" * 30_000,
            b'"' * 60_001,
            b"text:\n" * 10_000,
            b"a:b " * 10_000,
            b"{}" * 30_000,
            b"if" + b" not" * 10_000,
            b"[" * 60_000,
            b"if anyof (" + b"true," * 10_000,
            b'require ["' + b'","'.join([b"x"] * 10_000) + b'"];',
        ):
            errors = errors_of(source)
            self.assertTrue(errors and len(errors) <= 20, source[:20])

    def test_deepest_configuration(self) -> None:
        """As deep as `[sieve]` can allow."""
        limits = Limits(nesting=60, include_depth=30)
        script = "if true {" * 60 + "if " + "not " * 59 + "true { keep; }" + "}" * 60
        self.assertIn("deeper than 60", errors_of(script, limits=limits)[0])
        script = "if true {" * 59 + "if " + "not " * 59 + "true { keep; }" + "}" * 59
        self.assertIsNone(ran(script, limits=limits).error)

    def test_size(self) -> None:
        self.assertEqual(len(errors_of("#" * 70_000)), 1)

    def test_header(self) -> None:
        """Headers that are no headers."""
        for octets in (
            b"",
            b"\n",
            b":" * 100_000,
            b"Subject: " + b"=?utf-8?Q?" * 20_000 + b"\r\n\r\n",
            b"From: " + b"(" * 50_000 + b"\r\n\r\n",
            b"From: " + b'"' * 50_001 + b"\r\n\r\n",
            b"From: " + b"a@b.c," * 20_000 + b"\r\n\r\n",
            b" " * 100_000,
            b"a\n" * 50_000,
        ):
            self.bounded(
                'if anyof (header :matches "subject" "*a*", address :detail "from" "b") { }'.replace(
                    ":detail", ":domain"
                ),
                octets,
            )

    def test_clock(self) -> None:
        """Besides the counted limits, one by a clock that is handed in."""
        times = iter(range(100_000))
        outcome = ran("keep;" * 5000, limits=Limits(cpu=2), clock=lambda: float(next(times)))
        self.assertIn("takes longer than 2 seconds", str(outcome.error))
        self.assertIsNone(ran("keep;" * 5000, limits=Limits(cpu=2), clock=lambda: 0.0).error)

    def test_trace_is_bounded(self) -> None:
        outcome = ran(HEAD + "keep;" * 12_000, trace=True)
        self.assertLessEqual(len(outcome.trace), 10_001)


class Deterministic(SynchronousTestCase):
    def test_same_twice(self) -> None:
        script = compile_script(HEAD + 'if header :matches "subject" "*a*" { fileinto "${1}x"; }')
        first = ran(script, b"Subject: ba\r\n\r\n")
        self.assertEqual(first, ran(script, b"Subject: ba\r\n\r\n"))
        self.assertEqual(first.actions[0].mailbox, "bx")  # type: ignore[union-attr]

    def test_one_script_many_messages(self) -> None:
        """What a script keeps from one run to the next is only what never changes."""
        script = compile_script(
            HEAD
            + 'if header :matches "subject" ["${x}*", "a*"] { addflag "f"; set "x" "q"; } keep;'
        )
        for subject, flags in ((b"ab", ("f",)), (b"zz", ("f",)), (b"", None)):
            octets = b"Subject: " + subject + b"\r\n\r\n" if subject else b"\r\n"
            outcome = ran(script, octets)
            assert outcome.keep is not None
            self.assertEqual(outcome.keep.flags, flags)

    def test_dialect_is_whole(self) -> None:
        self.assertGreaterEqual(len(SIEVE.names), 15)
