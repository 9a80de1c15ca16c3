"""When somebody was here last, as two whole processes on one database tell it."""

from base64 import b64encode

from sora.addresses import parse_address
from sora.storage.postgres.accounts import Accounts
from sora.storage.rows import LastLogin
from trial_tests.support.scram_postgres import free_port
from trial_tests.support.whole_sora import LOGIN_PASSWORD, WholeSoraTestCase

NAMES = ("ann", "bob", "carl", "dan", "eve")


def plain(name: str) -> bytes:
    """The response of SASL PLAIN (RFC 4616)."""
    return b64encode(f"\0{name}@example.com\0{LOGIN_PASSWORD}".encode())


class LastLoginsTests(WholeSoraTestCase):
    """Ann comes over IMAP, first to one process, then to the other; Bob over POP3, Carl over
    ManageSieve. Dan does not know his password, and Eve only gets mail."""

    async def setUp(self) -> None:
        self.ports = {kind: free_port() for kind in ("pop3", "managesieve")}
        self.extra = "".join(
            f'[[servers]]\ntype = "{kind}"\naddr = "127.0.0.1:{port}"\n'
            for kind, port in self.ports.items()
        )
        fresh = await self.fresh()
        self.first = await self.sora(fresh)
        self.extra = ""
        self.second = await self.sora(fresh)
        self.accounts = Accounts(self.open(fresh.server))
        for name in NAMES:
            await self.account(self.first, f"{name}@example.com")

    async def last(self, name: str) -> LastLogin | None:
        return (await self.accounts.show(parse_address(f"{name}@example.com"))).last_login

    async def protocols(self) -> dict[str, str | None]:
        """By which protocol each was here last."""
        logins = {name: await self.last(name) for name in NAMES}
        return {name: login and login.protocol for name, login in logins.items()}

    async def say(self, port: int, *dialogue: tuple[bytes, bytes]) -> None:
        """Each command, without its end, and how the answer begins to which it leads."""
        wire = await self.first.client(port)
        for command, answer in dialogue:
            if command:
                wire.send(command + b"\r\n")
            await wire.until(rb"(?m)^" + answer + rb"[^\r\n]*\r\n")

    async def test_each_protocol_counts_and_no_failure_and_no_mail(self) -> None:
        """Written when a process stops, at the latest: by one statement for all its users. The
        login itself costs what it always did."""
        self.first.database.statements.clear()
        await self.first.imap("ann@example.com")
        self.assertEqual(self.first.database.statements["login"], 1)
        await self.say(
            self.ports["pop3"], (b"", rb"\+OK"), (b"AUTH PLAIN " + plain("bob"), rb"\+OK")
        )
        await self.say(
            self.ports["pop3"],
            (b"", rb"\+OK"),
            (b"USER dan@example.com", rb"\+OK"),
            (b"PASS wrong", b"-ERR"),
        )
        await self.say(
            self.ports["managesieve"],
            (b"", b"OK"),
            (b'AUTHENTICATE "PLAIN" "%b"' % plain("carl"), b"OK"),
        )
        await self.say(
            self.first.lmtp_port,
            (b"", b"220"),
            (b"LHLO client.example", b"250 "),
            (b"MAIL FROM:<>", b"250 "),
            (b"RCPT TO:<eve@example.com>", b"250 "),
            (b"DATA", b"354 "),
            (b"Subject: no login\r\n\r\n.", b"250 "),
        )
        await self.second.imap("ann@example.com")
        self.assertEqual(await self.protocols(), dict.fromkeys(NAMES))
        self.assertEqual(self.first.database.statements["note_logins"], 0)
        await self.first.stop()
        self.assertEqual(self.first.database.statements["note_logins"], 1)
        expected = {"ann": "imap", "bob": "pop3", "carl": "managesieve", "dan": None, "eve": None}
        self.assertEqual(await self.protocols(), expected)
        before = await self.last("ann")
        await self.second.stop()
        after = await self.last("ann")
        assert before is not None and after is not None
        self.assertGreater(after.at, before.at)
        self.assertEqual(after.address, "127.0.0.1")
