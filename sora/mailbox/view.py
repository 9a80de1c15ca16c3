"""What one client believes of its mailbox: the pure part of a session's selected mailbox.

The truth is `MailboxState`, shared by all sessions of the process that have the mailbox
open. A `View` knows what this client has been told: which UIDs, in which order, and up to
which point of the change log. Sequence numbers mean what the client has been told, also
after concurrent expunges (G27). EXPUNGE is told once (G24), before the EXISTS of the same
change (G25); where it may not be sent (RFC 3501 §7.4.1), both wait. The cursor moves only
over what was told, and never backwards (G26). A message made and expunged unseen is never
mentioned.
"""

from collections.abc import Sequence

from attrs import frozen

from sora.mail.numbers import NumberSet, SequenceSet


@frozen
class FlagUpdate:
    """Flags of a message that the client knows are different now."""

    number: int
    uid: int
    mask: int
    modseq: int
    recent: bool = False


@frozen
class Updates:
    """What a client has to be told, in this order: EXPUNGE, EXISTS, RECENT, FLAGS, FETCH.

    `expunged` are (sequence number, uid), each number as it is when its line is sent;
    `exists` and `recent` are None when they did not change; `keywords` is True when there are
    new ones, so that FLAGS is due.
    """

    expunged: Sequence[tuple[int, int]] = ()
    exists: int | None = None
    recent: int | None = None
    keywords: bool = False
    flags: Sequence[FlagUpdate] = ()

    def __bool__(self) -> bool:
        return bool(
            self.expunged
            or self.exists is not None
            or self.recent is not None
            or self.keywords
            or self.flags
        )


class View:
    """One client's belief. Made by `Selected`; see `sora.mailbox.state` for the truth."""

    @property
    def exists(self) -> int:
        """How many messages the client knows of."""
        raise NotImplementedError

    @property
    def uids(self) -> Sequence[int]:
        """Their UIDs, ascending: the one of number n stands at n - 1."""
        raise NotImplementedError

    def number(self, uid: int) -> int:
        """The sequence number of a UID, 0 when the client does not know of it."""
        raise NotImplementedError

    def uid(self, number: int) -> int:
        """The UID of a sequence number. Raises BadArgument when it is out of range."""
        raise NotImplementedError

    def of_numbers(self, numbers: SequenceSet) -> list[int]:
        """The UIDs of a sequence set of message numbers, ascending.

        Raises BadArgument when a number is larger than `exists` (RFC 3501 §9, seq-number).
        """
        raise NotImplementedError

    def of_uids(self, uids: SequenceSet) -> list[int]:
        """Those UIDs of the set that the client knows of, ascending (RFC 3501 §6.4.8)."""
        raise NotImplementedError

    def mask(self, uid: int) -> int | None:
        """The present flags of a message, None when it is gone."""
        raise NotImplementedError

    def modseq(self, uid: int) -> int:
        """The present modseq of a message, 0 when it is gone."""
        raise NotImplementedError

    def is_recent(self, uid: int) -> bool:
        """Whether the message is \\Recent in this session (RFC 3501 §2.3.2)."""
        raise NotImplementedError

    def is_gone(self, uid: int) -> bool:
        """Whether the client still believes in a message that was expunged."""
        raise NotImplementedError

    def told(self, uids: NumberSet | Sequence[int], modseq: int) -> None:
        """The client learns the flags that these messages have as of `modseq` from the answer
        of its own command, or asked not to (.SILENT): no update repeats it."""
        raise NotImplementedError

    def take(self, may_expunge: bool) -> Updates:
        """What has to be told now; it counts as told. Without `may_expunge` no EXPUNGE, and no
        EXISTS or RECENT of changes that come with one, is among it."""
        raise NotImplementedError
