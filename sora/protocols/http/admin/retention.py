"""How long messages may stay in mailboxes: rules of accounts and of domains, and what they do."""

from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import BadArgument, NoSuchAccount
from sora.operations.retention import LEAST, MOST, RuleOf
from sora.protocols.http.admin.owners import BOTH, Owner, whose
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import (
    LONGEST,
    cursor_of,
    key_of,
    next_page,
    page_begin,
    page_length,
)
from sora.protocols.http.values import said
from sora.storage.rows import DueMessages

ALL: Final = "all"
"""what a rule for all mailboxes is called in a path"""


@frozen
class Rule:
    """How long messages may stay in some mailboxes."""

    owner: str = said("Whose rule it is: an address, a domain, or `server`.")
    mailboxes: str = said("`all`, or the special use of the mailboxes.", example="trash")
    max_age: int | None = said(
        "Seconds since they came into their mailbox; null for ever.", minimum=0, example=2592000
    )


@frozen
class Rules:
    """The rules that count, the narrowest first: the first one that fits does."""

    items: tuple[Rule, ...] = said("The rules.")


@frozen
class NewRule:
    """What a rule is to be."""

    max_age: int | None = said(
        "Seconds since messages came into their mailbox; null for ever.",
        minimum=LEAST,
        maximum=MOST,
        example=2592000,
    )


@frozen
class DueMailbox:
    """What would be expunged of a mailbox now."""

    account: str = said("The primary address of the account; empty where a domain owns it.")
    mailbox: str = said("The mailbox.")
    max_age: int = said("The age that counts there, in seconds.", minimum=0)
    messages: int = said("How many messages.", minimum=0)
    octets: int = said("Their octets.", minimum=0)


@frozen
class DuePage:
    """What would go of some mailboxes. A page may be empty and not be the last."""

    items: tuple[DueMailbox, ...] = said("The mailboxes that have something too old.")
    next: str | None = next_page()


@frozen
class DueQuery:
    """Which mailboxes."""

    cursor: str = page_begin()
    limit: int = page_length("Mailboxes that are looked at for a page.", default=LONGEST)


def rule_of(line: RuleOf) -> Rule:
    """A rule as it is shown."""
    age = line.rule.max_age
    return Rule(
        owner=line.owner,
        mailboxes=line.rule.special_use.removeprefix("\\").lower() or ALL,
        max_age=None if age is None else round(age.total_seconds()),
    )


def _due(one: DueMessages) -> DueMailbox:
    return DueMailbox(
        account=one.address,
        mailbox=one.mailbox,
        max_age=round(one.max_age.total_seconds()),
        messages=one.messages,
        octets=one.octets,
    )


def _use(call: Call) -> str | None:
    use = call.path["use"]
    return None if use == ALL else use


async def _server(nouns: Nouns, call: Call) -> Rules:
    return Rules(items=tuple(map(rule_of, await nouns.retention.show(None))))


async def _show(nouns: Nouns, call: Call) -> Rules:
    return Rules(items=tuple(map(rule_of, await nouns.retention.show(whose(call)))))


async def _set(nouns: Nouns, call: Call) -> Rules:
    await nouns.retention.set(whose(call), _use(call), call.body.max_age)
    return await _show(nouns, call)


async def _clear(nouns: Nouns, call: Call) -> None:
    await nouns.retention.clear(whose(call), _use(call))


async def _preview(nouns: Nouns, call: Call) -> DuePage:
    asked: DueQuery = call.query
    key = key_of(asked.cursor) or "0"
    if not (key.isdecimal() and key.isascii() and len(key) < 19):
        raise BadArgument("The cursor is none that this server has given")
    meant = whose(call) if call.path else None
    last, found = await nouns.retention.due_page(meant, int(key), asked.limit)
    return DuePage(items=tuple(map(_due, found)), next=cursor_of(str(last)) if last else None)


_endpoint = partial(Endpoint, group="retention")


def _of(owner: Owner) -> tuple[Endpoint, ...]:
    of = owner.logged
    return (
        _endpoint(
            method="GET",
            path=f"{owner.path}/retention",
            name=owner.name("show", "Retention"),
            summary=f"Show how long messages of {owner.text} may stay",
            answer=Rules,
            errors=(NoSuchAccount, BadArgument),
            run=_show,
        ),
        _endpoint(
            method="PUT",
            path=f"{owner.path}/retention/{{use}}",
            name=owner.name("set", "Retention"),
            summary=f"Set how long messages of {owner.text} may stay; what is older is expunged",
            scope=Scope.WRITE,
            body=NewRule,
            answer=Rules,
            changes=f"set how long messages of {of} may stay ({{use}})",
            errors=(NoSuchAccount, BadArgument),
            run=_set,
        ),
        _endpoint(
            method="DELETE",
            path=f"{owner.path}/retention/{{use}}",
            name=owner.name("clear", "Retention"),
            summary=f"Remove a rule of {owner.text}; what is wider counts again",
            scope=Scope.WRITE,
            changes=f"removed the rule about how long messages of {of} may stay ({{use}})",
            errors=(NoSuchAccount, BadArgument),
            run=_clear,
        ),
        _endpoint(
            method="GET",
            path=f"{owner.path}/due",
            name=owner.name("preview", "Retention"),
            summary=f"Show what policies would expunge of {owner.text} now; nothing is done",
            query=DueQuery,
            answer=DuePage,
            errors=(NoSuchAccount, BadArgument),
            run=_preview,
        ),
    )


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/retention",
        name="showServerRetention",
        summary="Show how long messages may stay where no account and no domain has a rule",
        answer=Rules,
        run=_server,
    ),
    _endpoint(
        method="GET",
        path="/retention/due",
        name="previewAllRetention",
        summary="Show what policies would expunge of everybody now; nothing is done",
        query=DueQuery,
        answer=DuePage,
        errors=(BadArgument,),
        run=_preview,
    ),
    *(endpoint for owner in BOTH for endpoint in _of(owner)),
)
