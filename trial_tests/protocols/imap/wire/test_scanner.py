"""The grammar of commands."""

import contextlib
from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadName, BadSyntax, SoraError
from sora.mail.mailbox_names import normalise
from sora.mail.numbers import SequenceSet
from sora.protocols.imap.wire.dates import read_date_time, write_date_time
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SEARCH_KEYS, SearchReader
from sora.protocols.imap.wire.sections import read_partial, read_section, section_name
from sora.protocols.imap.wire.write import astring, mailbox, string, text


class ScannerTests(SynchronousTestCase):
    def test_what_rules_take(self) -> None:
        for rule, octets, value in [
            ("astring", b"abc]", b"abc]"),
            ("astring", b'"a \\"b\\\\"', b'a "b\\'),
            ("astring", b'""', b""),
            ("astring", b"{3}\r\na\nb", b"a\nb"),
            ("astring", b"{0+}\r\n", b""),
            ("astring", '"\u00e4"'.encode(), "\u00e4".encode()),
            ("atom", b"$Forwarded", b"$Forwarded"),
            ("nstring", b"nil", None),
            ("nstring", b'"nil"', b"nil"),
            ("number", b"0", 0),
            ("number", b"4294967295", 4_294_967_295),
            ("sequence_set", b"1", SequenceSet(((1, 1),))),
            ("sequence_set", b"5:2,*:4,7", SequenceSet(((5, 2), (None, 4), (7, 7)))),
            ("sequence_set", b"*", SequenceSet(((None, None),))),
            ("flag", b"\\Seen", "\\Seen"),
            ("flag_list", b"()", []),
            ("flag_list", b"(\\Seen $x)", ["\\Seen", "$x"]),
            ("mailbox", b"iNbOx", "INBOX"),
            ("mailbox", b'"&Jjo-!"', "\u263a!"),
            ("mailbox", '"\u00e4"'.encode(), "\u00e4"),
            ("list_mailbox", b"%/*]x", "%/*]x"),
            ("date", b"1-feb-1994", date(1994, 2, 1)),
            ("date", b'"29-Feb-2000"', date(2000, 2, 29)),
            ("literal8", b"~{2}\r\n\0x", b"\0x"),
        ]:
            scanner = Scanner(octets)
            self.assertEqual(getattr(scanner, rule)(), value, (rule, octets))
            self.assertTrue(scanner.at_end, (rule, octets))

    def test_what_rules_refuse(self) -> None:
        for rule, octets in [
            ("astring", b""),
            ("astring", b"("),
            ("astring", b"\xe4"),
            ("astring", b'"abc'),
            ("astring", b'"a\\b"'),
            ("astring", b'"a\r\n"'),
            ("astring", b"{5}\r\nabc"),
            ("astring", b"{3}abc"),
            ("astring", b"{2}\r\na\0"),
            ("atom", b"a]"[1:]),
            ("number", b"4294967296"),
            ("number", b"x"),
            ("number64", b"9223372036854775808"),
            ("sequence_set", b"0"),
            ("sequence_set", b"1:0"),
            ("sequence_set", b"4294967296"),
            ("sequence_set", b"99999999999999999999"),
            ("sequence_set", b","),
            ("flag_list", b"(\\Seen"),
            ("flag_list", b"(\\Seen  x)"),
            ("flag_list", b"\\Seen"),
            ("mailbox", b'""'),
            ("mailbox", b"&x"),
            ("mailbox", b"{1}\r\n\xff"),
            ("date", b"1-Feb-94"),
            ("date", b"30-Feb-1994"),
            ("date", b"1-Foo-1994"),
            ("date_time", b'"1-Feb-1994"'),
            ("tag", b"a+"[1:]),
        ]:
            with self.assertRaises(SoraError, msg=str((rule, octets))):
                getattr(Scanner(octets), rule)()

    def test_errors_say_where(self) -> None:
        scanner = Scanner(b"a SELECT", 8)
        with self.assertRaises(BadSyntax) as caught:
            scanner.space()
        self.assertEqual(caught.exception.text, "A space is missing at octet 9 of the command")

    def test_nesting_is_bounded(self) -> None:
        scanner = Scanner(b"(" * 100)

        def nested() -> object:
            return scanner.parenthesised(nested)

        with self.assertRaises(BadSyntax):
            nested()

    @given(st.binary(max_size=60))
    def test_nothing_but_errors_of_the_domain_leave_it(self, octets: bytes) -> None:
        rules = (
            "astring string nstring sequence_set flag_list mailbox list_mailbox date date_time "
            "literal8 number64 tag atom word"
        )
        for rule in rules.split():
            with contextlib.suppress(SoraError):
                getattr(Scanner(octets), rule)()

    @given(
        st.lists(
            st.sampled_from(
                [*SEARCH_KEYS, b"(", b")", b" ", b" ", b"1:*", b"x", b"1-Feb-1994", b'"', b"7"]
            ),
            max_size=30,
        )
    )
    def test_no_search_confuses_it(self, words: list[bytes]) -> None:
        with contextlib.suppress(SoraError):
            SearchReader(Scanner(b"".join(words)), SEARCH_KEYS).program()

    @given(st.binary(max_size=40))
    def test_what_is_written_is_read_again(self, octets: bytes) -> None:
        octets = octets.replace(b"\0", b"")
        self.assertEqual(Scanner(string(octets)).string(), octets)
        self.assertEqual(Scanner(astring(octets)).astring(), octets)

    @given(st.text(max_size=20))
    def test_names_of_mailboxes_in_both_spellings(self, words: str) -> None:
        """RFC 3501 §5.1.3; RFC 6855 §3: with UTF-8 an ampersand is an ampersand."""
        try:
            name = normalise(words)
        except BadName:
            return
        for utf8 in (False, True):
            self.assertEqual(Scanner(mailbox(name, utf8), utf8=utf8).mailbox(), name)
        self.assertEqual(Scanner(b'"R&-D"').mailbox(), "R&D")
        self.assertEqual(Scanner(b'"R&-D"', utf8=True).mailbox(), "R&-D")

    def test_a_literal_is_written_for_what_cannot_be_quoted(self) -> None:
        self.assertEqual(string(b"a\r\nb"), b"{4}\r\na\r\nb")
        self.assertEqual(string(b"\xe4"), b"{1}\r\n\xe4")
        self.assertEqual(astring(b"NIL"), b'"NIL"')
        self.assertEqual(astring(b""), b'""')

    @given(st.text(max_size=50))
    def test_text_is_one_line_of_ascii(self, sentence: str) -> None:
        written = text(sentence)
        self.assertTrue(written.isascii() and written)
        self.assertFalse(set(written) & set(b"\r\n\0"))
        self.assertFalse(written.startswith(b"["))


