"""Through a whole Sora on PostgreSQL: searches of all kinds agree, and are kept up to date."""

import re
from random import Random

from sora.mail.numbers import in_order
from trial_tests.support.contexts import Results, expanded
from trial_tests.support.whole_sora import WholeSoraTestCase, Wire

USER = "u@example.com"
KEYS = (
    "ALL",
    "UNSEEN",
    "NOT SUBJECT b",
    "OR FLAGGED SUBJECT a",
    "BODY xxx UNFLAGGED",
    "SMALLER 90 TEXT subject",
    "2:7 OR UID 4:* LARGER 80",
    "$ NOT 3",
    "NOT (SEEN FLAGGED) HEADER X-Kind one",
    "FUZZY SUBJECT ab",
    "NOT OLDER 1000000 SENTSINCE 2-Mar-2024",
    "YOUNGER 1000000 OR ON 3-Mar-2024 SUBJECT c",
)
FORMS = {
    "t1": "SEARCH RETURN ({}) NOT SUBJECT b UNFLAGGED",
    "t2": "SORT RETURN ({}) (SUBJECT REVERSE SIZE) UTF-8 UNFLAGGED",
    "t3": "SORT RETURN ({}) (REVERSE DATE) UTF-8 OR SUBJECT a SEEN",
    "t4": "SEARCH RETURN ({}) ALL",
}


class SearchingTests(WholeSoraTestCase):
    async def begin(self) -> None:
        """A server, and the client that delivers."""
        self.random = Random(5267)
        self.one = await self.sora()
        await self.account(self.one, USER)
        self.wire = await self.one.imap(USER)
        self.count = 0

    async def deliver(self, count: int = 1) -> None:
        for _ in range(count):
            self.count += 1
            number = self.random.randrange(100)
            flags = [flag for flag in ("\\Seen", "\\Flagged") if self.random.random() < 0.4]
            replies = f"References: <{number % 9}@x>\r\n" if number % 3 else ""
            letter = (
                f"Subject: {'Re: ' * (number % 2)}{'abc'[number % 3] * 2}\r\n"
                f"Message-ID: <{self.count}@x>\r\n{replies}"
                f"X-Kind: {'one' if number % 5 else 'two'}\r\n"
                f"Date: {1 + number % 9} Mar 2024 10:00:00 +0000\r\n\r\n"
                f"{'x' * (number % 37)}\r\n"
            ).encode()
            said = await self.wire.ask(
                f"APPEND INBOX ({' '.join(flags)}) {{{len(letter)}+}}\r\n".encode() + letter
            )
            self.assertIn(b"a OK", said)

    async def line(self, wire: Wire, command: str) -> str:
        said = (await wire.ask(command.encode())).decode()
        self.assertRegex(said, r"(\A|\r\n)a OK [^\r\n]*\r\n\Z", command)
        lines = [line for line in said.splitlines() if re.match(r"\* (E?SEARCH|SORT|TH)", line)]
        return lines[0] if lines else ""

    async def plain(self, command: str) -> list[int]:
        return [int(word) for word in (await self.line(self.wire, command)).split()[2:]]

    async def test_they_agree(self) -> None:
        await self.begin()
        await self.deliver(30)
        await self.wire.ask(b"SELECT INBOX")
        for command in (
            b"STORE 5,9:11 +FLAGS (\\Deleted)",
            b"EXPUNGE",
            b"SEARCH RETURN (SAVE) 2:12",
        ):
            await self.wire.ask(command)
        for keys in KEYS:
            numbers = await self.plain(f"SEARCH {keys}")
            uids = await self.plain(f"UID SEARCH {keys}")
            for word, expected in (("", numbers), ("UID ", uids)):
                said = await self.line(self.wire, f"{word}SEARCH RETURN (ALL COUNT) {keys}")
                self.assertIn(f" COUNT {len(expected)}", said, keys)
                self.assertIn(f" ALL {in_order(expected)} " if expected else "COUNT 0", said, keys)
                arrived = await self.plain(f"{word}SORT (ARRIVAL) UTF-8 {keys}")
                self.assertEqual(sorted(arrived), expected, keys)
                by_size = await self.plain(f"{word}SORT (SIZE SUBJECT) UTF-8 {keys}")
                self.assertEqual(sorted(by_size), expected, keys)
                page = await self.line(
                    self.wire, f"{word}SORT RETURN (PARTIAL 2:5) (SIZE SUBJECT) UTF-8 {keys}"
                )
                self.assertIn(f"PARTIAL (2:5 {in_order(by_size[1:5]) or 'NIL'})", page)
                for algorithm in ("REFERENCES", "REFS", "ORDEREDSUBJECT"):
                    said = await self.line(self.wire, f"{word}THREAD {algorithm} UTF-8 {keys}")
                    self.assertEqual(sorted(map(int, re.findall(r"\d+", said))), expected, keys)
            said = await self.line(self.wire, f"ESEARCH IN (personal) {keys}")
            self.assertEqual(f"UID ALL {in_order(uids)}" in said, bool(uids), keys)

    async def test_results_are_kept_up_to_date(self) -> None:
        """RFC 5267 §4.3: a client that does what it is told has what it would find."""
        await self.begin()
        await self.deliver(8)
        reader, writer = await self.one.imap(USER), await self.one.imap(USER)
        for wire in (reader, writer):
            await wire.ask(b"SELECT INBOX")
        results = Results()
        for tag, form in FORMS.items():
            reader.send(f"{tag} UID {form.format('UPDATE ALL')}\r\n".encode())
            results.hear(await reader.until(rb"(?m)^t\d OK [^\r\n]*\r\n"))
        for step in range(40):
            await self.change(writer)
            results.hear(await reader.ask(b"NOOP"))
            if step % 5:
                continue
            for tag, form in FORMS.items():
                found = await self.line(reader, f"UID {form.format('ALL')}")
                numbers = found.partition(" ALL ")[2]
                self.assertEqual(results.by_tag[tag], expanded(numbers), (step, form))

    async def change(self, writer: Wire) -> None:
        action = self.random.randrange(4)
        number = self.random.randint(1, 5)
        if action == 0:
            await self.deliver()
        elif action == 1:
            await writer.ask(b"NOOP")
            await writer.ask(b"STORE %d +FLAGS.SILENT (\\Deleted)" % number)
            await writer.ask(b"EXPUNGE")
        else:
            sign, flag = self.random.choice("+-"), self.random.choice(("Flagged", "Seen"))
            await writer.ask(f"STORE {number} {sign}FLAGS.SILENT (\\{flag})".encode())
