"""mbox: messages one after the other, each behind a line `From sender date` (RFC 4155).

What begins with `From ` in a message has a `>` before it; in the variant mboxrd so has what begins
with `>From `, which alone can be undone for certain. In mboxcl2 nothing is quoted, and
Content-Length says where a message ends. Programs keep flags in fields of the header: `Status` (R
read), `X-Status` (A answered, F flagged, D deleted, T draft), `X-Keywords`.
"""

import re
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from sora.exchange.formats.line_ends import ToLF
from sora.exchange.formats.maildir import sound_keywords
from sora.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags

_FROM: Final = re.compile(rb"From .*\d\d:\d\d.*\d{4}")
_DATE: Final = re.compile(
    rb"([A-Za-z]{3}) +(\d{1,2}) +(\d\d):(\d\d)(?::(\d\d))?(?: +[A-Za-z]+| +[+-]\d{4})* +(\d{4})"
)
_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_QUOTED: Final = re.compile(rb"(?m)^>(>*From )")
_TO_QUOTE: Final = re.compile(rb"(?m)^(>*From )")
_MAY_BE_FROM: Final = re.compile(rb">*(?:F(?:r(?:o(?:m)?)?)?)?")
KEPT_APART: Final = frozenset(
    (b"status", b"x-status", b"x-keywords", b"x-uid", b"x-imap", b"x-imapbase", b"content-length")
)
"""fields that are not the message's own"""
INTERNAL: Final = b"FOLDER INTERNAL DATA"
"""in the subject of what c-client keeps as the first message"""
_LETTERS: Final = ((b"A", ANSWERED), (b"F", FLAGGED), (b"D", DELETED), (b"T", DRAFT))


def is_from_line(line: bytes) -> bool:
    """Whether a line, after an empty one, begins a message."""
    return line.startswith(b"From ") and _FROM.match(line) is not None


def date_of(line: bytes) -> datetime | None:
    """When a message came, by its line; None where it does not say."""
    found = _DATE.search(line)
    month = found[1].decode("ascii").lower() if found else ""
    if found is None or month not in _MONTHS:
        return None
    try:
        return datetime(
            int(found[6]),
            _MONTHS.index(month) + 1,
            int(found[2]),
            int(found[3]),
            int(found[4]),
            min(int(found[5] or 0), 59),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def from_line(sender: str, date: datetime) -> bytes:
    """The line before a message; an empty sender is that of bounces."""
    when = date.astimezone(UTC)
    month = _MONTHS[when.month - 1].title()
    text = f"{_DAYS[when.weekday()]} {month} {when.day:2} {when:%H:%M:%S} {when.year:04}"
    sound = re.sub(r"\s", "", sender).encode("ascii", "replace") or b"MAILER-DAEMON"
    return b"From %s %s\n" % (sound, text.encode("ascii"))


def field_name(line: bytes) -> bytes:
    """The name of a header's field, in small letters; empty for a line that is no field's first."""
    name, colon, _ = line.partition(b":")
    return name.rstrip().lower() if colon and line[:1] not in b" \t" else b""


@frozen
class Kept:
    """The values of fields that are kept apart, as they are read."""

    values: dict[bytes, bytes] = field(factory=dict)

    def add(self, name: bytes, line: bytes) -> None:
        """One of them."""
        self.values[name] = line.partition(b":")[2].strip()

    @property
    def flags(self) -> Flags:
        """The flags that they tell."""
        system = SEEN if b"R" in self.values.get(b"status", b"") else 0
        letters = self.values.get(b"x-status", b"")
        for letter, bit in _LETTERS:
            system |= bit if letter in letters else 0
        words = self.values.get(b"x-keywords", b"").decode("latin-1").replace(",", " ").split()
        return Flags(system, sound_keywords(words))


def flag_fields(flags: Flags) -> bytes:
    """The fields that tell flags."""
    lines = [b"Status: RO\n" if flags.system & SEEN else b"Status: O\n"]
    letters = b"".join(letter for letter, bit in _LETTERS if flags.system & bit)
    if letters:
        lines.append(b"X-Status: %s\n" % letters)
    if flags.keywords:
        lines.append(b"X-Keywords: %s\n" % " ".join(flags.keywords).encode("ascii"))
    return b"".join(lines)


class _ByLines:
    """Applies a change at beginnings of lines, piece by piece; holds back what may become one."""

    def __init__(self) -> None:
        self._held = b""
        self._is_inside = False

    def feed(self, data: bytes) -> bytes:
        """The next piece."""
        data = self._held + data
        begin = data.rfind(b"\n") + 1
        self._held = b""
        if _MAY_BE_FROM.fullmatch(data, begin) and not (self._is_inside and not begin):
            data, self._held = data[:begin], data[begin:]
        if not data:
            return b""
        # A line that began in an earlier piece is not begun anew.
        changed = b"x" + data if self._is_inside else data
        changed = self._change(changed)
        changed = changed[1:] if self._is_inside else changed
        self._is_inside = not data.endswith(b"\n")
        return changed

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held

    def _change(self, data: bytes) -> bytes:
        raise NotImplementedError


class Quoting(_ByLines):
    """Quotes, as mboxrd does."""

    def _change(self, data: bytes) -> bytes:
        return _TO_QUOTE.sub(rb">\1", data)


class Unquoting(_ByLines):
    """Takes the quoting away."""

    def _change(self, data: bytes) -> bytes:
        return _QUOTED.sub(rb"\1", data)


class Entry:
    """A message as it stands in a file (mboxrd), made piece by piece from what it is when it is
    sent; it begins with `head`."""

    def __init__(self, sender: str, date: datetime, flags: Flags) -> None:
        """`sender` is empty for that of bounces."""
        self.head = from_line(sender, date) + flag_fields(flags)
        self._lines = ToLF()
        self._quoting = Quoting()
        self._last = b"\n"

    def feed(self, data: bytes) -> bytes:
        """The next piece."""
        return self._kept(self._quoting.feed(self._lines.feed(data)))

    def end(self) -> bytes:
        """What was held back, and the empty line behind a message."""
        rest = self._kept(self._quoting.feed(self._lines.end()) + self._quoting.end())
        return rest + (b"\n" if self._last == b"\n" else b"\n\n")

    def _kept(self, data: bytes) -> bytes:
        self._last = data[-1:] or self._last
        return data
