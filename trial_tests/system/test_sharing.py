"""Shared mailboxes through whole Soras on PostgreSQL: two processes, mail that is stored apart."""

from trial_tests.support.whole_sora import WholeSoraTestCase, Wire

ANN, BOB = "ann@example.com", "bob@example.com"
WORK = b"Shared/ann@example.com/Archive"
LETTER = b"Subject: for all\r\n\r\n" + b"0123456789abcdef\r\n" * 5000


class SharingTests(WholeSoraTestCase):
    extra = """
[shared_mailboxes]
enabled = true
allow_user_create = true
"""

    async def said(self, wire: Wire, command: bytes, answer: bytes) -> bytes:
        """An answer that begins like this."""
        said = await wire.ask(command)
        self.assertIn(b"\na " + answer, b"\n" + said[-500:])
        return said

    async def two(self) -> tuple[Wire, Wire]:
        """ann in one process, bob in another."""
        fresh = await self.fresh()
        one, other = await self.sora(fresh), await self.sora(fresh)
        for address in (ANN, BOB):
            await self.account(one, address)
        return await one.imap(ANN), await other.imap(BOB)

    async def append(self, wire: Wire, name: bytes, flags: bytes = b"()") -> None:
        command = b"APPEND %s %s {%d+}\r\n%s" % (name, flags, len(LETTER), LETTER)
        await self.said(wire, command, b"OK")

    async def test_rights_reach_the_sessions_of_other_processes(self) -> None:
        """RFC 4314 §5.1.1, G35"""
        ann, bob = await self.two()
        await self.append(ann, b"Archive")
        await self.said(bob, b"SELECT " + WORK, b"NO [NONEXISTENT]")
        await self.said(ann, b"SETACL Archive bob lrswite", b"OK")
        said = await self.said(bob, b"SELECT " + WORK, b"OK [READ-WRITE]")
        self.assertIn(b"* 1 EXISTS", said)
        said = await self.said(bob, b"FETCH 1 BODY[]", b"OK")
        self.assertIn(LETTER, said)
        await self.append(bob, WORK, b"(\\Flagged $ours)")
        await self.said(ann, b"SELECT Archive", b"OK")
        said = await self.said(ann, b"FETCH 1:2 FLAGS", b"OK")
        self.assertIn(b"\\Seen", said)
        self.assertIn(b"\\Flagged $ours", said)
        bob.send(b"i IDLE\r\n")
        await bob.until(rb"\+ [^\r\n]*\r\n")
        await self.said(ann, b"SETACL Archive bob lrt", b"OK")
        await bob.until(rb"PERMANENTFLAGS \(\\Deleted\)\]")
        bob.send(b"DONE\r\n")
        await bob.until(rb"i OK [^\r\n]*\r\n")
        await self.said(bob, b"STORE 1 +FLAGS (\\Answered)", b"NO [NOPERM]")
        await self.said(ann, b"SETACL Archive bob l", b"OK")
        await self.said(bob, b"NOOP", b"OK")
        await self.said(bob, b"FETCH 1 FLAGS", b"NO [NOPERM]")
        await self.said(bob, b"STATUS %s (MESSAGES)" % WORK, b"NO [NOPERM]")

    async def test_mailboxes_of_the_domain(self) -> None:
        ann, bob = await self.two()
        await self.said(bob, b"CREATE Shared/Team", b"OK")
        await self.said(bob, b"SETACL Shared/Team anyone lri", b"OK")
        said = await self.said(ann, b'LIST "" Shared/*', b"OK")
        self.assertIn(b'"/" Shared/Team\r\n', said)
        await self.append(ann, b"Shared/Team")
        said = await self.said(bob, b"STATUS Shared/Team (MESSAGES)", b"OK")
        self.assertIn(b"(MESSAGES 1)", said)
        await self.said(ann, b"DELETE Shared/Team", b"NO [NOPERM]")
        await self.said(bob, b"DELETEACL Shared/Team bob", b"NO [CANNOT]")
        await self.said(bob, b"DELETE Shared/Team", b"OK")


class StoredApartTests(SharingTests):
    """`[s3] dedup = "account"` is the accounts': here it is what makes them."""

    async def account(self, sora: object, address: str, scheme: str = "ssha512") -> None:
        await super().account(sora, address, scheme)  # type: ignore[arg-type]
        await self._apart(sora)

    async def _apart(self, sora: object) -> None:
        """Each account has a scope of its own, as if it had been made so."""

        async def work(tx: object) -> None:
            await tx.do("update accounts set scope_id = 1000 + id")  # type: ignore[attr-defined]

        await sora.database.run("test", work, write=True)  # type: ignore[attr-defined]

    async def test_copy_and_move(self) -> None:
        """G39: every octet, the flags and keywords by their names."""
        ann, bob = await self.two()
        await self.append(ann, b"Archive", b"(\\Flagged $ours)")
        await self.append(ann, b"Archive")
        await self.said(ann, b"SETACL Archive bob lrte", b"OK")
        await self.said(bob, b"SELECT " + WORK, b"OK")
        await self.said(bob, b"COPY 1:2 INBOX", b"OK [COPYUID")
        await self.said(bob, b"MOVE 1 Trash", b"OK")
        await self.said(ann, b"SELECT Archive", b"OK")
        said = await self.said(ann, b"FETCH 1:* UID", b"OK")
        self.assertEqual(said.count(b"FETCH ("), 1)
        for name, count in ((b"INBOX", 2), (b"Trash", 1)):
            await self.said(bob, b"SELECT " + name, b"OK")
            said = await self.said(bob, b"FETCH 1:* (FLAGS BODY.PEEK[])", b"OK")
            self.assertEqual(said.count(LETTER), count)
            self.assertIn(b"\\Flagged $ours", said)
