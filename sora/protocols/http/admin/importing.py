"""Mail that comes from elsewhere: maildirs and mbox files on the server, and other IMAP servers."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import asdict, frozen

from sora.errors import BadArgument, NoSuchAccount, NotPermitted
from sora.exchange.counts import Counts
from sora.exchange.ending import Cancelled, Stopped
from sora.exchange.wishes import MAX_JOBS, PORTS, Login, Wishes
from sora.operations.importing import ScriptCounts
from sora.protocols.http.admin.tasks import Task, begun, task_endpoint
from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.upload import TAR, Upload
from sora.protocols.http.values import said
from sora.workers.tasks import TaskCancelled, Told

NAMED: Final = 100
"""problems that are named in a task"""
_PATH: Final = 4096
_MAILBOXES: Final = 1000


class MaildirLayout(StrEnum):
    """How folders lie in a maildir."""

    AUTO = "auto"
    MAILDIRPP = "maildir++"
    FS = "fs"


class Encryption(StrEnum):
    """How a connection to another server is encrypted."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


@frozen
class _Import:
    """What all imports may be told."""

    mailbox: tuple[str, ...] = said(
        "Only these mailboxes, by their names there; none: all.",
        default=(),
        max_length=_MAILBOXES,
        example=["INBOX"],
    )
    rename: Mapping[str, str] | None = said(
        "What mailboxes, and all below them, are called here, by their names there.",
        default=None,
        example={"Gesendet": "Sent"},
    )
    dry_run: bool = said("Only count what would be imported; nothing is written.", default=False)
    jobs: int = said("Mailboxes that go at the same time.", default=2, minimum=1, maximum=MAX_JOBS)


@frozen
class MaildirImport(_Import):
    """A maildir on the server, and how it is imported."""

    path: str = said(
        "The maildir, in one of `[admin] exchange_directories`.",
        example="/srv/migration/ann/Maildir",
        min_length=1,
        max_length=_PATH,
    )
    layout: MaildirLayout = said(
        "How folders lie in it; `auto`: as it looks.", default=MaildirLayout.AUTO
    )
    preserve_uids: bool = said(
        "Keep the UIDs and UIDVALIDITYs of dovecot-uidlist: clients notice no change.",
        default=False,
    )
    update_flags: bool = said(
        "Give what is here already the flags that it has there now.", default=False
    )
    sieve_path: str | None = said(
        "A directory of Sieve scripts, or the one that is active, in the same directories.",
        default=None,
        max_length=_PATH,
    )


@frozen
class ArchiveQuery:
    """How a maildir is imported that comes with the request."""

    layout: MaildirLayout = said(
        "How folders lie in it; `auto`: as it looks.", default=MaildirLayout.AUTO
    )
    mailbox: tuple[str, ...] = said(
        "Only this mailbox, by its name there; again for each one more. None: all.",
        default=(),
        max_length=40,
        example=["INBOX"],
    )
    preserve_uids: bool = said(
        "Keep the UIDs and UIDVALIDITYs of dovecot-uidlist: clients notice no change.",
        default=False,
    )
    update_flags: bool = said(
        "Give what is here already the flags that it has there.", default=False
    )
    dry_run: bool = said("Only count what would be imported; nothing is written.", default=False)
    jobs: int = said("Mailboxes that go at the same time.", default=2, minimum=1, maximum=MAX_JOBS)


@frozen
class MboxImport(_Import):
    """Mbox files on the server, and how they are imported."""

    path: str = said(
        "The file, or a directory of files, in one of `[admin] exchange_directories`.",
        example="/srv/migration/ann.mbox",
        min_length=1,
        max_length=_PATH,
    )
    into: str | None = said(
        "The mailbox for a single file; without it, the file's name.", default=None, max_length=1024
    )


@frozen
class ImapImport(_Import):
    """Another IMAP server, who is who there, and how it is imported."""

    host: str = said(
        "The other server.",
        example="imap.example.net",
        pattern=r"^[A-Za-z0-9._:-]{1,253}$",
        max_length=253,
    )
    tls: Encryption = said("How the connection is encrypted.", default=Encryption.IMPLICIT)
    port: int | None = said(
        "Its port; without it 993, or 143 without implicit TLS.",
        default=None,
        minimum=1,
        maximum=65535,
    )
    ca_file: str | None = said(
        "Authorities to trust instead of the system's: a PEM file in one of `[admin]"
        " exchange_directories`.",
        default=None,
        max_length=_PATH,
    )
    insecure: bool = said("Do not check the server's certificate.", default=False)
    user: str = said("Who logs in there.", example="ann", min_length=1, max_length=1024)
    password: str = said("The password there; it is shown nowhere.", max_length=1024, secret=True)
    authorize_as: str = said(
        "Whose mail it is there, if the one who logs in is an administrator.",
        default="",
        max_length=1024,
    )
    preserve_uids: bool = said(
        "Keep the UIDs and UIDVALIDITYs of the server: clients notice no change.", default=False
    )
    update_flags: bool = said(
        "Give what is here already the flags that it has there now.", default=False
    )


Work = Callable[[Callable[[Counts], None]], Awaitable[tuple[Counts, ScriptCounts | None]]]
"""An import or an export that tells of its counts; what became of them, and of scripts."""


