from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument, BadSyntax, UnknownCommand
from sora.mail.dsn import By, Notify, OriginalRecipient, Ret
from sora.mailbox.envelope import Body
from sora.protocols.lmtp.wire.commands import (
    Bdat,
    Lhlo,
    Mail,
    Plain,
    Rcpt,
    Xclient,
    Xforward,
    parse,
)
from sora.protocols.lmtp.wire.parameters import MAX_ENVID, MAX_ORCPT, UnknownParameter
from sora.protocols.lmtp.wire.paths import MAX_PATH, is_address_literal


class ParseTests(SynchronousTestCase):
    def test_reads_what_the_rfc_writes(self) -> None:
        table = [
            (b"LHLO foo.edu", Lhlo("foo.edu")),
            (b"lhlo [127.0.0.1]  ", Lhlo("[127.0.0.1]")),
            (b"MAIL FROM:<chris@bar.com>", Mail("chris@bar.com")),
            (b"mail from:<>", Mail("")),
            (b"MAIL FROM: <a@b> SIZE=12 BODY=8BITMIME", Mail("a@b", 12, Body.EIGHT_BITS)),
            (b"MAIL FROM:<a@b> smtputf8 body=7bit", Mail("a@b", utf8=True)),
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
            (b"MAIL FROM:<a@b> SIZE=x", BadArgument),
            (b"MAIL FROM:<a@b> SIZE=" + b"1" * 21, BadArgument),
            (b"MAIL FROM:<a@b> SIZE", BadArgument),
            (b"MAIL FROM:<a@b> SIZE=", BadArgument),
            (b"MAIL FROM:<a@b> SIZE=1 SIZE=2", BadArgument),
            (b"MAIL FROM:<a@b> BODY=9BIT", BadArgument),
            (b"MAIL FROM:<a@b> SMTPUTF8=yes", BadArgument),
            (b"MAIL FROM:<a@b> =x", BadArgument),
            (b"MAIL FROM:<" + b"a" * (MAX_PATH + 1) + b">", BadSyntax),
            (b"RCPT TO:<a@b> NOTIFY", BadArgument),
            (b"MAIL FROM:<a@b> AUTH=<>", UnknownParameter),
            (b"MAIL FROM:<a\x07@b>", BadSyntax),
            (b"RCPT TO:<>", BadSyntax),
            (b"RCPT TO:<a@b> FOO=NEVER", UnknownParameter),
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

    def test_address_literals(self) -> None:
        """RFC 5321 §4.1.3"""
        for domain in ("[192.0.2.1]", "[IPv6:2001:db8::1]", "[ipv6:::1]"):
            self.assertTrue(is_address_literal(domain), domain)
        for domain in ("192.0.2.1", "[192.0.2]", "[2001:db8::1]", "[x]", "[]", "[192.0.2.1"):
            self.assertFalse(is_address_literal(domain), domain)


class ReportTests(SynchronousTestCase):
    """RFC 3461 §4"""

    def mail(self, parameters: str) -> Mail:
        found = parse(f"MAIL FROM:<a@b> {parameters}".encode())
        assert isinstance(found, Mail)
        return found

    def rcpt(self, parameters: str) -> Rcpt:
        found = parse(f"RCPT TO:<a@b> {parameters}".encode())
        assert isinstance(found, Rcpt)
        return found

    def test_ret_and_envid(self) -> None:
        self.assertEqual(
            self.mail("RET=HDRS ENVID=QQ314159"), Mail("a@b", ret=Ret.HDRS, envid="QQ314159")
        )
        self.assertEqual(self.mail("ret=full").ret, Ret.FULL)
        self.assertEqual(self.mail("ENVID=a+20+2Bb").envid, "a +b")
        self.assertEqual(self.mail("ENVID=" + "x" * MAX_ENVID).envid, "x" * MAX_ENVID)

    def test_notify(self) -> None:
        for value, notify in (
            ("NEVER", Notify.NEVER),
            ("success", Notify.SUCCESS),
            ("SUCCESS,FAILURE", Notify.SUCCESS | Notify.FAILURE),
            ("Delay,Failure,success", Notify.SUCCESS | Notify.FAILURE | Notify.DELAY),
        ):
            self.assertEqual(self.rcpt(f"NOTIFY={value}").notify, notify)
        self.assertIsNone(self.rcpt("").notify)
        self.assertEqual(Notify.NEVER.words, ("NEVER",))
        self.assertEqual((Notify.DELAY | Notify.SUCCESS).words, ("SUCCESS", "DELAY"))

    def test_orcpt(self) -> None:
        """RFC 3461 §10's, and those of RFC 6533 §3."""
        for value, kind, address in (
            ("rfc822;Bob@Example.COM", "rfc822", "Bob@Example.COM"),
            ("RFC822;Carol@Ivory.EDU", "rfc822", "Carol@Ivory.EDU"),
            ("rfc822;George+40Tax-ME.GOV", "rfc822", "George@Tax-ME.GOV"),
            ("x400;/S=a/", None, None),
            ("x400;/S+3Da/", "x400", "/S=a/"),
            (r"utf-8;j\x{FC}rgen@example.com", "utf-8", "jürgen@example.com"),
            ("utf-8;jürgen@example.com", "utf-8", "jürgen@example.com"),
        ):
            with self.subTest(value):
                if kind is None or address is None:
                    self.assertRaises(BadArgument, self.rcpt, f"ORCPT={value}")
                    continue
                self.assertEqual(
                    self.rcpt(f"ORCPT={value}").orcpt, OriginalRecipient(kind, address)
                )
        long = "rfc822;" + "x" * (MAX_ORCPT - 7)
        self.assertEqual(str(self.rcpt(f"ORCPT={long}").orcpt), long)

    def test_wrong_ones(self) -> None:
        for parameters in (
            "RET=ALL",
            "RET",
            "RET=FULL RET=FULL",
            "ENVID=a ENVID=b",
            "ENVID=" + "x" * (MAX_ENVID + 1),
            "ENVID=a+b",
            "ENVID=a+00",
            "ENVID=a+C3+BC",
        ):
            with self.subTest(parameters):
                self.assertRaises(BadArgument, self.mail, parameters)
        for parameters in (
            "NOTIFY=NEVER,SUCCESS",
            "NOTIFY=SUCCESS,",
            "NOTIFY=ALWAYS",
            "NOTIFY=NEVER NOTIFY=NEVER",
            "ORCPT=a@b.c",
            "ORCPT=rfc822;",
            "ORCPT=;a@b.c",
            "ORCPT=rf c;a",
            "ORCPT=rfc(822);a@b.c",
            "ORCPT=rfc822;a+b",
            "ORCPT=rfc822;a+0A",
            "ORCPT=rfc822;ü",
            "ORCPT=utf-8;a+2Bb",
            "ORCPT=rfc822;" + "x" * MAX_ORCPT,
        ):
            with self.subTest(parameters):
                self.assertRaises(BadArgument, self.rcpt, parameters)

    def test_they_are_unknown_where_they_are_not_offered(self) -> None:
        for line in (
            b"MAIL FROM:<a@b> RET=FULL",
            b"MAIL FROM:<a@b> ENVID=x",
            b"RCPT TO:<a@b> NOTIFY=NEVER",
            b"RCPT TO:<a@b> ORCPT=rfc822;a",
        ):
            self.assertRaises(UnknownParameter, parse, line, reports=False)

    def test_deliver_by(self) -> None:
        """RFC 2852 §4"""
        for value, by in (
            ("120;R", By(120, "R")),
            ("+98;nt", By(98, "N", True)),
            ("-5;N", By(-5, "N")),
            ("0;N", By(0, "N")),
            ("125;RT", By(125, "R", True)),
        ):
            self.assertEqual(self.mail(f"BY={value}").by, by)
        self.assertEqual(str(By(125, "R", True)), "125;RT")
        for value in ("0;R", "-1;R", "x;R", "1;X", "1", "1;", "1234567890;N", "1;NTT"):
            with self.subTest(value):
                self.assertRaises(BadArgument, self.mail, f"BY={value}")


class AttributeTests(SynchronousTestCase):
    """XCLIENT and XFORWARD, as Postfix documents them."""

    def test_what_postfix_writes(self) -> None:
        for line, command in (
            (
                b"XCLIENT NAME=spike.porcupine.org ADDR=168.100.189.2",
                Xclient({"NAME": "spike.porcupine.org", "ADDR": "168.100.189.2"}),
            ),
            (
                b"XFORWARD NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP",
                Xforward(
                    {"NAME": "spike.porcupine.org", "ADDR": "168.100.189.2", "PROTO": "ESMTP"}
                ),
            ),
            (b"XFORWARD HELO=spike.porcupine.org", Xforward({"HELO": "spike.porcupine.org"})),
            (
                b"xclient name=[unavailable] addr=ipv6:2001:DB8:0::1 port=1234 proto=smtp",
                Xclient({"NAME": None, "ADDR": "2001:db8::1", "PORT": "1234", "PROTO": "SMTP"}),
            ),
            (
                b"XCLIENT NAME=[TEMPUNAVAIL] LOGIN=ann+40example.com DESTADDR=192.0.2.1 DESTPORT=25",
                Xclient(
                    {
                        "NAME": None,
                        "LOGIN": "ann@example.com",
                        "DESTADDR": "192.0.2.1",
                        "DESTPORT": "25",
                    }
                ),
            ),
            (b"XCLIENT ADDR=IPV6:::ffff:192.0.2.9", Xclient({"ADDR": "192.0.2.9"})),
            (
                b"XFORWARD IDENT=3CF6B2AAE8 SOURCE=local ADDR=[UNAVAILABLE]",
                Xforward({"IDENT": "3CF6B2AAE8", "SOURCE": "LOCAL", "ADDR": None}),
            ),
            (b"XFORWARD HELO=not+encoded", Xforward({"HELO": "not+encoded"})),
        ):
            with self.subTest(line):
                self.assertEqual(parse(line), command)

    def test_what_could_forge_a_line_is_refused(self) -> None:
        for line in (
            b"XCLIENT",
            b"XCLIENT NAME",
            b"XCLIENT FOO=bar",
            b"XCLIENT IDENT=x",
            b"XCLIENT NAME=a NAME=b",
            b"XCLIENT NAME=",
            b"XCLIENT NAME=" + b"x" * 256,
            b"XCLIENT NAME=a+0D+0AQUIT",
            b"XCLIENT HELO=a+20b",
            b"XCLIENT HELO=a(b)",
            b"XCLIENT ADDR=example.com",
            b"XCLIENT ADDR=300.1.2.3",
            b"XCLIENT ADDR=IPV6:192.0.2.1",
            b"XCLIENT PORT=70000",
            b"XCLIENT PORT=-1",
            b"XCLIENT PROTO=HTTP",
            b"XFORWARD SOURCE=ELSEWHERE",
            b"XFORWARD LOGIN=ann",
            b"XFORWARD PROTO=" + b"x" * 65,
        ):
            with self.subTest(line):
                self.assertRaises(BadArgument, parse, line)
