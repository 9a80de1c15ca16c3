"""A server from its configuration."""

from typing import Any

from sora.config.load import loads
from sora.protocols.pop3.protocol import POP3Factory
from sora.protocols.pop3.service import pop3_factory
from sora.protocols.pop3.services import Settings
from trial_tests.protocols.pop3.world import POP3TestCase

SERVER = '[[servers]]\ntype = "pop3"\naddr = "127.0.0.1:110"\n'


class ServiceTests(POP3TestCase):
    def factory(self, text: str, tls: Any = None) -> POP3Factory:
        config = loads(text).config
        return pop3_factory(
            clock=self.clock,
            server=config.servers[0],
            pop3=config.pop3,
            limits=config.limits,
            authenticator=None,  # type: ignore[arg-type]
            maildrops=self.post.house,
            keeping=None,  # type: ignore[arg-type]
            commands=None,  # type: ignore[arg-type]
            messages=None,  # type: ignore[arg-type]
            new_id=lambda: "session",
            tls=tls,
        )

    def test_the_defaults(self) -> None:
        factory = self.factory(SERVER, "context")
        self.assertEqual(factory._settings, Settings())
        self.assertEqual(factory._services.tls, "context")
        self.assertTrue(factory._services.insecure_auth, "on loopback")

    def test_what_is_configured(self) -> None:
        factory = self.factory(
            '[pop3]\nlogin_delay = "2m"\nidle_timeout = "30s"\n'
            '[limits]\nlogin_timeout = "5s"\n'
            + SERVER
            + "starttls = false\ninsecure_auth = false\n",
            "context",
        )
        # RFC 1939 §3: ten minutes at least.
        expected = Settings(login_timeout=5, idle_timeout=600, login_delay=120)
        self.assertEqual(factory._settings, expected)
        self.assertIsNone(factory._services.tls)
        self.assertFalse(factory._services.insecure_auth)
