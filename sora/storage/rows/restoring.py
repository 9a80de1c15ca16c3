"""What was deleted, and what brings it back."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

from sora.mail.flags import Flags
from sora.mail.numbers import NumberSet
from sora.storage.rows.changing import Copied


@frozen
class GonePlace:
    """Where a message stands in the list of what is gone: the latest first, of one moment by
    mailbox and UID."""

    at: datetime
    mailbox_id: int
    uid: int


@frozen
class GoneFilter:
    """Which of an account's messages that are gone are meant; what is not given does not count.

    `since` is included, `before` is not. `sender` and `subject` are parts of the fields From and
    Subject, in whichever case. With `moved` also what was only moved elsewhere. UIDs are those
    that messages had.
    """

    mailbox_ids: tuple[int, ...] | None = None
    uids: NumberSet | None = None
    email_ids: tuple[UUID, ...] | None = None
    since: datetime | None = None
    before: datetime | None = None
    sender: str = ""
    subject: str = ""
    moved: bool = False


@frozen
class GoneMessage:
    """A message that can be restored: expunged, or in a mailbox that was deleted.

    `kind` is how it went: expunged, retention, moved, mailbox deleted. `grace_from` is when its
    grace period began. `internal_date` is in its own zone. `subject` and `sender` are decoded.
    """

    place: GonePlace
    mailbox: str
    mailbox_is_deleted: bool
    kind: str
    grace_from: datetime
    email_id: UUID
    internal_date: datetime
    size: int
    flags: Flags
    sender: str
    subject: str


@frozen
class GonePage:
    """Some messages that fit. `last` is the last that was looked at; None: there are no more."""

    messages: tuple[GoneMessage, ...]
    last: GonePlace | None


@frozen
class Restored:
    """What came back, as `Copied` tells it: `sources` are the UIDs that they had. `over_quota`
    says that the account has more than it may now."""

    copied: Copied
    over_quota: bool


@frozen
class DeletedMailbox:
    """A mailbox that was deleted and can be restored; `grace_from` as in `GoneMessage`. Names of
    several may be the same."""

    id: int
    name: str
    deleted_at: datetime
    grace_from: datetime
    messages: int
    size: int
