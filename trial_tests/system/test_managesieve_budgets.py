"""What each command of ManageSieve costs the database, and a lost answer: on PostgreSQL."""

from base64 import b64encode
from collections import Counter

from trial_tests.support.ports import free_port
from trial_tests.support.postgres import LoseAnswer
from trial_tests.support.whole_sora import LOGIN_PASSWORD, WholeSoraTestCase, Wire

USER = "u@example.com"
ANSWER = rb"(?m)^(OK|NO|BYE)[^\r\n]*\r\n"
LOGIN = b'AUTHENTICATE "PLAIN" "%b"' % b64encode(f"\0{USER}\0{LOGIN_PASSWORD}".encode())


async def ask(wire: Wire, command: bytes) -> bytes:
    """What is said to a command."""
    wire.send(command + b"\r\n")
    return await wire.until(ANSWER)


class ManageSieveTests(WholeSoraTestCase):
    async def setUp(self) -> None:
        self.port = free_port()
        self.extra = f'[[servers]]\ntype = "managesieve"\naddr = "127.0.0.1:{self.port}"\n'
        self.one = await self.sora()
        await self.account(self.one, USER)
        self.wire = await self.one.client(self.port)
        await self.wire.until(ANSWER)

    async def test_each_command(self) -> None:
        for command, expected in (
            (b"CAPABILITY", {}),
            (LOGIN, {"login": 1}),
            (b"NOOP", {}),
            (b'HAVESPACE "a" 5', {"room_for_script": 1}),
            (b'CHECKSCRIPT "keep;"', {}),
            (b'PUTSCRIPT "a" {5+}\r\nkeep;', {"put_script": 1}),
            (b'SETACTIVE "a"', {"get_script": 1, "activate_script": 1}),
            (b'SETACTIVE ""', {"activate_script": 1}),
            (b"LISTSCRIPTS", {"list_scripts": 1}),
            (b'GETSCRIPT "a"', {"get_script": 1}),
            (b'RENAMESCRIPT "a" "b"', {"rename_script": 1}),
            (b'DELETESCRIPT "b"', {"delete_script": 1}),
            (b"UNAUTHENTICATE", {}),
            (b"LOGOUT", {}),
        ):
            found = await self.cost(self.one, ask(self.wire, command))
            self.assertEqual(found, Counter(expected), command)

    async def test_lost_answers(self) -> None:
        """G14: each is done once, and is told as done."""
        self.assertTrue((await ask(self.wire, LOGIN)).startswith(b"OK"))
        names = ("put_script", "activate_script", "rename_script", "delete_script")
        faults = LoseAnswer(*names)
        self.one.break_connections(faults)
        for command in (
            b'PUTSCRIPT "a" "keep;"',
            b'SETACTIVE "a"',
            b'RENAMESCRIPT "a" "b"',
            b'SETACTIVE ""',
            b'DELETESCRIPT "b"',
        ):
            faults.times = 1
            self.assertEqual(await ask(self.wire, command), b"OK\r\n", command)
        self.assertEqual(set(faults.struck), set(names))
        self.assertEqual(await ask(self.wire, b"LISTSCRIPTS"), b"OK\r\n")
