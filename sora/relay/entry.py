"""What stands in a file of the queue, and what it says about a message.

    sora-relay 1 <octets of the envelope> <octets of the message> <7 or 8>
    {"kind": "redirect", "sender": ...}         the envelope: never changes, and what is
                                                not known of it is passed over
    <the message>                               as it came
    {"at": ..., "answers": ...}                 one line for each attempt, appended

A file gets its name when all but the attempts is in it and is durable. An attempt is one line that
is appended: of a line that a crash cut short, everything before it still counts.
"""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import asdict, evolve, frozen

from sora.relay.interfaces import DeliverBy, Outgoing, OutgoingRecipient
from sora.tracing.parents import parse_traceparent

FIRST_LINE: Final = len(b"sora-relay 1 00000000 0000000000000000 7\n")
MAX_ENVELOPE: Final = 16 * 1024 * 1024
"""Octets of an envelope: some 100,000 recipients."""
_MAX_TEXT: Final = 1000


class NotAnEntry(Exception):
    """The file is not one of the queue's, or is damaged."""


class Fate(StrEnum):
    """What an attempt, or all attempts, came to for one recipient."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    EXPIRED = "expired"


@frozen
class Answer:
    """What became of one recipient in an attempt, and what the server said about it.

    `code` is a reply code (0: there was none), `status` an enhanced status code (RFC 3463),
    `remote` the name of the server. `relayed` says that it took the recipient but not the
    wish for reports (RFC 3461 §5.2.2).
    """

    fate: Fate
    code: int = 0
    status: str = ""
    text: str = ""
    remote: str = ""
    relayed: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be tried."""
        return self.fate is not Fate.WAITING


@frozen
class Attempt:
    """One attempt, as it is written down.

    `due` is when the next one is to be made; `counted` whether it used up one of
    `max_attempts`; `answers` are by the number of the recipient; `error` is a sentence about the
    attempt as a whole; `warned` says that the sender was told of the delay. `restart` is not an
    attempt but an operator's wish that all begins anew.
    """

    at: float
    due: float
    counted: bool = True
    answers: Mapping[int, Answer] = {}
    error: str = ""
    warned: bool = False
    restart: bool = False


@frozen
class Entry:
    """A message in the queue. Times are seconds since 1970.

    `answers` has the last one for each recipient; `attempts` counts those that were counted,
    `tries` all, both since `since`: when it was queued, or when an operator had it tried again.
    """

    name: str
    outgoing: Outgoing
    size: int
    eight_bit: bool
    queued: float
    since: float
    due: float
    answers: tuple[Answer, ...]
    attempts: int = 0
    tries: int = 0
    last: float = 0.0
    error: str = ""
    warned: bool = False

    @property
    def remaining(self) -> tuple[int, ...]:
        """The numbers of the recipients who have no final answer yet."""
        return tuple(number for number, answer in enumerate(self.answers) if not answer.is_final)

    def after(self, attempt: Attempt) -> "Entry":
        """The entry as it is after one more attempt."""
        answers = tuple(
            attempt.answers.get(number, answer) for number, answer in enumerate(self.answers)
        )
        return evolve(
            self,
            since=attempt.at if attempt.restart else self.since,
            due=attempt.due,
            answers=answers,
            attempts=0 if attempt.restart else self.attempts + attempt.counted,
            tries=0 if attempt.restart else self.tries + 1,
            last=self.last if attempt.restart else attempt.at,
            error=attempt.error,
            warned=self.warned or attempt.warned,
        )


def new_entry(name: str, outgoing: Outgoing, size: int, eight_bit: bool, queued: float) -> Entry:
    """An entry before its first attempt, which is due at once."""
    waiting = tuple(Answer(Fate.WAITING) for _ in outgoing.recipients)
    return Entry(name, outgoing, size, eight_bit, queued, queued, queued, waiting)


def restarted(entry: Entry, now: float) -> Attempt:
    """All begins anew for the recipients to whom it was not sent."""
    answers = {
        number: Answer(Fate.WAITING)
        for number, answer in enumerate(entry.answers)
        if answer.fate is not Fate.SENT
    }
    return Attempt(now, now, False, answers, restart=True)


