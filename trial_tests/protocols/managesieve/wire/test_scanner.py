"""The grammar of ManageSieve's commands, and of its responses."""

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadSyntax
from sora.protocols.managesieve.wire.scanner import Scanner
from sora.protocols.managesieve.wire.write import literal, response, string


class ScannerTests(SynchronousTestCase):
    def test_words(self) -> None:
        for text, word in ((b"noop", b"NOOP"), (b'PutScript "a"', b"PUTSCRIPT")):
            self.assertEqual(Scanner(text).word(), word)
        for text in (b"", b" NOOP", b'"NOOP"', b"NO(OP", b"\xc3\xa9", b"X" * 65, b"{5}\r\nhello"):
            self.assertRaises(BadSyntax, Scanner(text).word)

    def test_strings(self) -> None:
        """RFC 5804 §4"""
        for text, value in (
            (b'""', ""),
            (b'"a b"', "a b"),
            (b'"say \\"hi\\" \\\\"', 'say "hi" \\'),
            (b'"\xc3\xa9{5}"', "é{5}"),
            (b'"\t"', "\t"),
            (b"{0+}\r\n", ""),
            (b'{4+}\r\n\r\n"\\', '\r\n"\\'),
            (b"{2}\r\n\xc3\xa9", "é"),
            (b'"' + b"x" * 1024 + b'"', "x" * 1024),
        ):
            scan = Scanner(text)
            self.assertEqual(scan.string(), value)
            scan.end()

    def test_what_is_no_string(self) -> None:
        for text in (
            b"",
            b"a",
            b'"a',
            b'"\\a"',
            b'"\x00"',
            b'"\r\n"',
            b'"\xff"',
            b"{3+}\r\nab",
            b"{2+}\r\n\xff\xff",
            b"{+}\r\n",
            b'"' + b"x" * 1025 + b'"',
        ):
            self.assertRaises(BadSyntax, Scanner(text).string)

    def test_numbers(self) -> None:
        for text, number in ((b"0", 0), (b"999999", 999999), (b"4294967295", 4294967295)):
            self.assertEqual(Scanner(text).number(), number)
        for text in (b"", b"-1", b"4294967296", b"9" * 25, b'"5"', b"x"):
            self.assertRaises(BadSyntax, Scanner(text).number)
        scan = Scanner(b"01")
        self.assertEqual(scan.number(), 0)
        self.assertRaises(BadSyntax, scan.end)


class WriteTests(SynchronousTestCase):
    def test_strings(self) -> None:
        for text, written in (
            ("", b'""'),
            ("é", b'"\xc3\xa9"'),
            ('clever"script', b'"clever\\"script"'),
            ("a\\b", b'"a\\\\b"'),
            ("a\r\nb", b"{4}\r\na\r\nb"),
            (b"\x00", b"{1}\r\n\x00"),
            ("x" * 1024, b'"' + b"x" * 1024 + b'"'),
            ("x" * 1025, b"{1025}\r\n" + b"x" * 1025),
            ('"' * 513, b"{513}\r\n" + b'"' * 513),
        ):
            self.assertEqual(string(text), written)
            if isinstance(text, str):
                self.assertEqual(Scanner(written).string(), text)
        self.assertEqual(literal(b"a"), b"{1}\r\na")

    def test_responses(self) -> None:
        """RFC 5804 §1.3, §2"""
        self.assertEqual(response(b"OK"), b"OK\r\n")
        self.assertEqual(response(b"NO", text="Go away"), b'NO "Go away"\r\n')
        self.assertEqual(response(b"NO", b"ACTIVE", "No"), b'NO (ACTIVE) "No"\r\n')
        self.assertEqual(response(b"OK", b'TAG "x"'), b'OK (TAG "x")\r\n')
