"""What a client can ask to be told of (RFC 5465 §5, §6), as values; and which mailboxes that is
about, as a listing has them."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Final, Self

from attrs import Factory, frozen

from sora.mail.mailbox_names import name_key, superiors
from sora.mail.rights import Rights
from sora.protocols.imap.fetch_items import FetchItem
from sora.storage.rows import Listing, MailboxRow


class Event(Enum):
    """An event, by the name it has on the wire."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA = "MailboxMetadataChange"
    SERVER_METADATA = "ServerMetadataChange"


MESSAGE_EVENTS: Final = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE})
BY_WORD: Final = {event.value.upper().encode(): event for event in Event}


class Which(Enum):
    """The mailboxes of a group of events (§6)."""

    PERSONAL = "personal"
    """also INBOXES: mail may be delivered to any of them (§6.3)"""
    SUBSCRIBED = "subscribed"
    SUBTREE = "subtree"
    MAILBOXES = "mailboxes"


@frozen
class Group:
    """Events of some mailboxes; `names` are the keys of those that are named."""

    which: Which
    events: frozenset[Event]
    names: frozenset[str] = frozenset()

    def covers(self, name: str, is_personal: bool, is_subscribed: bool) -> bool:
        """Whether a mailbox of this name is one of them."""
        match self.which:
            case Which.PERSONAL:
                return is_personal
            case Which.SUBSCRIBED:
                return is_subscribed
            case Which.MAILBOXES:
                return name_key(name) in self.names
            case Which.SUBTREE:
                key = name_key(name)
                return key in self.names or any(one in self.names for one in superiors(key))


@frozen
class OfSelected:
    """Events of the mailbox that is selected, whichever that is (§6.1).

    `delayed` keeps EXPUNGE back until a command lets it be sent; `items` are fetched of new
    messages.
    """

    events: frozenset[Event] = frozenset()
    delayed: bool = False
    items: tuple[FetchItem, ...] = ()


@frozen
class Interest:
    """All that a client wants to be told of; nothing is NOTIFY NONE."""

    selected: OfSelected = OfSelected()
    groups: tuple[Group, ...] = ()

    @property
    def in_server(self) -> bool:
        """Whether annotations of the server are of interest; it is no matter of which group."""
        return any(Event.SERVER_METADATA in group.events for group in self.groups)

    def events_of(self, name: str, is_personal: bool, is_subscribed: bool) -> frozenset[Event]:
        """The events of a mailbox, of all groups that have it (§6)."""
        found: frozenset[Event] = frozenset()
        for group in self.groups:
            if not group.events <= found and group.covers(name, is_personal, is_subscribed):
                found |= group.events
        return found


@frozen
class Mailbox:
    """A mailbox that may be read, as the client knows it, and the events that it wants. It is kept
    for each of a session's mailboxes, so it has no more than is needed."""

    name: str
    account_id: int
    messages: int
    uidnext: int
    unseen: int
    events: frozenset[Event]

    @classmethod
    def of(cls, row: MailboxRow, events: frozenset[Event]) -> Self:
        """What is kept of a row."""
        return cls(row.name, row.account_id, row.messages, row.uidnext, row.unseen, events)

    @property
    def is_followed(self) -> bool:
        """Whether its messages are of interest."""
        return bool(self.events & MESSAGE_EVENTS)

    @property
    def is_annotated(self) -> bool:
        """Whether its annotations are of interest."""
        return Event.MAILBOX_METADATA in self.events


IsPersonal = Callable[[str], bool]
"""whether a name is in the client's own part of the tree"""


@frozen
class Survey:
    """What an interest means as of one listing.

    `mailboxes` are those that the client may read, by id (§5: `l` and `r` are needed for all
    events; G35), `hidden` the names of those that it asks for and may only list.
    """

    mailboxes: Mapping[int, Mailbox] = Factory(dict)
    hidden: tuple[str, ...] = ()
    subscribed: frozenset[str] = frozenset()

    @property
    def accounts(self) -> frozenset[int]:
        """Whose mailboxes they are."""
        return frozenset(one.account_id for one in self.mailboxes.values())


def survey(listing: Listing, interest: Interest, is_personal: IsPersonal) -> Survey:
    """See `Survey`."""
    subscribed = frozenset(map(name_key, listing.subscriptions))
    mailboxes: dict[int, Mailbox] = {}
    hidden = []
    for row in listing.mailboxes:
        events = interest.events_of(
            row.name, is_personal(row.name), name_key(row.name) in subscribed
        )
        if Rights.LOOKUP | Rights.READ in row.rights:
            mailboxes[row.id] = Mailbox.of(row, events)
        elif events and Rights.LOOKUP in row.rights:
            hidden.append(row.name)
    return Survey(mailboxes, tuple(hidden), subscribed)


# ------------------------------------------------------------------ names that have changed


@frozen
class Renaming:
    """A name to tell of, and what it was before, if that is another."""

    name: str
    old: str | None = None


def changed_names(
    before: Survey, after: Survey, interest: Interest, is_personal: IsPersonal
) -> list[Renaming]:
    """The names that MailboxName and SubscriptionChange are about (§5.4, §5.5), each once.

    A mailbox that was made or is gone affects its direct superior as well. The inferiors of a
    renamed one are not told of.
    """

    def is_asked(event: Event, *names: str) -> bool:
        return any(
            event in interest.events_of(name, is_personal(name), name_key(name) in subscribed)
            for name in names
            for subscribed in (before.subscribed, after.subscribed)
        )

    told: dict[str, Renaming] = {}
    for old, new in _renamed(before, after):
        if is_asked(Event.MAILBOX_NAME, old, new):
            told[new] = Renaming(new, old)
    for name in _made_or_gone(before, after):
        for affected in (name, *superiors(name)[-1:]):
            if is_asked(Event.MAILBOX_NAME, affected):
                told.setdefault(affected, Renaming(affected))
    for name in sorted(before.subscribed ^ after.subscribed):
        if is_asked(Event.SUBSCRIPTION_CHANGE, name):
            told.setdefault(name, Renaming(name))
    return list(told.values())


def _renamed(before: Survey, after: Survey) -> Iterator[tuple[str, str]]:
    renamed: dict[str, str] = {}
    pairs = [
        (before.mailboxes[id].name, one.name)
        for id, one in after.mailboxes.items()
        if id in before.mailboxes
    ]
    for old, new in sorted(pairs):
        if old == new:
            continue
        renamed[old] = new
        if not any(
            above in renamed and new == renamed[above] + old[len(above) :]
            for above in superiors(old)
        ):
            yield old, new


def _made_or_gone(before: Survey, after: Survey) -> list[str]:
    old = {before.mailboxes[id].name for id in before.mailboxes.keys() - after.mailboxes.keys()}
    new = {after.mailboxes[id].name for id in after.mailboxes.keys() - before.mailboxes.keys()}
    return sorted(old | new)
