"""variables (RFC 5229)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto
from sora.sieve.limits import Limits
from trial_tests.sieve.filters import errors_of, ran

HEAD = 'require ["variables", "fileinto", "encoded-character", "relational"];\n'


def value(script: str, text: str = "${b}", octets: bytes = b"\r\n", **more: object) -> str:
    """What a string is after a script."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    outcome = ran(f'{HEAD}{script}\nfileinto ":{quoted}";', octets, **more)  # type: ignore[arg-type]
    assert outcome.error is None, outcome.error
    action = outcome.actions[-1]
    assert isinstance(action, FileInto)
    return action.mailbox[1:]


class Strings(SynchronousTestCase):
    def test_references(self) -> None:
        """RFC 5229 §3"""
        for text, expected in (
            ("&%${}!", "&%${}!"),
            ("${doh!}", "${doh!}"),
            ("${full}", ""),
            ("${company}", "ACME"),
            ("${COMPANY}", "ACME"),
            ("${BAD${Company}", "${BADACME"),
            ("${President, ${Company} Inc.}", "${President, ACME Inc.}"),
            ("$${company}}", "$ACME}"),
            ("${ company}", "${ company}"),
            ("${00}", ""),
        ):
            self.assertEqual(value('set "company" "ACME";', text), expected, text)

    def test_quoting(self) -> None:
        """RFC 5229 §3.1"""
        for source, expected in (
            (r"${fo\o}", "X"),
            (r"${fo\\o}", r"${fo\o}"),
            (r"\${foo}", "X"),
            (r"\\${foo}", r"\X"),
        ):
            self.assertEqual(value(f'set "foo" "X"; set "b" "{source}";'), expected, source)

    def test_dollar(self) -> None:
        script = 'set "dollar" "$"; set "b" "regarding ${dollar}{beep}";'
        self.assertEqual(value(script), "regarding ${beep}")

    def test_encoded(self) -> None:
        """Encoded characters come before variables (RFC 5229 §3.1)."""
        script = 'set "name" "Ethelbert"; set "b" "dear${hex:20 24 7b 4e}ame}";'
        self.assertEqual(value(script), "dear Ethelbert")

    def test_pass_once(self) -> None:
        self.assertEqual(
            value('set "a" "${c}"; set "c" "x"; set "d" "$"; set "b" "${d}{c}";'), "${c}"
        )


class Modifiers(SynchronousTestCase):
    def test_table(self) -> None:
        """RFC 5229 §4.1"""
        for modifiers, source, expected in (
            ("", "${a}", "juMBlEd lETteRS"),
            (":length", "${a}", "15"),
            (":lower", "${a}", "jumbled letters"),
            (":upperfirst", "${a}", "JuMBlEd lETteRS"),
            (":upperfirst :lower", "${a}", "Jumbled letters"),
            (":lower :upperfirst", "${a}", "Jumbled letters"),
            (":LOWERFIRST :Upper", "${a}", "jUMBLED LETTERS"),
            (":quotewildcard", "Rock*", "Rock\\*"),
            (":quotewildcard", "a?\\\\", "a\\?\\\\"),
            (":quotewildcard :length", "Rock*", "6"),
            (":length", "äöü", "3"),
            (":upper", "äöü x", "äöü X"),
            (":upperfirst", "", ""),
        ):
            script = f'set "a" "juMBlEd lETteRS"; set {modifiers} "b" "{source}";'
            self.assertEqual(value(script), expected, (modifiers, source))

    def test_precedence(self) -> None:
        self.assertEqual(
            errors_of(HEAD + 'set :lower :upper "a" "b";'),
            ["2:12: ':lower' and ':upper' exclude each other"],
        )

    def test_unknown(self) -> None:
        self.assertEqual(
            errors_of(HEAD + 'set :lowr "a" "b";'),
            ["2:5: 'set' has no ':lowr'; did you mean ':lower'?"],
        )


