"""A tree of services that starts in order and stops in reverse.

`MultiService` awaits nothing at start and stops all its children at once. Sora's parts
stand on each other: storage, then workers, then what listens. Here each child's
`startService` is awaited before the next one starts, and at the end each child's
`stopService` before the one below it: listeners first, which stop accepting, say goodbye to
their clients and let them end what they are doing; then workers; storage last (G67).

A child whose start fails ends the start: what was started is stopped again, and the failure
is raised. A child that does not stop within its time is left behind with a line in the log, so
that nothing hangs.
"""

from collections.abc import Awaitable, Callable

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger


class OrderedServices(MultiService):
    """Services that are started one after the other, and stopped in reverse.

    `patience` is how long, in seconds, one child may take to stop.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, patience: float = 30.0) -> None:
        super().__init__()
        self._clock = clock
        self._patience = patience
        self._started: list[IService] = []
        self._starting: Deferred[None] | None = None
        self._stopping = False

    def startService(self) -> "Deferred[None]":
        """Start the children in their order. Fires when all have started.

        Fails with the failure of the first child that could not start, when what was
        started before it has been stopped.
        """
        Service.startService(self)
        self._stopping = False
        self._starting = Deferred()
        return Deferred.fromCoroutine(self._start())

    def stopService(self) -> "Deferred[None]":
        """Stop the children in reverse. A start that is under way ends with its present child."""
        Service.stopService(self)
        self._stopping = True
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        starting = self._starting
        assert starting is not None
        try:
            for child in list(self):
                if self._stopping:
                    return
                # Noted before: a child that failed half-way is asked to stop, too.
                self._started.append(child)
                await maybeDeferred(child.startService)
        except BaseException:
            await self._stop_children()
            raise
        finally:
            self._starting = None
            starting.callback(None)

    async def _stop(self) -> None:
        if self._starting is not None:
            await _fired(self._starting)
        await self._stop_children()

    async def _stop_children(self) -> None:
        while self._started:
            child = self._started.pop()
            stopped = maybeDeferred(child.stopService)
            stopped.addTimeout(self._patience, self._clock)
            try:
                await stopped
            except CancelledError:
                raise
            except TimeoutError:
                self.log.warn(
                    "{service} did not stop within {seconds} s and is left behind",
                    service=name_of(child),
                    seconds=self._patience,
                )
            except Exception:  # noqa: BLE001 - the others must be stopped whatever this one did
                self.log.failure("{service} failed to stop", service=name_of(child))


class Stage(Service):
    """A service made of two coroutines: what is done at start, and what at the end."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[object]] | None = None,
        stop: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.setName(name)
        self._start = start
        self._stop = stop

    def startService(self) -> "Deferred[None]":
        """Do what is to be done at start."""
        super().startService()
        return Deferred.fromCoroutine(_run(self._start))

    def stopService(self) -> "Deferred[None]":
        """Do what is to be done at the end."""
        super().stopService()
        return Deferred.fromCoroutine(_run(self._stop))


class Later(Service):
    """A part of the tree that can only be built when what is below it has started.

    `build` gives a service, which is then started, and stopped in its place.
    """

    def __init__(self, name: str, build: Callable[[], Awaitable[IService]]) -> None:
        self.setName(name)
        self._build = build
        self._built: IService | None = None

    def startService(self) -> "Deferred[None]":
        """Build the part, and start it."""
        super().startService()
        return Deferred.fromCoroutine(self._start())

    def stopService(self) -> "Deferred[object]":
        """Stop the part, if it was built."""
        super().stopService()
        built, self._built = self._built, None
        return maybeDeferred(built.stopService) if built is not None else succeed(None)

    async def _start(self) -> None:
        built = await self._build()
        if not self.running:
            return  # it was stopped meanwhile
        self._built = built
        await maybeDeferred(built.startService)


def name_of(service: IService) -> str:
    """What to call a service in the log."""
    name = getattr(service, "name", None)
    return name if isinstance(name, str) else type(service).__name__


async def _run(work: Callable[[], Awaitable[object]] | None) -> None:
    if work is not None:
        await work()


async def _fired(signal: "Deferred[None]") -> None:
    """Wait for a Deferred that several may wait for."""
    waiting: Deferred[None] = Deferred()

    def pass_on(result: None) -> None:
        waiting.callback(None)
        return result

    signal.addCallback(pass_on)
    await waiting
