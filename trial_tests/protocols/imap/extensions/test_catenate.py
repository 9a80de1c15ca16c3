"""CATENATE (RFC 4469)."""

from attrs import evolve

from sora.protocols.imap.services import Limits
from sora.protocols.imap.spoken import DIALECT
from trial_tests.support.sharing import WORK, SharingTestCase
from trial_tests.support.transcript import TranscriptTestCase

DRAFT = b"\r\n".join(
    [
        b"Subject: About our holiday trip",
        b"MIME-Version: 1.0",
        b"Content-Type: multipart/mixed;",
        b" boundary=------------030308070208000400050907",
        b"",
        b"--------------030308070208000400050907",
        b"Content-Type: text/plain; charset=us-ascii",
        b"",
        b"Our travel agent has sent the schedule.",
        b"--------------030308070208000400050907",
        b"Content-Type: application/x-zip-compressed",
        b"Content-Transfer-Encoding: base64",
        b"",
        b"UEsDBAoAAAAAAACh",
        b"--------------030308070208000400050907--",
        b"",
    ]
)
HEADER = DRAFT[: DRAFT.index(b"\r\n\r\n") + 4]


class CatenateTests(TranscriptTestCase):
    limits = evolve(Limits(), message=5000)

    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"c CREATE Drafts")
        self.uidvalidity = self.append(DRAFT, "Drafts").uidvalidity

    def made(self, name: str = "Drafts", uid: int = 2) -> bytes:
        """The message that was put together."""
        self.client.ask(f"s EXAMINE {name}".encode())
        said = self.client.ask(b"f UID FETCH %d (FLAGS BODY.PEEK[])" % uid)
        self.client.ask(b"u UNSELECT")
        size = int(said[said.index(b"{") + 1 : said.index(b"}")])
        start = said.index(b"}\r\n") + 3
        self.flags = said[said.index(b"FLAGS (") : said.index(b") BODY")]
        return said[start : start + size]

    def test_an_attachment_is_replaced(self) -> None:
        """Appendix A, example 1."""
        attachment = b"Content-Type: text/x-patch\r\n\r\nnew"
        self.append(attachment, "Drafts")
        self.converse(f"""
            C: A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (URL "/Drafts;UIDVALIDITY={self.uidvalidity}/;UID=1/;section=HEADER" TEXT {{42}}
            S: + Ready for the message
            C:
            C: --------------030308070208000400050907
            C:  URL "/Drafts;UIDVALIDITY={self.uidvalidity}/;UID=1/;section=1.MIME" URL "/Drafts;UIDVALIDITY={self.uidvalidity}/;UID=1/;section=1" TEXT {{42}}
            S: + Ready for the message
            C:
            C: --------------030308070208000400050907
            C:  URL "/Drafts;UIDVALIDITY={self.uidvalidity}/;UID=2" TEXT {{44}}
            S: + Ready for the message
            C:
            C: --------------030308070208000400050907--
            C: )
            S: A003 OK [APPENDUID {self.uidvalidity} 3] APPEND completed
        """)
        line = b"\r\n--------------030308070208000400050907"
        self.assertEqual(
            self.made(uid=3),
            HEADER
            + line
            + b"\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
            + b"Our travel agent has sent the schedule."
            + line
            + b"\r\n"
            + attachment
            + line
            + b"--\r\n",
        )
        self.assertEqual(self.flags, b"FLAGS (\\Seen \\Draft $MDNSent \\Recent")

    def test_a_digest_with_a_message_that_is_not_there(self) -> None:
        """Appendix A, example 4: the first URL that is wrong is named."""
        self.converse(f"""
            C: A003 APPEND Drafts (\\Seen $MDNSent) CATENATE (TEXT {{3}}
            S: + Ready for the message
            C: a
            C:  URL "/Drafts;UIDVALIDITY={self.uidvalidity}/;UID=1" TEXT {{3+}}
            C: b
            C:  URL "/Drafts;UIDVALIDITY={self.uidvalidity}/;UID=113330/;section=1.5.9" TEXT {{3+}}
            C: c
            C: )
            S: A003 NO [BADURL "/Drafts;UIDVALIDITY={self.uidvalidity}/;UID=113330/;section=1.5.9"] The URL does not name a message, or a part of one, that can be read.
            C: b STATUS Drafts (MESSAGES)
            S: * STATUS Drafts (MESSAGES 1)
            S: b OK STATUS completed
        """)

    def parts(self, *parts: bytes) -> bytes:
        """The answer to an APPEND of these parts to INBOX."""
        return self.client.ask(b"a APPEND INBOX CATENATE (" + b" ".join(parts) + b")")

    def test_urls_in_all_their_forms(self) -> None:
        self.client.ask(b"s SELECT Drafts")
        whole = [
            b'URL "/Drafts/;UID=1"',
            b"URL /Drafts/;uid=1",
            b"URL {14+}\r\n/Drafts/;UID=1",
            b'URL "/Draft%73/;UID=1"',
            b"URL Drafts/;UID=1",
            b"URL ;UID=1",
        ]
        cases = [(url, DRAFT) for url in whole]
        cases += [
            (b"URL /Drafts/;UID=1/;SECTION=TEXT", DRAFT[len(HEADER) :]),
            (b"URL /Drafts/;UID=1/;SECTION=HEADER", HEADER),
            (
                b'URL "/Drafts/;UID=1/;SECTION=HEADER.FIELDS%20(Subject)"',
                b"Subject: About our holiday trip\r\n\r\n",
            ),
            (b"URL /Drafts/;UID=1/;SECTION=2", b"UEsDBAoAAAAAAACh"),
            (b"URL /Drafts/;UID=1/;SECTION=2/;PARTIAL=2.4", b"sDBA"),
            (b"URL /Drafts/;UID=1/;SECTION=2/;PARTIAL=12", b"AACh"),
            (b"URL /Drafts/;UID=1/;SECTION=HEADER/;PARTIAL=9.5", b"About"),
            (b"URL /Drafts/;UID=1/;PARTIAL=0.7", b"Subject"),
            (b"TEXT {2+}\r\nhi", b"hi"),
            (b"TEXT ~{2+}\r\nhi", b"hi"),
            (b"TEXT {0+}\r\n TEXT {2+}\r\nhi URL /Drafts/;UID=1/;PARTIAL=99999.1", b"hi"),
        ]
        for uid, (part, octets) in enumerate(cases, start=1):
            said = self.parts(part)
            self.assertRegex(said, rb"a OK \[APPENDUID \d+ %d\] APPEND completed" % uid, part)
            other = self.new_client()
            other.ask(b"s EXAMINE INBOX")
            self.assertIn(
                b"{%d}\r\n%b)" % (len(octets), octets),
                other.ask(b"f UID FETCH %d BODY.PEEK[]" % uid),
                part,
            )

    def test_urls_that_are_refused(self) -> None:
        for url in [
            b"imap://example.com/Drafts/;UID=1",
            b"//example.com/Drafts/;UID=1",
            b"/Drafts",
            b"/Drafts/;UID=0",
            b"/Drafts/;UID=4294967296",
            b"/Drafts/;UID=1/;SECTION=9",
            b"/Drafts/;UID=1/;SECTION=",
            b"/Drafts/;UID=1/;SECTION=1.HEADER",
            b"/Drafts/;UID=1/;SECTION=FOOT",
            b"/Drafts/;UID=1?TEXT",
            b"/Drafts/;UID=1;URLAUTH=anonymous",
            b"/Drafts;UIDVALIDITY=12345/;UID=1",
            b"/Nowhere/;UID=1",
            b"/%ff/;UID=1",
            b"/a//b/;UID=1",
            b"/;UID=1",
            b";UID=1",
            b"/Drafts/;UID=1/" + b"x" * 2000,
        ]:
            said = self.parts(b'URL "' + url + b'"')
            self.assertTrue(said.startswith(b'a NO [BADURL "' + url[:2000] + b'"] '), said)
        said = self.parts(b'URL "/Drafts/;UID=\\"]1"')
        self.assertTrue(said.startswith(b'a NO [BADURL "/Drafts/;UID=%22%5D1"] '), said)
        self.assertIn(b"(MESSAGES 0)", self.client.ask(b"b STATUS INBOX (MESSAGES)"))

    def test_what_is_bad(self) -> None:
        self.converse("""
            C: a APPEND INBOX CATENATE ()
            S: a BAD TEXT or URL is missing at octet 26 of the command
            C: b APPEND INBOX CATENATE (FILE x)
            S: b BAD TEXT or URL is missing at octet 26 of the command
            C: c APPEND INBOX CATENATE (TEXT "quoted")
            S: c BAD A string is missing at octet 31 of the command
            C: d APPEND INBOX CATENATE (URL /Drafts/;UID=1
            S: d BAD ...
            C: e APPEND INBOX CATENATE (TEXT {0+}
            C: )
            S: e NO A message without an octet cannot be appended
        """)

    def test_a_mailbox_whose_name_is_not_ascii(self) -> None:
        """RFC 5092 §8: UTF-8, escaped."""
        self.client.ask(b"c CREATE Entw&APw-rfe")
        self.append(b"x", "Entw\u00fcrfe")
        self.assertIn(b"a OK", self.parts(b'URL "/Entw%C3%BCrfe/;UID=1"'))

    def test_too_much_of_it(self) -> None:
        """§4.2, before the octets are there: with TEXT before the continuation."""
        self.converse(
            """
            C: a APPEND INBOX CATENATE (TEXT {5000}
            S: + Ready for the message
            C: {octets} TEXT {1}
            S: a NO [TOOBIG] A message may have 5000 octets
        """.replace("{octets}", "x" * 5000)
        )
        count = self.limits.message // len(DRAFT) + 1
        said = self.parts(*[b"URL /Drafts/;UID=1"] * count)
        self.assertEqual(said, b"a NO [TOOBIG] A message may have 5000 octets\r\n")
        said = self.parts(*[b"URL /D/;UID=1"] * 501)
        self.assertEqual(said, b"a NO [LIMIT] A command may name 500 URLs\r\n")

    def test_all_together_have_a_limit(self) -> None:
        """Whatever is read for them: a command of a few octets may name much."""
        whole = b" CATENATE (URL /Drafts/;UID=1)"
        count = 4 * self.limits.message // len(DRAFT)
        said = self.client.ask(b"a APPEND INBOX" + whole * count)
        self.assertIn(b"a OK", said)
        said = self.client.ask(b"b APPEND INBOX" + whole * (count + 1))
        self.assertEqual(said, b"b NO [TOOBIG] The messages of a command may have 20000 octets\r\n")

    def test_several_messages(self) -> None:
        """§3, with RFC 3502; all or none."""
        self.assertRegex(
            self.client.ask(
                b"a APPEND INBOX CATENATE (URL /Drafts/;UID=1/;SECTION=2 TEXT {1+}\r\na)"
                b" (\\Answered) {2+}\r\nhi CATENATE (TEXT {1+}\r\nb URL /Drafts/;UID=1)"
            ),
            rb"a OK \[APPENDUID \d+ 1:3\] APPEND completed",
        )
        self.assertEqual(self.made("INBOX", 1), b"UEsDBAoAAAAAAACha")
        self.assertEqual(self.made("INBOX", 2), b"hi")
        self.assertEqual(self.made("INBOX", 3), b"b" + DRAFT)
        said = self.client.ask(b"b APPEND INBOX {2+}\r\nhi CATENATE (URL /Drafts/;UID=7)")
        self.assertIn(b'b NO [BADURL "/Drafts/;UID=7"]', said)
        self.assertIn(b"(MESSAGES 3)", self.client.ask(b"b STATUS INBOX (MESSAGES)"))

    def test_a_mailbox_that_is_missing_is_told_before_a_url_that_is(self) -> None:
        """RFC 3501 §6.3.11: the client may create it."""
        said = self.client.ask(b"a APPEND Nowhere CATENATE (URL /Drafts/;UID=99)")
        self.assertTrue(said.startswith(b"a NO [TRYCREATE] "), said)

    def test_it_sees_nothing(self) -> None:
        """§3: \\Seen is not set."""
        self.parts(b"URL /Drafts/;UID=1")
        self.assertIn(b"(UNSEEN 1)", self.client.ask(b"b STATUS Drafts (UNSEEN)"))


