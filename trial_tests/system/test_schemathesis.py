"""schemathesis asks a running server whatever its OpenAPI document allows, and what it does not: with
a key and without one. It finds nothing."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SkipTest

from sora.protocols.http.spoken import ENDPOINTS
from trial_tests.support.http_api import KEY, ApiTestCase

CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = CONFIG.with_name("schemathesis_hooks.py")
EXAMPLES = os.environ.get("SORA_SCHEMATHESIS_EXAMPLES", "1")
SEED = os.environ.get("SORA_SCHEMATHESIS_SEED", "1")


class SchemathesisTests(ApiTestCase):
    """Nobody slows it down: it asks as fast as it can."""

    timeout = 600
    settings = {"requests_per_second": 0}

    def setUp(self) -> None:
        if find_spec("schemathesis") is None:
            if os.environ.get("CI"):
                self.fail("schemathesis is not installed: pip install -e .[test]")
            raise SkipTest("schemathesis is not installed: pip install -e .[test]")
        super().setUp()
        for name in ("ann", "bob"):
            new = {"email": f"{name}@example.com", "password": "correct horse", "hash": "ssha512"}
            self.assertEqual(self.ask("POST", "/admin/accounts", new)[0], 201)

    def check(self, *arguments: str) -> None:
        """One run, which is the same each time for the same document. Keys are wrong in a test of
        its own (`trial_tests.protocols.http.test_refusals`): after some an address is refused."""
        document = f"http://127.0.0.1:{self.port}/admin/openapi.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", f"--config-file={CONFIG}"),
                *("run", document, f"--seed={SEED}", f"--max-examples={EXAMPLES}"),
                *("--phases=examples,coverage,fuzzing", "--exclude-checks=ignored_auth"),
                *("--no-shrink", "--continue-on-failure", "--workers=2", "--no-color"),
                *arguments,
            ],
            cwd=self.mktemp_directory(),
            env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
            capture_output=True,
            text=True,
            timeout=500,
        )
        said = done.stdout[-20_000:] + done.stderr[-2_000:]
        self.assertEqual(done.returncode, 0, said)
        self.assertRegex(said, rf"Tested: {len(ENDPOINTS)}\b")

    def mktemp_directory(self) -> str:
        """A new directory."""
        path = self.mktemp()
        os.makedirs(path)
        return path

    def test_it_finds_nothing(self) -> None:
        self.check("-H", f"Authorization: Bearer {KEY}")
        self.check("--phases=fuzzing")
        log = self.node.messages_of_log()
        self.assertNotIn("Traceback", log)
        self.assertNotIn(KEY, log)
