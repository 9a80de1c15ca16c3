"""What clients were told, and so what has to be there. Pure: knows no socket and no clock.

A *letter* is named by its key, and is sent to one account (a message to three recipients is three
letters with one key). Of each the ledger knows how many copies there have to be at least, and at
most: what was acknowledged raises both, what was tried and not answered (or put off) raises the
second only (`least` may be below 0: what was never acknowledged was seen, and expunged). A *sighting* is a copy at a UID that somebody was told; it has the flags that were
acknowledged, and those that were tried.

    deliver, not answered       0..1
    the same octets, 250        1..1     G42: the repeated delivery is the same message
    COPY, OK [COPYUID]          2..2
    COPY, connection lost       1..2     G14
    MOVE, whatever              unchanged, and where it is may be unknown
    EXPUNGE, connection lost    0..1
"""

import hashlib
from collections.abc import Iterable, Sequence
from enum import Enum

from attrs import define, field, frozen

KEY_FIELD = b"X-Key: "
"""the first field of a letter as it was sent: what stands before it was added on the way"""


class Presence(Enum):
    """Whether a copy is where it was seen."""

    HERE = "here"
    UNKNOWN = "unknown"
    GONE = "gone"


@frozen
class Place:
    """Where a copy is."""

    mailbox: str
    uid: int


@define
class Sighting:
    """A copy at a UID that a client was told."""

    place: Place
    presence: Presence = Presence.HERE
    flags: set[str] = field(factory=set)
    tried: set[str] = field(factory=set)


@define
class Letter:
    """One message for one account. `story` is what happened to it, for whoever reads a failure."""

    account: str
    key: str
    digest: str
    least: int = 0
    most: int = 0
    sightings: dict[Place, Sighting] = field(factory=dict)
    story: list[str] = field(factory=list)

    def tell(self, text: str) -> None:
        """Add to the story."""
        self.story.append(text)

    def see(self, place: Place, flags: Iterable[str] = (), tried: Iterable[str] = ()) -> Sighting:
        """A client was told that it is here."""
        known = self.sightings.get(place)
        if known is None:
            known = self.sightings[place] = Sighting(place)
        known.flags |= set(flags)
        known.tried |= set(flags) | set(tried)
        return known


@frozen
class Found:
    """What was read in the end. `digest` is of the octets from `KEY_FIELD` on."""

    account: str
    key: str
    digest: str
    place: Place
    flags: frozenset[str]


@define
class Ledger:
    """All letters of a run, and what clients saw that must never be (`wrongs`)."""

    letters: dict[tuple[str, str], Letter] = field(factory=dict)
    wrongs: list[str] = field(factory=list)

    def new(self, account: str, key: str, octets: bytes) -> Letter:
        """A letter that is about to be sent, and which may arrive."""
        letter = Letter(account, key, digest_of(octets), most=1)
        self.letters[account, key] = letter
        return letter

    def of(self, account: str, key: str) -> Letter | None:
        """The letter with this key."""
        return self.letters.get((account, key))

    def wrong(self, text: str, letter: Letter | None = None) -> None:
        """Something was seen that must not be."""
        self.wrongs.append(text if letter is None else f"{text}\n{describe(letter)}")

    def read(self, account: str, octets: bytes, where: str) -> Letter | None:
        """A whole message was read: it must be one that was sent, and intact (G8, G32)."""
        key = key_of(octets)
        letter = self.of(account, key)
        if letter is None:
            self.wrong(f"{where}: {account} has a message that nobody sent: {octets[:200]!r}")
        elif digest_of(octets) != letter.digest:
            self.wrong(f"{where}: not intact ({len(octets)} octets)", letter)
        return letter

    def acknowledged(self) -> int:
        """How many letters have to be there."""
        return sum(letter.least > 0 for letter in self.letters.values())

    def check(self, found: Sequence[Found]) -> list[str]:
        """Hold what was found against what was told; gives all that is wrong."""
        wrongs = list(self.wrongs)
        there: dict[tuple[str, str], list[Found]] = {}
        for one in found:
            there.setdefault((one.account, one.key), []).append(one)
        for name in there.keys() - self.letters.keys():
            wrongs.append(f"{name[0]} has a message that nobody sent: {name[1]}")
        for name, letter in self.letters.items():
            wrongs += [
                f"{text}\n{describe(letter)}" for text in _differences(letter, there.get(name, []))
            ]
        return wrongs


def _differences(letter: Letter, found: Sequence[Found]) -> list[str]:
    said = []
    places = {one.place: one for one in found}
    where = ", ".join(f"{place.mailbox} {place.uid}" for place in places) or "nowhere"
    if len(found) < letter.least:
        said.append(f"lost: {letter.least} times acknowledged, found {len(found)} times: {where}")
    if len(found) > letter.most:
        said.append(f"too often: {letter.most} times at most, found {len(found)} times: {where}")
    said += [f"not intact in {one.place}" for one in found if one.digest != letter.digest]
    for place, sighting in letter.sightings.items():
        one = places.get(place)
        if one is None:
            if sighting.presence is Presence.HERE:
                said.append(f"not where it was: {place}; it is {where}")
            continue
        if sighting.presence is Presence.GONE:
            said.append(f"came back at {place}")
        if not sighting.flags <= one.flags:
            said.append(f"flags lost at {place}: {sorted(sighting.flags - one.flags)}")
        if not one.flags - {"\\Recent"} <= sighting.tried:
            said.append(f"flags that nobody set at {place}: {sorted(one.flags - sighting.tried)}")
    return said


def describe(letter: Letter) -> str:
    """An entry of the ledger, as a failure shows it."""
    lines = [f"  {letter.account} {letter.key}: {letter.least} to {letter.most} copies"]
    lines += [
        f"    {one.place.mailbox} {one.place.uid}: {one.presence.value}, flags "
        f"{sorted(one.flags)} of {sorted(one.tried)}"
        for one in letter.sightings.values()
    ]
    return "\n".join([*lines, *(f"    {text}" for text in letter.story)])


def key_of(octets: bytes) -> str:
    """The key of a message, empty if it has none."""
    _, _, rest = octets.partition(KEY_FIELD)
    return rest.partition(b"\r\n")[0].decode("ascii", "replace")


def digest_of(octets: bytes) -> str:
    """The hash of a message from its key on."""
    _, field_name, rest = octets.partition(KEY_FIELD)
    return hashlib.blake2b(field_name + rest, digest_size=16).hexdigest()
