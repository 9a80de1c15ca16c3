"""sora.app.tracing: what tracing takes, and what it does not take where it is off."""

import subprocess
import sys

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.app.start import StartError, explain
from sora.app.tracing import tracing_of
from sora.config.tracing import TracingConfig
from sora.waking import Waking


class TracingTests(SynchronousTestCase):
    def test_off_is_nothing(self) -> None:
        """No tracer, no thread; and no package is imported that only tracing takes."""
        made = tracing_of(TracingConfig(), node="a", reactor=reactor, registry=CollectorRegistry())
        self.assertIsNone(made)
        program = (
            "import sys, sora.app.plugin, sora.app.house\n"
            "print([m for m in sys.modules if m.startswith(('opentelemetry', 'google.protobuf'))])"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual((done.stdout.strip(), done.returncode), ("[]", 0), done.stderr)

    def test_without_the_package_the_start_says_what_to_install(self) -> None:
        """In a sentence, and without a traceback."""
        for name in list(sys.modules):
            if name.startswith("opentelemetry") or name == "sora.collector.otlp":
                self.addCleanup(sys.modules.__setitem__, name, sys.modules.pop(name))
        sys.modules["opentelemetry"] = None  # type: ignore[assignment]
        self.addCleanup(sys.modules.pop, "opentelemetry")
        with self.assertRaises(StartError) as raised:
            tracing_of(
                TracingConfig(enabled=True), node="a", reactor=reactor, registry=CollectorRegistry()
            )
        [said] = explain(raised.exception)
        self.assertIn("pip install 'sora-mail[tracing]'", said)

    def test_workers_make_traces(self) -> None:
        """Those that can."""
        tracing = tracing_of(
            TracingConfig(enabled=True), node="a", reactor=reactor, registry=CollectorRegistry()
        )
        assert tracing is not None
        worker, other = Waking(Clock()), Waking(Clock())
        tracing.trace_rounds([worker])
        self.assertIs(worker.tracer, tracing.tracer)
        self.assertIsNone(other.tracer)
