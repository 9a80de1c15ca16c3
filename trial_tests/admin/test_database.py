"""`sora-admin database` and `sora-admin migrate`, on a real database."""

import json
from functools import partial
from io import StringIO
from typing import Any

from attrs import evolve
from twisted.internet import reactor

from sora.admin.command import Terminal
from sora.admin.main import parse, prepare, run
from sora.app.admin_store import open_store
from sora.config.load import loads
from sora.storage.postgres.connection import Server
from trial_tests.support.postgres import DatabaseTestCase, administer


class DatabaseCommandTests(DatabaseTestCase):
    """Commands in this process, each with a connection of its own."""

    def on(self, server: Server) -> None:
        text = (
            f'[database]\nhost = "{server.host}"\nport = {server.port}\nuser = "{server.user}"\n'
            f'password = "{server.password}"\ndbname = "{server.database}"\n'
        )
        self.loaded = loads(text, "a test")

    async def admin(self, *words: str) -> Any:
        """What a command prints as JSON, or its error as a text."""
        given = parse([*words, "--json"])
        prepare(given, Terminal(StringIO(), StringIO()))
        stdout, stderr = StringIO(), StringIO()
        code = await run(given, partial(open_store, self.loaded, reactor), stdout, stderr)
        return stderr.getvalue() if code else json.loads(stdout.getvalue())

    async def test_status_and_promotion(self) -> None:
        """G70: once for each timeline, and again when it is forced."""
        fresh = await self.fresh()
        self.on(fresh.server)
        status = await self.admin("database", "status")
        self.assertEqual((status["role"], status["timeline"]), ("primary", 1))
        self.assertEqual((status["epoch"]["epoch"], status["epoch"]["reason"]), (1, "first"))
        self.assertEqual((status["pending_migrations"], status["replicas"]), ([], []))
        self.assertGreater(status["size"], 1 << 20)
        self.assertEqual(len(status["tables"]), 8)
        nothing = await self.admin("database", "promoted")
        self.assertEqual((nothing["began"], nothing["epoch"]), (False, 1))
        self.assertIn("--force", nothing["done"])
        forced = await self.admin("database", "promoted", "--force")
        self.assertEqual((forced["began"], forced["epoch"], forced["reason"]), (True, 2, "command"))
        self.assertGreaterEqual(forced["uid_jump"], 100_000)
        status = await self.admin("database", "status")
        self.assertEqual(status["epoch"]["epoch"], 2)

    async def test_a_schema_is_made_before_a_server_starts(self) -> None:
        """What is pending is told, and status works without a schema."""
        name = "sora_test_migrate_command"
        administer(f"DROP DATABASE IF EXISTS {name}")
        administer(f"CREATE DATABASE {name}")
        self.addCleanup(administer, f"DROP DATABASE {name} WITH (FORCE)")
        fresh = await self.fresh()
        self.on(evolve(fresh.server, database=name))
        status = await self.admin("database", "status")
        self.assertIsNone(status["epoch"])
        rows = await self.admin("migrate", "status")
        self.assertEqual({row["state"] for row in rows}, {"pending"})
        self.assertEqual(len(status["pending_migrations"]), len(rows))
        done = await self.admin("migrate", "up")
        self.assertEqual(done["applied"], [row["version"] for row in rows])
        self.assertEqual(await self.admin("migrate", "status", "--pending"), [])
        self.assertEqual((await self.admin("migrate", "up"))["applied"], [])