async def begin(nouns: Nouns, call: Call, kind: str, about: str, work: Work) -> Task:
    """Begin an import or an export as a task. What it has counted adds up whenever it ends: it can
    be begun again, and goes on where it ended."""

    async def job(told: Told) -> Mapping[str, Any]:
        def tell(counts: Counts) -> None:
            try:
                told(counts.share, **counts.numbers())
            except TaskCancelled:
                raise Stopped(Cancelled()) from None

        counts, scripts = await work(tell)
        found = counts.fields(NAMED)
        if counts.stopped is not None:
            told(counts.share, **found)
            if isinstance(counts.stopped, Cancelled):
                raise TaskCancelled
            raise counts.stopped
        if scripts is not None:
            found["scripts"] = asdict(scripts)
        return {**found, "complete": counts.is_whole}

    return await begun(nouns, call, kind, about, job)


def _wishes(asked: Any) -> Wishes:
    return Wishes(
        preserve_uids=getattr(asked, "preserve_uids", False),
        dry_run=asked.dry_run,
        update_flags=getattr(asked, "update_flags", False),
        jobs=asked.jobs,
        only=frozenset(asked.mailbox) or None,
        names=tuple((getattr(asked, "rename", None) or {}).items()),
    )


async def _maildir(nouns: Nouns, call: Call) -> Task:
    asked: MaildirImport = call.body
    email = await _user(nouns, call)
    path = await nouns.places.there(asked.path)
    scripts_path = await nouns.places.there(asked.sieve_path) if asked.sieve_path else None

    async def work(tell: Callable[[Counts], None]) -> tuple[Counts, ScriptCounts | None]:
        counts = await nouns.importing.maildir(
            email, path, asked.layout.value, _wishes(asked), tell
        )
        if scripts_path is None or counts.stopped is not None:
            return counts, None
        return counts, await nouns.importing.sieve(
            email, scripts_path, dry_run=asked.dry_run, counts=counts
        )

    return await begin(nouns, call, "import-maildir", _about(email, asked.path, asked), work)


async def _archive(nouns: Nouns, call: Call) -> Task:
    asked: ArchiveQuery = call.query
    upload: Upload = call.body
    email = await _user(nouns, call)
    spool = upload.spool

    async def work(tell: Callable[[Counts], None]) -> tuple[Counts, ScriptCounts | None]:
        counts = await nouns.importing.archive(
            email, spool, asked.layout.value, _wishes(asked), tell
        )
        return counts, None

    about = f"import an archive of {spool.size} octets for {email}"
    about += ", as a trial" if asked.dry_run else ""
    upload.hand_over()
    try:
        return await begin(nouns, call, "import-archive", about, work)
    except BaseException:
        spool.close()
        raise


async def _mbox(nouns: Nouns, call: Call) -> Task:
    asked: MboxImport = call.body
    email = await _user(nouns, call)
    path = await nouns.places.there(asked.path)

    async def work(tell: Callable[[Counts], None]) -> tuple[Counts, ScriptCounts | None]:
        return await nouns.importing.mbox(email, path, asked.into, _wishes(asked), tell), None

    return await begin(nouns, call, "import-mbox", _about(email, asked.path, asked), work)


async def _imap(nouns: Nouns, call: Call) -> Task:
    asked: ImapImport = call.body
    email = await _user(nouns, call)
    login = Login(
        host=asked.host,
        port=asked.port or PORTS[asked.tls],
        user=asked.user,
        password=asked.password,
        tls=asked.tls,
        ca_file=await nouns.places.there(asked.ca_file) if asked.ca_file else "",
        verify=not asked.insecure,
        authorize_as=asked.authorize_as,
    )

    async def work(tell: Callable[[Counts], None]) -> tuple[Counts, ScriptCounts | None]:
        return await nouns.importing.imap(email, login, _wishes(asked), tell), None

    source = f"{asked.authorize_as or asked.user} on {asked.host}"
    return await begin(nouns, call, "import-imap", _about(email, source, asked), work)


async def _user(nouns: Nouns, call: Call) -> str:
    """Whose mail it will be, by the primary address. Raises NoSuchAccount."""
    return (await nouns.importing.owners.user(call.path["email"])).address


def _about(email: str, source: str, asked: _Import) -> str:
    return f"import {source} for {email}" + (", as a trial" if asked.dry_run else "")


def exchange_endpoint(way: str, **fields: Any) -> Endpoint:
    """An endpoint that begins an import or an export; `way` is the rest of its path."""
    return task_endpoint(
        path=f"/accounts/{{email}}/{way}",
        group="exchange",
        errors=(NoSuchAccount, NotPermitted, BadArgument),
        **fields,
    )


ENDPOINTS: Final = (
    exchange_endpoint(
        "import/maildir",
        name="importMaildir",
        summary="Import a maildir on the server; again: only what is missing; a task",
        body=MaildirImport,
        run=_maildir,
    ),
    exchange_endpoint(
        "import/mbox",
        name="importMbox",
        summary="Import mbox files on the server; again: only what is missing; a task",
        body=MboxImport,
        run=_mbox,
    ),
    exchange_endpoint(
        "import/imap",
        name="importImap",
        summary="Import from another IMAP server; again: only what is missing; a task",
        body=ImapImport,
        run=_imap,
    ),
    exchange_endpoint(
        "import/archive",
        name="importArchive",
        summary="Import a maildir that is sent as a tar; again: only what is missing; a task",
        query=ArchiveQuery,
        takes=TAR,
        run=_archive,
    ),
)