class SectionTests(SynchronousTestCase):
    def test_names_are_as_they_were_asked_for(self) -> None:
        for text_, name in {
            b"[]": b"BODY[]",
            b"[1.2.mime]": b"BODY[1.2.MIME]",
            b"[text]<5.10>": b"BODY[TEXT]<5>",
            b'[1.HEADER.FIELDS (From "a b")]': b'BODY[1.HEADER.FIELDS (From "a b")]',
            b"[HEADER.fields.not (x)]": b"BODY[HEADER.FIELDS.NOT (x)]",
        }.items():
            scanner = Scanner(text_)
            section = read_section(scanner)
            self.assertEqual(section_name(section, read_partial(scanner)), name)
            self.assertTrue(scanner.at_end)

    def test_what_is_refused(self) -> None:
        for text_ in (b"[0]", b"[1.]", b"[.1]", b"[MIME]", b"[1.2", b"[HEADER.FIELDS]", b"[X]"):
            with self.assertRaises(BadSyntax, msg=str(text_)):
                read_section(Scanner(text_))
        with self.assertRaises(BadSyntax):
            read_section(Scanner(b"[" + b"1." * 200 + b"1]"))


class DateTests(SynchronousTestCase):
    def test_both_directions(self) -> None:
        for octets, moment in {
            b"17-Jul-1996 02:44:25 -0700": datetime(
                1996, 7, 17, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7))
            ),
            b" 1-Jan-2026 00:00:00 +0000": datetime(2026, 1, 1, tzinfo=UTC),
            b"31-Dec-9999 23:59:59 +1345": datetime(
                9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=13, minutes=45))
            ),
            b" 1-Jan-2000 00:00:00 -0030": datetime(
                2000, 1, 1, tzinfo=timezone(timedelta(minutes=-30))
            ),
        }.items():
            self.assertEqual(read_date_time(octets), moment)
            self.assertEqual(write_date_time(moment), b'"' + octets + b'"')

    def test_a_leap_second_is_the_one_before(self) -> None:
        self.assertEqual(read_date_time(b"31-Dec-2016 23:59:60 +0000").second, 59)
