"""Mail that goes elsewhere: to maildirs and mbox files on the server, or to who asks for it."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import BadArgument, BadName, NoSuchAccount, NoSuchMailbox
from sora.exchange.counts import Counts
from sora.exchange.wishes import MAX_JOBS, Choice
from sora.protocols.http.admin.importing import begin, exchange_endpoint
from sora.protocols.http.admin.tasks import Task
from sora.protocols.http.download import Download
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.upload import TAR
from sora.protocols.http.values import said

ZIP: Final = "application/zip"
MBOX: Final = "application/mbox"
"""RFC 4155"""


class ExportLayout(StrEnum):
    """How folders lie in a maildir."""

    MAILDIRPP = "maildir++"
    FS = "fs"


@frozen
class _Export:
    """What all exports may be told."""

    path: str = said(
        "The directory, in one of `[admin] exchange_directories`; it is made if it is not there.",
        example="/srv/migration/out/ann",
        min_length=1,
        max_length=4096,
    )
    mailbox: tuple[str, ...] = said(
        "Only these mailboxes; none: all.", default=(), max_length=1000, example=["INBOX"]
    )
    jobs: int = said("Mailboxes that go at the same time.", default=2, minimum=1, maximum=MAX_JOBS)


@frozen
class MaildirExport(_Export):
    """A maildir on the server, and what is written to it."""

    layout: ExportLayout = said("How folders lie in it.", default=ExportLayout.MAILDIRPP)


@frozen
class MboxExport(_Export):
    """A directory of mbox files on the server, and what is written to it."""


@frozen
class _Chosen:
    """Which mailboxes."""

    mailbox: tuple[str, ...] = said(
        "Only this mailbox; again for each one more. None: all.",
        default=(),
        max_length=40,
        example=["INBOX"],
    )

    @property
    def only(self) -> frozenset[str] | None:
        """Their names."""
        return frozenset(self.mailbox) or None


@frozen
class MaildirQuery(_Chosen):
    """Which mailboxes, and how."""

    layout: ExportLayout = said("How folders lie in the maildir.", default=ExportLayout.MAILDIRPP)


@frozen
class MboxQuery(_Chosen):
    """Which mailboxes."""


async def _maildir(nouns: Nouns, call: Call) -> Task:
    asked: MaildirExport = call.body
    email, path = await _ready(nouns, call)

    async def work(tell: Callable[[Counts], None]) -> tuple[Counts, None]:
        counts = await nouns.exporting.maildir(
            email, path, asked.layout.value, _choice(asked), tell
        )
        return counts, None

    about = f"export {email} to the maildir {asked.path}"
    return await begin(nouns, call, "export-maildir", about, work)


async def _mbox(nouns: Nouns, call: Call) -> Task:
    asked: MboxExport = call.body
    email, path = await _ready(nouns, call)

    async def work(tell: Callable[[Counts], None]) -> tuple[Counts, None]:
        return await nouns.exporting.mbox(email, path, _choice(asked), tell), None

    return await begin(
        nouns, call, "export-mbox", f"export {email} to mbox files in {asked.path}", work
    )


async def _ready(nouns: Nouns, call: Call) -> tuple[str, str]:
    """Whose mail goes, by the primary address, and where to. Raises NoSuchAccount, NotPermitted,
    BadArgument."""
    row = await nouns.exporting.owners.user(call.path["email"])
    return row.address, await nouns.places.inside(call.body.path)


def _choice(asked: _Export) -> Choice:
    return Choice(frozenset(asked.mailbox) or None, asked.jobs)


async def _tar(nouns: Nouns, call: Call) -> Download:
    asked: MaildirQuery = call.query
    departure = await nouns.downloading.maildir(call.path["email"], asked.layout.value, asked.only)
    return Download(TAR, f"{departure.address}.tar", departure)


async def _zip(nouns: Nouns, call: Call) -> Download:
    asked: MboxQuery = call.query
    departure = await nouns.downloading.mbox(call.path["email"], asked.only)
    return Download(ZIP, f"{departure.address}.zip", departure)


async def _one(nouns: Nouns, call: Call) -> Download:
    departure = await nouns.downloading.mailbox(call.path["email"], call.path["mailbox"])
    last = call.path["mailbox"].rpartition("/")[2]
    return Download(MBOX, f"{last}.mbox", departure)


_download = partial(Endpoint, method="GET", group="exchange", scope=Scope.EXPORT)

ENDPOINTS: Final = (
    exchange_endpoint(
        "export/maildir",
        name="exportMaildir",
        summary="Write a user's mail to a maildir on the server; a task",
        body=MaildirExport,
        run=_maildir,
    ),
    exchange_endpoint(
        "export/mbox",
        name="exportMbox",
        summary="Write a user's mail to mbox files on the server; a task",
        body=MboxExport,
        run=_mbox,
    ),
    _download(
        path="/accounts/{email}/export/maildir",
        name="downloadMaildir",
        summary="Send a user's mail as a maildir, in a tar",
        query=MaildirQuery,
        downloads=TAR,
        changes="sent the mail of {email}, as a maildir",
        errors=(BadArgument, BadName, NoSuchAccount, NoSuchMailbox),
        run=_tar,
    ),
    _download(
        path="/accounts/{email}/export/mbox",
        name="downloadMbox",
        summary="Send a user's mail as mbox files, in a ZIP archive",
        query=MboxQuery,
        downloads=ZIP,
        changes="sent the mail of {email}, as mbox files",
        errors=(BadArgument, NoSuchAccount, NoSuchMailbox),
        run=_zip,
    ),
    _download(
        path="/accounts/{email}/mailboxes/{mailbox}/mbox",
        name="downloadMailbox",
        summary="Send one mailbox of a user as an mbox",
        downloads=MBOX,
        changes="sent the mailbox {mailbox} of {email}, as an mbox",
        errors=(BadArgument, NoSuchAccount, NoSuchMailbox),
        run=_one,
    ),
)
