"""`sora-admin health` where no server answers: what cron and somebody at night are told."""

import json
from typing import Any

from sora.admin.api import AdminAPI
from sora.operations.health import Overview
from trial_tests.admin.desk import CommandDesk


class Nobody:
    """What asks servers, and reaches none."""

    async def request(self, *_: Any, **__: Any) -> Any:
        """Connection refused, as the operating system says it."""
        raise ConnectionRefusedError("Connection refused")


class HealthTests(CommandDesk):
    """What Sora stands on is well."""

    def no_server_answers(self, *, is_configured: bool) -> None:
        """At the address of `[admin] api_url`."""
        client: Any = Nobody()
        self.store.api = AdminAPI(
            "http://127.0.0.1:1",
            "key",
            lambda: client,
            None,
            is_configured=is_configured,  # type: ignore[arg-type]
        )
        self.store.health = self.well

    async def well(self) -> Overview:
        """Nothing is ill here."""
        return Overview("healthy", ())

    def test_one_that_should_answer(self) -> None:
        """cron hears of it, and each output names it."""
        self.no_server_answers(is_configured=True)
        code, stdout, stderr = self.type("health")
        self.assertEqual((code, stderr), (1, "sora-admin: not healthy: the running server\n"))
        first, *rest = stdout.splitlines()
        self.assertTrue(
            first.startswith("unhealthy: no server answers at http://127.0.0.1:1"), first
        )
        self.assertTrue(first.endswith("; looked at from here"), first)
        self.assertIn("  the running server  unhealthy  It cannot be asked: no server", rest[0])
        self.assertIn("-> Start Sora", rest[1])
        code, stdout, _ = self.type("health --json")
        self.assertEqual((code, json.loads(stdout)["status"]), (1, "unhealthy"))

    def test_one_that_need_not_be_there(self) -> None:
        """Nobody knows whether Sora runs: it is not called healthy, and nothing has failed."""
        self.no_server_answers(is_configured=False)
        found = self.told("health")
        self.assertEqual(found["status"], "degraded")
        [part] = found["components"]
        self.assertEqual((part["name"], part["status"]), ("the running server", "degraded"))
