"""QRESYNC (RFC 7162 §3.2): what a client has missed, in the answer to SELECT.

Which messages vanished is read from the history of the mailbox. A client that was away for
longer than it reaches back is told of every UID that is not there.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

from attrs import define, field, frozen

from sora.errors import BadSyntax, NumbersRefused
from sora.mail.numbers import MAX_NUMBER, NumberSet, SequenceSet
from sora.mailbox.selected import Selected
from sora.mailbox.view import View
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.commands.fetch import Fetch
from sora.protocols.imap.dialect import Dialect, Extension
from sora.protocols.imap.extensions.condstore import ChangedSince
from sora.protocols.imap.fetch_items import update_items
from sora.protocols.imap.fetching import Fetching
from sora.protocols.imap.parameters import FetchModifier, SelectParameter
from sora.protocols.imap.session import Session
from sora.protocols.imap.updates import vanished_lines
from sora.protocols.imap.wire.scanner import Scanner

EVERY_UID: Final = NumberSet(((1, MAX_NUMBER),))
NOTHING: Final = NumberSet()


@frozen
class Match:
    """The UIDs that some message numbers had, as far as the client knows."""

    numbers: NumberSet = NOTHING
    uids: NumberSet = NOTHING

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        """seq-match-data = "(" known-sequence-set SP known-uid-set ")" (§3.2.5.2)"""
        scan.open()
        numbers = _ascending(scan.sequence_set())
        scan.space()
        uids = _ascending(scan.sequence_set())
        if len(numbers) != len(uids):
            raise scan.error("There have to be as many UIDs as message numbers")
        _close(scan)
        return cls(numbers, uids)

    def known_up_to(self, view: View) -> int:
        """Up to which UID the client knows of all expunges, 0 if that is not known.

        UIDs are never inserted. So where a number still has its UID, as many messages are below
        it as the client believes, and they are the same ones.
        """
        known = 0
        for number, uid in zip(self.numbers, self.uids, strict=True):
            if number > view.exists:
                break
            if view.uid(number) == uid:
                known = uid
        return known


@define
class Resync(SelectParameter):
    """ "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data]
    ")" (§3.2.5)"""

    uidvalidity: int
    modseq: int
    known: NumberSet = EVERY_UID
    match: Match = Match()
    _gone: NumberSet = field(factory=NumberSet, init=False)
    _since: int = field(default=0, init=False)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        scan.space()
        scan.open()
        uidvalidity = scan.number()
        scan.space()
        resync = cls(uidvalidity, scan.number64())
        if scan.skip(b" ") and scan.peek() != b"(":
            resync.known = _written_out(scan.sequence_set())
            scan.skip(b" ")
        if scan.peek() == b"(":
            resync.match = Match.parse(scan)
        _close(scan)
        return resync

    def check(self, session: Session) -> None:
        _must_be_enabled(session)
        if self.match.numbers and session.enabled.uidonly:
            raise NumbersRefused  # RFC 9586 §3.7

    def _counts(self, selected: Selected) -> bool:
        """Whether what the client remembers is of this mailbox."""
        return self.uidvalidity == selected.uidvalidity

    async def prepare(self, session: Session) -> None:
        selected = session.mailbox
        if not self._counts(selected):
            return
        above = self.match.known_up_to(selected.view) + 1
        unsure = self.known & NumberSet(((above, MAX_NUMBER + 1),))
        gone, self._since = await selected.vanished(self.modseq, unsure)
        # What happened meanwhile is in what is about to be told; it is no news.
        meanwhile = NumberSet.of(uid for _, uid in selected.updates(may_expunge=True).expunged)
        self._gone = gone | (meanwhile & unsure)

    async def opened(self, session: Session) -> None:
        selected = session.mailbox
        if not self._counts(selected):
            return
        view = selected.view
        session.connection.write_all(vanished_lines(self._gone, earlier=True))
        changed = view.changed_since(view.known_of(self.known), self._since)
        await Fetching(session, update_items(session.enabled), by_uid=True).answer(changed)


class Vanished(FetchModifier):
    """VANISHED, a modifier of UID FETCH that stands beside CHANGEDSINCE (§3.2.6)"""

    def joins(self, fetch: Fetch) -> None:
        if not fetch.by_uid or b"CHANGEDSINCE" not in fetch.modifiers:
            raise BadSyntax("VANISHED needs UID FETCH and CHANGEDSINCE")

    async def choose(self, uids: Sequence[int], fetch: Fetch, session: Session) -> Sequence[int]:
        _must_be_enabled(session)
        changed = fetch.modifiers[b"CHANGEDSINCE"]
        assert isinstance(changed, ChangedSince)
        selected = session.mailbox
        # `*` reaches to where messages were, also if none is there any more.
        among = fetch.messages.resolve(selected.uidnext - 1)
        gone, since = await selected.vanished(changed.modseq, among)
        session.connection.write_all(vanished_lines(gone, earlier=True))
        if since != changed.modseq:  # G70: it says nothing about flags either
            changed.modseq = since
            return session.uids(fetch.messages, fetch.by_uid)
        return uids


def _must_be_enabled(session: Session) -> None:
    if not session.enabled.qresync:
        raise BadSyntax("ENABLE QRESYNC comes first")


def _close(scan: Scanner) -> None:
    if not scan.close():
        raise scan.error("A closing parenthesis is missing")


def _written_out(numbers: SequenceSet) -> NumberSet:
    if numbers.is_saved or any(None in pair for pair in numbers.ranges):
        raise BadSyntax("What the client knows cannot have * or $ in it")
    return numbers.resolve(0)


def _ascending(numbers: SequenceSet) -> NumberSet:
    known = _written_out(numbers)
    bounds = [bound for pair in numbers.ranges for bound in pair if bound is not None]
    if any(later < earlier for earlier, later in pairwise(bounds)):
        raise BadSyntax("What the client knows has to be in ascending order")
    return known


EXTENSION = Extension(
    Capability(b"QRESYNC", needs=(b"CONDSTORE", b"ENABLE")),
    enables=True,
    implies=(b"CONDSTORE",),
    select_parameters={b"QRESYNC": Resync},
    fetch_modifiers={b"VANISHED": Vanished},
)
