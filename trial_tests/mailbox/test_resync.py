"""A client that is away and comes back, through whatever process: it misses nothing (RFC 7162)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.flags import DELETED, FLAGGED, SEEN, Flags, parse_flags
from sora.mail.numbers import NumberSet
from sora.mailbox import state as state_module
from sora.mailbox.selected import Selected
from sora.storage.rows import FlagChange
from trial_tests.mailbox.models import Client
from trial_tests.mailbox.world import Process, World, message, spool
from trial_tests.support.properties import SETTINGS

EVERY_UID = NumberSet(((1, 0xFFFFFFFF),))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "flag", "unflag", "expunge", "tell", "tell some", "leave", "forget"]
        ),
        st.integers(0, 1),
        st.integers(0, 7),
    ),
    min_size=20,
    max_size=50,
)
START = [*[("append", number % 2, number) for number in range(8)], ("leave", 0, 0)]
"""every life begins with some messages that the client knows of"""


class Remembering:
    """A client with a cache: UIDs, flags, and up to which modseq they are right."""

    def __init__(self) -> None:
        self.masks: dict[int, int | None] = {}
        self.modseq = 0
        self.uidvalidity = 0
        self.selected: Selected | None = None
        self.listening: Client | None = None

    async def come(self, process: Process, account: Any) -> None:
        """Open the mailbox, and learn what was missed, as SELECT (QRESYNC ...) tells it."""
        self.selected = selected = await process.session(account).select("INBOX", False)
        view = selected.view
        if self.modseq:
            gone, since = await selected.vanished(self.modseq, EVERY_UID)
            assert not set(gone) & set(view.uids), "what is there did not vanish"
            for uid in gone:
                self.masks.pop(uid, None)
            for uid in view.changed_since(list(view.uids), since):
                self.masks[uid] = view.mask(uid)
        for uid in view.uids:
            self.masks.setdefault(uid, view.mask(uid))  # new messages are fetched
        self.listening = Client(view)
        assert self.listening.uids == sorted(self.masks)
        self._remember()

    def tell(self, may_expunge: bool) -> None:
        """Be told, in the middle of being connected."""
        if self.listening is not None:
            self.listening.take(may_expunge)
            self._remember()

    def _remember(self) -> None:
        assert self.listening is not None and self.selected is not None
        self.masks = dict(self.listening.masks)
        self.modseq = self.selected.view.modseq_told

    async def leave(self) -> None:
        """Be cut off."""
        if self.selected is not None:
            await self.selected.close()
        self.selected = self.listening = None


class ResyncTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(state_module, "MAX_LOG_ENTRIES", 6)

    def done(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    @SETTINGS
    @given(STEPS)
    def test_nothing_is_missed(self, steps: list[tuple[str, int, int]]) -> None:
        """G24, G26, G28: whoever wrote, wherever the client was, wherever it comes back."""
        self.done(self._life(steps))

    async def _life(self, steps: list[tuple[str, int, int]]) -> None:
        world = World()
        account = await world.add_account()
        processes = [world.process(alone=False), world.process(alone=False)]
        writers = [await process.session(account).select("INBOX", False) for process in processes]
        client = Remembering()
        for what, which, number in [*START, *steps, ("leave", 0, 0), ("leave", 1, 0)]:
            if what == "leave":
                if client.selected is None:
                    await client.come(processes[which], account)
                else:
                    await client.leave()
                    await client.come(processes[which], account)
                self._check(client, writers)
            elif what in ("tell", "tell some"):
                if client.selected is not None:
                    await client.selected.refresh()
                client.tell(may_expunge=what == "tell")
            elif what == "forget":
                mailbox = next(iter(world.storage.tables.mailboxes.values()))
                mailbox.events.clear()
                mailbox.horizon = mailbox.highest_modseq
            else:
                await self._write(what, processes[which], account, writers[which], number)
            world.clock.advance(1)
        await client.leave()

    async def _write(
        self, what: str, process: Process, account: Any, writer: Selected, number: int
    ) -> None:
        if what == "append":
            flags = parse_flags(["\\Flagged"] if number % 2 else [])
            await process.session(account).appending.append(
                "INBOX", flags, None, spool(message(number))
            )
            return
        await writer.refresh()
        writer.updates(may_expunge=True)
        uids = list(writer.view.uids)[number::3]
        if not uids:
            return
        if what == "expunge":
            await writer.store(uids, FlagChange("add", Flags(DELETED)), True)
            await writer.expunge()
        else:
            mode: Any = "add" if what == "flag" else "remove"
            await writer.store(uids, FlagChange(mode, Flags(FLAGGED | SEEN)), True)

    def _check(self, client: Remembering, writers: list[Selected]) -> None:
        self.done(self._refresh(writers))
        state = writers[0].view._state
        truth = dict(zip(state.uids, state.masks, strict=True))
        self.assertEqual(client.masks, truth)

    @staticmethod
    async def _refresh(writers: list[Selected]) -> None:
        for writer in writers:
            await writer.refresh()
