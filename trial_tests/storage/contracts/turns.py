"""The contract of `IMailboxes`, turns: who says what is \\Recent (RFC 3501 §2.3.2)."""

from uuid import UUID, uuid4

from sora.storage.rows import MailboxRow, Turn
from trial_tests.storage.contracts.contract import Contract, letter

ONE, TWO = UUID(int=1), UUID(int=2)


class TurnsContract(Contract):
    """Two processes, and a mailbox in which both have sessions."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com")
        self.box: MailboxRow = await self.find(self.ann, "INBOX")
        await self.storage.membership.beat(ONE, "one")
        await self.storage.membership.beat(TWO, "two")

    async def select(self, taker: UUID | None) -> Turn | None:
        opened = await self.storage.mailboxes.open(self.ann.id, "INBOX", taker)
        turn: Turn | None = opened.turn
        return turn

    async def read(self, taker: UUID | None) -> Turn | None:
        modseq = (await self.find(self.ann, "INBOX")).highest_modseq
        changes = await self.storage.mailboxes.changes(self.box.id, modseq, 0, taker)
        turn: Turn | None = changes.turn
        return turn

    async def end(self, turn: Turn, taker: UUID) -> None:
        await self.storage.mailboxes.end_turns({self.box.id: turn}, taker)

    async def take(self, *takers: UUID) -> list[Turn | None]:
        ids = [self.box.id]
        return [
            (await self.storage.mailboxes.take_turns(ids, taker)).get(self.box.id)
            for taker in takers
        ]

    async def test_the_first_who_selects_has_the_turn(self) -> None:
        self.assertEqual(await self.select(ONE), Turn(1, 0))
        self.assertIsNone(await self.select(TWO))
        self.assertIsNone(await self.read(TWO))
        self.assertEqual(await self.take(TWO, ONE), [None, Turn(1, 0)])

    async def test_who_has_it_is_told_so_again(self) -> None:
        """An answer may be lost, and the question be sent again."""
        for _ in range(2):
            self.assertEqual(await self.select(ONE), Turn(1, 0))
            self.assertEqual(await self.read(ONE), Turn(1, 0))

    async def test_who_examines_is_told_but_takes_nothing(self) -> None:
        """G34"""
        self.assertEqual(await self.select(None), Turn(0, 0))
        self.assertIsNone(await self.read(None))
        self.assertEqual(await self.select(ONE), Turn(1, 0))
        self.assertIsNone(await self.select(None))

    async def test_what_was_learned_of_goes_to_the_next(self) -> None:
        await self.end(await self.having(ONE, Turn(1, 0), known=7), ONE)
        self.assertEqual(await self.select(None), Turn(0, 7))
        self.assertEqual(await self.read(TWO), Turn(2, 7))
        self.assertIsNone(await self.read(ONE))

    async def having(self, taker: UUID, turn: Turn, known: int | None) -> Turn:
        self.assertEqual(await self.select(taker), turn)
        return Turn(turn.number, known)

    async def test_what_is_known_never_falls(self) -> None:
        await self.end(await self.having(ONE, Turn(1, 0), known=7), ONE)
        await self.end(await self.having(TWO, Turn(2, 7), known=3), TWO)
        await self.end(await self.having(ONE, Turn(3, 7), known=None), ONE)
        self.assertEqual(await self.select(ONE), Turn(4, 7))

    async def test_a_turn_that_is_over_does_not_end_again(self) -> None:
        """An answer that was lost, or one that comes late."""
        old = await self.having(ONE, Turn(1, 0), known=7)
        await self.end(old, ONE)
        self.assertEqual(await self.take(ONE), [Turn(2, 7)])
        await self.end(Turn(1, 9), ONE)
        await self.end(Turn(2, 9), TWO)
        self.assertEqual(await self.take(TWO, ONE), [None, Turn(2, 7)])

    async def test_the_turn_of_the_dead_is_over(self) -> None:
        stranger = uuid4()
        self.assertEqual(await self.select(stranger), Turn(1, 0))
        self.assertEqual(await self.select(ONE), Turn(2, 0))
        await self.storage.membership.leave(ONE)
        self.assertEqual(await self.take(TWO), [Turn(3, 0)])

    async def test_turns_are_no_changes(self) -> None:
        await self.put(self.ann, self.box, letter("x"))
        before = await self.find(self.ann, "INBOX")
        await self.end(await self.having(ONE, Turn(1, 0), known=1), ONE)
        await self.take(TWO)
        self.assertEqual(await self.find(self.ann, "INBOX"), before)
        changes = await self.storage.mailboxes.changes(self.box.id, before.highest_modseq, 0, TWO)
        self.assertEqual(list(changes.changed.uids), [])

    async def test_several_mailboxes_at_once(self) -> None:
        bob = await self.account("bob@example.com")
        other = (await self.find(bob, "INBOX")).id
        await self.select(TWO)
        found = await self.storage.mailboxes.take_turns([other, self.box.id, 999_999], ONE)
        self.assertEqual(found, {other: Turn(1, 0)})
        await self.storage.mailboxes.end_turns({other: Turn(1, 5), 999_998: Turn(1, 5)}, ONE)
        self.assertEqual(
            await self.storage.mailboxes.take_turns([other, self.box.id], TWO),
            {other: Turn(2, 5), self.box.id: Turn(1, 0)},
        )
