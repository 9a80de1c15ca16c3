"""docs/metrics.md, the rules for alerts and the dashboard are true for the metrics that there are."""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase

import sora.metrics
from sora.admin.commands import COMMANDS
from sora.metrics.document import FAMILIES, MANUAL, main, rows_of
from sora.metrics.older import DIFFERENT, SAME
from trial_tests.support.programs import require_program

ROOT = Path(__file__).parents[1]
RULES = ROOT / "etc/prometheus-rules.yml"
NAME = re.compile(r"\b(?:sora|process)_[a-z0-9_]+")
USUAL = (
    *("connections_total", "connections_current", "authenticated_connections_current"),
    *("connection_duration_seconds", "authentication_attempts_total"),
    *("db_queries_total", "db_query_duration_seconds", "accounts_total", "mailboxes_total"),
    *("s3_operations_total", "s3_operation_duration_seconds", "s3_upload_attempts_total"),
    *("cache_operations_total", "cache_size_bytes", "cache_objects_total"),
    *("lmtp_external_relay_total", "imap_idle_connections_current"),
    *("managesieve_scripts_uploaded_total", "managesieve_scripts_activated_total"),
    *("upload_worker_jobs_total", "upload_worker_duration_seconds"),
    *("component_health_status", "component_health_checks_total"),
    "component_health_check_duration_seconds",
    *("session_memory_peak_bytes", "session_memory_limit_exceeded_total"),
)
OF_EVERY_PROCESS = {
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
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


def unknown_commands(text: str) -> list[str]:
    """What follows `sora-admin` and is no command."""
    found = re.findall(r"sora-admin\s+([a-z-]+)(?:\s+([a-z-]+))?", text)
    return [
        f"{noun} {verb}" for noun, verb in found if not {noun, f"{noun} {verb}"} & set(COMMANDS)
    ]


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

    def test_the_metrics_that_everybody_knows(self) -> None:
        """Those 26, of eight families, have the names that they always had."""
        self.assertEqual(len(USUAL), 26)
        self.assertEqual({f"sora_{name}" for name in USUAL} - known(), set())

    def test_what_the_older_server_had_is_there_or_said_to_be_different(self) -> None:
        """All that is said to be here is."""
        self.assertEqual(set(SAME) - known(), set())
        here = {name for _, text in DIFFERENT for name in NAME.findall(text)}
        self.assertEqual(here - known(), set())
        different = " ".join(there for there, _ in DIFFERENT)
        self.assertEqual([name for name in SAME if f"`{name}`" in different.split(",")], [])

    def test_all_of_them_can_stand_in_one_registry(self) -> None:
        registry = CollectorRegistry()
        for _, kinds in FAMILIES:
            for kind in kinds:
                kind(registry)
        self.assertGreaterEqual(len(known()), 26)

    def test_rules_and_dashboard_ask_for_what_there_is(self) -> None:
        rules = RULES.read_text("utf-8")
        dashboard = (ROOT / "etc/grafana-dashboard.json").read_text("utf-8")
        json.loads(dashboard)
        for text in (rules, dashboard):
            self.assertEqual(set(NAME.findall(text)) - known() - {"sora_mail_store"}, set())

    def test_other_documents_name_what_there_is(self) -> None:
        """`sora_db_pool_*` stands for all of that beginning."""
        for document in sorted((ROOT / "docs").glob("*.md")):
            if document.name != MANUAL.name:
                names = set(NAME.findall(document.read_text("utf-8"))) - {"sora_mail_db"}
                wrong = [
                    name
                    for name in names - known()
                    if not name.endswith("_") or not any(one.startswith(name) for one in known())
                ]
                self.assertEqual(wrong, [], document.name)

    def test_every_alert_says_what_to_do(self) -> None:
        """How bad it is, what it means, a command that is there, and where to read more."""
        runbook = (ROOT / "docs/alerts.md").read_text("utf-8")
        sections = re.findall(r"^### (\w+)$", runbook, re.MULTILINE)
        groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
        alerts = [rule for group in groups for rule in group["rules"]]
        self.assertEqual(sections, [rule["alert"] for rule in alerts])
        for rule in alerts:
            name, said = rule["alert"], rule["annotations"]
            self.assertIn(rule["labels"]["severity"], ("page", "ticket"), name)
            self.assertEqual(set(said), {"summary", "description", "runbook"}, name)
            self.assertEqual(said["runbook"], f"docs/alerts.md#{name.lower()}")
            self.assertRegex(said["description"], r"sora-admin [a-z]|promtool", name)
        self.assertEqual(unknown_commands(RULES.read_text("utf-8")), [])
        self.assertEqual(unknown_commands(runbook), [])

    def test_promtool_accepts_configuration_and_rules(self) -> None:
        program = require_program(self, "promtool", "prometheus")
        for words in (("rules", "prometheus-rules.yml"), ("config", "prometheus.yml")):
            done = subprocess.run(
                [program, "check", *words], cwd=ROOT / "etc", capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
