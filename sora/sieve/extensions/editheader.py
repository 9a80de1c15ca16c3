"""editheader (RFC 5293): `addheader` and `deleteheader`.

Each edit makes a new header; what actions took of the old one stays as it was (§7, G46). What is
not permitted is silently ignored (§6).
"""

import re
from typing import Final

from sora.mail.compose import unstructured
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.extension import Command, Extension, Kind, Parameter, Tag
from sora.sieve.extensions import index
from sora.sieve.fields import chosen
from sora.sieve.message import Header, HeaderField
from sora.sieve.mime_edit import ORIGINAL_FROM, ORIGINAL_SUBJECT
from sora.sieve.run import Run

MAX_NAME: Final = 70
_NAME: Final = re.compile(rf"[!-9;-~]{{1,{MAX_NAME}}}\Z")
_FIXED: Final = frozenset([ORIGINAL_SUBJECT, ORIGINAL_FROM])
"""Of `replace` (RFC 5703 §5)."""
_STAYING: Final = _FIXED | {
    "received",
    "auto-submitted",
    "return-path",
    "x-sieve-redirected-from",
}
"""Never deleted (§6): the last two are written at delivery, one of them against loops (G44)."""
_OWN: Final = "x-sora-"
"""Begins what the server notes for itself."""
_FIELDS: Final = 64
"""Fields that are copied for one instruction."""


def _addheader(run: Run, call: Call) -> None:
    name = _name(run, call)
    if name.lower() in _FIXED or name.lower().startswith(_OWN):
        run.note(f"addheader: {name} is left alone")
        return
    new = HeaderField(name.lower(), unstructured(name, call.string(run, "value")))
    fields = list(run.header.fields)
    if call.has("last"):
        if fields and not fields[-1].line.endswith(b"\n"):
            fields[-1] = HeaderField(fields[-1].name, fields[-1].line + b"\r\n")
        fields.append(new)
    else:
        fields.insert(0, new)
    _put(run, fields, len(new.line))
    run.note(f"addheader: {new.line.decode('utf-8', 'replace').rstrip()}")


def _deleteheader(run: Run, call: Call) -> None:
    name = _name(run, call)
    if name.lower() in _STAYING or name.lower().startswith(_OWN):
        run.note(f"deleteheader: {name} is left alone")
        return
    gone = {
        id(one)
        for one in chosen(run, call, run.header, [name])
        if not call.has("keys") or run.matches_now(call, [one.value])
    }
    if gone:
        _put(run, [one for one in run.header.fields if id(one) not in gone], 0)
    run.note(f"deleteheader: {len(gone)} fields {name}")


def _name(run: Run, call: Call) -> str:
    name = call.string(run, "name")
    if not _NAME.match(name):
        raise run.problem(_no_name(name))
    return name


def _put(run: Run, fields: list[HeaderField], added: int) -> None:
    run.spend(len(fields) // _FIELDS)
    run.hold(added)
    if added and sum([len(one.line) for one in fields]) > run.limits.header:
        raise run.problem(f"The header gets longer than {run.limits.header} octets")
    run.header = Header(fields, run.header.end or b"\r\n")


def _no_name(text: str) -> str:
    return f"{shown(text)} cannot be the name of a header field"


def _check_name(checking: Checking, at: int, text: str) -> None:
    if not _NAME.match(text):
        checking.error(at, _no_name(text))


def _check_staying(checking: Checking, call: Call) -> None:
    name = call.constant("name")
    if name is not None and (name.lower() in _STAYING or name.lower().startswith(_OWN)):
        checking.warn(call.ats["name"], f"Fields {shown(name)} are never deleted")


EXTENSION: Final = Extension(
    "editheader",
    words=(
        Command(
            "addheader",
            _addheader,
            (
                Parameter("name", Kind.STRING, check=_check_name),
                Parameter("value", Kind.STRING),
            ),
            (Tag("last"),),
        ),
        Command(
            "deleteheader",
            _deleteheader,
            (
                Parameter("name", Kind.STRING, check=_check_name),
                Parameter("keys", Kind.STRINGS, optional=True),
            ),
            index.TAGS,
            matching=True,
            check=_check_staying,
        ),
    ),
)
