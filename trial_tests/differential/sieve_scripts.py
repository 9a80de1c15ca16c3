"""Tests of Sieve scripts, made by chance, and a message for them."""

from random import Random
from typing import Final

MESSAGE: Final = (
    (
        'From: "Tim, A." <Tim+x@Example.COM>\n'
        "To: Group: a@example.com, b+list@Example.org;, <c@d.example>\n"
        'Cc: nodomain, "q u"@example.net\n'
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= a*b?c\\d [x] 12 aab\n"
        "X-Num: 0012 apples\nX-Num: 7\nX-Fold: one\n two\n three  \nX-Empty:\nX-Sp  : spaced\n"
        "Date: Thu, 1 Jan 2026 10:00:00 +0200\n\nBody text here\n"
    )
    .replace("\n", "\r\n")
    .encode()
)
SENDER: Final = "Sender+d@example.org"
RECIPIENT: Final = "rcpt+det@example.com"
REQUIRES: Final = (
    "imap4flags", "variables", "relational", "subaddress", "envelope",
    "comparator-i;ascii-numeric", "comparator-i;octet",
)  # fmt: skip

_NUMERIC: Final = ':comparator "i;ascii-numeric"'
_FIELDS: Final = (
    "from", "To", "CC", "subject", "X-Num", "x-fold", "x-empty", "x-sp", "x-none", "received",
)  # fmt: skip
_KEYS: Final = (
    "", "a", "*", "?", "*a*", "??", "Tim+x@example.com", "*@example.*", "one two three", "one two",
    "spaced", "7", "12", "0012 apples", "*\\**", "a\\?c", "?*", "**", "*b*c*", "*[*]*", "Grüße*",
    "GRÜßE", "x", "list", "b", "example.com", "a*b?c\\d", "*??b", "*a?b*", "* *", "nodomain", "q u",
    "tim", "c@d.example", "\\", "a\\\\d", "*\\\\*",
)  # fmt: skip
# Pigeonhole orders letters as small ones, RFC 4790 §9.2.1 as capitals: it matters beside "\" and "_".
_LETTERS: Final = ("", "a", "M", "x", "7", "tim", "b", "spaced")
_RELATIONS: Final = ("gt", "ge", "lt", "le", "eq", "ne")


class Tests:
    """Makes tests; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def script(self, count: int) -> str:
        """A script that notes which tests are true, and how long what was matched is."""
        names = ", ".join(f'"{name}"' for name in REQUIRES)
        lines = [
            f'if {self.test()} {{ set :length "l" "${{0}}${{1}}"; addflag "t{number}_${{l}}"; }}'
            for number in range(count)
        ]
        return f"require [{names}];\n" + "\n".join(lines) + "\n"

    def test(self, depth: int = 0) -> str:
        """One test, with others in it."""
        choice = self._random.random()
        match, keys = self._match()
        if choice < 0.35:
            return f"header {match} {self._some(_FIELDS)} {keys}"
        if choice < 0.6:
            return (
                f"address {self._part()} {match} {self._some(('from', 'to', 'cc', 'bcc'))} {keys}"
            )
        if choice < 0.7:
            return f"envelope {self._part()} {match} {self._some(('from', 'to'))} {keys}"
        if choice < 0.8:
            return f"string {match} {self._some(_LETTERS)} {keys}"
        if choice < 0.85:
            return f"exists {self._some(_FIELDS)}"
        if choice < 0.9:
            size = len(MESSAGE) + self._random.choice((-1, 0, 1, 100))
            return f"size {self._random.choice((':over', ':under'))} {size}"
        if depth > 2:
            return "true"
        if choice < 0.93:
            return "not " + self.test(depth + 1)
        word = self._random.choice(("anyof", "allof"))
        return f"{word} ({self.test(depth + 1)}, {self.test(depth + 1)})"

    def _match(self) -> tuple[str, str]:
        choice = self._random.random()
        relation = self._random.choice(_RELATIONS)
        if choice < 0.7:
            kind = self._random.choice(("", ":is", ":contains", ":matches", ":matches"))
            comparator = self._random.choice(("", "", ' :comparator "i;octet"'))
            return kind + comparator, self._some(_KEYS)
        if choice < 0.85:
            comparator = self._random.choice(("", _NUMERIC))
            return f':value "{relation}" {comparator}', self._some(_LETTERS)
        return f':count "{relation}" {_NUMERIC}', f'"{self._random.randrange(5)}"'

    def _part(self) -> str:
        return self._random.choice(("", ":all", ":localpart", ":domain", ":user", ":detail"))

    def _some(self, texts: tuple[str, ...]) -> str:
        chosen = self._random.sample(texts, self._random.choice((1, 1, 2)))
        quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in chosen]
        return "[" + ", ".join(f'"{text}"' for text in quoted) + "]"
