"""One form for answers that say the same in different words.

What is made equal here, and which RFC allows both:

| what | why |
| --- | --- |
| media types, names of parameters, dispositions, encodings in lower case | RFC 2045 §2, §5.1, §6.1: they are compared without case |
| `("charset" "us-ascii")` of a text left out | RFC 2045 §5.2: it is what a text without the parameter is in; Dovecot writes it always |
| the order of parameters | RFC 2045 §5: it means nothing |
| white space, any amount, as one space | RFC 5322 §2.2.3: unfolding takes away the CRLF alone, as Sora does; Dovecot makes one space of the fold |
| one language as a list of one | RFC 3501 §9 body-fld-lang: a string or a list of strings |
| an empty description, id, MD5 or location as NIL | RFC 3501 §7.4.2 tells the two apart in ENVELOPE only |
| a route without commas at its end | RFC 5322 §4.4: there may be some |
| `MISSING_MAILBOX` at `MISSING_DOMAIN` left out; a phrase alone is the mailbox | RFC 5322 §3.4: `<>` and words without an address are no mailboxes; Dovecot shows a place holder |
"""

from typing import Final

from attrs import frozen

from trial_tests.support.imap_answers import Value

_US_ASCII: Final = (b"charset", b"us-ascii")
_NO_MAILBOX: Final = b"MISSING_MAILBOX"
_NO_DOMAIN: Final = b"MISSING_DOMAIN"

ENVELOPE_FIELDS: Final = (
    "date",
    "subject",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "in-reply-to",
    "message-id",
)


@frozen
class Body:
    """A part as BODYSTRUCTURE describes it: named values, and what is inside."""

    values: dict[str, Value]
    parts: "tuple[Body, ...]" = ()
    message: "Body | None" = None

    @property
    def kind(self) -> tuple[Value, Value]:
        """Type and subtype."""
        return self.values["type"], self.values["subtype"]

    @property
    def is_compound(self) -> bool:
        """Whether it is a multipart or a message."""
        return bool(self.parts or self.message)


def spaced(value: Value) -> Value:
    """A string with runs of white space as one space."""
    return value if value is None else b" ".join(value.split())


def envelope(value: Value) -> dict[str, Value]:
    """ENVELOPE by the names of its fields."""
    return {
        name: _addresses(one) if isinstance(one, list) else spaced(one)
        for name, one in zip(ENVELOPE_FIELDS, value, strict=True)
    }


def _addresses(addresses: list[Value]) -> Value:
    found = []
    for name, route, mailbox, host in addresses:
        if mailbox == _NO_MAILBOX and host == _NO_DOMAIN:
            if not name:
                continue
            name, mailbox = None, name
        elif host == _NO_DOMAIN and route is None:
            # A comment after words without an address is the name, or is not.
            name = None
        route = route and route.rstrip(b", ")
        found.append([spaced(name), spaced(route), spaced(mailbox), spaced(host)])
    return found or None


def structure(value: Value) -> Body:
    """BODY or BODYSTRUCTURE."""
    rest = list(value)
    if isinstance(rest[0], list):
        parts = []
        while isinstance(rest[0], list):
            parts.append(structure(rest.pop(0)))
        values = {"type": b"multipart", "subtype": _lower(rest.pop(0))}
        if rest:
            values["parameters"] = _parameters(rest.pop(0))
            values.update(_extension(rest))
        return Body(values, tuple(parts))
    values = {
        "type": _lower(rest.pop(0)),
        "subtype": _lower(rest.pop(0)),
        "parameters": _parameters(rest.pop(0)),
        "id": spaced(rest.pop(0)) or None,
        "description": spaced(rest.pop(0)) or None,
        "encoding": _lower(rest.pop(0)),
        "octets": rest.pop(0),
    }
    message = None
    if (values["type"], values["subtype"]) == (b"message", b"rfc822"):
        values.update({f"envelope {k}": v for k, v in envelope(rest.pop(0)).items()})
        message = structure(rest.pop(0))
        values["lines"] = rest.pop(0)
    elif values["type"] == b"text":
        values["parameters"] = [one for one in values["parameters"] if one != _US_ASCII]
        values["lines"] = rest.pop(0)
    if rest:
        values["md5"] = spaced(rest.pop(0)) or None
        values.update(_extension(rest))
    return Body(values, (), message)


def _extension(rest: list[Value]) -> dict[str, Value]:
    disposition, language, location = rest
    if disposition is not None:
        disposition = [_lower(disposition[0]), _parameters(disposition[1])]
    if isinstance(language, bytes):
        language = [language]
    return {
        "disposition": disposition,
        "language": language,
        "location": spaced(location) or None,
    }


def _parameters(value: Value) -> Value:
    found = []
    for name, text in zip(value[::2], value[1::2], strict=True) if value else ():
        name = _lower(name)
        found.append((name, _lower(text) if name == b"charset" else spaced(text)))
    return sorted(found)


def _lower(value: Value) -> Value:
    return value if value is None else value.lower()
