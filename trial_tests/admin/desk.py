"""`sora-admin` in this process, on memory storage: commands as dialogues."""

import json
import os
from datetime import timedelta
from functools import partial
from io import StringIO
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.admin.api import AdminAPI
from sora.admin.command import CommandFailed, Terminal
from sora.admin.main import parse, prepare, run
from sora.operations.account_details import AccountDetails
from sora.operations.accounts import AccountOperations, PasswordHashing
from sora.operations.aliases import AliasOperations
from sora.operations.cleaning import CleaningOperations
from sora.operations.credentials import CredentialOperations
from sora.operations.domain_purge import DomainPurge
from sora.operations.domains import DomainOperations
from sora.operations.owners import OwnerLookup
from sora.operations.quota import QuotaOperations
from sora.operations.retention import RetentionOperations
from sora.retry import pause
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import ServerRetention
from sora.workers.cleaner import Graces


class CommandDesk(SynchronousTestCase):
    """Types command lines, and looks at what comes."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.storage = storage = memory_storage(self.clock)
        hashing = PasswordHashing(os.urandom, maybeDeferred)
        owners = OwnerLookup(storage.accounts, storage.rights)
        accounts = AccountOperations(
            storage.accounts, storage.credentials, storage.domains, hashing
        )
        retention = RetentionOperations(owners, storage.retention, ServerRetention())
        cleaning = CleaningOperations(
            storage.cleaning,
            Graces(14 * 86400.0),
            self.no_cleaner,
            storage.deletions,
            self.clock.seconds,
        )
        self.store: Any = SimpleNamespace(
            accounts=accounts,
            credentials=CredentialOperations(storage.credentials, hashing),
            aliases=AliasOperations(storage.aliases),
            domains=DomainOperations(storage.domains),
            quota=QuotaOperations(owners, storage.quotas),
            details=AccountDetails(
                accounts,
                storage.credentials,
                storage.aliases,
                storage.quotas,
                storage.scripts,
                retention,
                timedelta(days=14),
            ),
            cleaning=cleaning,
            domain_purge=DomainPurge(storage.purging, cleaning, partial(pause, self.clock)),
            api=AdminAPI("http://127.0.0.1:1", "", None, None),
            close=self.closed,
        )

    async def no_cleaner(self) -> Any:
        """Nothing here runs a round."""
        raise NotImplementedError

    async def closed(self) -> None:
        """The store is closed."""

    def type(self, line: str, stdin: str = "") -> tuple[int, str, str]:
        """A command line without a terminal: exit code, stdout, stderr."""
        stdout, stderr = StringIO(), StringIO()
        given = parse(line.split())
        try:
            prepare(given, Terminal(StringIO(stdin), stderr))
        except CommandFailed as error:
            return 1, "", f"sora-admin: {error}\n"
        store = self.store

        async def open_store(given: Any) -> Any:
            return store

        doing = Deferred.fromCoroutine(run(given, open_store, stdout, stderr))
        return self.successResultOf(doing), stdout.getvalue(), stderr.getvalue()

    def done(self, line: str, stdin: str = "") -> str:
        """What is printed by a command that succeeds."""
        code, stdout, stderr = self.type(line, stdin)
        self.assertEqual((code, stderr), (0, ""), line)
        return stdout

    def told(self, line: str, stdin: str = "") -> Any:
        """The same with --json."""
        return json.loads(self.done(f"{line} --json", stdin))

    def refused(self, line: str, text: str, stdin: str = "") -> None:
        """A command that fails with one line."""
        code, stdout, stderr = self.type(line, stdin)
        self.assertEqual((code, stdout, stderr.count("\n")), (1, "", 1), (line, stderr))
        self.assertIn(text, stderr)

    def in_a_file(self, text: str) -> str:
        """A file with this in it."""
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path
