"""Lists of addresses in header fields (RFC 5322 §3.4 and §4.4), read as ENVELOPE needs them.

The result is flat, as on the wire (RFC 3501 §7.4.2): a group is an address without a host that
has the group's name as its mailbox, its members, and an address without anything. So an address
that was sent without a domain must not have NIL as its host: it has `MISSING_DOMAIN`.

Encoded words are left as they are. Everything is octets: the header may hold anything.
Reading never fails; what makes no sense is passed over, in linear time.
"""

import re
from typing import Final

from attrs import define, field, frozen

MISSING_DOMAIN: Final = b"MISSING_DOMAIN"
MISSING_MAILBOX: Final = b"MISSING_MAILBOX"


@frozen
class MailAddress:
    """One address, or a mark of a group's begin or end.

    `name` is the display name (or, as before RFC 822, the comment after the address), `route`
    the source route, `mailbox` the local part without quotes, `host` the domain.
    """

    name: bytes | None = None
    route: bytes | None = None
    mailbox: bytes | None = None
    host: bytes | None = None


GROUP_END: Final = MailAddress()

# What nearly all addresses look like: `local@domain`, `Words <local@domain>`,
# `"Words" <local@domain>`; an address that is not like that is read by the scanner.
_ATOMS: Final = rb"[^\x00-\x20()<>\[\]:;@\\,\"\x7f]+"
_SIMPLE: Final = re.compile(
    rb"[ \t]*+(?:(?:\"([^\"\\\r\n]*+)\"|((?:" + _ATOMS + rb"[ \t]++)*+))[ \t]*+"
    rb"<(" + _ATOMS + rb")@(" + _ATOMS + rb")>|(" + _ATOMS + rb")@(" + _ATOMS + rb"))"
    rb"[ \t]*+(?:,|\Z)"
)
_QUOTED: Final = rb"(?P<quoted>\"(?:[^\"\\]++|\\.)*+\")|"
_OTHERS: Final = (
    rb"(?P<space>[\x00-\x20\x7f]+)"
    rb"|(?P<literal>\[[^\[\]\\]*+\])"
    rb"|(?P<atom>" + _ATOMS + rb")"
    rb"|(?P<other>.)"
)
_TOKEN: Final = re.compile(_QUOTED + _OTHERS, re.DOTALL)
_TOKEN_WITHOUT_QUOTES: Final = re.compile(_OTHERS, re.DOTALL)
_COMMENT_MARK: Final = re.compile(rb"[()]|\\.", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)
_SPACES: Final = re.compile(rb"[ \t\r\n]+")


def parse(value: bytes) -> list[MailAddress]:
    """An unfolded address list -> addresses and marks of groups, in order."""
    found: list[MailAddress] = []
    place = 0
    while place < len(value):
        simple = _SIMPLE.match(value, place)
        if simple is None:
            return _Reader(value, place, found).read()
        quoted, words, mailbox, host, bare_mailbox, bare_host = simple.groups()
        name = quoted or (_SPACES.sub(b" ", words.strip()) if words else b"")
        found.append(MailAddress(name or None, None, mailbox or bare_mailbox, host or bare_host))
        place = simple.end()
    return found


