"""THREAD and UID THREAD (RFC 5256 §3)."""

from collections.abc import Sequence
from typing import ClassVar, Final, Self

from attrs import define

from sora.errors import BadSyntax
from sora.mail.threads import Threadable
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect, Threading
from sora.protocols.imap.programs import asks_for_numbers
from sora.protocols.imap.searching import criterion_of, read_keys
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SearchTree
from sora.protocols.imap.wire.threads import thread_data

AT_ONCE: Final = 2000
"""Messages up to which threads are found without a thread of the system: some milliseconds."""


@define
class Thread(Command):
    """THREAD SP thread-alg SP charset 1*(SP search-key)"""

    word = b"THREAD"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    takes_numbers: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = NUMBERS_OUT_OF_RANGE

    algorithm: Threading
    tree: SearchTree
    by_uid: bool

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        word = scan.word()
        algorithm = dialect.thread_algorithms.get(word)
        if algorithm is None:
            raise BadSyntax(f"{word.decode()} is not an algorithm of THREAD")
        scan.space()
        return cls(algorithm, read_keys(scan, dialect), by_uid)

    def lets_expunge(self, by_uid: bool) -> bool:
        """As for SEARCH (RFC 7162 §3.2.10.2)."""
        return by_uid and not asks_for_numbers(self.tree)

    async def run(self, session: Session) -> bytes | None:
        selected = session.mailbox
        with session.working():
            rows = await selected.finding.threads(criterion_of(session, self.tree))
            uids = [row.uid for row in rows]
            numbers = uids if self.by_uid else selected.view.numbers_of_ascending(uids)
            if len(rows) > AT_ONCE:
                line = await selected.beside(_threaded, self.algorithm, rows, numbers)
            else:
                line = _threaded(self.algorithm, rows, numbers)
        session.untagged(line)
        return None


def _threaded(algorithm: Threading, rows: Sequence[Threadable], numbers: Sequence[int]) -> bytes:
    return thread_data(algorithm(rows), numbers)
