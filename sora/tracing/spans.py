"""What a trace is made of, and which span the code that runs now is in.

A *trace* is one command, message, request or round of a worker. Its root is begun by who answers it
(`tracer.py`); what takes time below adds *spans* to it, without knowing whose they are:

    span = begin("postgresql", "deliver_v1")       a leaf, as for a statement
    with entered("sieve", "user") as span: ...     one that others may be in

Both give None outside of a trace, which is everywhere while tracing is off: then one variable is
looked at, and nothing is made.

**Whose a span is** says a variable of the context (`contextvars`). Twisted runs each coroutine in
a context of its own, copied when it is started, and continues it there whoever fires the Deferred
that it waits for: so sessions that run at the same time never see each other's spans. Two things
run in the context of somebody else all the same, and are kept out. Work that nobody awaits has no
trace (`sora.deferreds.Tasks` starts it in none), though it was started by a session. And what
goes on after its trace has ended adds nothing to it.

Nothing here knows OpenTelemetry: `otlp.py` alone does.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar, Token
from random import Random
from types import TracebackType
from typing import Final

Fact = str | int | float | bool

MAX_SPANS: Final = 500
"""spans of one trace that are told one by one; of all others, how many there were, and how long"""

_current: Final[ContextVar["Span | None"]] = ContextVar("sora.tracing", default=None)


class Span:
    """Something that took time: what kind of thing, its name, and when, in seconds since 1970.

    `facts` are attributes; they never hold mail, passwords or addresses of users. `error` is the
    name of an exception or of an outcome; empty when it went well.
    """

    __slots__ = ("began", "ended", "error", "facts", "id", "kind", "name", "parent_id", "trace")

    def __init__(self, trace: "Trace", parent_id: int, kind: str, name: str) -> None:
        self.trace = trace
        self.id = trace.random.getrandbits(64) or 1
        self.parent_id = parent_id
        self.kind = kind
        self.name = name
        self.facts: dict[str, Fact] = {}
        self.error = ""
        self.ended: float | None = None
        self.began = trace.seconds()

    def end(self, error: str = "") -> None:
        """It took until now."""
        self.ended = self.trace.seconds()
        if error:
            self.error = error
        self.trace.add_up(self.kind, self.ended - self.began)


class Trace:
    """Spans that belong together. `id` has 128 bits; `remote_parent` is the span of a client who
    has asked for this one, 0 for none; `cause` the trace and the span that this one follows from,
    without being a part of it; `kept` is whether it goes to the collector."""

    __slots__ = (
        "_done",
        "cause",
        "dropped",
        "id",
        "is_over",
        "kept",
        "random",
        "remote_parent",
        "root",
        "seconds",
        "spans",
        "totals",
    )

    def __init__(
        self,
        kind: str,
        name: str,
        *,
        seconds: Callable[[], float],
        random: Random,
        done: "Callable[[Trace, float], None]",
    ) -> None:
        self.id = random.getrandbits(128) or 1
        self.seconds = seconds
        self.random = random
        self.remote_parent = 0
        self.cause: tuple[int, int] | None = None
        self.kept = False
        self.is_over = False
        self.dropped = 0
        self.spans: list[Span] = []
        self.totals: dict[str, tuple[int, float]] = {}
        self._done = done
        self.root = Span(self, 0, kind, name)

    @property
    def hex(self) -> str:
        """The id as logs and collectors write it."""
        return f"{self.id:032x}"

    @property
    def size(self) -> int:
        """How many spans there are to tell."""
        return 1 + len(self.spans)

    def child(self, parent: Span, kind: str, name: str) -> Span:
        """One more span."""
        span = Span(self, parent.id, kind, name)
        if len(self.spans) < MAX_SPANS:
            self.spans.append(span)
        else:
            self.dropped += 1
        return span

    def add_up(self, kind: str, seconds: float) -> None:
        """A span of this kind took so long."""
        count, before = self.totals.get(kind, (0, 0.0))
        self.totals[kind] = (count + 1, before + seconds)

    def enter(self) -> None:
        """What this coroutine does from now on belongs to this trace, until its end."""
        _current.set(self.root)

    def keep(self) -> None:
        """It is worth to be looked at, however few are."""
        self.kept = True

    def end(self, error: str = "", seconds: float | None = None) -> None:
        """All was done. `seconds` is what it took of the server's own time, if that is another
        than what has passed."""
        if self.is_over:
            return
        root = self.root
        root.ended = self.seconds()
        root.error = error
        self.is_over = True
        current = _current.get()
        if current is not None and current.trace is self:
            _current.set(None)
        self._done(self, root.ended - root.began if seconds is None else seconds)

    def forget(self) -> None:
        """Nobody will look at its spans any more. They know their trace, which knows them: let go
        of here, they leave no garbage for which Python would have to look through all there is."""
        self.spans = []
        self.totals = {}
        del self.root


def current_span() -> Span | None:
    """The span that we are in."""
    span = _current.get()
    return None if span is None or span.trace.is_over else span


def current_trace() -> Trace | None:
    """The trace that we are in."""
    span = current_span()
    return None if span is None else span.trace


def begin(kind: str, name: str) -> Span | None:
    """A span in the one that we are in; who began it ends it."""
    parent = _current.get()
    if parent is None or parent.trace.is_over:
        return None
    return parent.trace.child(parent, kind, name)


def entered(kind: str, name: str) -> AbstractContextManager[Span | None]:
    """The same around a block of code, whose spans are in this one."""
    parent = _current.get()
    if parent is None or parent.trace.is_over:
        return _NOWHERE
    return _Entered(parent.trace.child(parent, kind, name))


def leave() -> None:
    """What this coroutine does from now on belongs to no trace."""
    if _current.get() is not None:
        _current.set(None)


_NOWHERE: Final = nullcontext()


class _Entered(AbstractContextManager[Span | None]):
    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token: Token[Span | None] | None = None

    def __enter__(self) -> Span:
        self._token = _current.set(self._span)
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._span.end("" if kind is None else kind.__name__)
        assert self._token is not None
        with suppress(ValueError):
            # A coroutine that was thrown away is closed in whichever context that happens.
            _current.reset(self._token)
