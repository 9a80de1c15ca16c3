"""sora.collector: traces reach a collector, and one that is away, slow or refuses costs nothing."""

from random import Random

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from sora.collector.export import Export
from sora.collector.otlp import Collector as Destination
from sora.deferreds import deferred
from sora.health import Status
from sora.metrics.tracing import TracingMetrics
from sora.retry import Delays, pause
from sora.tracing.parents import follow
from sora.tracing.spans import begin, entered
from sora.tracing.tracer import Tracer
from trial_tests.support.collector import Collector
from trial_tests.support.ports import free_port


class ExportTestCase(TestCase):
    """A collector, and what sends to it."""

    timeout = 60

    def setUp(self) -> None:
        self.collector = Collector()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.collector.stop()))
        self.registry = CollectorRegistry()
        self.warnings: list[str] = []
        globalLogPublisher.addObserver(self._heard)
        self.addCleanup(globalLogPublisher.removeObserver, self._heard)

    def _heard(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "sora.collector.export.Export":
            self.warnings.append(event["log_format"])

    def export(self, url: str = "", capacity: int = 10_000, flush: float = 5.0) -> Export:
        """One that has started; it is stopped after the test."""
        place = url or f"{self.collector.url}/v1/traces"
        headers = {"Authorization": "Bearer 0123"}
        destination = Destination(place, headers, {"service.name": "sora"}, timeout=5.0)
        export = Export(
            destination.send,
            where=place,
            reactor=reactor,
            random=Random(1),
            metrics=TracingMetrics(self.registry),
            capacity=capacity,
            interval=0.02,
            delays=Delays(first=0.05, longest=0.2),
            flush=flush,
        )
        export.startService()
        self.addCleanup(lambda: export.running and export.stopService())
        self.tracer = Tracer(export.offer, seconds=reactor.seconds, random=Random(2))  # type: ignore[attr-defined]
        return export

    def trace(self, name: str = "NOOP", spans: int = 0) -> None:
        """A trace that has ended."""
        trace = self.tracer.begin("imap", name)
        for number in range(spans):
            span = begin("postgresql", str(number))
            assert span is not None
            span.end()
        trace.end()

    def count(self, result: str) -> float:
        """What became of so many spans."""
        value = self.registry.get_sample_value("sora_tracing_spans_total", {"result": result})
        return value or 0.0

    async def until(self, result: str, least: float) -> None:
        """Wait until so many are counted."""
        for _ in range(1000):
            if self.count(result) >= least:
                return
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        raise AssertionError(f"{result}: {self.count(result)}")


class SendingTests(ExportTestCase):
    @deferred
    async def test_a_trace_arrives_as_it_was(self) -> None:
        """With its spans, their parents, kinds, facts and errors."""
        self.export()
        trace = self.tracer.begin("imap", "FETCH")
        trace.root.facts.update({"sora.session": "abc", "n": 3, "share": 0.5, "sora.tls": True})
        with entered("s3", "get"):
            request = begin("s3_request", "GET")
            assert request is not None
            request.end("503")
        follow(f"00-{7:032x}-{9:016x}-01")
        trace.end("no")
        await self.collector.until(lambda spans: len(spans) == 3)
        [root] = self.collector.roots("imap FETCH")
        self.assertEqual(root.links, [(f"{7:032x}", f"{9:016x}")])
        self.assertEqual(root.trace, trace.hex)
        self.assertEqual(root.error, "no")
        self.assertEqual(root.kind, 2)  # SERVER
        self.assertEqual(root.service, {"service.name": "sora"})
        wanted = {"sora.session": "abc", "n": 3, "share": 0.5, "sora.tls": True, "sora.s3.count": 1}
        self.assertEqual({name: root.facts[name] for name in wanted}, wanted)
        store, request_span = self.collector.below(root)
        self.assertEqual((store.name, store.parent, store.kind), ("s3 get", root.id, 3))
        self.assertEqual(request_span.name, "s3_request GET")
        self.assertEqual((request_span.parent, request_span.error), (store.id, "503"))
        self.assertEqual(self.collector.requests[0]["authorization"], "Bearer 0123")
        self.assertEqual(self.collector.requests[0]["content-type"], "application/x-protobuf")
        await self.until("sent", 3)

    @deferred
    async def test_what_waits_is_sent_at_the_end(self) -> None:
        """Also what came in the last moment, in as many requests as it takes."""
        export = self.export()
        for _ in range(40):
            self.trace(spans=49)
        await export.stopService()
        self.assertEqual(len(self.collector.spans), 2000)
        self.assertGreaterEqual(len(self.collector.requests), 2000 // 600)
        self.assertEqual(self.count("sent"), 2000)


class TroubleTests(ExportTestCase):
    async def finding(self, export: Export) -> tuple[Status, str]:
        """What the check of the health says."""
        found = await export.look()
        self.assertEqual(bool(found.remedy), found.status is not Status.HEALTHY)
        return found.status, found.text

    @deferred
    async def test_one_that_is_away_is_told_once_and_found_again(self) -> None:
        """The spans wait for it, as many as may; the log has one line when it goes, and one when it
        comes."""
        self.collector.status = 503
        export = self.export(capacity=100)
        for _ in range(30):
            self.trace(spans=9)
        await self.until("dropped", 200)
        for _ in range(500):
            if len(self.collector.requests) > 2:
                break
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        status, text = await self.finding(export)
        self.assertEqual(status, Status.DEGRADED)
        self.assertIn("it answered 503", text)
        self.assertEqual(self.warnings, ["traces do not arrive at {where}: {reason}"])
        self.collector.status = 200
        await self.until("sent", 100)
        self.assertEqual((await self.finding(export))[0], Status.HEALTHY)
        self.assertEqual(self.warnings[1:], ["traces arrive at {where} again"])
        self.assertEqual(self.count("dropped"), 200)
        self.assertEqual(len(self.collector.spans), 100)

    @deferred
    async def test_one_that_refuses_is_not_asked_again(self) -> None:
        """What it will never take is given up, and the next is tried."""
        self.collector.status = 400
        export = self.export()
        self.trace(spans=4)
        await self.until("refused", 5)
        self.assertIn("it answered 400", (await self.finding(export))[1])
        self.collector.status, self.collector.rejected = 200, 2
        self.trace(spans=4)
        await self.until("sent", 3)
        self.assertEqual(self.count("refused"), 7)
        self.assertIn("it refused 2 of 5 spans", (await self.finding(export))[1])

    @deferred
    async def test_nobody_listens(self) -> None:
        """The reason is in the finding, with what to do."""
        export = self.export(f"http://127.0.0.1:{free_port()}/v1/traces")
        self.trace()
        for _ in range(500):
            if self.warnings:
                break
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        self.assertIn("refused", (await self.finding(export))[1])

    @deferred
    async def test_one_that_hangs_does_not_keep_us(self) -> None:
        """The reactor goes on, and at the end it is waited for only so long."""
        self.collector.status = 0
        export = self.export(flush=0.1)
        self.trace()
        for _ in range(500):
            if self.collector.requests:
                break
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        self.trace()
        await export.stopService()
        self.assertEqual(self.warnings, ["the last traces were not taken by {where} in time"])
        self.assertEqual(self.collector.spans, [])
