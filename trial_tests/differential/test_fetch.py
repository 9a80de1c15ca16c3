"""FETCH of the same messages from Sora and from Dovecot: ENVELOPE, BODY, BODYSTRUCTURE, sections.

Each difference is in the table of `trial_tests/differential/explained.py`, or the test fails and
names the message's seed.
"""

from collections.abc import Iterator
from typing import Final

from sora.mail.message import Part, parse
from trial_tests.differential.compare import (
    Difference,
    Place,
    all_sections,
    as_asked,
    envelopes,
    places,
    structures,
)
from trial_tests.differential.explained import reason_for
from trial_tests.differential.two_servers import TwoServersTestCase
from trial_tests.support.imap_answers import Value, fetched

PATHS: Final = 16
"""parts of a message whose sections are compared"""

TOP: Final = (
    b"RFC822.SIZE",
    b"ENVELOPE",
    b"BODY",
    b"BODYSTRUCTURE",
    b"RFC822.HEADER",
    b"BODY.PEEK[]",
    b"BODY.PEEK[HEADER]",
    b"BODY.PEEK[TEXT]",
    b"BODY.PEEK[HEADER.FIELDS (SUBJECT FROM X-EMPTY X-ODD)]",
    b"BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT TO)]",
    b"BODY.PEEK[]<7.50>",
    b"BODY.PEEK[TEXT]<3.20>",
    b"BODY.PEEK[HEADER]<10.40>",
    b"BODY.PEEK[]<0.1>",
    b"BODY.PEEK[]<999999.5>",
)


class FetchTests(TwoServersTestCase):
    def fetch(self, command: bytes) -> tuple[dict[int, dict[bytes, Value]], ...]:
        """What both say; names of items in capitals."""
        return tuple(
            {
                number: {name.upper(): value for name, value in items.items()}
                for number, items in fetched(session.ask(b"FETCH " + command)).items()
            }
            for session in (self.sora, self.dovecot)
        )

    def judge(self, seed: int, difference: Difference) -> None:
        """Look for a reason."""
        reason = reason_for(difference)
        self.judged(
            reason and f"{reason.rfc} {difference.what}",
            f"seed {seed}: {difference.what}\n  Sora    {difference.sora!r:.600}\n"
            f"  Dovecot {difference.dovecot!r:.600}",
        )

    def test_messages(self) -> None:
        """Each value of each message is the same, or there is a reason."""
        for seeds, messages in self.batches(100):
            ours, theirs = self.fetch(b"1:* (%s)" % b" ".join(TOP))
            for number, (seed, data) in enumerate(zip(seeds, messages, strict=True), 1):
                differences = list(_differences(data, ours[number], theirs[number]))
                differences += self.of_sections(number, data, differences)
                for difference in differences:
                    self.judge(seed, difference)
        self.conclude()

    def of_sections(
        self, number: int, data: bytes, known: list[Difference]
    ) -> Iterator[Difference]:
        """Sections of the parts, but of those that the servers do not see alike."""
        root = parse(data)
        unlike = {id(one.part) for one in known if one.what in ("type", "parts", "octets")}
        found = places(root)
        paths = [*list(found)[:PATHS], (1, 1), (1, 1, 1), (2, 1), (9,)]
        asked = list(all_sections(dict.fromkeys(paths)))
        command = b"%d (%s)" % (number, b" ".join(as_asked(item) for _, _, item in asked))
        ours, theirs = (answer[number] for answer in self.fetch(command))
        for path, what, item in asked:
            place = found.get(path)
            around = _around(place, path, found)
            if unlike.intersection(map(id, around)):
                continue
            if (ours[item] or b"") != (theirs[item] or b""):
                yield Difference(f"section {what}", place, ours[item], theirs[item], data)


def _around(
    place: Place | None, path: tuple[int, ...], found: dict[tuple[int, ...], Place]
) -> tuple[Part, ...]:
    """The part, or the nearest one that is there, and those around it; and what is inside."""
    while place is None and path:
        path = path[:-1]
        place = found.get(path)
    if place is None:
        place = next(iter(found.values()))
        return (place.above or (place.part,))[:1]
    inner = [one.part for other, one in found.items() if other[: len(path)] == path]
    return (place.part, *place.above, *inner)


def _differences(
    data: bytes, ours: dict[bytes, Value], theirs: dict[bytes, Value]
) -> Iterator[Difference]:
    root = parse(data)
    for item, value in ours.items():
        if item == b"ENVELOPE":
            yield from envelopes(root, data, value, theirs[item])
        elif item in (b"BODY", b"BODYSTRUCTURE"):
            yield from structures(root, data, value, theirs[item])
        elif value != theirs[item]:
            yield Difference(item.decode(), Place(root), value, theirs[item], data)
