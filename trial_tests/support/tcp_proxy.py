"""A TCP proxy that does what networks do to servers: refuse, say nothing, stand still, crawl, break off.

with TcpProxy(("127.0.0.1", 5432)) as proxy:
    ...                      # clients use ("127.0.0.1", proxy.port)
    proxy.refuse()           # nobody listens; what is open goes on
    proxy.cut()              # what is open is reset
    proxy.heal()             # all is well again

It runs in a thread of its own, so that tests may block. What it is told holds for all connections,
those that are open and those to come, until it is told something else or to `heal`; its methods
return when that is so. Nothing depends on the clock but `slow`.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import Enum
from typing import Any, Final, TypeVar

from attrs import define, evolve, field, frozen

T = TypeVar("T")

PIECE: Final = 64 * 1024
"""octets that are read at a time"""
PIECES_A_SECOND: Final = 20
"""into how many pieces a slow second is cut"""
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of 0: a close is a reset"""


class Direction(Enum):
    """Which way octets go."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


class _Entry(Enum):
    OPEN = 1
    REFUSED = 2
    SWALLOWED = 3


@frozen
class Counts:
    """What a proxy has seen. `cut` are connections that it reset; octets are those passed on."""

    accepted: int = 0
    cut: int = 0
    to_server: int = 0
    to_client: int = 0


@frozen
class _Weather:
    """What it does now. `rate` is octets in a second for each connection and direction, 0 for no limit;
    `latency` is seconds for each piece; `cut_after` are octets of each connection from now on."""

    entry: _Entry = _Entry.OPEN
    rate: int = 0
    latency: float = 0.0
    cut_after: int | None = None
    cut_direction: Direction = Direction.TO_SERVER


@define(eq=False)
class _Link:
    """A connection: the client's side, and the server's once there is one."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    swallowed: bool = False
    passed: dict[Direction, int] = field(factory=lambda: dict.fromkeys(Direction, 0))

    def reset(self) -> None:
        for side in (self.client, self.server):
            if side is not None:
                raw = side.get_extra_info("socket")
                # It may be closed already.
                with suppress(OSError, AttributeError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                side.transport.abort()


class TcpProxy:
    """Between 127.0.0.1:`port` and `target`, a host and a port. The port stays reserved while
    connections are refused."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        # Bound and never listening: nobody else gets the port, and connections to it are refused.
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._weather = _Weather()
        self._counts = Counts()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy {self.port}", daemon=True)

    def __enter__(self) -> "TcpProxy":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self.heal()

    def stop(self) -> None:
        """End all connections and the thread."""
        if not self._thread.is_alive():
            self._holder.close()
            return
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._holder.close()

    # ------------------------------------------------------------------ what it does

    def heal(self) -> None:
        """Pass everything on. What was swallowed cannot go on: such connections are reset."""
        self._do(self._change(lambda _: _Weather(), is_open=True))

    def refuse(self) -> None:
        """Nobody listens: new connections are refused. Open ones go on; see `cut`."""
        self._do(self._change(lambda now: evolve(now, entry=_Entry.REFUSED)))

    def black_hole(self) -> None:
        """Accept and say nothing; what comes over open connections is swallowed, too."""
        self._do(self._change(lambda now: evolve(now, entry=_Entry.SWALLOWED)))

    def pause(self) -> None:
        """Stand still in both directions. Nothing is lost: `heal` goes on where it was."""
        self._do(self._change(lambda now: now, is_open=False))

    def slow(self, octets_a_second: int = 0, latency: float = 0.0) -> None:
        """So many octets in each direction of each connection; `latency` seconds before each piece."""
        self._do(self._change(lambda now: evolve(now, rate=octets_a_second, latency=latency)))

    def cut_after(self, octets: int, direction: Direction = Direction.TO_SERVER) -> None:
        """Reset each connection when it has passed on so many octets more in this direction."""

        def change(now: _Weather) -> _Weather:
            for link in self._links:
                link.passed[direction] = 0
            return evolve(now, cut_after=octets, cut_direction=direction)

        self._do(self._change(change))

    def cut(self) -> int:
        """Reset all connections that are open; gives how many."""
        return self._do(self._cut())

    @property
    def counts(self) -> Counts:
        """What it has seen so far."""
        return self._counts

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._links)

    # ------------------------------------------------------------------ inside, in its thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _change(
        self, change: Callable[[_Weather], _Weather], is_open: bool | None = None
    ) -> None:
        self._weather = now = change(self._weather)
        if is_open is not None:
            (self._gate.set if is_open else self._gate.clear)()
        if now.entry is _Entry.SWALLOWED:
            for link in self._links:
                link.swallowed = True
        else:
            for link in [one for one in self._links if one.swallowed]:
                self._reset(link)
        if now.entry is _Entry.REFUSED:
            self._close()
        elif self._listening is None:
            self._listening = await asyncio.start_server(self._accepted, sock=_bound(self.port))

    def _close(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    async def _cut(self) -> int:
        links = list(self._links)
        for link in links:
            self._reset(link)
        return len(links)

    async def _end(self) -> None:
        self._close()
        self._gate.set()
        await self._cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset(self, link: _Link) -> None:
        if link in self._links:
            self._links.discard(link)
            self._counts = evolve(self._counts, cut=self._counts.cut + 1)
        link.reset()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._counts = evolve(self._counts, accepted=self._counts.accepted + 1)
        link = _Link(writer, swallowed=self._weather.entry is _Entry.SWALLOWED)
        self._links.add(link)
        try:
            await self._serve(link, reader)
        except (OSError, asyncio.CancelledError):
            link.reset()
        finally:
            self._links.discard(link)
            for side in (link.client, link.server):
                if side is not None:
                    side.close()
            self._tasks.discard(task)

    async def _serve(self, link: _Link, reader: asyncio.StreamReader) -> None:
        if link.swallowed:
            while await reader.read(PIECE):
                pass
            return
        await self._gate.wait()
        from_server, link.server = await asyncio.open_connection(*self.target)
        both = [
            asyncio.ensure_future(self._pump(link, reader, link.server, Direction.TO_SERVER)),
            asyncio.ensure_future(self._pump(link, from_server, link.client, Direction.TO_CLIENT)),
        ]
        try:
            await asyncio.gather(*both)
        finally:
            for pump in both:
                pump.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _pump(
        self,
        link: _Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
    ) -> None:
        while True:
            rate = self._weather.rate
            data = await reader.read(max(1, rate // PIECES_A_SECOND) if rate else PIECE)
            await self._gate.wait()
            if self._weather.latency:
                await asyncio.sleep(self._weather.latency)
                await self._gate.wait()
            if link.swallowed and data:
                continue
            if not data:
                # One side has ended; the other may go on (half-close).
                with suppress(OSError):
                    writer.write_eof()
                return
            await self._pass(link, data, writer, direction)
            if rate:
                await asyncio.sleep(len(data) / rate)

    async def _pass(
        self, link: _Link, data: bytes, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        now = self._weather
        is_last = False
        if now.cut_after is not None and now.cut_direction is direction:
            left = now.cut_after - link.passed[direction]
            is_last = len(data) >= left
            data = data[: max(0, left)]
        link.passed[direction] += len(data)
        if direction is Direction.TO_SERVER:
            self._counts = evolve(self._counts, to_server=self._counts.to_server + len(data))
        else:
            self._counts = evolve(self._counts, to_client=self._counts.to_client + len(data))
        writer.write(data)
        await writer.drain()
        if is_last:
            # What was passed on should arrive before the reset does.
            await asyncio.sleep(0.01)
            self._reset(link)
            raise ConnectionResetError


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
