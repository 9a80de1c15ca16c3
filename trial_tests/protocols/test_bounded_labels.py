"""Whatever clients send, the labels of metrics have few values, all of them ours (G66)."""

import re

from prometheus_client import CollectorRegistry

from sora import errors
from sora.protocols.imap.spoken import DIALECT
from sora.protocols.managesieve.dialect import COMMANDS
from trial_tests.protocols.http.desk import DeskTestCase
from trial_tests.protocols.lmtp.postroom import LMTPTestCase
from trial_tests.protocols.managesieve.world import ManageSieveTestCase
from trial_tests.protocols.pop3.world import POP3TestCase
from trial_tests.support.transcript import TranscriptTestCase

HOSTILE = (
    *(b"WORD%d x" % number for number in range(50)),
    b"fred@example.com",
    b'a"b{c}\\n',
    b"\xff\xfe",
    b"x" * 3000,
    b"%s%n",
    b"",
)
OUTCOMES = {"ok", "no", "bad"}
SEVERITIES = {"client", "server", "refused"}


def values(registry: CollectorRegistry, label: str) -> set[str]:
    """All values of a label."""
    return {
        sample.labels[label]
        for metric in registry.collect()
        for sample in metric.samples
        if label in sample.labels
    }


def is_ours(name: str) -> bool:
    return hasattr(errors, name) or re.fullmatch("[A-Z][A-Za-z]+", name) is not None


class IMAPTests(TranscriptTestCase):
    def test_words_of_clients_are_no_labels(self) -> None:
        for place, line in enumerate(HOSTILE):
            client = self.new_client()
            client.ask(b"t%d " % place + line)
            client.ask(line)
            client.ask(b"u SELECT " + line)
            client.ask(b"v UID FETCH 1:* " + line)
        registry = self.server.registry
        known = {word.decode().lower() for word in DIALECT.commands}
        self.assertLessEqual(values(registry, "command"), known | {"unknown"})
        self.assertLessEqual(values(registry, "status"), OUTCOMES)
        self.assertLessEqual(values(registry, "severity"), SEVERITIES)
        found = values(registry, "error_type")
        self.assertGreaterEqual(found, {"UnknownCommand", "BadSyntax", "NoSuchMailbox"})
        self.assertTrue(all(map(is_ours, found)), found)

    def test_failures_are_told_apart(self) -> None:
        """By whose fault they are."""
        self.client.ask(b"a NOWAY")
        self.client.ask(b"b SELECT nowhere")
        registry = self.server.registry
        for command, kind, severity in (
            ("unknown", "UnknownCommand", "client"),
            ("select", "NoSuchMailbox", "refused"),
        ):
            labels = {
                "protocol": "imap",
                "command": command,
                "error_type": kind,
                "severity": severity,
            }
            count = registry.get_sample_value("sora_protocol_errors_total", labels)
            self.assertEqual(count, 1, labels)


class POP3Tests(POP3TestCase):
    def test_words_of_clients_are_no_labels(self) -> None:
        for line in HOSTILE:
            client = self.connect()
            client.send(line + b"\r\n")
            client.send(b"USER " + line + b"\r\nPASS " + line + b"\r\n")
        found = values(self.post.registry, "command")
        self.assertLessEqual(found, {"unknown", "user", "pass"})
        self.assertTrue(all(map(is_ours, values(self.post.registry, "error_type"))))


class ManageSieveTests(ManageSieveTestCase):
    def test_words_of_clients_are_no_labels(self) -> None:
        for line in HOSTILE:
            client = self.new_client()
            client.send(line + b"\r\n")
            client.send(b"GETSCRIPT " + line + b"\r\n")
        known = {word.decode().lower() for word in COMMANDS}
        self.assertLessEqual(values(self.server.registry, "command"), known | {"unknown"})
        self.assertTrue(all(map(is_ours, values(self.server.registry, "error_type"))))


class LMTPTests(LMTPTestCase):
    def test_words_of_clients_are_no_labels(self) -> None:
        known = {"unknown", "lhlo", "mail", "rcpt", "rset", "data", "bdat", "vrfy"}
        for line in HOSTILE:
            self.lose()
            self.open()
            self.send(b"LHLO a\r\n" + line + b"\r\nMAIL FROM:" + line + b"\r\n")
            self.assertLessEqual(values(self.registry, "command"), known)
            self.assertTrue(all(map(is_ours, values(self.registry, "error_type"))))


class HTTPTests(DeskTestCase):
    def test_paths_and_methods_of_clients_are_no_labels(self) -> None:
        """A request counts by the name that its operation has in the OpenAPI document."""
        for number in range(30):
            self.ask("GET", f"/admin/accounts/user{number}@example.com")
            self.ask("GET", f"/admin/nothing{number}")
            self.ask(f"VERB{number}", "/admin/accounts")
        self.ask("GET", "/metrics")
        found = values(self.registry, "command")
        self.assertEqual(found, {"unknown", "/metrics", "showAccount"})
        labels = {"protocol": "http_api", "command": "showAccount", "status": "bad"}
        self.assertEqual(self.registry.get_sample_value("sora_commands_total", labels), 30)
