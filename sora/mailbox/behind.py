"""What stands behind a mailbox that a session has selected: one that lives, and that this process
shares among its sessions, or the past of one (`past_mailbox.py`)."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import frozen

from sora.mail.numbers import NumberSet
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.open_mailbox import OpenMailbox
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.state import MailboxState
from sora.storage.rows import Vanished


class Behind(Protocol):
    """The truth of a mailbox, and how one session learns of it."""

    @property
    def state(self) -> MailboxState:
        """The truth, as far as it is known."""

    def watch(self, session: object, changed: Callable[[], None] | None) -> None:
        """Call `changed` after each change made by others than `session`; None ends it."""

    def begin_write(self) -> None:
        """A write of this process is on its way."""

    def end_write(self) -> None:
        """Its answer is there."""

    def settle(self, modseq: int) -> Awaitable[None]:
        """Wait until the state reaches `modseq`."""

    def gone_after(self, since: int, among: NumberSet) -> Awaitable[Vanished]:
        """Which UIDs of `among` went after modseq `since`."""

    async def refresh(self) -> None:
        """Learn what happened elsewhere. When that is not possible now, it is no error."""

    def leave(self) -> None:
        """The session has left."""


@frozen
class LivingMailbox:
    """A mailbox that this process has open; `takes` as in `OpenMailboxes.acquire`."""

    _mailbox: OpenMailbox
    _open_mailboxes: OpenMailboxes
    _poll: ChangePoll | None
    _takes: bool

    @property
    def state(self) -> MailboxState:
        """See `Behind.state`."""
        return self._mailbox.state

    def watch(self, session: object, changed: Callable[[], None] | None) -> None:
        """See `Behind.watch`."""
        self._mailbox.watch(session, changed)

    def begin_write(self) -> None:
        """See `Behind.begin_write`."""
        self._mailbox.begin_write()

    def end_write(self) -> None:
        """See `Behind.end_write`."""
        self._mailbox.end_write()

    def settle(self, modseq: int) -> Awaitable[None]:
        """See `Behind.settle`."""
        return self._mailbox.settle(modseq)

    def gone_after(self, since: int, among: NumberSet) -> Awaitable[Vanished]:
        """See `Behind.gone_after`."""
        return self._mailbox.gone_after(since, among)

    async def refresh(self) -> None:
        """No round trip when this process alone serves the database, else at most one, shared by
        all that ask."""
        if self._poll is not None:
            await self._poll.refresh(self._mailbox)
        elif not self._open_mailboxes.alone:
            await self._mailbox.see_everything()

    def leave(self) -> None:
        """See `Behind.leave`."""
        self._open_mailboxes.release(self._mailbox, takes=self._takes)
