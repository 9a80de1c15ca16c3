"""Annotations as a session sees them (RFC 5464): those that are stored, and those that are made.

What is shared of the server is said by the configuration and cannot be changed (§3.2.1.1), but for
the script that runs for what is done to mailboxes which have none of their own (RFC 6785 §2.3.1):
each account has its own, which is kept as a private entry (`OWN_EVENT_SCRIPT`). The special use of
a mailbox is an entry like others for its owner (RFC 6154 §4).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal

from attrs import evolve, field, frozen

from sora.errors import BadSyntax, NotPermitted, TooManyEntries, UseAttributeRefused, ValueTooBig
from sora.mail.annotations import (
    ADMIN,
    COMMENT,
    EVENT_SCRIPT,
    OWN_EVENT_SCRIPT,
    SPECIAL_USE,
    Entry,
)
from sora.mail.mailbox_names import SPECIAL_USES
from sora.mail.rights import Rights
from sora.mailbox.past_mailbox import is_past
from sora.mailbox.places import Places
from sora.mailbox.rights import as_told
from sora.storage.interfaces import IMetadata
from sora.storage.rows import Annotated, Annotation, MailboxRow, Noted, Operation

SUFFICIENT: Final = Rights.READ | Rights.SEE | Rights.WRITE | Rights.INSERT | Rights.POST
"""One of these has to be there, with `Rights.LOOKUP` (RFC 5464 §3.3)."""

MOST_LISTED: Final = 8 * 1024 * 1024
"""Octets of values that one LIST shows."""


@frozen
class AnnotationRules:
    """`[metadata]`: `max_value` in octets, `max_entries` of one's own at one mailbox or at the
    server, and as many shared ones; `max_total` in octets for all that counts for one account.
    `admin` and `comment` are the server's, empty for none."""

    max_value: int = 64 * 1024
    max_entries: int = 100
    max_total: int = 10 * 1024 * 1024
    admin: str = ""
    comment: str = ""

    @property
    def of_server(self) -> Mapping[Entry, bytes]:
        """What everybody sees of the server."""
        known = {ADMIN: self.admin, COMMENT: self.comment}
        return {entry: text.encode() for entry, text in known.items() if text}


DEFAULT_RULES: Final = AnnotationRules()


@frozen
class Found:
    """What GETMETADATA gives: entries with their values, None for one that has none; `longest`
    is the size of the largest value that was too long, 0 if there was none."""

    values: Sequence[tuple[Entry, bytes | None]]
    longest: int = 0


