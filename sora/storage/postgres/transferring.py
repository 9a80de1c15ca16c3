"""COPY and MOVE in PostgreSQL: `transfer_v1` within an account, `transfer_v2` where not all is the
asker's own (`0004_transfer.sql`, `0011_shared_writing.sql`)."""

from typing import Any, Final, cast

from attrs import frozen

from sora.errors import OutcomeUnknown
from sora.mail.mailbox_names import name_key
from sora.mail.numbers import NumberSet
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.outcomes import Event, Outcomes, of_kind
from sora.storage.rows import Copied, EventKind, Expunged, Moved, Operation, States

TRANSFER: Final = (
    "select o_mailbox, o_uidvalidity, o_before, o_modseq, o_sources, o_first, o_flags, o_spots,"
    " o_keywords, o_source_before, o_source_modseq, o_vanished"
    " from transfer_v1(%s, %s, %s, %s, %s, " + packing.OPERATION + ")"
)
TRANSFER_ACROSS: Final = TRANSFER.replace(
    "transfer_v1(%s, %s, %s, %s, ", "transfer_v2(%s, %s, %s, %s, %s, "
)


@frozen
class Transfer:
    """From where, what, to where in whose account, and who does it; `asker` is None where all is
    his own."""

    mailbox_id: int
    uids: NumberSet
    account_id: int
    destination: str
    operation: Operation
    asker: int | None

    def parameters(self, is_move: bool) -> tuple[Any, ...]:
        """Those of `TRANSFER`, or of `TRANSFER_ACROSS` where there is an asker."""
        return (
            self.mailbox_id,
            self.uids.multirange(),
            self.account_id,
            name_key(self.destination),
            *(() if self.asker is None else (self.asker,)),
            is_move,
            *packing.operation(self.operation),
        )


@frozen
class Transferring:
    """Moves rows from mailbox to mailbox, or copies them."""

    _database: Database
    _outcomes: Outcomes

    async def copy(self, transfer: Transfer) -> Moved:
        """`IMessages.copy`: what was copied; nothing is gone."""
        return await self._do("copy", transfer)

    async def move(self, transfer: Transfer) -> Moved:
        """`IMessages.move`"""
        return await self._do("move", transfer)

    async def _do(self, name: str, transfer: Transfer) -> Moved:
        mailbox_id, account_id = transfer.mailbox_id, transfer.account_id

        async def work(tx: Tx) -> Moved:
            row = await tx.one(
                TRANSFER if transfer.asker is None else TRANSFER_ACROSS,
                transfer.parameters(is_move=name == "move"),
            )
            return _moved(mailbox_id, cast(tuple[Any, ...], row))

        try:
            return await self._database.run(name, work, write=True)
        except OutcomeUnknown as unknown:
            events = await self._outcomes.events(
                transfer.operation.id, [mailbox_id], account_id=account_id, unknown=unknown
            )
            return await self._moved_after_all(mailbox_id, account_id, events, unknown)

    async def _moved_after_all(
        self, mailbox_id: int, account_id: int, events: list[Event], unknown: OutcomeUnknown
    ) -> Moved:
        arrived = of_kind(events, EventKind.COPIED_IN, EventKind.MOVED_IN)
        if arrived is None:
            raise unknown
        left = of_kind(events, EventKind.MOVED_OUT)
        now = await states_now(self._database, arrived.mailbox_id, arrived.uids)
        mask_of = dict(zip(now.uids, now.masks, strict=True))

        async def rest(tx: Tx) -> tuple[Any, ...] | None:
            return await tx.one(
                "select uidvalidity, keywords_from_v1(account_id, 0) from mailboxes where id = %s",
                (arrived.mailbox_id,),
            )

        row = await self._database.run("outcome", rest, write=False)
        uidvalidity, words = row or (0, None)
        masks = tuple(mask_of.get(uid, 0) for uid in arrived.uids)
        copied = Copied(
            arrived.mailbox_id,
            uidvalidity,
            arrived.before,
            arrived.modseq,
            tuple(packing.number_set(cast(str | None, arrived.detail.get("sources")))),
            tuple(arrived.uids),
            masks,
            packing.used(packing.keywords(words), masks),
        )
        gone = Expunged(
            mailbox_id,
            left.before if left else 0,
            left.modseq if left else 0,
            left.uids if left else NumberSet(),
        )
        return Moved(copied, gone)


async def states_now(database: Database, mailbox_id: int, uids: NumberSet) -> States:
    """The present state of some messages, to build the answer of a write that was lost."""

    async def work(tx: Tx) -> States:
        row = await tx.one(
            "select o_uids, o_flags, o_modseqs, o_spots from states_v1(%s, %s)",
            (mailbox_id, uids.multirange()),
        )
        return packing.states(*cast(tuple[Any, ...], row))

    return await database.run("outcome", work, write=False)


def _moved(source_id: int, row: tuple[Any, ...]) -> Moved:
    mailbox_id, uidvalidity, before, modseq, sources, first, flags, spots, words = row[:9]
    source_before, source_modseq, vanished = row[9:]
    chosen = tuple(packing.numbers(sources))
    uids = tuple(range(first, first + len(chosen)))
    masks = tuple(packing.masks(uids, flags, spots))
    copied = Copied(
        mailbox_id,
        uidvalidity,
        before,
        modseq,
        chosen,
        uids,
        masks,
        packing.used(packing.keywords(words), masks),
    )
    gone = Expunged(source_id, source_before, source_modseq, packing.number_set(vanished))
    return Moved(copied, gone)
