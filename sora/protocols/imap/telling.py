"""What a session tells its client of what has changed: at the end of each command, and while it
idles.

What was told first comes first: where there is much to tell of flags, it leaves in portions, as
the client reads them. A client that has said NOTIFY is told what that says (`notifying.py`).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sora.errors import SoraError
from sora.mailbox.updates import FlagUpdate, ManyFlags
from sora.protocols.imap.updates import flag_lines, keyword_lines, update_lines
from sora.protocols.imap.wire.codes import highest_modseq

if TYPE_CHECKING:
    from sora.protocols.imap.notifying import Notifying
    from sora.protocols.imap.session import Session


class Telling:
    """Tells one client; from one login to the next."""

    __slots__ = ("_portions", "_session", "_withheld", "notifying")

    def __init__(self, session: "Session") -> None:
        self.notifying: Notifying | None = None
        """what it is told because of NOTIFY"""
        self._session = session
        self._portions: Iterator[list[FlagUpdate]] | None = None
        self._withheld = False

    def forget(self) -> None:
        """The mailbox is left: what was not told of it yet, never is."""
        self._portions = None

    def notify(self, notifying: "Notifying | None") -> None:
        """What the client is told is what this says from now on (RFC 5465); None: what all are
        told."""
        idle = self._session.services.idle
        if self.notifying is not None:
            self.notifying.end()
            idle.notifying.dec()
        self.notifying = notifying
        if notifying is not None:
            idle.notifying.inc()
            notifying.attach()

    # ---------------------------------------------------------- on occasion

    async def all(self, may_expunge: bool) -> None:
        """What there is to tell at the end of a command."""
        if self._portions is not None:
            await self.rest()
        self.changes(may_expunge)
        if self._portions is not None:
            await self.rest()
        self._modseq_where_withheld()
        if self._session.contexts:
            await self.contexts()

    async def idle(self) -> bool:
        """Tell a client that idles what there is to tell. Gives whether that was anything."""
        if self.notifying is not None:
            return await self.notifying.tell(idles=True)
        told = self.changes(may_expunge=True)
        await self.rest()
        return await self.contexts() or told

    # ---------------------------------------------------------- the parts of it

    def changes(self, may_expunge: bool) -> bool:
        """Tell the client what changed in its mailbox. Gives whether there was anything."""
        session = self._session
        selected = session.selected
        if selected is None:
            return False
        for portion in self._portions or ():
            # What was told first comes first.
            self._flags(portion)
        self._portions = None
        if self.notifying is None:
            updates = selected.updates(may_expunge)
        else:
            updates = self.notifying.updates(selected, may_expunge)
        if updates:
            if session.contexts and updates.expunged:
                session.connection.write_all(session.contexts.forget(updates.expunged))
            lines = update_lines(updates, selected.keywords, selected.flag_rights, session.enabled)
            session.connection.write_all(lines)
            if isinstance(updates.flags, ManyFlags):
                self._portions = updates.flags.portions()
            return True
        if selected.is_deleted:
            session.bye(b"The selected mailbox was deleted")
        return False

    async def rest(self) -> None:
        """Tell what `changes` has left because it was much, as the client reads it."""
        if self._portions is not None:
            for portion in self._portions:
                self._flags(portion)
                await self._session.drain()
            self._portions = None

    def keywords(self) -> None:
        """Tell of new keywords, before the first message that has one (RFC 3501 §7.2.6)."""
        selected = self._session.mailbox
        if selected.view.takes_keywords():
            lines = keyword_lines(selected.keywords, selected.flag_rights)
            self._session.connection.write_all(lines)

    async def contexts(self) -> bool:
        """Tell the client how its searches come out now, when it was told what has changed.
        Gives whether there was anything. A round trip for each, where it takes storage."""
        session = self._session
        if not session.contexts or session.selected is None or not session.selected.is_readable:
            return False
        now = session.connection.clock.seconds()
        try:
            lines = await session.contexts.follow(session.selected, now)
        except SoraError as error:
            # Nothing is lost: it is looked at again the next time.
            session.log.info(
                "contexts of {session} wait: {error}", session=session.id, error=error.text
            )
            return False
        session.connection.write_all(lines)
        return bool(lines)

    def modseq(self) -> None:
        """Tell up to where the client knows all changes of its mailbox (RFC 7162 §3.1.2.1)."""
        told = self._session.mailbox.view.modseq_told
        self._session.untagged(b"OK " + highest_modseq(told) + b" Highest")

    def _modseq_where_withheld(self) -> None:
        """Modseqs may have been told that are higher than those of expunges which wait. A client
        that remembered them would never hear of these if it were cut off now (RFC 7162 §6)."""
        session = self._session
        if session.selected is None or not session.enabled.condstore:
            return
        withholds = session.selected.view.withholds
        if withholds or self._withheld:
            self.modseq()
        self._withheld = withholds

    def _flags(self, portion: Sequence[FlagUpdate]) -> None:
        session = self._session
        session.connection.write_all(flag_lines(portion, session.mailbox.keywords, session.enabled))
