"""One attempt for one message: from the file to the server, and what follows from its answers."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Final

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.breaker import Breaker
from sora.errors import BadArgument, SoraError, Unavailable
from sora.mail.reports import MAX_RETURNED, Reporter
from sora.metrics.relay import RelayMetrics
from sora.relay.entry import Answer, Attempt, Entry, Fate
from sora.relay.interfaces import Content, in_memory
from sora.relay.policy import Policy
from sora.relay.queue import RelayQueue
from sora.relay.reporting import DELAYED, envelope_of, is_wanted, report_of, reported
from sora.relay.transport import Consignment, ITransport
from sora.threads import Threads
from sora.tracing.parents import follow
from sora.tracing.spans import entered

DeliverLocally = Callable[[str, bytes], Awaitable[bool]]
"""Delivers a report to an address of this house; False when it is none of ours."""
TOO_LATE: Final = Answer(
    Fate.REFUSED, status="5.4.7", text="It could not be delivered by the time that was asked for"
)
"""RFC 2852 §4.1.4"""
DISK_PAUSE: Final = 60.0
"""Seconds until a message is looked at again whose file could not be read or written."""


class Sending:
    """Tries messages. `host` is this host's name for reports, `randomness` gives random octets."""

    log = Logger()

    def __init__(
        self,
        queue: RelayQueue,
        transport: ITransport,
        breaker: Breaker,
        policy: Policy,
        threads: Threads,
        *,
        clock: IReactorTime,
        random: Random,
        host: str,
        randomness: Callable[[int], bytes],
        deliver_locally: DeliverLocally | None = None,
        metrics: RelayMetrics | None = None,
    ) -> None:
        self._queue = queue
        self._transport = transport
        self._breaker = breaker
        self._policy = policy
        self._threads = threads
        self._clock = clock
        self._random = random
        self._host = host
        self._randomness = randomness
        self._deliver_locally = deliver_locally
        self._metrics = metrics

    async def attempt(self, name: str) -> None:
        """Try a message that was taken, and settle what becomes of it."""
        try:
            entry = await self._queue.begin(name)
            if entry is not None:
                follow(entry.outgoing.traceparent)
                attempt, is_unreachable = await self._try(entry)
                await self._settle(entry, attempt, is_unreachable)
        except Unavailable as error:  # of the disk
            self.log.error("{name} in the relay queue: {error}", name=name, error=error.text)
            self._queue.postpone(name, DISK_PAUSE)

    # ------------------------------------------------------------ to the server

    async def _try(self, entry: Entry) -> tuple[Attempt, bool]:
        begun = self._clock.seconds()
        by = entry.outgoing.by
        if by is not None and by.mode == "R" and by.deadline <= begun:
            answers: Sequence[Answer] = [TOO_LATE for _ in entry.remaining]
        else:
            try:
                answers = await self._send(entry)
            except Unavailable as error:
                now = self._clock.seconds()
                attempt = self._policy.unreachable(entry, now, error.text, self._random)
                self._tell(entry, attempt, "unreachable", now - begun)
                return attempt, True
        now = self._clock.seconds()
        numbered = dict(zip(entry.remaining, answers, strict=True))
        attempt = self._policy.answered(entry, now, numbered, self._random)
        self._tell(entry, attempt, _result(attempt), now - begun)
        return attempt, False

    async def _send(self, entry: Entry) -> Sequence[Answer]:
        with entered("relay", self._transport.kind) as span:
            if span is not None:
                span.facts["sora.relay.message"] = entry.name
                span.facts["sora.relay.attempt"] = entry.tries + 1
                span.facts["sora.relay.recipients"] = len(entry.remaining)
            return await self._breaker.run(lambda: self._transport.send(self._of(entry)))

    def _of(self, entry: Entry) -> Consignment:
        remaining = tuple(entry.outgoing.recipients[number] for number in entry.remaining)
        outgoing = evolve(entry.outgoing, recipients=remaining)
        content = self._queue.content(entry.name)
        return Consignment(entry.name, outgoing, entry.size, entry.eight_bit, content)

    def _tell(self, entry: Entry, attempt: Attempt, result: str, seconds: float) -> None:
        """The line in the log, and the metrics."""
        said = [answer for answer in attempt.answers.values() if answer.code or answer.text]
        self.log.info(
            "relay {result}: {name} ({kind}) from <{sender}> to {recipients} by {target},"
            " attempt {attempt}, {seconds:.3f} s: {answer}",
            result=result,
            name=entry.name,
            kind=entry.outgoing.kind,
            sender=entry.outgoing.sender,
            recipients=", ".join(
                f"<{entry.outgoing.recipients[number].address}>" for number in entry.remaining[:10]
            ),
            count=len(entry.remaining),
            target=self._transport.target,
            attempt=entry.tries + 1,
            seconds=seconds,
            answer=f"{said[0].code} {said[0].text}" if said else attempt.error,
        )
        if self._metrics is not None:
            kind = self._transport.kind
            self._metrics.duration.labels(kind).observe(seconds)
            if result == "unreachable" and not attempt.answers:
                self._metrics.deliveries.labels(kind, result).inc(len(entry.remaining))
            for answer in attempt.answers.values():
                self._metrics.deliveries.labels(kind, _RESULTS[answer.fate]).inc()

    # ------------------------------------------------------------ what follows

    async def _settle(self, entry: Entry, attempt: Attempt, is_unreachable: bool) -> None:
        """Reports first, then what was tried is written down, then the message moves: whatever
        is cut short is done again, nothing is left out."""
        after = entry.after(attempt)
        if any(answer.fate is not Fate.SENT for answer in after.answers) or reported(entry, after):
            attempt = await self._report(entry, attempt)
            after = entry.after(attempt)
            await self._queue.note(entry.name, attempt)
        if after.remaining:
            await self._queue.put_back(entry.name, after.due, unreachable=is_unreachable)
            return
        if all(answer.fate is Fate.SENT for answer in after.answers):
            await self._queue.done(entry.name)
            self._count("sent")
        else:
            await self._queue.fail(entry.name)
            self._count("failed")

    async def _report(self, entry: Entry, attempt: Attempt) -> Attempt:
        """Tell the sender. When that is not possible now, who should be told of stays waiting,
        so that nobody misses a report."""
        after = entry.after(attempt)
        now = self._clock.seconds()
        reports = reported(entry, after)
        warned = bool(after.remaining) and self._policy.is_to_be_warned(after, now)
        if warned and entry.outgoing.sender:
            recipients = entry.outgoing.recipients
            reports[DELAYED] = [
                number for number in after.remaining if is_wanted(DELAYED, recipients[number])
            ]
        untold: set[int] = set()
        for action, numbers in reports.items():
            try:
                await self._send_report(action, after, numbers)
            except Unavailable as error:
                self.log.error(
                    "a report on {name} waits: {error}", name=entry.name, error=error.text
                )
                warned = warned and action != DELAYED
                untold |= set(numbers) if action != DELAYED else set()
        answers = {
            number: Answer(Fate.WAITING)
            if number in untold and answer.fate is not Fate.SENT
            else answer
            for number, answer in attempt.answers.items()
        }
        return evolve(attempt, answers=answers, warned=warned)

    async def _send_report(self, action: str, entry: Entry, numbers: Sequence[int]) -> None:
        content = self._queue.content(entry.name)
        beginning = await self._threads.run(_beginning, content)
        moment = datetime.fromtimestamp(int(self._clock.seconds()), UTC)
        reporter = Reporter(self._host, moment, self._randomness(16))
        until = entry.since + self._policy.max_age if action == DELAYED else None
        try:
            octets = report_of(action, entry, numbers, reporter, beginning, until)
        except BadArgument as error:
            self.log.warn("no report on {name}: {error}", name=entry.name, error=error.text)
            return
        if not await self._is_delivered_locally(entry.outgoing.sender, octets):
            held = await self._queue.hold([(envelope_of(entry), in_memory(octets))], force=True)
            await self._queue.release(held)
        if self._metrics is not None:
            self._metrics.reports.labels(action).inc()

    async def _is_delivered_locally(self, sender: str, octets: bytes) -> bool:
        if self._deliver_locally is None:
            return False
        try:
            return await self._deliver_locally(sender, octets)
        except SoraError as error:  # the relay can try it again
            self.log.info("a report to <{sender}>: {error}", sender=sender, error=error.text)
            return False

    def _count(self, operation: str) -> None:
        if self._metrics is not None:
            self._metrics.operations.labels(operation, "ok").inc()


_RESULTS: Final = {
    Fate.SENT: "sent",
    Fate.REFUSED: "refused",
    Fate.WAITING: "delayed",
    Fate.EXPIRED: "expired",
}


def _result(attempt: Attempt) -> str:
    """The worst that happened, for the log."""
    fates = {answer.fate for answer in attempt.answers.values()}
    for fate in (Fate.EXPIRED, Fate.REFUSED, Fate.WAITING):
        if fate in fates:
            return _RESULTS[fate]
    return "sent"


def _beginning(content: Content) -> bytes:
    """The first MAX_RETURNED octets of a message; in a thread."""
    body = content()
    try:
        pieces: list[bytes] = []
        rest = MAX_RETURNED
        while rest and (piece := body.read(rest)):
            pieces.append(piece)
            rest -= len(piece)
        return b"".join(pieces)
    finally:
        body.close()
