"""Scripts at random, after the grammar: most of them compile, and reach far.

All words, tags and extensions of a dialect are used as they are declared; arguments come from pools
of what makes a difference where they stand. Everything depends on one `Random`.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from sora.sieve.dialect import SIEVE
from sora.sieve.extension import Command, Kind, Parameter, Tag, Test, Word
from sora.sieve.message import Envelope
from sora.sieve.vocabulary import Dialect
from trial_tests.sieve.filters import World

_FIELDS: Final = (
    "subject", "from", "to", "cc", "received", "date", "content-type", "content-disposition",
    "message-id", "x-none", "X-Hello", "content-from", "list-id", "", "not a name",
)  # fmt: skip
_ADDRESS_FIELDS: Final = ("from", "to", "cc", "bcc", "sender", "reply-to")
_TEXTS: Final = (
    "", "a", "x", "INBOX", "Größe", "${a}", "${b} ${c}", "${0}${1}", "${2}", "coyote", "example.com",
    "*", "*a*", "?", "\\\\*", "*${a}*", "1", "10", "0", "text", "text/plain", "multipart", "\\\\Seen",
    "\\\\Junk", "$Label", "a b c", "Re: *", "(a|b)+", "[a-z]*", "tag:x:y", ":addrbook:default",
    "${hex:40}", "${unicode:40}", "${global.g}", "\r\n", "ß", "İı", "\U0001f600", "maybe",
    "yes", "2026-11-27", "09", "ann@example.com", "=?utf-8?q?x?=", "x" * 300, "--b", "mailto:a@example.com",
)  # fmt: skip
_NAMES: Final = ("a", "b", "c", "global.g", "t")
_EMAIL: Final = ("ann@example.com", "bob@example.org", "x+y@example.net", "ann@example.com")
_FLAGS: Final = ("\\\\Seen", "\\\\Flagged $x", "", "a b", "\\\\Recent")
_POOLS: Final[dict[str, Sequence[str]]] = {
    "headers": _FIELDS,
    "header": _FIELDS,
    "address": _EMAIL,
    "part": ("year", "month", "day", "date", "julian", "hour", "time", "iso8601", "std11", "zone", "weekday"),
    "zone": ("+0000", "-0500", "+2359"),
    "parts": ("from", "to", "notify", "orcpt", "ret", "envid", "bytimeabsolute", "bymode", "bytrace"),
    "count": ("gt", "ge", "lt", "le", "eq", "ne"),
    "value": ("gt", "ge", "lt", "le", "eq", "ne"),
    "comparator": ("i;octet", "i;ascii-casemap", "i;ascii-numeric", "i;unicode-casemap"),
    "method": ("mailto:a@example.com", "mailto:", "mailto:a@example.com?subject=x%20y&body=z", "xmpp:a@b"),
    "importance": ("1", "2", "3"),
    "from": ("ann@example.com", "Ann <ann@example.com>, b@example.com"),
    "options": ("a=b", "c=" ),
    "notify": ("NEVER", "SUCCESS,FAILURE"),
    "ret": ("FULL", "HDRS"),
    "bymode": ("notify", "return"),
    "bytimeabsolute": ("2026-11-27T20:00:00Z", "2026-11-27T20:00:00+0100"),
    "specialuse": ("\\\\Junk", "\\\\Sent"),
    "uses": ("\\\\Junk", "\\\\Sent"),
    "flags": _FLAGS,
    "variable": _NAMES,
    "variables": _NAMES,
    "names": ("a", "b", "g"),
    "capabilities": ("fileinto", "regex", "variables", "x-none", "body"),
    "content": ("", "text", "text/html", "multipart", "message/rfc822", "/"),
    "param": ("filename", "charset", "boundary", "name"),
    "reason": ("Away.", "No.\r\nNever.", "Content-Type: text/plain\r\n\r\nx"),
    "replacement": ("gone", "--b\r\nx", "Content-Type: text/html\r\n\r\n<p>"),
    "annotation": ("/private/comment", "/shared/x"),
    "mailbox": ("INBOX", "a", "a/b", "INBOX/x", "Größe"),
    "fcc": ("Sent", "INBOX"),
}  # fmt: skip
_TOGETHER: Final = frozenset(
    ("create", "flags", "specialuse", "mailboxid", "bymode", "bytrace", "comparator")
)
"""Tags that seldom go with what else is there."""
_SCRIPTS: Final = ("one", "two", "three", "none")
_PATTERNS: Final = (
    "a+",
    "(a|b)*c",
    "^.*(x)?$",
    "[[:alpha:]]{1,20}",
    "(.*)(.*)(.*)",
    "\\\\d+",
    "",
    "ß|é",
)


class Scripts:
    """Makes scripts."""

    def __init__(self, random: Random, dialect: Dialect = SIEVE) -> None:
        self._random = random
        self._dialect = dialect
        self._names = [name for name in dialect.names if random.random() < 0.9]
        if random.random() < 0.8:
            self._names = [name for name in self._names if name != "ihave"]
        self._has = {more for name in self._names for more in dialect.with_implied(name)}
        words = [(word, needs) for word, needs in dialect.words.values() if self._may(needs)]
        self._commands = [
            word for word, _ in words if isinstance(word, Command) and not word.follows
        ]
        self._tests = [word for word, _ in words if isinstance(word, Test)]
        self._loops: list[str | None] = []
        self._left = random.choice((3, 10, 30, 80))

    def script(self) -> str:
        """A script as text."""
        names = ", ".join(f'"{name}"' for name in self._names)
        return f"require [{names}];\r\n{self._block(0)}"

    def _may(self, extension: str) -> bool:
        return not extension or extension in self._has or self._random.random() < 0.02

    # -------------------------------------------------------------- commands

    def _block(self, depth: int) -> str:
        lines = []
        for _ in range(self._random.choice((0, 1, 2, 3)) if depth else self._random.randint(1, 12)):
            if self._left <= 0:
                break
            self._left -= 1
            lines.append(self._command(depth))
        return "\r\n".join(lines)

    def _command(self, depth: int) -> str:
        word = self._random.choice(self._commands)
        if self._random.random() < 0.35:
            word = next(one for one in self._commands if one.name == "if")
        if word.name in ("break", "extracttext") and not self._loops:
            return "keep;"
        if word.block and depth > 5:
            return "stop;"
        text = f"{word.name} {self._arguments(word, depth)}"
        if word.test:
            text += self._test(depth)
        if not word.block:
            return text + ";"
        loop = word.name == "foreverypart"
        if loop:
            self._loops.append("l" if ":name" in text else None)
        text += f" {{ {self._block(depth + 1)} }}"
        if loop:
            self._loops.pop()
        while word.name == "if" and self._random.random() < 0.3:
            text += f" elsif {self._test(depth)} {{ {self._block(depth + 1)} }}"
        if word.name == "if" and self._random.random() < 0.3:
            text += f" else {{ {self._block(depth + 1)} }}"
        return text

    def _test(self, depth: int) -> str:
        word = self._random.choice(self._tests)
        if word.tests != "none" and depth > 5:
            return "true"
        text = f"{word.name} {self._arguments(word, depth)}"
        if word.tests == "one":
            return text + self._test(depth + 1)
        if word.tests == "list":
            tests = [self._test(depth + 1) for _ in range(self._random.randint(1, 3))]
            return f"{text}({', '.join(tests)})"
        return text

    # -------------------------------------------------------------- arguments

    def _arguments(self, word: Word, depth: int) -> str:
        texts = []
        given: set[str] = set()
        groups: set[str] = set()
        tags = [one for many in self._dialect.tags(word).values() for one in many]
        self._random.shuffle(tags)
        wanted = self._random.choice((0, 0, 1, 2, 3))
        needed = set(word.needs)
        for tag, extension in tags:
            must = tag.group in needed
            if (not must and wanted <= 0) or tag.name in given or not self._may(extension):
                continue
            if tag.group and tag.group in groups:
                continue
            if tag.name in _TOGETHER and self._random.random() < 0.8:
                continue
            wanted -= 1
            given.add(tag.name)
            groups.add(tag.group)
            needed.discard(tag.group)
            texts.append(f":{tag.name}")
            if tag.takes is not None:
                texts.append(self._value(word, tag, given))
        if (
            "last" in given
            and "index" not in given
            and word.name != "duplicate"
            and word.name != "addheader"
        ):
            texts.append(":index 1")
        if given & {"anychild", "type", "subtype", "contenttype", "param"} and "mime" not in given:
            texts.append(":mime")
        parameters = [
            one for one in word.parameters if not one.optional or self._random.random() < 0.5
        ]
        values = [self._value(word, one, given) for one in parameters]
        return " ".join([*texts, *values]) + " "

    def _value(self, word: Word, argument: Parameter | Tag, given: set[str]) -> str:
        kind = argument.kind if isinstance(argument, Parameter) else argument.takes
        if kind is Kind.NUMBER:
            return self._random.choice(("0", "1", "2", "3", "100", "1K", "4294967295"))
        pool = self._pool(word, argument, given)
        if kind is Kind.STRINGS and self._random.random() < 0.4:
            many = [self._string(pool, argument) for _ in range(self._random.randint(1, 4))]
            return f"[{', '.join(many)}]"
        return self._string(pool, argument)

    def _pool(self, word: Word, argument: Parameter | Tag, given: set[str]) -> Sequence[str]:
        name = argument.name
        if name == "name":
            return {
                "set": _NAMES,
                "include": _SCRIPTS,
                "foreverypart": ("l",),
                "break": ("l",),
                "environment": ("host", "remote-ip", "name", "x"),
            }.get(word.name, ("X-Hello", "Subject", "Received", "X-New"))
        if name == "value" and isinstance(argument, Parameter):
            return _TEXTS
        if name == "keys" and "regex" in given:
            return _PATTERNS
        if "list" in given and name in ("keys", "address"):
            return (":addrbook:default", "tag:x:y", "tag:x:none")
        if name == "headers" and word.name == "address" and "mime" not in given:
            return _ADDRESS_FIELDS
        return _POOLS.get(name, _TEXTS)

    def _string(self, pool: Sequence[str], argument: Parameter | Tag) -> str:
        text = self._random.choice(pool)
        if pool is not _TEXTS and not argument.constant and self._random.random() < 0.05:
            text = self._random.choice(_TEXTS)
        if self._random.random() < 0.03 and text and "\\" not in text and not text.startswith("."):
            return f"text:\r\n{text}\r\n.\r\n"
        return f'"{text}"'


def random_world(random: Random, octets: bytes) -> World:
    """Something for all that scripts ask: half of it is there."""
    some: Callable[[float], bool] = lambda chance: random.random() < chance  # noqa: E731
    world = World(
        octets,
        mailboxes={"INBOX": {"/private/comment": "a"}, "a": {}, "a/b": {"/shared/x": "1"}},
        server={"/private/comment": "x"} if some(0.5) else {},
        uses={"Spam": ("\\Junk",)} if some(0.5) else {},
        ids=("x",) if some(0.5) else (),
        seen=(("", "a"), ("a", "x")) if some(0.5) else (),
        lists={
            "urn:ietf:params:sieve:addrbook:default": ("ann@example.com", "coyote"),
            "tag:x:y": _EMAIL,
        },
    )
    world.personal = {name: Scripts(random).script() for name in _SCRIPTS[:3]}
    return world


def random_envelope(random: Random) -> Envelope:
    """With and without what extensions of SMTP bring."""
    if random.random() < 0.5:
        return Envelope(random.choice(("", "coyote@desert.example.org")), random.choice(_EMAIL))
    return Envelope(
        "a@example.com",
        "b+c@example.com",
        notify=("SUCCESS", "DELAY"),
        orcpt="rfc822;b@example.org",
        ret="FULL",
        envid="x",
        by_time=random.choice((0, -5, 600, 10**12)),
        by_mode=random.choice(("N", "R")),
        by_trace=random.random() < 0.5,
    )
