"""etc/prometheus-rules.yml, run by promtool: each alert comes when it should, and not before."""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.alert_cases import CASES, Case
from trial_tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
RULES = ROOT / "etc/prometheus-rules.yml"


def rules() -> dict[str, Any]:
    """The alerts by name."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


class RulesTests(SynchronousTestCase):
    timeout = 60

    def test_every_alert_is_tried(self) -> None:
        self.assertEqual([case.alert for case in CASES], list(rules()))

    def test_each_comes_when_it_should(self) -> None:
        promtool = require_program(self, "promtool", "prometheus")
        known = rules()
        tests = {
            "rule_files": [str(RULES)],
            "evaluation_interval": "1m",
            "tests": [self.described(case, known[case.alert]) for case in CASES],
        }
        with tempfile.TemporaryDirectory(prefix="sora-rules-") as directory:
            file = Path(directory) / "tests.yml"
            file.write_text(yaml.safe_dump(tests), "utf-8")
            done = subprocess.run(
                [promtool, "test", "rules", str(file)], capture_output=True, text=True
            )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def described(self, case: Case, rule: Mapping[str, Any]) -> dict[str, Any]:
        """A test as promtool reads it. What is not in the case is in the rule as it is."""
        labels = dict(re.findall(r'(\w+)="([^"]*)"', case.of))
        annotations = {**rule["annotations"], "summary": case.summary}
        expected = {
            "exp_labels": {**rule["labels"], **labels},
            "exp_annotations": annotations,
        }
        series = [{"series": name, "values": values} for name, values in case.series.items()]
        return {
            "interval": "1m",
            "input_series": series,
            "alert_rule_test": [
                {"alertname": case.alert, "eval_time": f"{case.quiet}m", "exp_alerts": []},
                {"alertname": case.alert, "eval_time": f"{case.fires}m", "exp_alerts": [expected]},
            ],
        }
