"""Messages on their way into mailboxes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from attrs import field, frozen

from sora.mail.facts import Facts
from sora.mail.flags import Flags
from sora.storage.rows.bodies import ObjectPlace
from sora.storage.rows.changing import Expunged


@frozen
class Operation:
    """Who does what, for the history: one row of `events` for each write command.

    `id` is new for each command, and is what an unknown outcome is read back by (G14).
    """

    id: UUID
    actor: str = ""
    session: str = ""
    protocol: str = ""
    address: str = ""


@frozen
class Arrival:
    """Bytes that are to become a content.

    Exactly one of these says where the bytes are: `body`, to be staged by the statement
    that makes the messages; `object`, already durable in an object store under a reserved
    id; `content_id`, a content whose pieces were staged before; none of them: the caller
    knows the content to be there, needs no `facts` of it, and hears when it is not.
    """

    hash: bytes
    facts: Facts | None = None
    body: bytes | None = field(default=None, repr=False)
    object: ObjectPlace | None = None
    content_id: int | None = None


@frozen
class Target:
    """A message that is to be made from an arrival.

    `flags` are set on it, `trace` is prepended when it is read. With `recipient`, the
    delivery is claimed: (account, recipient, `received_hash`) is delivered once (G42).
    `internal_date` keeps its zone. With `mailbox_id` 0 the mailbox is the account's of that
    `name`, looked up in the same statement; with an `asker` that is another account, it needs
    the right to insert there, and only flags that it may change are set (RFC 4314 §4).
    `arrival` says which of several arrivals it is made from.
    """

    account_id: int
    mailbox_id: int
    internal_date: datetime
    email_id: UUID
    flags: Flags = Flags()
    trace: bytes = b""
    recipient: str | None = None
    received_hash: bytes | None = None
    name: str | None = None
    asker: int | None = None
    arrival: int = 0


class Fate(StrEnum):
    """What became of a target."""

    PLACED = "placed"
    DUPLICATE = "duplicate"
    NO_MAILBOX = "no mailbox"
    OVER_QUOTA = "over quota"


@frozen
class Placed:
    """What became of one target. `uid`, `uidvalidity`, `modseq` are 0 unless it was placed
    (or is a duplicate whose place is known).

    `before` is the mailbox's highest_modseq just before: whoever holds the mailbox's state
    at that point needs to read nothing more. `keywords` names every keyword of the mask.
    """

    fate: Fate
    mailbox_id: int = 0
    uid: int = 0
    uidvalidity: int = 0
    modseq: int = 0
    before: int = 0
    mask: int = 0
    keywords: tuple[tuple[int, str], ...] = ()


@frozen
class Placement:
    """The answer to `place`: one `Placed` per target, and whether the bytes were needed.

    `used_object` is False when the content was there already: the reserved object was not
    bound, and its file may be removed and its id used again.
    `needs_body` is True, and nothing was done, when the arrival brought no bytes and the
    content is not there.
    """

    placed: tuple[Placed, ...]
    content_id: int = 0
    used_object: bool = False
    needs_body: bool = False


@frozen
class Memory:
    """Something that an account remembers for so many seconds from now, by a digest of at most 64
    octets."""

    key: bytes
    seconds: int


@frozen
class Claim:
    """All that a delivery does for one recipient: it happens as a whole, and once for (account,
    recipient, `received_hash`), whatever a retry would rather do (G42).

    `id` is new for each recipient of a delivery, and the same when that is tried again. `targets`
    name mailboxes by their ids, of the account or of others (whose rights are then looked at);
    there may be none. `inbox_id` is where goes what a target's mailbox cannot take.

    `vacations` are replies that shall be sent unless they are remembered; `duplicates` are
    remembered, whether they were before or not (RFC 7352 §3.2).
    """

    id: UUID
    account_id: int
    inbox_id: int
    recipient: str
    received_hash: bytes
    targets: tuple[Target, ...] = ()
    vacations: tuple[Memory, ...] = ()
    duplicates: tuple[Memory, ...] = ()


@frozen
class Claimed:
    """What became of a claim. PLACED: all of it has happened, with a `Placed` for each target.

    A target whose mailbox is gone went to INBOX; where the same content is put there for the same
    claim anyway, the uid is 0. `vacations` are the places of those replies that are this delivery's
    to send. DUPLICATE: another one was first, or, with `is_own`, this one at an earlier try.
    NO_MAILBOX is also said when a mailbox of others cannot take its target, and INBOX in its place
    cannot either, because contents of the two accounts are kept apart.
    """

    fate: Fate
    placed: tuple[Placed, ...] = ()
    vacations: frozenset[int] = frozenset()
    is_own: bool = False


@frozen
class Delivered:
    """The answer to `deliver`. `contents` has for each arrival its content's id and whether the
    arrival's object became that content's; `missing` are the places of arrivals that came without
    their bytes, which are not there: then nothing was done."""

    claims: tuple[Claimed, ...] = ()
    contents: tuple[tuple[int, bool], ...] = ()
    missing: frozenset[int] = frozenset()


@frozen
class Replaced:
    """The message that REPLACE takes away (RFC 8508)."""

    mailbox_id: int
    uid: int


@frozen
class Prepared:
    """The answer to `prepare`; `used_object` as in `Placement`."""

    content_id: int
    used_object: bool


@frozen
class Appended:
    """The answer to `append`: for each message a `Placement` with one `Placed`, and what was
    taken away for it. When one of them has `needs_body`, nothing was done for any."""

    placements: tuple[Placement, ...]
    expunged: "Expunged | None" = None

    @property
    def missing(self) -> frozenset[int]:
        """The places of those that have `needs_body`."""
        return frozenset(place for place, one in enumerate(self.placements) if one.needs_body)

    @property
    def placed(self) -> tuple[Placed, ...]:
        """What became of each message; none when nothing was done."""
        return tuple(one for placement in self.placements for one in placement.placed)
