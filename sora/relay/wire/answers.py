"""Answers of an SMTP server, and what it offers (RFC 5321 §4.1.1.1, §4.2; RFC 2034, RFC 3463)."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

_STATUS: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
_MAX_TEXT: Final = 500


@frozen
class Reply:
    """A reply: its code, its enhanced status code ("" if it has none), and its text."""

    code: int
    status: str
    text: str

    @property
    def is_good(self) -> bool:
        """Whether what was asked was done (2yz)."""
        return 200 <= self.code < 300

    @property
    def is_permanent(self) -> bool:
        """Whether asking again will not help (5yz)."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.status, self.text)))


def reply_of(code: int, lines: Sequence[bytes]) -> Reply:
    """A reply from its lines, without their codes. Text is one line of ASCII or UTF-8."""
    status = ""
    texts: list[str] = []
    for line in lines:
        text = line.decode("utf-8", "replace").strip()
        found = _STATUS.match(text)
        if found is not None and int(found[1][0]) == code // 100:
            status = status or found[1]
            text = text[found.end() :]
        texts.append(text)
    joined = " ".join(" ".join(texts).split())
    return Reply(code, status, "".join(c for c in joined if c.isprintable())[:_MAX_TEXT])


def offers(lines: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """The keywords of an answer to EHLO, in upper case, with their parameters."""
    found: dict[bytes, bytes] = {}
    for line in lines[1:]:
        keyword, _, parameters = line.strip().partition(b" ")
        if keyword.upper().startswith(b"AUTH="):  # as servers before RFC 2554 wrote it
            keyword, parameters = b"AUTH", keyword[5:] + b" " + parameters
        if keyword.upper() == b"AUTH":
            parameters = found.get(b"AUTH", b"") + b" " + parameters
        found[keyword.upper()] = parameters.strip()
    return found
