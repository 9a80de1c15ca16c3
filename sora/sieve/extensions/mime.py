"""mime (RFC 5703 §4): `header`, `address` and `exists` look at the parts of a message.

With `:mime` they see the header of the part that a `foreverypart` is at, or the message's; with
`:anychild` those of all parts in it, too.
"""

from collections.abc import Iterator
from typing import Final

from sora.mail.content_type import ContentType, decode_parameter, parse, parse_disposition
from sora.sieve.body import Body, read
from sora.sieve.call import Call
from sora.sieve.checking import Checking
from sora.sieve.contents import walk
from sora.sieve.extension import Asking, Extension, Kind, Tag
from sora.sieve.fields import chosen
from sora.sieve.message import Header, HeaderField
from sora.sieve.parts import part_of
from sora.sieve.run import Run

OPTION: Final = "MIME option"
_PARTS: Final = 4
"""Headers that are looked at for one instruction."""
_NONE: Final = ContentType(b"", b"")


def _headers(run: Run, call: Call) -> Asking[list[Header]]:
    """The headers that are looked at."""
    if not call.has("anychild") and not run.own(Body).loops:
        return [run.header]
    body = yield from read(run)
    part = body.part(run)
    if not call.has("anychild"):
        return [body.header(run, part)]
    found = [body.header(run, one) for one in walk(part)]
    run.spend(len(found) // _PARTS)
    return found


def _header(run: Run, call: Call) -> Asking[bool]:
    names = call.strings(run, "headers")
    headers = yield from _headers(run, call)
    found = [
        value
        for header in headers
        for one in chosen(run, call, header, names)
        for value in _values(run, call, one)
    ]
    result = run.matches_any(call, found)
    return result if isinstance(result, bool) else (yield from result)


def _address(run: Run, call: Call) -> Asking[bool]:
    names = call.strings(run, "headers")
    headers = yield from _headers(run, call)
    found = [
        part
        for header in headers
        for one in chosen(run, call, header, names)
        for address in one.addresses
        if (part := part_of(run, call, address)) is not None
    ]
    result = run.matches_any(call, found)
    return result if isinstance(result, bool) else (yield from result)


def _exists(run: Run, call: Call) -> Asking[bool]:
    """Each of the fields, somewhere in what is looked at."""
    names = call.strings(run, "headers")
    headers = yield from _headers(run, call)
    return all(any(header.named(name) for header in headers) for name in names)


def _values(run: Run, call: Call, one: HeaderField) -> Iterator[str]:
    """What of a field is tested (§4.1). A value that cannot be read counts for nothing."""
    if call.has("param"):
        parameters = _parameters(one)
        for name in call.strings(run, "param"):
            value = decode_parameter(parameters, name) if name.isascii() else None
            if value is not None:
                yield value
    elif not (call.has("type") or call.has("subtype") or call.has("contenttype")):
        yield one.value
    elif one.name == "content-type":
        kind = parse(one.octets, _NONE)
        if kind is not _NONE:
            yield _of_type(call, kind)
        elif not call.counts:
            yield ""
    elif one.name == "content-disposition":
        found = parse_disposition(one.octets)
        if found is not None:
            yield "" if call.has("subtype") else found[0].decode("latin-1")
        elif not call.counts:
            yield ""
    elif not call.counts:
        yield ""


def _of_type(call: Call, kind: ContentType) -> str:
    if call.has("type"):
        return kind.type.decode("latin-1")
    if call.has("subtype"):
        return kind.subtype.decode("latin-1")
    return kind.kind.decode("latin-1")


def _parameters(one: HeaderField) -> tuple[tuple[bytes, bytes], ...]:
    if one.name == "content-disposition":
        found = parse_disposition(one.octets)
        return found[1] if found else ()
    # Other fields have their parameters behind a first semicolon, too.
    return parse(b"x/x;" + one.octets.partition(b";")[2]).parameters


def _needs_mime(name: str) -> Tag:
    def check(checking: Checking, call: Call) -> None:
        if not call.has("mime"):
            checking.error(call.ats[name], f"':{name}' needs ':mime'")

    takes = Kind.STRINGS if name == "param" else None
    group = "" if name == "anychild" else OPTION
    return Tag(name, takes, group, check=check)


_ANY_CHILD: Final = _needs_mime("anychild")

EXTENSION: Final = Extension(
    "mime",
    tags={
        "header": (
            Tag("mime", run=_header),
            _ANY_CHILD,
            _needs_mime("type"),
            _needs_mime("subtype"),
            _needs_mime("contenttype"),
            _needs_mime("param"),
        ),
        "address": (Tag("mime", run=_address), _ANY_CHILD),
        "exists": (Tag("mime", run=_exists), _ANY_CHILD),
    },
)
