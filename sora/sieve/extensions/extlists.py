"""extlists (RFC 6134): lists that are kept elsewhere.

Tests of values against them ask; no comparator can be given (§2.2). A list that there is not is a
runtime error, also for `redirect :list` (§2.3); `valid_ext_list` tells before.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.effects import InList, ListExists, ListMembers, Redirect
from sora.sieve.extension import (
    MATCH_TYPE,
    Asking,
    Extension,
    Kind,
    MatchType,
    Parameter,
    Tag,
    Test,
)
from sora.sieve.outbound import outbound
from sora.sieve.run import Run

_URN: Final = "urn:ietf:params:sieve:"
_BOOK: Final = _URN + "addrbook:"
# RFC 3986 §4.3
_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+\Z"
)
MAX_NAME: Final = 1000


def list_name(text: str) -> str | None:
    """The URI of a list, the short form of RFC 6134 §2.5 written out, and the default address book
    always in the same way; None if it is none."""
    uri = _URN + text[1:] if text.startswith(":") else text
    if len(uri) > MAX_NAME or not _URI.match(uri):
        return None
    if uri.lower().startswith(_BOOK):
        book = uri[len(_BOOK) :]
        if unquote(book).lower() == "default":
            book = "default"
        return _BOOK + book
    return uri


def _name(run: Run, text: str) -> str:
    name = list_name(text)
    if name is None:
        raise run.problem(_no_name(text))
    return name


def _match(run: Run, call: Call, values: Sequence[str], keys: Sequence[str]) -> Asking[bool]:
    for key in keys:
        name = _name(run, key)
        run.spend(1)
        found = (yield InList(name, tuple(values))) if values else None
        if found is not None:
            if run.frame.has("variables"):
                run.matched([found])
            return True
        if not (yield ListExists(name)):
            raise run.problem(_unknown(name))
    return False


def _redirect(run: Run, call: Call) -> Asking[None]:
    name = _name(run, call.string(run, "address"))
    # One more than may be: then it is told.
    members = yield ListMembers(name, run.limits.redirects + 1)
    if members is None:
        raise run.problem(_unknown(name))
    message = run.snapshot(sent_on=True)
    for member in members:
        address = outbound(member)
        if address is None:
            raise run.problem(f"{shown(member)} in the list is not an address")
        run.act(Redirect(address, message=message), keeps=call.has("copy"))
    if not members and not call.has("copy"):
        # To nobody: the message would be lost.
        run.note("redirect: the list is empty")


def _valid_ext_list(run: Run, call: Call) -> Asking[bool]:
    for text in dict.fromkeys(call.strings(run, "names")):
        name = list_name(text)
        run.spend(1)
        if name is None or not (yield ListExists(name)):
            return False
    return True


def _unknown(name: str) -> str:
    return f"There is no list {shown(name)}"


def _no_name(text: str) -> str:
    return f"{shown(text)} is not the name of a list: that is a URI"


def _check_keys(checking: Checking, call: Call) -> None:
    call.match_type = LIST
    if call.has("comparator"):
        checking.error(call.ats["comparator"], "':list' takes no comparator")
    _check_names(checking, call, "keys")


def _check_names(checking: Checking, call: Call, argument: str) -> None:
    for text in call.constants(argument):
        if list_name(text) is None:
            checking.error(call.ats[argument], _no_name(text))


def _check_redirect(checking: Checking, call: Call) -> None:
    _check_names(checking, call, "address")


_TAG: Final = Tag("list", group=MATCH_TYPE, check=_check_keys)
LIST: Final = MatchType(_TAG, _match, asks=True)
"""Of some tests only: it is no match type of the dialect's (§2.2)."""

EXTENSION: Final = Extension(
    "extlists",
    words=(Test("valid_ext_list", _valid_ext_list, (Parameter("names", Kind.STRINGS),)),),
    tags={
        **dict.fromkeys(
            ("address", "currentdate", "date", "envelope", "header", "string"), (_TAG,)
        ),
        "redirect": (Tag("list", run=_redirect, check=_check_redirect),),
    },
)
