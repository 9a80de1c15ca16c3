"""The health of certificates, and which servers have which."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.x509 import DNSName
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.app.certificates import tls_in_files
from sora.app.health import look_at_certificates
from sora.config.load import loads
from sora.health import Finding, Status
from sora.tls.contexts import ServerTLS
from trial_tests.support.authority import NOW, Issued, authority

DAYS = timedelta(days=1)
NAME = [DNSName("mail.example.com")]


async def here(work: Callable[..., Any], *arguments: Any) -> Any:
    """In place of a thread."""
    return work(*arguments)


class HealthTests(SynchronousTestCase):
    """Two certificates."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.root = authority()
        self.served = [self.tls("one", 90), self.tls("two", 60)]

    def issued(self, days: int) -> Issued:
        return self.root.issue("a", NAME, begin=-99 * DAYS, end=days * DAYS)

    def tls(self, name: str, days: int) -> ServerTLS:
        return ServerTLS(*self.issued(days).write(self.directory, name))

    def look(self, after: timedelta = 0 * DAYS) -> Finding:
        look = look_at_certificates(self.served, here, lambda: (NOW + after).timestamp())
        found: Finding = self.successResultOf(Deferred.fromCoroutine(look()))
        return found

    def test_the_first_that_ends_counts(self) -> None:
        for days, status, words in (
            (0, Status.HEALTHY, "The first certificate ends"),
            (45, Status.HEALTHY, "The first certificate ends"),
            (46, Status.DEGRADED, "two.pem ends on"),
            (61, Status.UNHEALTHY, "two.pem ended on"),
        ):
            found = self.look(days * DAYS)
            self.assertEqual(found.status, status)
            self.assertIn(words, found.text)
        self.assertIn("its renewal is due", self.look(46 * DAYS).text)

    def test_a_renewal_without_a_reload_is_told(self) -> None:
        """Before clients notice; when what is served is over, they have."""
        self.issued(150).write(self.directory, "two")
        found = self.look()
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertIn("two.pem has another certificate than is served", found.text)
        self.assertIn("SIGHUP", found.remedy)
        self.assertEqual(self.look(61 * DAYS).status, Status.UNHEALTHY)
        self.served[1].reload()
        self.assertEqual(self.look().status, Status.HEALTHY)

    def test_a_file_that_is_gone_changes_nothing(self) -> None:
        self.served[1].files[0].unlink()
        self.assertEqual(self.look().status, Status.HEALTHY)


class ConfiguredTests(SynchronousTestCase):
    """A configuration names files; who uses them is told."""

    def test_servers_that_use_a_certificate(self) -> None:
        text = """
        [tls]
        enabled = true
        cert_file = "/c"
        key_file = "/k"
        [[servers]]
        type = "imap"
        addr = ":143"
        [[servers]]
        type = "imap"
        addr = "0.0.0.0:993"
        tls = true
        [[servers]]
        type = "http_api"
        addr = ":8080"
        api_key = "0123456789abcdef0123"
        [[servers]]
        type = "pop3"
        addr = ":110"
        starttls = false
        [[servers]]
        type = "lmtp"
        addr = ":24"
        tls_cert_file = "/other"
        tls_key_file = "/k"
        [[servers]]
        type = "imap"
        addr = ":1143"
        start = false
        """
        found = tls_in_files(loads(text, "config").config, Clock())
        self.assertEqual(
            [(one.name, one.how) for one in found.servers],
            [("imap-143", "starttls"), ("imap-993", "implicit"), ("lmtp-24", "starttls")],
        )
        known = found.known()
        self.assertEqual(
            {str(one.cert_file): list(one.servers) for one in known},
            {"/c": ["imap-143", "imap-993"], "/other": ["lmtp-24"]},
        )
        self.assertTrue(all("there is no such file" in one.problem for one in known))
