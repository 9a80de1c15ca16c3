"""Sieve scripts in memory."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from sora.errors import (
    AlreadyExists,
    InUse,
    NoSuchAccount,
    NoSuchScript,
    OverQuota,
    Superseded,
    TooBig,
    TooMany,
)
from sora.storage.interfaces import IScripts
from sora.storage.memory.records import ScriptRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import ScriptLimits, ScriptPosition, ScriptRow


@implementer(IScripts)
@frozen
class MemoryScripts:
    """`IScripts` in dicts."""

    tables: MemoryStore

    @operation
    def list(self, account_id: int) -> Sequence[ScriptRow]:
        """See `IScripts.list`."""
        return [
            ScriptRow(name, script.size, script.position, script.changed_at)
            for name, script in sorted(self.tables.scripts.get(account_id, {}).items())
        ]

    @operation
    def get(self, account_id: int, name: str) -> str:
        """See `IScripts.get`."""
        return self._script(account_id, name).source

    @operation
    def require_room(self, account_id: int, name: str, size: int, limits: ScriptLimits) -> None:
        """See `IScripts.require_room`."""
        self._require_room(account_id, name, size, limits)

    @operation
    def put(
        self,
        account_id: int,
        name: str,
        source: str,
        limits: ScriptLimits,
        position: ScriptPosition | None = None,
        replaces: str | None = None,
    ) -> None:
        """See `IScripts.put`."""
        self._require_account(account_id)
        known = self.tables.scripts.get(account_id, {}).get(name)
        text = "" if known is None else known.source
        if replaces is not None and text not in (replaces, source):
            raise Superseded(f"The script {name} is another one by now.")
        self._require_room(account_id, name, len(source.encode()), limits)
        scripts = self.tables.scripts.setdefault(account_id, {})
        before = scripts.get(name)
        stands = before.position if before else None
        scripts[name] = ScriptRecord(source, self.tables.now(), stands)
        if position is not None:
            self._stand(account_id, name, position)

    @operation
    def activate(
        self, account_id: int, name: str, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> None:
        """See `IScripts.activate`."""
        self._require_account(account_id)
        self._script(account_id, name)
        self._stand(account_id, name, position)

    @operation
    def deactivate(self, account_id: int, position: ScriptPosition = ScriptPosition.ACTIVE) -> None:
        """See `IScripts.deactivate`."""
        self._require_account(account_id)
        self._stand(account_id, None, position)

    @operation
    def delete(self, account_id: int, name: str) -> None:
        """See `IScripts.delete`."""
        self._require_account(account_id)
        if self._script(account_id, name).position is not None:
            raise InUse(f"The script {name} is active.")
        del self.tables.scripts[account_id][name]

    @operation
    def rename(self, account_id: int, old: str, new: str) -> None:
        """See `IScripts.rename`."""
        self._require_account(account_id)
        script = self._script(account_id, old)
        if new in self.tables.scripts[account_id]:
            raise AlreadyExists(f"There is a script {new} already.")
        del self.tables.scripts[account_id][old]
        self.tables.scripts[account_id][new] = script

    def _require_account(self, account_id: int) -> None:
        account = self.tables.accounts.get(account_id)
        if account is None or account.deleted_at is not None:
            raise NoSuchAccount()

    def _script(self, account_id: int, name: str) -> ScriptRecord:
        script = self.tables.scripts.get(account_id, {}).get(name)
        if script is None:
            raise NoSuchScript(f"There is no script {name}.")
        return script

    def _require_room(self, account_id: int, name: str, size: int, limits: ScriptLimits) -> None:
        others = [
            script.size
            for other, script in self.tables.scripts.get(account_id, {}).items()
            if other != name
        ]
        if size > limits.size:
            raise TooBig(f"A script has at most {limits.size} octets.")
        if len(others) + 1 > limits.scripts:
            raise TooMany(f"There are at most {limits.scripts} scripts.")
        if sum(others) + size > limits.total:
            raise OverQuota(f"All scripts have at most {limits.total} octets together.")

    def _stand(self, account_id: int, name: str | None, position: ScriptPosition) -> None:
        for other, script in self.tables.scripts.get(account_id, {}).items():
            if other == name:
                script.position = position
            elif script.position is position:
                script.position = None
