"""Sieve scripts of accounts and of domains."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import (
    AlreadyExists,
    BadArgument,
    BadName,
    InUse,
    NoSuchAccount,
    NoSuchScript,
    OverQuota,
    Superseded,
    TooBig,
    TooMany,
)
from sora.mail.script_names import script_name
from sora.protocols.http.admin.owners import BOTH, Owner, whose
from sora.protocols.http.conditions import tag_of
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import next_page, page_begin, page_length, page_of
from sora.protocols.http.problems import CHANGED, Refused
from sora.protocols.http.values import said
from sora.sieve.errors import ScriptError, ScriptErrors
from sora.storage.rows import ScriptPosition

_NAME: Final = 256
_ERRORS: Final = (NoSuchAccount, NoSuchScript, BadArgument, BadName)


@frozen
class ScriptInfo:
    """A script without its text."""

    script: str = said("Its name.", example="main")
    size: int = said("Octets of it.", minimum=0)
    position: ScriptPosition | None = said("Where it runs; null when it does not.")
    changed: datetime = said("When its text was last put.")


@frozen
class ScriptInfos:
    """Some scripts, ascending by name."""

    items: tuple[ScriptInfo, ...] = said("The scripts.")
    next: str | None = next_page()


@frozen
class ScriptsQuery:
    """Which part of the list."""

    cursor: str = page_begin()
    limit: int = page_length("Scripts of a page.")


@frozen
class Script:
    """A script."""

    script: str = said("Its name.", example="main")
    source: str = said("Its text.", example='require "fileinto"; fileinto "Work";')


@frozen
class NewScript:
    """The text of a script, and where it is to run."""

    source: str = said("The text.", example="keep;", min_length=1)
    position: ScriptPosition | None = said(
        "Where it runs from now on; without it, it stays where it is.", default=None
    )


@frozen
class ScriptNote:
    """Something about a place in a script."""

    line: int = said("The line, from 1.", minimum=1)
    column: int = said("The character in it, from 1.", minimum=1)
    text: str = said("What there is to say.")


@frozen
class Compiled:
    """A script that compiles."""

    warnings: tuple[ScriptNote, ...] = said("What its author should know.")


@frozen
class ScriptChange:
    """What is to be another."""

    script: str = said("Another name.", example="holidays", max_length=_NAME)


@frozen
class ScriptName:
    """Which script."""

    script: str = said("Its name.", example="main", max_length=_NAME)


def notes_of(errors: Sequence[ScriptError]) -> tuple[ScriptNote, ...]:
    """What is said about places of a script, as it is shown."""
    return tuple(ScriptNote(line=one.line, column=one.column, text=one.text) for one in errors)


async def _list(nouns: Nouns, call: Call) -> ScriptInfos:
    rows = await nouns.sieve.list(whose(call))
    page, following = page_of(rows, call.query, lambda row: row.name)
    found = [
        ScriptInfo(script=row.name, size=row.size, position=row.position, changed=row.changed_at)
        for row in page
    ]
    return ScriptInfos(items=tuple(found), next=following)


async def _show(nouns: Nouns, call: Call) -> Script:
    name, source = await nouns.sieve.show(whose(call), call.path["script"])
    return Script(script=script_name(name), source=source)


async def _put(nouns: Nouns, call: Call) -> Compiled:
    new: NewScript = call.body
    source, name = new.source.encode(), call.path["script"]
    replaces = await _known(nouns, call)
    try:
        warnings = await nouns.sieve.put(whose(call), name, source, new.position, replaces)
    except Superseded as error:
        raise Refused(CHANGED, error.text) from None
    return Compiled(warnings=notes_of(warnings))


async def _known(nouns: Nouns, call: Call) -> str | None:
    """The text that is to be replaced, empty for none; None where that does not matter."""
    wanted = call.conditions
    if not wanted:
        return None
    try:
        _, there = await nouns.sieve.show(whose(call), call.path["script"])
    except NoSuchScript:
        there = ""
    is_known = wanted.exists or tag_of(there) in wanted.tags
    if wanted.is_new if not there else (is_known and not wanted.is_new):
        return there
    text = "There is such a script" if there else "There is no such script"
    raise Refused(CHANGED, text if wanted.is_new or not there else "Its text is another one")


async def _rename(nouns: Nouns, call: Call) -> ScriptName:
    new = call.body.script
    await nouns.sieve.rename(whose(call), call.path["script"], new)
    return ScriptName(script=script_name(new))


async def _delete(nouns: Nouns, call: Call) -> None:
    await nouns.sieve.delete(whose(call), call.path["script"])


async def _activate(nouns: Nouns, call: Call) -> None:
    position = ScriptPosition(call.path["position"])
    await nouns.sieve.activate(whose(call), call.body.script, position)


async def _deactivate(nouns: Nouns, call: Call) -> None:
    await nouns.sieve.deactivate(whose(call), ScriptPosition(call.path["position"]))


_endpoint = partial(Endpoint, group="scripts")


def _of(owner: Owner) -> tuple[Endpoint, ...]:
    of = f"of {owner.logged}"
    one = f"{owner.path}/scripts/{{script}}"
    position = f"{owner.path}/script-positions/{{position}}"
    return (
        _endpoint(
            method="GET",
            path=f"{owner.path}/scripts",
            name=owner.name("list", "Scripts"),
            summary=f"List the Sieve scripts of {owner.text}",
            query=ScriptsQuery,
            answer=ScriptInfos,
            errors=(NoSuchAccount, BadArgument),
            run=_list,
        ),
        _endpoint(
            method="GET",
            path=one,
            name=owner.name("show", "Script"),
            summary=f"Show a Sieve script of {owner.text}",
            answer=Script,
            tag=lambda call, answer: tag_of(answer.source),
            errors=_ERRORS,
            run=_show,
        ),
        _endpoint(
            method="PUT",
            path=one,
            name=owner.name("put", "Script"),
            summary=f"Keep a Sieve script of {owner.text}, in the place of one that has the name",
            scope=Scope.WRITE,
            body=NewScript,
            answer=Compiled,
            changes=f"put the script {{script}} {of}",
            tag=lambda call, answer: tag_of(call.body.source),
            errors=(
                NoSuchAccount,
                ScriptErrors,
                BadArgument,
                BadName,
                TooBig,
                TooMany,
                OverQuota,
            ),
            run=_put,
        ),
        _endpoint(
            method="PATCH",
            path=one,
            name=owner.name("rename", "Script"),
            summary=f"Give a Sieve script of {owner.text} another name",
            scope=Scope.WRITE,
            body=ScriptChange,
            answer=ScriptName,
            changes=f"renamed the script {{script}} {of}",
            about=("script",),
            errors=(*_ERRORS, AlreadyExists),
            run=_rename,
        ),
        _endpoint(
            method="DELETE",
            path=one,
            name=owner.name("delete", "Script"),
            summary=f"Remove a Sieve script of {owner.text} that does not run",
            scope=Scope.WRITE,
            changes=f"removed the script {{script}} {of}",
            errors=(*_ERRORS, InUse),
            run=_delete,
        ),
        _endpoint(
            method="PUT",
            path=position,
            name=owner.name("activate", "Script"),
            summary=f"Let a Sieve script of {owner.text} run, in the place of the one that does",
            scope=Scope.WRITE,
            body=ScriptName,
            changes=f"let a script run at {{position}} {of}",
            about=("script",),
            errors=(*_ERRORS, ScriptErrors),
            run=_activate,
        ),
        _endpoint(
            method="DELETE",
            path=position,
            name=owner.name("deactivate", "Script"),
            summary=f"Let no Sieve script of {owner.text} run at a position",
            scope=Scope.WRITE,
            changes=f"let no script run at {{position}} {of}",
            errors=(NoSuchAccount, BadArgument),
            run=_deactivate,
        ),
    )


ENDPOINTS: Final = tuple(endpoint for owner in BOTH for endpoint in _of(owner))
