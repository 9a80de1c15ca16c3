"""Who wants to know of changes in mailboxes that he has not opened (NOTIFY).

All that happens comes by here: what this process writes, what others ring, what the poll
finds. A session has one `Watch` on it, however many mailboxes it follows. A watch only collects
*which* mailboxes have changed, each once, until somebody takes it: a slow client holds no
more than a number for each mailbox it follows. What there is to say is read when it is said.

What the session has done itself is no news to it (RFC 5465 §5): the watch is told the source of a
change, and passes over it if it knows of everything before.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen

from sora.mail.annotations import Entry

EVERYBODY: Final = 0
"""in place of an account: rights of everybody in a domain have changed"""
MAX_ANNOTATED: Final = 500
"""annotations whose changes a watch collects; beyond, it has too many"""


@frozen
class News:
    """What a watch has collected.

    `mailboxes`: some of those that it follows have changed. `names`: names, rights or
    subscriptions of an account have; `by_others`: and it was not the session alone.
    """

    mailboxes: bool
    names: bool
    by_others: bool


class Watch:
    """What one session follows. `changed` is called when there is news, from anywhere;
    `is_own` tells whether a source of changes is the session itself. `reader` is the account that
    has logged in: private annotations of others are not its business."""

    def __init__(
        self,
        watchers: "Watchers",
        changed: Callable[[], None],
        is_own: Callable[[object], bool],
        reader: int = 0,
    ) -> None:
        self._watchers = watchers
        self._changed = changed
        self._is_own = is_own
        self._known: dict[int, int] = {}
        self._accounts: frozenset[int] = frozenset()
        self._reader = reader
        self._places: frozenset[int] = frozenset()
        self._annotated: dict[tuple[int, Entry], None] = {}
        self._muted: int | None = None
        self._meanwhile: dict[int, int] | None = None
        self._mailboxes = self._names = self._by_others = False

    @property
    def has_news(self) -> bool:
        """Whether there is something to take."""
        return self._mailboxes or self._names

    @property
    def following(self) -> Collection[int]:
        """The ids of the mailboxes that it follows."""
        return self._known.keys()

    @property
    def has_annotated(self) -> bool:
        """Whether there are annotations to take."""
        return bool(self._annotated)

    @property
    def has_too_many(self) -> bool:
        """Whether more annotations were changed than are collected."""
        return len(self._annotated) > MAX_ANNOTATED

    def take_annotated(self) -> Mapping[int, Sequence[Entry]]:
        """The annotations that others have changed, by place (see `Watchers.annotated`)."""
        taken, self._annotated = self._annotated, {}
        places: dict[int, list[Entry]] = {}
        for place, entry in taken:
            places.setdefault(place, []).append(entry)
        return places

    def is_behind(self, mailbox_id: int, modseq: int) -> bool:
        """Whether the session was not told of this modseq yet; false for its own changes, and
        for what it does not follow."""
        return self._known.get(mailbox_id, modseq) < modseq

    def mute(self, mailbox_id: int | None) -> None:
        """Changes of this mailbox are no news as long as it is selected: the session's view tells
        of them."""
        self._muted = mailbox_id

    def begin_reading(self) -> News:
        """Take the news; what it is about is read now. What happens until `follow` counts as
        news again, if the reading did not see it."""
        news = News(self._mailboxes, self._names, self._by_others)
        self._mailboxes = self._names = self._by_others = False
        self._meanwhile = {}
        self._watchers.listen(self)
        return news

    def give_back(self, news: News) -> None:
        """The reading has failed: the news are still some. Nobody is called for that."""
        meanwhile = self._end_reading()
        self._mailboxes |= news.mailboxes or bool(meanwhile)
        self._names |= news.names
        self._by_others |= news.by_others

    def follow(
        self,
        mailboxes: Mapping[int, int],
        accounts: Mapping[int, int],
        annotated: Collection[int] = (),
    ) -> None:
        """Follow these mailboxes from these modseqs on, the names of these accounts from these
        versions on, and the annotations of these places; and nothing else."""
        meanwhile = self._end_reading()
        self._watchers.exchange(self, self._known.keys(), mailboxes)
        self._watchers.exchange_accounts(self, self._accounts, accounts)
        self._watchers.exchange_annotated(self, self._places, annotated)
        self._places = frozenset(annotated)
        self._known = dict(mailboxes)
        self._accounts = frozenset(accounts)
        for mailbox_id, modseq in meanwhile.items():
            self.mailbox_changed(mailbox_id, modseq)

    def end(self) -> None:
        """Follow nothing any more."""
        self.follow({}, {})
        self._annotated = {}
        self._mailboxes = self._names = self._by_others = False

    def _end_reading(self) -> dict[int, int]:
        self._watchers.listen_no_more(self)
        meanwhile, self._meanwhile = self._meanwhile, None
        return meanwhile or {}

    # ---------------------------------------------------------- what happens

    def mailbox_changed(
        self, mailbox_id: int, modseq: int, before: int = -1, source: object = None
    ) -> None:
        """See `Watchers`."""
        if self._meanwhile is not None:
            self._meanwhile[mailbox_id] = max(modseq, self._meanwhile.get(mailbox_id, 0))
            return
        known = self._known.get(mailbox_id)
        if known is None or modseq <= known:
            return
        if mailbox_id == self._muted:
            self._known[mailbox_id] = modseq
        elif self._is_own(source):
            if before == known:
                self._known[mailbox_id] = modseq
        elif not self._mailboxes:
            self._mailboxes = True
            self._changed()

    def names_changed(self, source: object = None) -> None:
        """See `Watchers`."""
        is_own = self._is_own(source)
        if not self._names or (not is_own and not self._by_others):
            self._names = True
            self._by_others |= not is_own
            self._changed()

    def annotated(
        self, place: int, entries: Iterable[Entry], reader: int, source: object = None
    ) -> None:
        """See `Watchers`."""
        if self._is_own(source) or self.has_too_many:
            return
        seen = [entry for entry in entries if not entry.is_private or reader == self._reader]
        if seen:
            self._annotated.update(((place, entry), None) for entry in seen)
            self._changed()


class Watchers:
    """All watches of the process.

    `source` is who did it, as far as it is a session of this process; `before` the modseq
    that the change is on top of.
    """

    def __init__(self) -> None:
        self._of_mailbox: dict[int, set[Watch]] = {}
        self._of_account: dict[int, set[Watch]] = {}
        self._of_annotated: dict[int, set[Watch]] = {}
        self._versions: dict[int, int] = {}
        self._listening: set[Watch] = set()

    @property
    def mailboxes(self) -> Collection[int]:
        """The ids of all mailboxes that are followed."""
        return self._of_mailbox.keys()

    @property
    def accounts(self) -> Collection[int]:
        """The ids of all accounts whose names are followed."""
        return self._of_account.keys()

    # ---------------------------------------------------------- what happens

    def mailbox_changed(
        self, mailbox_id: int, modseq: int, before: int = -1, source: object = None
    ) -> None:
        """A mailbox has changed, maybe; it may be late, or repeated."""
        watches = self._of_mailbox.get(mailbox_id)
        if watches or self._listening:
            for watch in {*(watches or ()), *self._listening}:
                watch.mailbox_changed(mailbox_id, modseq, before, source)

    def names_changed(self, account_id: int, source: object = None) -> None:
        """Names, rights or subscriptions of an account have changed, or with EVERYBODY those of
        who knows how many."""
        if account_id == EVERYBODY:
            watches = {watch for watches in self._of_account.values() for watch in watches}
        else:
            watches = self._of_account.get(account_id, set())
        for watch in list(watches):
            watch.names_changed(source)

    def annotated(
        self, place: int, entries: Iterable[Entry], reader: int, source: object = None
    ) -> None:
        """Annotations have changed, of a mailbox, or of the server as the account sees it whose
        id `place` is, negative. `reader` has set them."""
        for watch in list(self._of_annotated.get(place, ())):
            watch.annotated(place, entries, reader, source)

    def found(self, modseqs: Mapping[int, int], versions: Mapping[int, int]) -> None:
        """What the poll found; it makes up for what was not rung."""
        for mailbox_id, modseq in modseqs.items():
            self.mailbox_changed(mailbox_id, modseq)
        for account_id, version in versions.items():
            if version > self._versions.get(account_id, version):
                self._versions[account_id] = version
                self.names_changed(account_id)

    # ---------------------------------------------------------- for watches

    def listen(self, watch: Watch) -> None:
        """It is to hear of every mailbox, for a moment."""
        self._listening.add(watch)

    def listen_no_more(self, watch: Watch) -> None:
        """The moment is over."""
        self._listening.discard(watch)

    def exchange(self, watch: Watch, old: Iterable[int], new: Collection[int]) -> None:
        """It follows other mailboxes now."""
        _exchange(self._of_mailbox, watch, old, new)

    def exchange_annotated(self, watch: Watch, old: Iterable[int], new: Collection[int]) -> None:
        """It follows the annotations of other places now."""
        _exchange(self._of_annotated, watch, old, new)

    def exchange_accounts(self, watch: Watch, old: Iterable[int], new: Mapping[int, int]) -> None:
        """It follows the names of other accounts now; `new` has their versions."""
        _exchange(self._of_account, watch, old, new)
        for account_id in old:
            if account_id not in self._of_account:
                self._versions.pop(account_id, None)
        for account_id, version in new.items():
            self._versions[account_id] = max(version, self._versions.get(account_id, 0))


def _exchange(
    watches: dict[int, set[Watch]], watch: Watch, old: Iterable[int], new: Collection[int]
) -> None:
    for key in old:
        if key not in new:
            watches[key].discard(watch)
            if not watches[key]:
                del watches[key]
    for key in new:
        watches.setdefault(key, set()).add(watch)
