"""enotify (RFC 5435) with the method mailto (RFC 5436).

A URI of another scheme is an error when it is used (RFC 5435 §3.2); `valid_notify_method` tells
before. Who is notified counts as who is redirected to: there is one limit for both.
"""

import re
from typing import Final, Literal, cast
from urllib.parse import quote

from attrs import define, field

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.effects import Notify
from sora.sieve.extension import Asking, Command, Extension, Kind, Parameter, Tag, Test
from sora.sieve.extensions.vacation import check_mailboxes
from sora.sieve.mailboxes import mailbox_list
from sora.sieve.mailto import BadMailto, Mailto, parse
from sora.sieve.run import Run

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_OPTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*=[^\x00\x0a\x0d]*\Z")
_CAPABILITIES: Final = {"online": "maybe", "fcc": "yes"}
"""Of mailto (RFC 5436 §2.2, RFC 8580 §6.1)."""


@define(eq=False)
class _Notified:
    addresses: set[str] = field(factory=set)


def method(uri: str) -> Mailto:
    """Whom a method notifies, and how.

    Raises:
        BadMailto: it is no URI of a method that we have.
    """
    scheme = _SCHEME.match(uri)
    if scheme is None:
        raise BadMailto("this is not a URI")
    if scheme[1].lower() != "mailto":
        raise BadMailto(f"the method '{scheme[1][:20]}' is not supported, only 'mailto'")
    return parse(uri)


def _notify(run: Run, call: Call) -> None:
    uri = call.string(run, "method")
    try:
        who = method(uri)
    except BadMailto as error:
        raise run.problem(f"{shown(uri)} cannot be notified: {error}") from None
    importance = call.string(run, "importance") if call.has("importance") else "2"
    if importance not in ("1", "2", "3"):
        raise run.problem(_no_importance(importance))
    sender = call.string(run, "from") if call.has("from") else None
    if sender is not None and mailbox_list(sender) is None:
        raise run.problem(f"{shown(sender)} is not an address")
    notified = run.own(_Notified).addresses
    notified.update(who.to, who.cc)
    if len(notified) > run.limits.redirects:
        raise run.problem(f"The script notifies more than {run.limits.redirects} addresses")
    if not (who.to or who.cc):
        run.note("notify: nobody")
        return
    run.act(
        Notify(
            uri,
            cast(Literal[1, 2, 3], int(importance)),
            sender,
            call.strings(run, "options") if call.has("options") else (),
            call.string(run, "message") if call.has("message") else None,
            message=run.snapshot(),
        ),
        keeps=True,
    )


def _valid_notify_method(run: Run, call: Call) -> bool:
    return all(_is_valid(uri) for uri in call.strings(run, "uris"))


def _is_valid(uri: str) -> bool:
    try:
        method(uri)
    except BadMailto:
        return False
    return True


def _notify_method_capability(run: Run, call: Call) -> Asking[bool] | bool:
    known = _CAPABILITIES.get(call.string(run, "capability").lower())
    if known is None or not _is_valid(call.string(run, "uri")):
        return False
    return run.matches_any(call, [known])


def _no_importance(text: str) -> str:
    return f'{shown(text)} is not an importance: that is "1" (high), "2" or "3"'


def _check_importance(checking: Checking, at: int, text: str) -> None:
    if text not in ("1", "2", "3"):
        checking.error(at, _no_importance(text))


def _check_option(checking: Checking, at: int, text: str) -> None:
    if not _OPTION.match(text):
        checking.error(at, f"{shown(text)} is not an option: that is name=value")


def _check_method(checking: Checking, at: int, text: str) -> None:
    scheme = _SCHEME.match(text)
    try:
        method(text)
    except BadMailto as error:
        # A script may test for a method that others have (RFC 5435 §3.2).
        tell = checking.error if scheme and scheme[1].lower() == "mailto" else checking.warn
        tell(at, f"{shown(text)} cannot be notified: {error}")


def _encodeurl(run: Run, call: Call, text: str) -> str:
    """RFC 5435 §6: all octets but the unreserved ones."""
    return quote(text, safe="", errors="replace")


ENCODEURL: Final = Tag("encodeurl", group="precedence 15", order=15, apply=_encodeurl)

EXTENSION: Final = Extension(
    "enotify",
    words=(
        Command(
            "notify",
            _notify,
            (Parameter("method", Kind.STRING, check=_check_method),),
            (
                Tag("from", Kind.STRING, check_text=check_mailboxes),
                Tag("importance", Kind.STRING, check_text=_check_importance),
                Tag("options", Kind.STRINGS, check_text=_check_option),
                Tag("message", Kind.STRING),
            ),
        ),
        Test("valid_notify_method", _valid_notify_method, (Parameter("uris", Kind.STRINGS),)),
        Test(
            "notify_method_capability",
            _notify_method_capability,
            (
                Parameter("uri", Kind.STRING),
                Parameter("capability", Kind.STRING),
                Parameter("keys", Kind.STRINGS),
            ),
            matching=True,
        ),
    ),
    tags=dict.fromkeys(("set", "extracttext"), (ENCODEURL,)),
)