@frozen
class Annotations:
    """The annotations that one session deals with. `changed` is told of accounts whose list of
    mailboxes looks different now, `annotated` of what became of the mailbox (None: it was the
    server) and the entries that the session has set."""

    rules: AnnotationRules
    _storage: IMetadata = field(alias="storage")
    _places: Places = field(alias="places")
    _account_id: int = field(alias="account_id")
    _changed: Callable[[int], None] = field(alias="changed")
    _annotated: Callable[[Noted | None, Sequence[Entry]], None] = field(alias="annotated")
    _new_operation: Callable[[], Operation] = field(alias="new_operation")

    async def read(
        self, name: str, entries: Sequence[Entry], depth: int | None, most: int | None
    ) -> Found:
        """Values of a mailbox, or with an empty name of the server: of the entries and, down to
        `depth` levels (None: all), of those below them. One round trip. Values of more than
        `most` octets are left out. Raises NoSuchMailbox, NotPermitted."""
        if name:
            place = await self._places.find(name)
            reading = self._storage.read(
                place.owner.account_id, place.name, place.asker, entries, depth, most
            )
            annotated = await as_told(place.shown, reading)
            made = _special_use(annotated)
        else:
            private = [entry for entry in entries if entry.is_private]
            if any(EVENT_SCRIPT.is_below(entry, depth) for entry in entries):
                private.append(OWN_EVENT_SCRIPT)
            annotated = Annotated()
            if private:
                annotated = await self._storage.read(
                    self._account_id, None, self._account_id, private, depth, most
                )
            made = [Annotation(entry, len(v), v) for entry, v in self.rules.of_server.items()]
            made += [
                evolve(one, entry=EVENT_SCRIPT)
                for one in annotated.annotations
                if one.entry == OWN_EVENT_SCRIPT
            ]
        wanted = [one for one in made if any(one.entry.is_below(e, depth) for e in entries)]
        found = {one.entry: one for one in (*annotated.annotations, *wanted)}
        return _answered(found, entries, depth, most)

    async def listed(
        self, mailboxes: Sequence[MailboxRow], entries: Sequence[Entry]
    ) -> Mapping[int, Sequence[tuple[Entry, bytes | None]]]:
        """The entries of several mailboxes, by their ids; those whose rights do not allow it are
        left out, and values beyond `MOST_LISTED` (RFC 9590 §3). One round trip."""
        allowed = [
            box
            for box in mailboxes
            if Rights.LOOKUP in box.rights and box.rights & SUFFICIENT and not is_past(box)
        ]
        if not allowed:
            return {}
        stored = await self._storage.listed(
            [box.id for box in allowed], self._account_id, entries, MOST_LISTED
        )
        answers = {}
        for box in allowed:
            found = {one.entry: one for one in stored.get(box.id, ())}
            if box.account_id == self._account_id:
                made = _special_use(Annotated(special_use=box.special_use))
                found |= {one.entry: one for one in made}
            answers[box.id] = _answered(found, entries, 0, None).values
        return answers

    async def write(self, name: str, values: Mapping[Entry, bytes | None]) -> None:
        """Set entries of a mailbox or, with an empty name, of the server; None removes. All or
        none. One round trip. Raises ValueTooBig, TooManyEntries, UseAttributeRefused,
        NotPermitted, NoSuchMailbox; BadSyntax for names that can have no value."""
        self._check(values)
        entries = [*values]
        if not name:
            if EVENT_SCRIPT in values:
                values = dict(values)
                values[OWN_EVENT_SCRIPT] = values.pop(EVENT_SCRIPT)
            if any(not entry.is_private for entry in values):
                raise NotPermitted("What is shared of the server is set by who runs it")
            await self._storage.write(
                self._account_id,
                None,
                self._account_id,
                values,
                self.rules.max_entries,
                self.rules.max_total,
                self._new_operation(),
            )
            self._annotated(None, entries)
            return
        use: str | Literal[False] | None = False
        if SPECIAL_USE in values:
            values = dict(values)
            use = _use_of(values.pop(SPECIAL_USE))
        place = await self._places.find(name)
        owner_id = place.owner.account_id
        writing = self._storage.write(
            owner_id,
            place.name,
            place.asker,
            values,
            self.rules.max_entries,
            self.rules.max_total,
            self._new_operation(),
            use,
        )
        self._annotated(await as_told(place.shown, writing), entries)
        if use is not False:
            self._changed(owner_id)

    def _check(self, values: Mapping[Entry, bytes | None]) -> None:
        for entry, value in values.items():
            if not entry.has_value:
                raise BadSyntax(f"{entry.name} is a place for annotations, and has no value")
            if value is not None and len(value) > self.rules.max_value:
                raise ValueTooBig(self.rules.max_value)
        if sum(value is not None for value in values.values()) > self.rules.max_entries:
            raise TooManyEntries(f"There are at most {self.rules.max_entries} entries")


def _special_use(annotated: Annotated) -> list[Annotation]:
    if annotated.special_use is None:
        return []
    value = annotated.special_use.encode()
    return [Annotation(SPECIAL_USE, len(value), value)]


def _use_of(value: bytes | None) -> str | None:
    """The special use that an entry names. Raises UseAttributeRefused."""
    if not value or not value.strip():
        return None
    text = value.decode("ascii", "replace").strip()
    for use in SPECIAL_USES:
        if use.lower() == text.lower():
            return use
    raise UseAttributeRefused(f"{text[:80]!r} is not one special use")


def _answered(
    found: Mapping[Entry, Annotation],
    entries: Sequence[Entry],
    depth: int | None,
    most: int | None,
) -> Found:
    """In the order of the request, what is below each behind it. One that was named by itself and
    has no value is answered with none."""
    values: dict[Entry, bytes | None] = {}
    longest = 0
    for entry in entries:
        for one in _below(found, entry, depth):
            if one.value is None or (most is not None and one.size > most):
                longest = max(longest, one.size)
            else:
                values[one.entry] = one.value
        if depth == 0 and entry not in found and entry.has_value:
            values[entry] = None
    return Found(list(values.items()), longest)


def _below(
    found: Mapping[Entry, Annotation], entry: Entry, depth: int | None
) -> Iterator[Annotation]:
    if depth == 0:
        if entry in found:
            yield found[entry]
        return
    for one in sorted(found.values(), key=lambda one: one.entry.path):
        if one.entry.is_below(entry, depth):
            yield one
