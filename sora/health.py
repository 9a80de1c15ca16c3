"""How well the parts of a process are: checked regularly, remembered, and told.

A part that can be ill offers a *check*: it gives a finding, with what is wrong and what to do about
it. Checks of all parts run at the same time, each with a time limit of its own; one that has not
answered by then is ill, and is not asked again while it hangs. A change of a part's state is told
in the log once, with the remedy; the last changes are kept.

    HEALTHY     as it should be
    DEGRADED    it works, with less than it should have: a replica is away, a backlog grows
    UNHEALTHY   what it is there for does not work

A part that stands on another one is looked at after it, and not at all while that one is unhealthy:
it is unhealthy, too, follows from the other, and is told neither in the log nor by an alert. So who
is woken reads of one illness, and not of six.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import Factory, define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import gather
from sora.errors import SoraError
from sora.metrics.health import HealthMetrics
from sora.waking import Waking

KEPT: Final = 50
"""changes of state that are remembered of each part"""


class Status(StrEnum):
    """How well a part is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    @property
    def rank(self) -> int:
        """The worse, the higher."""
        return _RANKS[self]


_RANKS: Final = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.UNHEALTHY: 2}


@frozen
class Finding:
    """What a check has found: a sentence, what to do if it is not healthy, and figures. `follows`
    is the part whose illness it is, where that is another one."""

    status: Status
    text: str
    remedy: str = ""
    facts: Mapping[str, Any] = Factory(dict)
    follows: str = ""


@frozen
class Check:
    """A part, and how one looks at it. `timeout` is in seconds.

    An error of `sora.errors` that `look` raises is the finding that the part is unhealthy, with
    the error's text and this `remedy`. `stands_on` is the part without which it cannot be looked
    at. `why_late` gives what is known of it when it does not answer in time; None: nothing is.
    """

    component: str
    look: Callable[[], Awaitable[Finding]]
    timeout: float = 5.0
    remedy: str = ""
    stands_on: str = ""
    why_late: Callable[[], Finding | None] = lambda: None


@frozen
class Change:
    """When a part came into a state, as seconds since 1970, and why."""

    at: float
    finding: Finding


@define
class Component:
    """What is known of a part. Times are seconds since 1970; `took` is how many seconds the last
    look took."""

    name: str
    finding: Finding
    since: float
    looked_at: float
    took: float
    checks: int = 0
    failures: int = 0
    is_told: bool = False
    """whether the log has it as ill"""
    changes: deque[Change] = field(factory=lambda: deque(maxlen=KEPT))


class Health(Waking):
    """Looks at everything every `interval` seconds, first when it starts."""

    log = Logger()

    def __init__(
        self,
        checks: Sequence[Check],
        *,
        clock: IReactorTime,
        interval: float,
        metrics: HealthMetrics,
    ) -> None:
        super().__init__(clock)
        self._checks = checks
        self._interval = interval
        self._metrics = metrics
        self._components: dict[str, Component] = {}
        self._hanging: set[str] = set()

    @property
    def components(self) -> Sequence[Component]:
        """All parts that have been looked at, in the order of their checks."""
        known = self._components
        return [known[check.component] for check in self._checks if check.component in known]

    @property
    def status(self) -> Status:
        """That of the part that is worst."""
        states = [component.finding.status for component in self.components]
        return max(states, key=lambda status: status.rank, default=Status.HEALTHY)

    def startService(self) -> None:
        super().startService()
        self._wake()

    async def look(self) -> None:
        """Look at all parts now."""
        names = {check.component for check in self._checks}
        first = [check for check in self._checks if check.stands_on not in names]
        await gather(*[self._look_from(check) for check in first])

    # ------------------------------------------------------------ inside

    def _wake(self) -> None:
        self._wake_in(self._interval)
        self._tasks.start(self.look(), "looking at the health")

    async def _look_from(self, check: Check) -> None:
        """Look at a part, and then at those that stand on it."""
        await self._look(check)
        if self._components[check.component].finding.status is Status.UNHEALTHY:
            self._leave_out(check)
        else:
            await gather(*[self._look_from(each) for each in self._standing_on(check)])

    def _leave_out(self, check: Check) -> None:
        """Those that stand on a part that is unhealthy follow from it."""
        culprit = self._components[check.component].finding.follows or check.component
        text = f"Not looked at: it stands on {check.component}"
        for each in self._standing_on(check):
            finding = Finding(Status.UNHEALTHY, text, f"Mend {culprit} first", follows=culprit)
            self._note(each, finding, self._clock.seconds())
            self._leave_out(each)

    def _standing_on(self, check: Check) -> list[Check]:
        return [each for each in self._checks if each.stands_on == check.component]

    async def _look(self, check: Check) -> None:
        begun = self._clock.seconds()
        if check.component in self._hanging:
            self._note(check, _late(check), begun)
            return
        answer: Deferred[Finding] = Deferred()

        async def ask() -> None:
            try:
                finding = await check.look()
            except CancelledError:
                raise
            except SoraError as error:
                finding = Finding(Status.UNHEALTHY, error.text, check.remedy)
            except Exception as error:  # noqa: BLE001 - a bug in a check blinds no other
                self.log.failure("the check of {component} failed", component=check.component)
                text = f"The check itself failed: {error}"
                finding = Finding(Status.UNHEALTHY, text, "Report this, with the log")
            finally:
                self._hanging.discard(check.component)
            if not answer.called:
                answer.callback(finding)

        self._hanging.add(check.component)
        # Nobody cancels it: what was asked of a database is read to its end (G15).
        self._tasks.start(ask(), f"the check of {check.component}")
        late = self._clock.callLater(check.timeout, _give_up, answer, check)
        finding = await answer
        if late.active():
            late.cancel()
        self._note(check, finding, begun)

    def _note(self, check: Check, finding: Finding, begun: float) -> None:
        now = self._clock.seconds()
        known = self._components.get(check.component)
        is_new = known is None
        if known is None:
            known = Component(check.component, finding, now, now, now - begun)
            self._components[check.component] = known
        before = known.finding
        known.finding, known.looked_at, known.took = finding, now, now - begun
        known.checks += 1
        known.failures += finding.status is Status.UNHEALTHY
        if finding.follows:
            self._metrics.left_out(check.component)
        else:
            self._metrics.looked(check.component, finding.status.value, now - begun)
        if is_new or (finding.status, finding.follows) != (before.status, before.follows):
            known.since = now
            known.changes.append(Change(now, finding))
            if not finding.follows:
                self._tell(known)

    def _tell(self, component: Component) -> None:
        finding = component.finding
        was_told = component.is_told
        component.is_told = finding.status is not Status.HEALTHY
        if not component.is_told:
            if was_told:
                self.log.info(
                    "health: {component} is healthy again: {text}",
                    component=component.name,
                    text=finding.text,
                )
            return
        tell = self.log.error if finding.status is Status.UNHEALTHY else self.log.warn
        tell(
            "health: {component} is {status}: {text}. {remedy}",
            component=component.name,
            status=finding.status.value,
            text=finding.text.rstrip("."),
            remedy=finding.remedy,
        )


def _give_up(answer: "Deferred[Finding]", check: Check) -> None:
    if not answer.called:
        answer.callback(_late(check))


def _late(check: Check) -> Finding:
    known = check.why_late()
    if known is not None:
        return known
    text = f"It did not answer within {check.timeout:g} seconds"
    return Finding(Status.UNHEALTHY, text, check.remedy)
