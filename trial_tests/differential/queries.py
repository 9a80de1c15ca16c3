"""Searches that are likely to find something, made from the messages they are for."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final

from attrs import frozen

from sora.mail.facts import Facts
from trial_tests.support.messages import FOREIGN, WORDS
from trial_tests.support.nasty_messages import CHARSETS

_HEADERS: Final = ("Subject", "From", "To", "Cc", "X-Words", "Message-ID", "X-Empty", "References")
_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]


@frozen
class Query:
    """One search. `key` is the key of SEARCH, `name` the header's, `text` what is looked for."""

    key: str
    text: str
    name: str = ""
    charset: str = "UTF-8"

    @property
    def command(self) -> bytes:
        """SEARCH with its arguments; texts are literals."""
        if not self.is_text:
            return f"SEARCH {self.key} {self.text}".encode()
        octets = self.text.encode(self.charset)
        name = f" {self.name}" if self.name else ""
        words = f"SEARCH CHARSET {self.charset} {self.key}{name} "
        return words.encode() + b"{%d+}\r\n%s" % (len(octets), octets)

    @property
    def is_text(self) -> bool:
        """Whether it looks for a text."""
        return self.key in ("SUBJECT", "FROM", "TO", "CC", "BCC", "HEADER", "BODY", "TEXT")


def queries(random: Random, facts: list[Facts], count: int) -> Iterator[Query]:
    """Searches for texts, sizes and dates of some of these messages."""
    for _ in range(count):
        one = random.choice(facts)
        kind = random.choice(("text", "text", "text", "header", "size", "date"))
        if kind == "size":
            octets = one.size + random.choice((-1, 0, 1))
            yield Query(random.choice(("LARGER", "SMALLER")), str(max(octets, 0)))
        elif kind == "date":
            day = (one.sent_day or date(2010, 5, 1)) + timedelta(random.choice((-1, 0, 1)))
            key = random.choice(("SENTBEFORE", "SENTON", "SENTSINCE"))
            yield Query(key, f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04}")
        elif kind == "header":
            name = random.choice(_HEADERS)
            yield Query("HEADER", random.choice(("", _needle(random, one))), name)
        else:
            key = random.choice(("SUBJECT", "FROM", "TO", "CC", "BCC", "BODY", "BODY", "TEXT"))
            text = _needle(random, one)
            yield Query(key, text, charset=_charset(random, text))


def _needle(random: Random, facts: Facts) -> str:
    """A word or a piece of a text, as it is written or in another case."""
    source = random.choice(
        (facts.text_subject, facts.text_from, facts.text_body, facts.text_header, *FOREIGN)
        + tuple(text for _, text in CHARSETS)
    )
    words = re.findall(r"[^\s]+", source)
    text = random.choice(
        (
            lambda: random.choice(words) if words else "x",
            lambda: " ".join(words[:2]) or "x",
            lambda: random.choice(words)[1:4] if words else "x",
            lambda: random.choice(WORDS),
            lambda: random.choice(
                ("example", "ü", "Ü", "привет", "é", "ss", "日本", "=", "@", ":")
            ),
        )
    )()
    return random.choice((text, text, text.upper(), text.title()))[:40] or "x"


def _charset(random: Random, text: str) -> str:
    """A charset that the text can be written in."""
    names = [
        name for name in ("UTF-8", "ISO-8859-1", "KOI8-R", "ISO-2022-JP") if _is_in(text, name)
    ]
    return random.choice(names)


def _is_in(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeError:
        return False
    return True