@define
class _Reader:
    """Reads what is not simple, token by token."""

    value: bytes
    place: int
    found: list[MailAddress]
    # Words since the last separator, each with whether white space stands before it.
    words: list[tuple[bool, bytes]] = field(factory=list)
    comment: bytes = b""
    in_group: bool = False
    spaced: bool = False
    # When nothing closes a quote or a comment, there are none from there on. Without this, each
    # of a million opening ones would be searched to the end for its closing one.
    token: "re.Pattern[bytes]" = _TOKEN
    no_comment: bool = False

    def read(self) -> list[MailAddress]:
        while (token := self._next()) is not None:
            kind, text = token
            if kind == "word":
                self.words.append((self.spaced, text))
                self.spaced = False
            elif text == b",":
                self._finish()
            elif text == b"<":
                self._angle()
            elif text == b"@":
                self._bare()
            elif text == b":":
                if self.in_group:
                    # Groups cannot nest: the one before was not ended.
                    self.found.append(GROUP_END)
                self.found.append(MailAddress(None, None, self._phrase() or b"", None))
                self.in_group = True
                self._clear()
            elif text == b";":
                self._finish()
                if self.in_group:
                    self.found.append(GROUP_END)
                self.in_group = False
        self._finish()
        if self.in_group:
            self.found.append(GROUP_END)
        return self.found

    # -------------------------------------------------------------- tokens

    def _next(self) -> tuple[str, bytes] | None:
        """The next word or special; white space and comments are noted on the way."""
        while found := self.token.match(self.value, self.place):
            kind, text = found.lastgroup, found[0]
            if text == b"(" and self._skip_comment():
                continue
            self.place = found.end()
            if kind == "space":
                self.spaced = True
            elif kind == "quoted":
                content = text[1:-1]
                return "word", _ESCAPE.sub(rb"\1", content) if b"\\" in content else content
            elif text == b'"':
                self.token = _TOKEN_WITHOUT_QUOTES
            elif kind in ("atom", "literal"):
                return "word", text
            elif text in (b"<", b">", b"@", b",", b";", b":"):
                return "special", text
        return None

    def _skip_comment(self) -> bool:
        """Pass over a comment, which can hold others; the last one may be a name."""
        if self.no_comment:
            return False
        depth = 0
        for mark in _COMMENT_MARK.finditer(self.value, self.place):
            depth += {b"(": 1, b")": -1}.get(mark[0], 0)
            if depth == 0:
                end = mark.end()
                content = self.value[self.place + 1 : end - 1].strip()
                self.comment = _ESCAPE.sub(rb"\1", content)
                self.place, self.spaced = end, True
                return True
        self.no_comment = True
        return False

    # -------------------------------------------------------------- addresses

    def _angle(self) -> None:
        """`<@route:local@domain>`; the phrase before it is the name."""
        inside: list[bytes] = []
        while (token := self._next()) is not None:
            kind, text = token
            if kind == "special" and text in (b">", b"<"):
                break
            # A comma or semicolon belongs to a route, or to the list if ">" is missing.
            if text in (b",", b";") and kind == "special" and inside[:1] != [b"@"]:
                self.place -= 1
                break
            inside.append(text)
        route: bytes | None = None
        if inside[:1] == [b"@"] and b":" in inside:
            colon = inside.index(b":")
            route, inside = b"".join(inside[:colon]), inside[colon + 1 :]
        mailbox, host = _split(inside)
        name = self._phrase()
        if name or mailbox or host:
            self.found.append(_address(name, route, mailbox, host))
        self._clear()

    def _bare(self) -> None:
        """`local@domain` without angle brackets; what stands before the local part, with
        white space between, is taken for a name that lacks them."""
        start = len(self.words) - 1
        while start > 0 and not self.words[start][0]:
            start -= 1
        mailbox = b"".join(text for _, text in self.words[max(start, 0) :])
        self.words = self.words[: max(start, 0)]
        local, host = [mailbox], list[bytes]()
        self.spaced = False
        while (found := _TOKEN_WITHOUT_QUOTES.match(self.value, self.place)) is not None:
            if found.lastgroup in ("atom", "literal"):
                host.append(found[0])
            elif found[0] == b"@":
                local += [b"@", *host]
                host = []
            elif not (found.lastgroup == "space" and self._goes_on(host, found.end())):
                break
            self.place = found.end()
        mailbox = b"".join(local)
        # What follows up to the separator is noise, but a comment may be the name.
        name = self._phrase()
        while (token := self._next()) is not None:
            if token[0] == "special" and token[1] in (b",", b";", b"<"):
                if token[1] != b"<":
                    self.place -= 1
                    break
                # `a@example.com <a@example.com>`: an address in the place of a name.
                self.words = [(False, b"@".join(filter(None, (mailbox, b"".join(host)))))]
                self._angle()
                return
        name = name or self.comment
        self.found.append(_address(name, None, mailbox, b"".join(host)))
        self._clear()

    def _goes_on(self, host: list[bytes], place: int) -> bool:
        """Whether a domain goes on after white space: before and after a dot (RFC 5322 §4.4)."""
        return not host or host[-1].endswith(b".") or self.value.startswith(b".", place)

    def _finish(self) -> None:
        """A separator: words that are left are an address without a domain."""
        if self.words:
            mailbox = b" ".join(text for _, text in self.words)
            self.found.append(_address(self.comment, None, mailbox, b""))
        self._clear()

    def _phrase(self) -> bytes:
        return b" ".join(text for _, text in self.words)

    def _clear(self) -> None:
        self.words = []
        self.comment = b""
        self.spaced = False


def _split(inside: list[bytes]) -> tuple[bytes, bytes]:
    """The tokens of an address specification -> local part and domain, at the last "@"."""
    if b"@" not in inside:
        return b"".join(inside), b""
    at = len(inside) - 1 - inside[::-1].index(b"@")
    return b"".join(inside[:at]), b"".join(inside[at + 1 :])


def _address(name: bytes, route: bytes | None, mailbox: bytes, host: bytes) -> MailAddress:
    return MailAddress(name or None, route, mailbox or MISSING_MAILBOX, host or MISSING_DOMAIN)
