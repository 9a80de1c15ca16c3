"""A disk that is full: what comes in is put off with a true answer, nothing is lost, and when there is
room again all goes on by itself."""

import tempfile

from twisted.internet import reactor

from sora.retry import pause
from trial_tests.support.ports import free_port
from trial_tests.support.relay_queue import letters_in
from trial_tests.support.small_disk import SmallDisk, small_disk
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase, Wire

USER = "ann@example.com"
LARGE = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 1500
"""More than goes through the database, less than is spooled on a disk."""
HUGE = b"Subject: huge\r\n\r\n" + (b"y" * 76 + b"\r\n") * 20_000


class FullDiskTests(WholeSoraTestCase):
    async def begin(self, extra: str) -> tuple[WholeSora, Wire]:
        self.extra = extra
        sora = await self.sora()
        await self.account(sora, USER)
        return sora, await sora.lmtp()

    def objects_on(self, disk: SmallDisk) -> str:
        (disk.path / "objects").mkdir()
        return f'[s3]\nprovider = "filesystem"\npath = "{disk.path / "objects"}"\n'

    async def deliver(self, wire: Wire, letter: bytes) -> bytes:
        wire.send(f"MAIL FROM:<a@b.c>\r\nRCPT TO:<{USER}>\r\nDATA\r\n".encode())
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(letter + b"\r\n.\r\n")
        return await wire.until(rb"\d{3} [^\r\n]*\r\n")

    async def inbox(self, wire: Wire) -> int:
        said = await wire.ask(b"STATUS INBOX (MESSAGES)")
        return int(said.partition(b"MESSAGES ")[2].partition(b")")[0])

    async def test_the_disk_of_the_bodies(self) -> None:
        """452 4.3.1, and the MTA tries again; what is small goes on, since the database takes it."""
        disk = small_disk(self)
        sora, wire = await self.begin(self.objects_on(disk))
        imap = await sora.imap(USER)
        disk.fill()
        for _ in range(2):
            self.assertEqual((await self.deliver(wire, LARGE))[:10], b"452 4.3.1 ")
        said = await imap.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(LARGE), LARGE))
        self.assertIn(b"a NO [UNAVAILABLE] ", said)
        self.assertEqual((await self.deliver(wire, b"Subject: small\r\n\r\nx"))[:4], b"250 ")
        self.assertEqual(await self.inbox(imap), 1)
        # A message that is there only in part is none, and leaves nothing.
        self.assertEqual([path for path in disk.path.rglob("*/*/*") if path.is_file()], [])
        disk.free()
        self.assertEqual((await self.deliver(wire, LARGE))[:4], b"250 ")
        await imap.ask(b"SELECT INBOX")
        self.assertIn(LARGE, await imap.ask(b"FETCH 2 BODY.PEEK[]"))
        await self.filed(sora)
        self.assertIn(b"Subject: small", await imap.ask(b"FETCH 1 BODY.PEEK[]"))

    async def test_the_disk_of_what_is_being_received(self) -> None:
        """The message is read to its end, so that the session stays in step, and then put off."""
        disk = small_disk(self)
        _, wire = await self.begin("")
        self.patch(tempfile, "tempdir", str(disk.path))
        disk.fill()
        self.assertEqual((await self.deliver(wire, HUGE))[:10], b"452 4.3.1 ")
        self.assertEqual((await self.deliver(wire, b"Subject: small\r\n\r\nx"))[:4], b"250 ")
        disk.free()
        self.assertEqual((await self.deliver(wire, HUGE))[:4], b"250 ")

    async def test_the_disk_of_what_is_sent_on(self) -> None:
        """G48: what cannot be put into the queue stays in INBOX."""
        disk = small_disk(self)
        sora, wire = await self.begin(
            f'[relay]\ntype = "smtp"\nsmtp_host = "127.0.0.1:{free_port()}"\n'
            f'tls_use_starttls = false\n[relay.queue]\npath = "{disk.path}"\n'
        )
        imap = await sora.imap(USER)
        await sora.script(USER, 'redirect "bob@example.org";')
        disk.fill()
        self.assertEqual((await self.deliver(wire, b"Subject: stays\r\n\r\nx"))[:4], b"250 ")
        self.assertEqual(await self.inbox(imap), 1)
        disk.free()
        self.assertEqual((await self.deliver(wire, b"Subject: goes\r\n\r\nx"))[:4], b"250 ")
        self.assertEqual(await self.inbox(imap), 1)
        while [b"Subject: goes" in one for one in letters_in(disk.path).values()] != [True]:
            await pause(reactor, 0.02)  # type: ignore[arg-type]
