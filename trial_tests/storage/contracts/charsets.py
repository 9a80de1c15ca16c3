"""What a search finds of real messages: texts in any charset and transfer encoding, as HTML, in
encoded words, looked for in another form than they stand there (RFC 3501 §6.4.4)."""

import base64
import quopri
from random import Random

from blake3 import blake3

from sora.mail.criteria import BodyHas, HeaderHas, TextHas
from sora.mail.facts import derive
from sora.mail.text import fold
from sora.storage.rows import Arrival
from trial_tests.storage.contracts.indexing import Indexed

TEXTS = {
    "utf-8": "Größe und ﬁne Zażółć gęślą; Привет 会議 é e\u0301 Ελλάδα ΣΊΣΥΦΟΣ 🎉x",
    "us-ascii": "plain words, ann@example.com 100%",
    "iso-8859-1": "Größe, naïve Übergröße äÖß",
    "iso-8859-2": "Łódź zażółć gęślą jaźń",
    "iso-8859-7": "Καλημέρα κόσμε",
    "iso-8859-9": "İstanbul ışık Ğğ",
    "koi8-r": "Привет, мир! ЁЛКА",
    "windows-1251": "Договор №5 — счёт",
    "windows-1252": "“quoted” – €uro",
    "iso-2022-jp": "会議の予定 ガギグ",
    "shift_jis": "資料を添付します",
    "euc-jp": "お世話になります",
    "euc-kr": "회의 일정 안내",
    "gb18030": "会议安排 通知",
    "big5": "會議時間",
    "utf-16": "wide Größe 会議",
    "utf-7": "seven Größe",
}


def body_part(text: str, charset: str, encoding: str, html: bool) -> bytes:
    """A text part with its header."""
    if html:
        text = "<html><style>p {color: secretcolour}</style><p>" + "</p><p>".join(
            word.replace("&", "&amp;").replace("<", "&lt;") for word in text.split()
        )
    data = text.encode(charset)
    if encoding == "base64":
        data = base64.encodebytes(data).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        data = quopri.encodestring(data).replace(b"\n", b"\r\n")
    head = (
        f"Content-Type: text/{'html' if html else 'plain'}; charset={charset}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode() + data


def encoded_words(text: str, charset: str) -> bytes:
    """A header value, each word encoded."""
    words = [base64.b64encode(f"{word} ".encode(charset)).decode() for word in text.split()]
    return "\r\n ".join(f"=?{charset}?B?{word}?=" for word in words).encode()


class CharsetsContract(Indexed):
    """Real octets, read by the MIME reader."""

    async def test_any_charset_is_found(self) -> None:
        """In a message that is indexed, and in one that is not yet."""
        random = Random(8)
        for charset, text in TEXTS.items():
            encodings = ["base64", "quoted-printable"]
            if charset in ("us-ascii", "utf-7", "iso-2022-jp"):
                encodings.append("7bit")
            elif charset != "utf-16":
                encodings.append("8bit")
            for number, encoding in enumerate(encodings):
                raw = (
                    b"Subject: "
                    + encoded_words(text, charset if charset != "utf-16" else "utf-8")
                    + b"\r\nX-Nr: %d%s\r\n" % (number, charset.encode())
                    + body_part(text, charset, encoding, html=number == 1)
                )
                await self.receive(raw)
        last = (await self.find(self.ann)).uidnext - 1
        for upto in (0, last // 2):
            if upto:
                self.assertTrue(await self.index(self.inbox, upto))
            uid = 0
            for charset, text in TEXTS.items():
                count = 2 if charset == "utf-16" else 3
                mine = set(range(uid + 1, uid + count + 1))
                uid += count
                for word in text.split():
                    for needle in (word, word.upper(), word[random.randrange(len(word)) :]):
                        await self.check_found(needle, mine, text)

    async def check_found(self, needle: str, mine: set[int], text: str) -> None:
        self.assertIn(fold(needle), fold(text))
        for criterion in (BodyHas(needle), TextHas(needle), HeaderHas("Subject", needle)):
            found = set(await self.search(criterion))
            self.assertEqual(mine - found, set(), (needle, criterion, text))

    async def test_what_a_reader_does_not_see_is_not_found(self) -> None:
        await self.receive(b"Subject: x\r\n" + body_part("visible", "utf-8", "base64", html=True))
        for upto in (0, 1):
            if upto:
                await self.index(self.inbox, upto)
            self.assertEqual(await self.search(BodyHas("visible")), [1])
            self.assertEqual(await self.search(TextHas("secretcolour")), [])

    async def receive(self, raw: bytes) -> None:
        """Put octets into INBOX, with the facts that the MIME reader finds."""
        await self.storage.messages.place(
            self.ann.scope_id,
            Arrival(blake3(raw).digest(), derive(raw), raw),
            [self.target(self.inbox)],
            self.operation(),
        )