class SharedCatenateTests(SharingTestCase):
    """RFC 4314 §4: what is read needs the right r."""

    def test_what_may_not_be_read_is_no_message(self) -> None:
        url = f'URL "/{WORK.replace("@", "%40")}/;UID=1"'
        for rights, error in (("", "BADURL"), ("lwi", "BADURL"), ("lr", "")):
            self.share(rights)
            said = self.bob.ask(f"a APPEND Mine CATENATE ({url})".encode()).decode()
            if error:
                self.assertTrue(said.startswith(f'a NO [BADURL "{url[5:-1]}"]'), said)
            else:
                self.assertIn("a OK", said)
        self.bob.ask(b"s SELECT Mine")
        self.assertIn(b"message 1", self.bob.ask(b"f FETCH 1 BODY.PEEK[]"))
        self.assertIn(b"(UNSEEN 3)", self.client.ask(b"u STATUS Work (UNSEEN)"))


class WithoutCatenateTests(TranscriptTestCase):
    dialect = DIALECT.without(b"CATENATE")

    def test_it_is_not_understood(self) -> None:
        self.assertNotIn(b"CATENATE", self.client.ask(b"a CAPABILITY"))
        self.converse("""
            C: a APPEND INBOX CATENATE (URL /Drafts/;UID=1)
            S: a BAD A string is missing at octet 16 of the command
        """)
