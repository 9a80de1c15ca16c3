"""imap4flags (RFC 5232)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Keep
from trial_tests.sieve.filters import compile_script, errors_of, ran

HEAD = 'require ["imap4flags", "fileinto", "variables", "relational", "copy", "comparator-i;ascii-numeric"];\n'


def kept(script: str) -> "tuple[str, ...] | None":
    """The flags of the keep."""
    outcome = ran(HEAD + script)
    assert outcome.keep is not None and outcome.error is None, outcome
    return outcome.keep.flags


class Internal(SynchronousTestCase):
    def test_table(self) -> None:
        for script, expected in (
            ("", None),
            (r'setflag "\\Deleted";', ("\\Deleted",)),
            (r'setflag "\\Deleted"; setflag "A";', ("A",)),
            (r'addflag "\\Deleted"; addflag "\\Answered";', ("\\Deleted", "\\Answered")),
            (r'addflag ["\\Deleted", "\\Answered"];', ("\\Deleted", "\\Answered")),
            (r'addflag "  \\Deleted   \\Answered ";', ("\\Deleted", "\\Answered")),
            (r'addflag "a A a"; addflag "A";', ("a",)),
            (r'setflag "a b c"; removeflag ["B", "", "x"];', ("a", "c")),
            (r'setflag "a"; removeflag "a";', ()),
            (r'setflag "\\Recent \\Unknown NIL x(y ok";', ("ok",)),
            (r'setflag "a"; keep :flags "b";', ("b",)),
            (r'setflag "a"; keep;', ("a",)),
            (r'keep :flags ["a b", "c"];', ("a", "b", "c")),
        ):
            self.assertEqual(kept(script), expected, script)

    def test_fileinto(self) -> None:
        """Each copy has its flags (RFC 5232 §3, §5)."""
        outcome = ran(
            HEAD
            + r"""
            setflag "x";
            fileinto :copy "a";
            addflag "y";
            fileinto :copy :flags "\\Seen" "b";
            fileinto :copy "c";
            """
        )
        self.assertEqual(
            outcome.actions,
            (FileInto("a", ("x",)), FileInto("b", ("\\Seen",)), FileInto("c", ("x", "y"))),
        )
        self.assertEqual(outcome.keep, Keep(("x", "y")))

    def test_last_wins(self) -> None:
        """RFC 5232 §3: of duplicates, the last list of flags."""
        outcome = ran(HEAD + 'fileinto :flags "a" "m"; fileinto :flags "b" "m";')
        self.assertEqual(outcome.actions, (FileInto("m", ("b",)),))


class InVariables(SynchronousTestCase):
    def test_variable(self) -> None:
        script = r"""
            addflag "flagvar" "\\Deleted";
            addflag "flagvar" "$MDNRequired";
            removeflag "flagvar" "$mdnrequired";
            addflag "flagvar" "\\Flagged";
            keep :flags "${flagvar}";
        """
        self.assertEqual(kept(script), ("\\Deleted", "\\Flagged"))

    def test_needs_variables(self) -> None:
        self.assertEqual(
            errors_of('require "imap4flags"; setflag "v" "a";'),
            ['1:31: A set of flags in a variable needs: require "variables";'],
        )

    def test_set_works(self) -> None:
        self.assertEqual(
            kept('set "v" "a  b a"; addflag "v" "c"; keep :flags "${v}";'), ("a", "b", "c")
        )


class HasFlag(SynchronousTestCase):
    def test_table(self) -> None:
        """RFC 5232 §4"""
        my = 'set "MyVar" "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk";'
        numeric = ':comparator "i;ascii-numeric"'
        for before, test, expected in (
            ('setflag "A B";', 'hasflag :is "b A"', True),
            ('setflag "A B";', 'hasflag ["b","A"]', True),
            ('setflag "A B";', 'hasflag "C"', False),
            ("", 'hasflag "A"', False),
            (my, 'hasflag :contains "MyVar" "Junk"', True),
            (my, 'hasflag :contains "MyVar" "forward"', True),
            (my, 'hasflag :contains "MyVar" ["label", "forward"]', True),
            (my, 'hasflag :contains "MyVar" ["junk", "forward"]', True),
            (my, 'hasflag :contains "MyVar" "junk forward"', True),
            (my, 'hasflag :contains "MyVar" "label"', False),
            (my, 'hasflag :contains "MyVar" ["label1", "label2"]', False),
            ('set "MyFlags" "A B";', f'hasflag :count "ge" {numeric} "MyFlags" "2"', True),
            ('set "MyFlags" "A B a";', f'hasflag :count "ge" {numeric} "MyFlags" "3"', False),
            ('set "a" "A B"; set "b" "A";', f'hasflag :count "eq" {numeric} ["a", "b"] "3"', True),
            ('setflag "A B";', r'hasflag :matches "?"', True),
        ):
            script = f'{before} if {test} {{ setflag "yes"; }} else {{ setflag "no"; }}'
            self.assertEqual(kept(script), ("yes",) if expected else ("no",), test)


class Compiling(SynchronousTestCase):
    def test_warning(self) -> None:
        script = compile_script('require "imap4flags"; setflag "\\\\Recent a";')
        self.assertEqual(
            [str(one) for one in script.warnings],
            ['line 1, column 31: "\\Recent" is not a flag that can be set: it is ignored'],
        )

    def test_without_require(self) -> None:
        self.assertEqual(
            errors_of('keep :flags "a"; hasflag;'),
            [
                "1:6: ':flags' needs: require \"imap4flags\";",
                "1:18: 'hasflag' is a test, not a command",
            ],
        )

    def test_extended_example(self) -> None:
        """RFC 5232 §9, with `removeflag` for its `remove`."""
        script = r"""
            require ["fileinto", "imap4flags", "variables"];
            if size :over 1M {
                addflag "MyFlags" "Big";
                if header :is "From" "boss@company.example.com" { addflag "MyFlags" "\\Flagged"; }
                fileinto :flags "${MyFlags}" "Big messages";
            }
            if header :is "From" "grandma@example.net" {
                addflag "MyFlags" ["\\Answered", "$MDNSent"];
                fileinto :flags "${MyFlags}" "GrandMa";
            }
            if header :is "Sender" "owner-ietf-mta-filters@example.org" {
                set "MyFlags" "\\Flagged $Work";
                keep :flags "${MyFlags}";
            } elsif anyof (not address :all :contains ["To", "Cc"] "me@company.example.com",
                           header :matches "subject" ["*make*money*fast*", "*university*dipl*mas*"]) {
                removeflag "MyFlags" "\\Flagged";
                fileinto :flags "${MyFlags}" "spam";
            } else {
                fileinto :flags "${MyFlags}" "personal";
            }
        """
        outcome = ran(script, b"From: grandma@example.net\r\n\r\n")
        flags = ("\\Answered", "$MDNSent")
        self.assertEqual(outcome.actions, (FileInto("GrandMa", flags), FileInto("spam", flags)))
        outcome = ran(script, b"Sender: owner-ietf-mta-filters@example.org\r\n\r\n")
        self.assertEqual(outcome.keep, Keep(("\\Flagged", "$Work")))
