from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadSyntax, UnknownCommand
from sora.protocols.lmtp.wire.commands import (
    Bdat,
    Lhlo,
    Mail,
    Plain,
    Rcpt,
    UnknownParameter,
    parse,
)


class ParseTests(SynchronousTestCase):
    def test_reads_what_the_rfc_writes(self) -> None:
        table = [
            (b"LHLO foo.edu", Lhlo("foo.edu")),
            (b"lhlo [127.0.0.1]  ", Lhlo("[127.0.0.1]")),
            (b"MAIL FROM:<chris@bar.com>", Mail("chris@bar.com")),
            (b"mail from:<>", Mail("")),
            (b"MAIL FROM: <a@b> SIZE=12 BODY=8BITMIME", Mail("a@b", 12)),
            (b"MAIL FROM:<a@b> smtputf8 body=7bit", Mail("a@b", None, True)),
            (b"MAIL FROM:<@x,@y:a@b>", Mail("a@b")),
            (b"RCPT TO:<pat@foo.edu>", Rcpt("pat@foo.edu")),
            (b"RCPT TO:<Postmaster>", Rcpt("Postmaster")),
            (b'RCPT TO:<"a b>c"@foo.edu>', Rcpt('"a b>c"@foo.edu')),
            ("RCPT TO:<jürgen@foo.edu>".encode(), Rcpt("jürgen@foo.edu")),
            (b"BDAT 86 LAST", Bdat(86, True)),
            (b"bdat 0", Bdat(0, False)),
            (b"DATA", Plain("DATA")),
            (b"noop whatever", Plain("NOOP")),
            (b"VRFY somebody", Plain("VRFY")),
            (b"EHLO x", Plain("EHLO")),
        ]
        for line, command in table:
            self.assertEqual(parse(line), command, line)

    def test_refuses_what_is_none(self) -> None:
        table = [
            (b"", UnknownCommand),
            (b"FOO", UnknownCommand),
            (b"LHLO", BadSyntax),
            (b"LHLO a b", BadSyntax),
            (b"MAIL", BadSyntax),
            (b"MAIL FROM:a@b", BadSyntax),
            (b"MAIL FROM:<a b@c>", BadSyntax),
            (b"MAIL FROM:<a@b>SIZE=1", BadSyntax),
            (b"MAIL FROM:<a@b> SIZE=x", BadSyntax),
            (b"MAIL FROM:<a@b> BODY=BINARYMIME", BadSyntax),
            (b"MAIL FROM:<a@b> AUTH=<>", UnknownParameter),
            (b"MAIL FROM:<a\x07@b>", BadSyntax),
            (b"RCPT TO:<>", BadSyntax),
            (b"RCPT TO:<a@b> NOTIFY=NEVER", UnknownParameter),
            (b"RCPT TO:<a@b\0>", BadSyntax),
            (b"RCPT TO:<a@b\r>", BadSyntax),
            (b"RCPT TO:<\xff@b>", BadSyntax),
            (b"BDAT", BadSyntax),
            (b"BDAT -1", BadSyntax),
            (b"BDAT 1 FIRST", BadSyntax),
            (b"DATA now", BadSyntax),
        ]
        for line, error in table:
            self.assertIs(type(self.assertRaises(error, parse, line)), error, line)