class MatchVariables(SynchronousTestCase):
    def test_examples(self) -> None:
        """RFC 5229 §3.2"""
        subject = b"Subject: [acme-users] [fwd] version 1.0 is out\r\n"
        octets = subject + b"List-ID: Real Name <a@b@c>\r\nTo: coyote@ACME.Example.COM\r\n\r\n"
        for test, expected in (
            ('header :matches "List-ID" "*<*@*"', "Real Name <a@b@c>|Real Name |a|b@c>"),
            (
                'header :matches "Subject" "[*] *"',
                "[acme-users] [fwd] version 1.0 is out|acme-users|[fwd] version 1.0 is out|",
            ),
            (
                'address :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"]',
                "coyote@ACME.Example.COM||ACME.Example|",
            ),
            ('anyof (true, address :domain :matches "To" "*.com")', "|||"),
            ('header :matches "Subject" "[????*"', "[acme-users] [fwd] version 1.0 is out|a|c|m"),
            ('header :matches "Subject" "nothing*"', "|||"),
        ):
            script = f"if {test} {{ }}"
            found = value(script, "${0}|${1}|${2}|${3}", octets)
            self.assertEqual(found, expected, test)

    def test_last_success(self) -> None:
        """A match that fails leaves what there was."""
        script = 'if string :matches "abc" "a*" { } if string :matches "x" "y*" { }'
        self.assertEqual(value(script, "${001}"), "bc")

    def test_no_variables(self) -> None:
        outcome = ran('require "fileinto"; if header :matches "s" "*" { } fileinto "${0}";')
        self.assertEqual(outcome.actions, (FileInto("${0}"),))

    def test_too_high(self) -> None:
        self.assertEqual(
            errors_of(HEAD + 'keep; fileinto "${1000}";'),
            ["2:16: There are no match variables after ${999}"],
        )


class Words(SynchronousTestCase):
    def test_string(self) -> None:
        """RFC 5229 §5"""
        script = 'set "state" "${state} pending"; if string :matches " ${state} " "* pending *" { set "b" "yes"; }'
        self.assertEqual(value(script), "yes")

    def test_count(self) -> None:
        """The count of an empty string is 0 (RFC 5229 §5)."""
        script = 'if string :count "eq" ["", "a", "", "b"] "2" { set "b" "two"; }'
        self.assertEqual(value(script), "two")

    def test_names(self) -> None:
        for name, error in (
            ("1", 'The match variable "1" cannot be set'),
            ("a-b", "\"a-b\" is not a name of a variable: letters, digits and '_'"),
            ("", "\"\" is not a name of a variable: letters, digits and '_'"),
            ("vnd.x", "There is no namespace 'vnd' of variables here"),
            ("global.x", "There is no namespace 'global' of variables here"),
            ("${a}", "The argument 'name' of 'set' cannot have variables in it"),
            ("a" * 65, "The name of a variable has more than 64 characters"),
        ):
            self.assertEqual(errors_of(f'{HEAD}set "{name}" "x";'), [f"2:5: {error}"])

    def test_namespace_read(self) -> None:
        self.assertEqual(
            errors_of(HEAD + 'fileinto "${vnd.x}";'),
            ['2:10: There is no variable "vnd.x" here'],
        )


class Bounds(SynchronousTestCase):
    def test_cut(self) -> None:
        """What is too long is cut, which is no error (RFC 5229 §6)."""
        script = 'set "b" "0123456789"; set "b" "${b}${b}${b}";'
        self.assertEqual(value(script, limits=Limits(string=25)), "0123456789" * 2 + "0123")

    def test_doubling(self) -> None:
        script = HEAD + 'set "a" "x";' + 'set "a" "${a}${a}";' * 150
        outcome = ran(script)
        self.assertIsNone(outcome.error)
        self.assertLess(outcome.instructions, 200_000)

    def test_wide(self) -> None:
        """A string of thousands of references to a long variable."""
        script = HEAD + 'set "a" "' + "x" * 4000 + '"; set "b" "' + "${a}" * 10_000 + '";'
        self.assertIsNone(ran(script).error)

    def test_too_many(self) -> None:
        script = HEAD + "".join(f'set "v{number}" "x";' for number in range(4))
        outcome = ran(script, limits=Limits(variables=3))
        self.assertEqual(
            str(outcome.error), "line 2, column 40: The script has more than 3 variables"
        )

    def test_memory(self) -> None:
        script = HEAD + "".join(f'set "v{number}" "0123456789";' for number in range(4))
        outcome = ran(script, limits=Limits(memory=35))
        self.assertIn("holds too much", str(outcome.error))
