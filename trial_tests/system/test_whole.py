"""Through a whole Sora on PostgreSQL: what is found, what waits for whom, what is shared."""

from twisted.internet.defer import Deferred

from trial_tests.support.ports import free_port
from trial_tests.support.whole_sora import LOGIN_PASSWORD, WholeSoraTestCase, Wire

USER = "u@example.com"

LETTERS = [
    b"From: a@example.org\r\nSubject: plain\r\nX-Empty:\r\nX-Kind: first\r\n\r\nnothing here\r\n",
    b"Subject: =?utf-8?q?=CE=9F=CE=94=CE=A5=CE=A3=CE=A3=CE=95=CE=A5=CE=A3?=\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"U3RyYcOfZSBpbiDEsHN0YW5idWwgdW5kIElTUEFSVEE=\r\n",
    b"Subject: eight bits\r\nContent-Type: text/plain; charset=iso-8859-9\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n\xdd\xfe\xe7i caf\xe9 \xf0\r\n",
    b"Subject: undeclared \xe9\xff\r\n\r\nM\xfcnchen, raw and undeclared\r\n",
]


class WholeTests(WholeSoraTestCase):
    async def search(self, wire: Wire, keys: bytes) -> list[int]:
        said = await wire.ask(b"SEARCH " + keys)
        self.assertIn(b"a OK", said, keys)
        return [int(word) for word in said.split(b"\r\n")[0].split()[2:]]

    async def charset(self, wire: Wire, key: bytes, text: str, charset: str = "UTF-8") -> list[int]:
        octets = text.encode(charset)
        return await self.search(
            wire, b"CHARSET %s %s {%d+}\r\n%s" % (charset.encode(), key, len(octets), octets)
        )

    async def test_search(self) -> None:
        """Empty fields and absent ones, the trace, other scripts, nesting: RFC 3501 §6.4.4."""
        one = await self.sora()
        await self.account(one, USER)
        wire = await one.imap(USER)
        lmtp = await one.lmtp()
        for letter in LETTERS:
            lmtp.send(
                b"MAIL FROM:<sender@there.example>\r\nRCPT TO:<u+tag@example.com>\r\nDATA\r\n"
            )
            await lmtp.until(rb"354 [^\r\n]*\r\n")
            lmtp.send(letter + b".\r\n")
            await lmtp.until(rb"250 [^\r\n]*Delivered[^\r\n]*\r\n")
        await wire.ask(b"SELECT INBOX")
        for keys, found in (
            (b'HEADER X-Empty ""', [1]),
            (b"HEADER X-Empty x", []),
            (b'HEADER X-Absent ""', []),
            (b'HEADER X-Kind ""', [1]),
            (b"HEADER Delivered-To u+tag@example.com", [1, 2, 3, 4]),
            (b"HEADER Return-Path sender@there", [1, 2, 3, 4]),
            (b'HEADER Received "by "', [1, 2, 3, 4]),
            (b"TEXT sender@there.example", [1, 2, 3, 4]),
            (b"TEXT delivered-to", [1, 2, 3, 4]),
            (b"BODY delivered-to", []),
            (b"BODY undeclared", [4]),
            (b"NOT (OR SUBJECT plain BODY undeclared)", [2, 3]),
            (b"OR (NOT TEXT there.example) (SUBJECT bits NOT BODY x)", [3]),
            (b"NOT NOT NOT SUBJECT plain", [2, 3, 4]),
        ):
            self.assertEqual(await self.search(wire, keys), found, keys)
        for key, text, charset, found in (
            (b"SUBJECT", "οδυσσευς", "UTF-8", [2]),
            (b"SUBJECT", "ΟΔΥΣΣΕΥΣ", "UTF-8", [2]),
            (b"SUBJECT", "οδυσσευσ", "UTF-8", [2]),
            (b"BODY", "STRASSE", "UTF-8", [2]),
            (b"BODY", "straße", "iso-8859-1", [2]),
            (b"BODY", "İSTANBUL", "UTF-8", [2]),
            (b"BODY", "isparta", "US-ASCII", [2]),
            (b"BODY", "İşç", "iso-8859-9", [3]),
            (b"BODY", "CAFÉ ğ", "UTF-8", [3]),
            (b"TEXT", "café", "iso-8859-15", [3]),
        ):
            self.assertEqual(await self.charset(wire, key, text, charset), found, (text, charset))
        self.assertIn(b"a NO [BADCHARSET", await wire.ask(b"SEARCH CHARSET X-NONE ALL"))

    async def test_passwords_are_checked_beside_the_reactor(self) -> None:
        """bcrypt takes its time; another session's command that comes later is answered first."""
        one = await self.sora()
        await self.account(one, USER, "bcrypt")
        busy = await one.imap(USER)
        others = [await one.client(one.imap_port) for _ in range(4)]
        answered: list[str] = []

        async def login(wire: Wire) -> None:
            said = await wire.ask(b"LOGIN %s wrong-%s" % (USER.encode(), LOGIN_PASSWORD.encode()))
            self.assertIn(b"a NO", said)
            answered.append("login")

        waiting = [Deferred.fromCoroutine(login(wire)) for wire in others]
        for _ in range(5):
            await busy.ask(b"NOOP")
            answered.append("noop")
        for each in waiting:
            await each
        self.assertEqual(answered, ["noop"] * 5 + ["login"] * 4)


class NotUploadedTests(WholeSoraTestCase):
    """S3 cannot be reached: all bodies are staged in the database."""

    extra = f"""
[s3]
endpoint = "127.0.0.1:{free_port()}"
bucket = "nowhere"
access_key = "a-key"
secret_key = "a-key-too"
use_ssl = false
timeout = "1s"
"""

    async def test_what_is_not_uploaded_is_copied_moved_and_read(self) -> None:
        """Flags and all, in the mailbox where it arrived and in another (G39)."""
        one = await self.sora()
        await self.account(one, USER)
        wire = await one.imap(USER)
        letter = b"Subject: copy\r\n\r\n" + b"z" * 100_000 + b"\r\n"
        for name in (b"INBOX", b"Archive"):
            said = await wire.ask(
                b"APPEND %s (\\Flagged $k) {%d+}\r\n" % (name, len(letter)) + letter
            )
            self.assertIn(b"APPENDUID", said)
        await wire.ask(b"SELECT INBOX")
        self.assertIn(b"COPYUID", await wire.ask(b"MOVE 1 Archive"))
        await wire.ask(b"SELECT Archive")
        said = await wire.ask(b"FETCH 1:* (FLAGS BODY.PEEK[])")
        self.assertEqual(said.count(letter), 2)
        self.assertEqual(said.count(b"\\Flagged"), 2)
        self.assertIn(b"COPYUID", await wire.ask(b"UID COPY 1:* INBOX"))
        self.assertIn(b"* 2 EXISTS", await wire.ask(b"SELECT INBOX"))
        self.assertEqual((await wire.ask(b"FETCH 1:* (BODY.PEEK[TEXT])")).count(letter[-100:]), 2)
