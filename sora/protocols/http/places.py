"""The names in paths: what each means, and what it may be (pure).

A segment of a path is percent-encoded, also the `/` in it: the mailbox `Work/Reports` is
`…/mailboxes/Work%2FReports` (RFC 3986 §2.2).
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from sora.protocols.http.shaping import Flaw, Flawed, flaw_of_text
from sora.protocols.http.values import Facet

_LONGEST: Final = 1024
_NAME: Final = re.compile(r"{(answer\.)?(\w+)}")

PLACES: Final[Mapping[str, Facet]] = {
    "address": Facet("An address.", example="sales@example.com", max_length=320),
    "domain": Facet("A domain.", example="example.com", max_length=255),
    "email": Facet("An address of the account.", example="ann@example.com", max_length=320),
    "id": Facet("What it is called.", max_length=128),
    "mailbox": Facet(
        "The name of the mailbox; a `/` in it is written `%2F`.",
        example="Work/Reports",
        max_length=_LONGEST,
    ),
    "number": Facet(
        "The number of a deleted mailbox.", example="71", pattern="^[0-9]{1,18}$", max_length=18
    ),
    "position": Facet(
        "Where a script runs: `active` for a user's own, `before` and `after` those of the users"
        " of a domain.",
        example="active",
        pattern="^(active|before|after)$",
    ),
    "script": Facet("The name of the script.", example="main", max_length=256),
    "use": Facet(
        "Which mailboxes: `all`, or those with a special use (RFC 6154).",
        example="trash",
        pattern="^(all|archive|drafts|junk|sent|trash)$",
    ),
    "user": Facet(
        "Who has the rights: an address, or `anyone` for everybody in the domain.",
        example="bob@example.com",
        max_length=320,
    ),
}
"""One for each name that stands in a path, anywhere."""


def read_path(values: Mapping[str, str]) -> dict[str, str]:
    """The names in a path, from its segments. Raises Flawed."""
    found: dict[str, str] = {}
    flaws: list[Flaw] = []
    for name, segment in values.items():
        try:
            found[name] = unquote_to_bytes(segment).decode("utf-8")
        except UnicodeDecodeError:
            flaws.append(Flaw(name, "This must be UTF-8"))
            continue
        wrong = flaw_of_text(found[name], PLACES[name])
        if wrong:
            flaws.append(Flaw(name, wrong))
    if flaws:
        raise Flawed(flaws)
    return found


def filled(template: str, names: Mapping[str, str], answer: Any) -> str:
    """A sentence with names of the path (`{email}`) and fields of the answer (`{answer.email}`)
    in it."""
    return _NAME.sub(lambda found: _value(found, names, answer), template)


def filled_path(template: str, names: Mapping[str, str], answer: Any) -> str:
    """The same for a path, in which they are encoded."""
    return _NAME.sub(lambda found: quote(_value(found, names, answer), safe="@"), template)


def _value(found: re.Match[str], names: Mapping[str, str], answer: Any) -> str:
    return str(getattr(answer, found[2])) if found[1] else names[found[2]]
