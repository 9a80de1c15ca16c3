"""The OpenAPI document, the page that is made of it, and what monitoring asks."""

import re
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.parser import text_string_to_metric_families

from sora.protocols.http.openapi import document
from sora.protocols.http.spoken import ENDPOINTS, GROUPS
from trial_tests.protocols.http.desk import DeskTestCase

ROOT = Path(__file__).resolve().parents[3]


class DocumentTests(DeskTestCase):
    """What is documented is what is served."""

    def test_it_is_openapi(self) -> None:
        """Of version 3.1, with all that refers to something referring to what is there."""
        OpenAPIV31SpecValidator(self.described).validate()

    def test_every_endpoint_is_in_it_and_nothing_else(self) -> None:
        """In both directions; names are given once, groups are explained."""
        served = {(f"/admin{one.path}", one.method.lower()) for one in ENDPOINTS}
        told = {
            (path, method) for path, place in self.described["paths"].items() for method in place
        }
        self.assertEqual(told, served)
        names = [one.name for one in ENDPOINTS]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual({one.group for one in ENDPOINTS}, set(GROUPS))

    def test_every_field_is_explained(self) -> None:
        """And every class of values."""
        for name, schema in self.described["components"]["schemas"].items():
            self.assertTrue(schema["description"], name)
            for field, one in schema["properties"].items():
                if name != "Problem":
                    self.assertTrue(one.get("description"), f"{name}.{field}")

    def test_secrets_are_only_taken(self) -> None:
        """A password stands in no answer."""
        schemas = self.described["components"]["schemas"]
        self.assertTrue(schemas["NewAccount"]["properties"]["password"]["writeOnly"])
        self.assertNotIn("password", schemas["Account"]["properties"])

    def test_the_manual_has_every_operation(self) -> None:
        """With its summary and its scope, and no other."""
        text = (ROOT / "docs/admin-api.md").read_text("utf-8")
        told = re.findall(r"^\| `([A-Z]+ /admin[^`]*)` \| (.+) \| (\w+) \|$", text, re.M)
        served = [
            (f"{one.method} /admin{one.path}", one.summary[0].lower() + one.summary[1:], one.scope)
            for one in ENDPOINTS
        ]
        self.assertEqual(sorted(told), sorted(served))

    def test_it_is_served(self) -> None:
        """For programs, and for people: every operation is on the page."""
        served = self.ask("GET", "/admin/openapi.json", key=None)
        self.assertEqual(served.json, document(ENDPOINTS, GROUPS, "0"))
        page = self.ask("GET", "/admin/", key=None)
        self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")
        for one in ENDPOINTS:
            self.assertIn(f'id="{one.name}"'.encode(), page.body)
        self.assertNotIn(b"<script", page.body)


class MonitoringTests(DeskTestCase):
    """What Prometheus reads."""

    def test_metrics(self) -> None:
        """In its text format."""
        self.tracker.enter(self.connect()[0], "imap", "imap-143")
        answer = self.ask("GET", "/metrics", key=None)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain"))
        families = {one.name: one for one in text_string_to_metric_families(answer.body.decode())}
        [sample] = families["sora_connections_current"].samples
        self.assertEqual((sample.labels["protocol"], sample.value), ("imap", 1.0))
