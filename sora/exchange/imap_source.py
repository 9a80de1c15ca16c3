"""Import from another IMAP server, over a few connections; nothing is changed there (EXAMINE,
PEEK).

A message is known by its UID under its UIDVALIDITY: what was imported is not transferred again.
Literals go to spools as they come, so that no message is in memory. A connection that is lost is
made again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from attrs import frozen
from twisted.internet.defer import DeferredSemaphore

from sora.errors import BadName, TooBig, Unavailable
from sora.exchange.formats.imap_responses import Response, Sink, attributes, date_time, number
from sora.exchange.formats.maildir import folder_of, sound_keywords
from sora.exchange.formats.special_uses import special_use_of
from sora.exchange.imap_client import Dropped, ImapClient, Refused, connect
from sora.exchange.source import PAGE, USUAL_SIZE, Fetched, Folder, Found, Problem, key_of
from sora.exchange.wishes import Login
from sora.mail.flags import SYSTEM_NAMES, Flags
from sora.mail.imap_strings import string
from sora.mail.mailbox_names import SPECIAL_USES
from sora.mail.numbers import NumberSet
from sora.mailbox.spool import Spool

T = TypeVar("T")

TRIES: Final = 3
"""times that something is asked, when the connection is lost"""
MAX_FOLDERS: Final = 20_000
_VIRTUAL: Final = ("\\All", "\\Flagged", "\\Important")
"""what other servers show twice"""
_NOT_THERE: Final = frozenset((b"\\NOSELECT", b"\\NONEXISTENT"))
_SYSTEM: Final = {name.lower(): bit for bit, name in SYSTEM_NAMES}


@frozen
class _Listed:
    """A name that LIST has told."""

    octets: bytes
    delimiter: bytes | None
    attributes: frozenset[bytes]


class ImapSource:
    """`Source` on another server. `limit` is the largest message, in octets; `virtual` whether what
    has the use of \\All or \\Flagged is a folder, too; `jobs` connections are open at most."""

    def __init__(
        self, reactor: Any, login: Login, *, limit: int, jobs: int = 2, virtual: bool = False
    ) -> None:
        self._reactor = reactor
        self._login = login
        self._limit = limit
        self._virtual = virtual
        self._slots = DeferredSemaphore(jobs)
        self._idle: list[ImapClient] = []
        self._busy: set[ImapClient] = set()
        self._is_dropped = False
        self._problems: list[Problem] = []
        self._prefix = b""
        self._subscribed: list[bytes] = []
        self._delimiters: dict[bytes, bytes | None] = {}

    def problems(self) -> Sequence[Problem]:
        """See `Source.problems`."""
        return self._problems

    async def folders(self) -> Sequence[Folder]:
        """See `Source.folders`."""
        return await self._asking(None, self._folders)

    async def subscriptions(self) -> Sequence[str] | None:
        """See `Source.subscriptions`."""
        names = []
        for octets in self._subscribed:
            try:
                names.append(self._name(octets))
            except BadName:
                continue
        return names

    async def messages(self, folder: Folder) -> AsyncIterator[Sequence[Found]]:
        """See `Source.messages`."""

        async def uids(client: ImapClient) -> list[int]:
            found: set[int] = set()
            for response in await client.command(b"UID SEARCH ALL"):
                if response.kind == b"SEARCH":
                    found.update(filter(None, map(number, response.words[1:])))
            return sorted(found)

        every = await self._asking(folder, uids)
        for start in range(0, len(every), PAGE):
            page = every[start : start + PAGE]
            about = await self._about(folder, page)
            yield [self._found(folder, uid, *about.get(uid, (USUAL_SIZE, None))) for uid in page]

    async def read(
        self, folder: Folder, wanted: Sequence[Found], new_spool: Callable[[], Spool]
    ) -> Sequence[Fetched | Problem | None]:
        """See `Source.read`."""
        chosen = [found.uid or 0 for found in wanted if found.size <= self._limit]
        fetched: dict[int, Fetched | Problem] = {}

        async def fetch(client: ImapClient) -> None:
            rest = [uid for uid in chosen if uid not in fetched]
            if not rest:
                return
            answer = await client.command(
                b"UID FETCH",
                _set(rest),
                b"(UID FLAGS INTERNALDATE BODY.PEEK[])",
                offer=_Taker(new_spool, self._limit).offer,
            )
            for response in answer:
                self._take(response, folder, fetched)

        await self._asking(folder, fetch)
        text = f"It is larger than the limit of {self._limit} octets"
        return [
            Problem(found.where, text) if found.size > self._limit else fetched.get(found.uid or 0)
            for found in wanted
        ]

    def drop(self) -> None:
        """See `Source.drop`."""
        self._is_dropped = True
        for client in list(self._busy):
            client.drop()

    async def close(self) -> None:
        """See `Source.close`."""
        while self._idle:
            self._idle.pop().close()

    # ------------------------------------------------------------ folders

    async def _folders(self, client: ImapClient) -> list[Folder]:
        self._problems.clear()
        others = await self._namespaces(client)
        folders = []
        for listed in await self._list(client):
            if listed.attributes & _NOT_THERE or listed.octets.startswith(tuple(others)):
                continue
            use = self._use(listed)
            if use in _VIRTUAL and not self._virtual:
                continue
            try:
                folders.append(await self._status(client, listed, use))
            except (BadName, Refused) as error:
                where = listed.octets.decode("ascii", "backslashreplace")
                self._problems.append(Problem(where, error.text))
        return folders

    async def _namespaces(self, client: ImapClient) -> list[bytes]:
        """The prefixes of what is not one's own; the one of one's own is put down (RFC 2342)."""
        if b"NAMESPACE" not in client.capabilities:
            return []
        others = []
        for response in await client.command(b"NAMESPACE"):
            if response.kind == b"NAMESPACE" and len(response.words) == 4:
                own, *rest = response.words[1:]
                if own and isinstance(own[0], list) and isinstance(own[0][0], bytes):
                    self._prefix = own[0][0]
                others += [one[0] for space in rest for one in space or () if one and one[0]]
        return others

    async def _list(self, client: ImapClient) -> list[_Listed]:
        uses = b"SPECIAL-USE" in client.capabilities and b"LIST-EXTENDED" in client.capabilities
        returned = [b"RETURN", b"(SPECIAL-USE)"] if uses else []
        listed = _names(await client.command(b"LIST", b'""', b'"*"', *returned), b"LIST")
        subscribed = _names(await client.command(b"LSUB", b'""', b'"*"'), b"LSUB")
        if len(listed) > MAX_FOLDERS:
            raise TooBig(f"The other server has more than {MAX_FOLDERS} folders")
        self._delimiters = {one.octets: one.delimiter for one in (*listed, *subscribed)}
        self._subscribed = [one.octets for one in subscribed if not one.attributes & _NOT_THERE]
        return listed

    def _use(self, listed: _Listed) -> str | None:
        for use in SPECIAL_USES:
            if use.upper().encode() in listed.attributes:
                return use
        return None

    async def _status(self, client: ImapClient, listed: _Listed, use: str | None) -> Folder:
        name = self._name(listed.octets)
        found: dict[bytes, Any] = {}
        for response in await client.command(
            b"STATUS", string(listed.octets), b"(MESSAGES UIDNEXT UIDVALIDITY)"
        ):
            if response.kind == b"STATUS":
                found = attributes(response.words[-1])
        return Folder(
            name,
            listed.octets,
            number(found.get(b"UIDVALIDITY")),
            number(found.get(b"UIDNEXT")),
            use or special_use_of(name),
            number(found.get(b"MESSAGES")) or 0,
        )

    def _name(self, octets: bytes) -> str:
        """What a folder is called here. Raises BadName."""
        delimiter = self._delimiters.get(octets)
        if octets.upper() != b"INBOX" and self._prefix and octets.startswith(self._prefix):
            octets = octets[len(self._prefix) :]
        return folder_of(octets.split(delimiter) if delimiter else [octets])

    # ------------------------------------------------------------ messages

    async def _about(
        self, folder: Folder, page: Sequence[int]
    ) -> dict[int, tuple[int, Flags | None]]:
        """Sizes and flags."""

        async def ask(client: ImapClient) -> dict[int, tuple[int, Flags | None]]:
            found: dict[int, tuple[int, Flags | None]] = {}
            uids = b"%d:%d" % (page[0], page[-1])
            for response in await client.command(b"UID FETCH", uids, b"(UID FLAGS RFC822.SIZE)"):
                if response.kind == b"FETCH":
                    items = attributes(response.words[-1])
                    uid, size = number(items.get(b"UID")), number(items.get(b"RFC822.SIZE"))
                    if uid is not None and size is not None:
                        found[uid] = (size, _flags(items.get(b"FLAGS") or ()))
            return found

        return await self._asking(folder, ask)

    def _found(self, folder: Folder, uid: int, size: int, flags: Flags | None) -> Found:
        key = key_of("imap", str(folder.uidvalidity), str(uid))
        return Found(key, None, f"{folder.name}, UID {uid}", uid, size, flags)

    def _take(
        self, response: Response, folder: Folder, fetched: dict[int, Fetched | Problem]
    ) -> None:
        items = attributes(response.words[-1]) if response.kind == b"FETCH" else {}
        uid, body = number(items.get(b"UID")), items.get(b"BODY[]")
        if uid is None or b"BODY[]" not in items:
            return  # it tells of flags that somebody else has changed
        where = f"{folder.name}, UID {uid}"
        if not isinstance(body, _Taken):
            fetched[uid] = Problem(where, "is empty")
        elif body.is_over:
            fetched[uid] = Problem(where, "is larger than the limit, and than the server said")
        else:
            date = date_time(items.get(b"INTERNALDATE"))
            date = date or datetime.fromtimestamp(int(self._reactor.seconds()), UTC)
            fetched[uid] = Fetched(_flags(items.get(b"FLAGS") or ()), date, body.spool)

    # ------------------------------------------------------------ connections

    async def _asking(self, folder: Folder | None, work: Callable[[ImapClient], Awaitable[T]]) -> T:
        """Do something with a connection on which a folder is selected; again where it is lost."""
        for left in reversed(range(TRIES)):
            try:
                async with self._connection(folder) as client:
                    return await work(client)
            except Unavailable:
                if self._is_dropped or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    @asynccontextmanager
    async def _connection(self, folder: Folder | None) -> AsyncIterator[ImapClient]:
        await self._slots.acquire()
        client = self._idle_one(folder) or ImapClient(self._reactor)
        self._busy.add(client)
        try:
            if self._is_dropped:
                raise Dropped
            if not client.is_logged_in:
                await connect(self._reactor, client, self._login)
            await self._select(client, folder)
            yield client
        except Refused:
            if client.is_logged_in:
                self._idle.append(client)
            raise
        except BaseException:
            client.close()
            raise
        else:
            self._idle.append(client)
        finally:
            self._busy.remove(client)
            self._slots.release()

    def _idle_one(self, folder: Folder | None) -> ImapClient | None:
        for client in self._idle:
            if folder is not None and client.selected == folder.place:
                self._idle.remove(client)
                return client
        return self._idle.pop() if self._idle else None

    async def _select(self, client: ImapClient, folder: Folder | None) -> None:
        if folder is None or client.selected == folder.place:
            return
        client.selected = None
        for response in await client.command(b"EXAMINE", string(folder.place)):
            code = response.code
            if code[:1] == [b"UIDVALIDITY"] and number(code[1]) != folder.uidvalidity:
                raise Refused(f"{folder.name} has become another mailbox meanwhile")
        client.selected = folder.place


class _Taken:
    """A literal on its way into a spool; beyond the limit it is only counted."""

    def __init__(self, spool: Spool, limit: int) -> None:
        self.spool = spool
        self._limit = limit
        self.is_over = False

    def write(self, data: bytes) -> None:
        if self.spool.size + len(data) > self._limit:
            self.is_over = True
        if not self.is_over:
            self.spool.write(data)


@frozen
class _Taker:
    """Takes the bodies of messages."""

    new_spool: Callable[[], Spool]
    limit: int

    def offer(self, before: bytes, size: int) -> Sink | None:
        """A spool for a body that is not empty."""
        is_body = before.upper().rstrip().endswith(b"BODY[]")
        return _Taken(self.new_spool(), self.limit) if is_body and size else None


def _names(responses: Iterable[Response], kind: bytes) -> list[_Listed]:
    found = []
    for response in responses:
        if response.kind == kind and len(response.words) >= 4:
            flags, delimiter, name = response.words[1:4]
            if isinstance(name, bytes) and isinstance(flags, list):
                words = frozenset(flag.upper() for flag in flags if isinstance(flag, bytes))
                found.append(_Listed(name, delimiter, words))
    return found


def _set(uids: Sequence[int]) -> bytes:
    return str(NumberSet.of(uids)).encode("ascii")


def _flags(names: Iterable[Any]) -> Flags:
    words = [name.decode("latin-1") for name in names if isinstance(name, bytes)]
    system = 0
    for word in words:
        system |= _SYSTEM.get(word.lower(), 0)
    return Flags(system, sound_keywords([word for word in words if not word.startswith("\\")]))
