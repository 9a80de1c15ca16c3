"""docs/metrics.md, the rules for alerts and the dashboard are true for the metrics that there are."""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
from pathlib import Path

from prometheus_client import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase

import sora.metrics
from sora.metrics.document import FAMILIES, MANUAL, main, rows_of
from trial_tests.support.programs import require_program

ROOT = Path(__file__).parents[1]
RULES = ROOT / "etc/prometheus-rules.yml"
NAME = re.compile(r"\b(?:sora|process)_[a-z0-9_]+")
OF_EVERY_PROCESS = {
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
}


def known() -> set[str]:
    """The names that Prometheus sees."""
    names = set(OF_EVERY_PROCESS)
    for _, kinds in FAMILIES:
        for name, kind, *_ in rows_of(kinds):
            plain = name.strip("`")
            names.add(plain)
            if kind == "histogram":
                names |= {f"{plain}_{part}" for part in ("bucket", "count", "sum")}
    return names


class MetricsDocumentTests(SynchronousTestCase):
    def test_the_manual_is_what_the_classes_say(self) -> None:
        """`python -m sora.metrics.document` writes it."""
        self.assertEqual(main(["--check"], ROOT), 0, f"{MANUAL} is stale")

    def test_every_class_is_in_it(self) -> None:
        """Whoever adds a class names its family."""
        listed = {kind for _, kinds in FAMILIES for kind in kinds}
        made = set()
        for module in pkgutil.iter_modules(sora.metrics.__path__):
            found = importlib.import_module(f"sora.metrics.{module.name}")
            for name, kind in inspect.getmembers(found, inspect.isclass):
                if name.endswith("Metrics") and kind.__module__ == found.__name__:
                    made.add(kind)
        self.assertEqual(made, listed)

    def test_each_has_a_meaning_and_labels_that_are_explained(self) -> None:
        manual = (ROOT / MANUAL).read_text("utf-8")
        for title, kinds in FAMILIES:
            section = manual.partition(f"## {title}\n")[2].partition("\n## ")[0]
            for name, _, labels, meaning in rows_of(kinds):
                self.assertGreater(len(meaning), 10, name)
                for label in re.findall(r"`(\w+)`", labels):
                    explained = section.partition("| metric |")[0]
                    self.assertIn(f"`{label}`", explained, f"{name}: {label}")

    def test_all_of_them_can_stand_in_one_registry(self) -> None:
        registry = CollectorRegistry()
        for _, kinds in FAMILIES:
            for kind in kinds:
                kind(registry)
        self.assertGreaterEqual(len(known()), 26)

    def test_rules_and_dashboard_ask_for_what_there_is(self) -> None:
        """Also each alert says how bad it is and what to do."""
        rules = RULES.read_text("utf-8")
        dashboard = (ROOT / "etc/grafana-dashboard.json").read_text("utf-8")
        json.loads(dashboard)
        for text in (rules, dashboard):
            self.assertEqual(set(NAME.findall(text)) - known() - {"sora_mail_store"}, set())
        alerts = rules.count("- alert: ")
        self.assertGreater(alerts, 10)
        self.assertEqual(rules.count("severity: page}") + rules.count("severity: ticket}"), alerts)
        self.assertEqual(rules.count("          action: "), alerts)

    def test_promtool_accepts_configuration_and_rules(self) -> None:
        program = require_program(self, "promtool", "prometheus")
        for words in (("rules", "prometheus-rules.yml"), ("config", "prometheus.yml")):
            done = subprocess.run(
                [program, "check", *words], cwd=ROOT / "etc", capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
