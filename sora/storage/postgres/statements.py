"""Cut a text of SQL into its statements, for those that cannot share a transaction.

Knows what may hold a semicolon: strings, quoted names, comments (nested, as PostgreSQL's are) and
dollar quotes. Escape strings (`E'…\\'…'`) are known too. Not for text from outside.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<line>--[^\n]*)
  | (?P<open>/\*)
  | (?P<escape>\b[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*")
  | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
  | (?P<word>[A-Za-z_][\w$]*)
  | (?P<end>;)
  | (?P<other>[\s\S])
    """,
    re.VERBOSE,
)


def split_statements(sql: str) -> Iterator[str]:
    """The statements of `sql`, without their semicolons; what is only comment is left out."""
    begin, position, substance = 0, 0, False
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        assert match is not None
        kind, position = match.lastgroup, match.end()
        if kind == "open":
            position = _after_comment(sql, position)
        elif kind == "dollar":
            close = sql.find(match[0], position)
            position = len(sql) if close < 0 else close + len(match[0])
        elif kind == "end":
            if substance:
                yield sql[begin : match.start()].strip()
            begin, substance = position, False
        if kind not in ("line", "open", "end") and not match[0].isspace():
            substance = True
    if substance:
        yield sql[begin:].strip()


def _after_comment(sql: str, position: int) -> int:
    depth = 1
    for mark in re.compile(r"/\*|\*/").finditer(sql, position):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)