# ---------------------------------------------------------------- writing


def encode_envelope(outgoing: Outgoing, queued: float) -> bytes:
    """The line of the envelope."""
    return _line({"queued": queued, **asdict(outgoing)})


def first_line(envelope: int, size: int, eight_bit: bool) -> bytes:
    """The first line, which always has the same length: sizes in octets."""
    return b"sora-relay 1 %08d %016d %d\n" % (envelope, size, 8 if eight_bit else 7)


def encode_attempt(attempt: Attempt) -> bytes:
    """The line of an attempt. It begins with a line end, so that it begins a line of its own
    whatever stands before it."""
    values = {
        "at": attempt.at,
        "due": attempt.due,
        "counted": attempt.counted,
        "error": attempt.error[:_MAX_TEXT],
        "warned": attempt.warned,
        "restart": attempt.restart,
        "answers": {
            str(number): {**asdict(answer), "text": answer.text[:_MAX_TEXT]}
            for number, answer in attempt.answers.items()
        },
    }
    return b"\n" + _line(values)


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


# ---------------------------------------------------------------- reading


def read_first_line(line: bytes) -> tuple[int, int, bool]:
    """Octets of the envelope, octets of the message, whether it has 8-bit octets.

    Raises NotAnEntry.
    """
    words = line.split()
    if len(line) != FIRST_LINE or words[:2] != [b"sora-relay", b"1"] or len(words) != 5:
        raise NotAnEntry("it does not begin as a file of the queue does")
    if not words[2].isdigit() or not words[3].isdigit() or words[4] not in (b"7", b"8"):
        raise NotAnEntry("its first line is damaged")
    envelope = int(words[2])
    if envelope > MAX_ENVELOPE:
        raise NotAnEntry("its envelope is too large")
    return envelope, int(words[3]), words[4] == b"8"


def decode_entry(name: str, first: bytes, envelope: bytes, attempts: Iterable[bytes]) -> Entry:
    """An entry from the lines of its file. Raises NotAnEntry."""
    _, size, eight_bit = read_first_line(first)
    try:
        values = json.loads(envelope)
        outgoing = _outgoing(values)
        queued = float(values["queued"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAnEntry(f"its envelope is damaged: {error!r}") from error
    entry = new_entry(name, outgoing, size, eight_bit, queued)
    for line in attempts:
        attempt = decode_attempt(line)
        if attempt is not None:
            entry = entry.after(attempt)
    return entry


def decode_attempt(line: bytes) -> Attempt | None:
    """An attempt from its line; None for one that was cut short."""
    try:
        values = json.loads(line)
        answers = {int(number): _answer(value) for number, value in values["answers"].items()}
        return Attempt(
            float(values["at"]),
            float(values["due"]),
            bool(values["counted"]),
            answers,
            str(values["error"]),
            bool(values["warned"]),
            bool(values.get("restart")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _outgoing(values: Mapping[str, Any]) -> Outgoing:
    by = values.get("by")
    return Outgoing(
        kind=str(values["kind"]),
        sender=str(values["sender"]),
        recipients=tuple(
            OutgoingRecipient(
                str(one["address"]),
                None if one.get("notify") is None else tuple(map(str, one["notify"])),
                one.get("orcpt"),
            )
            for one in values["recipients"]
        ),
        ret=values.get("ret"),
        envid=values.get("envid"),
        by=None if by is None else DeliverBy(float(by["deadline"]), by["mode"], by["trace"]),
        smtputf8=bool(values.get("smtputf8")),
        account=values.get("account"),
        traceparent=_traceparent(values.get("traceparent")),
    )


def _traceparent(text: object) -> str | None:
    """One that is understood; whatever else stands there is nobody's loss."""
    return text if isinstance(text, str) and parse_traceparent(text) else None


def _answer(values: Mapping[str, Any]) -> Answer:
    return Answer(
        Fate(values["fate"]),
        int(values["code"]),
        str(values["status"]),
        str(values["text"]),
        str(values["remote"]),
        bool(values.get("relayed")),
    )
