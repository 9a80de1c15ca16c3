"""The door to Sieve scripts: whoever checks, keeps or runs one comes through here.

A text is compiled in one way, with the same extensions and limits, whether it comes over
ManageSieve, from `sora-admin` or out of storage at delivery (G47). What was compiled is kept by its
text: all users of a server-wide script share one, and a script that is put again as it was costs
nothing. So is what cannot be compiled, with its errors.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from attrs import frozen

from sora.mail.script_names import script_name
from sora.mailbox.address_books import SCHEMES
from sora.sieve.compile import compile_script
from sora.sieve.dialect import Dialect
from sora.sieve.errors import ScriptError, ScriptErrors
from sora.sieve.limits import Limits
from sora.sieve.script import Script
from sora.storage.interfaces import IScripts
from sora.storage.rows import ScriptLimits, ScriptPosition, ScriptRow

KEPT: Final = 2 * 1024 * 1024
"""characters of scripts that are kept compiled; compiled they take 35 times the room, and 100 times
if they are made of nothing but short commands"""
AT_ONCE: Final = 2 * 1024
"""characters of a script that is compiled in the reactor, in some milliseconds; a larger one goes
to a thread"""
NOTIFY_METHODS: Final = "mailto"
"""the schemes that `notify` takes (RFC 5436)"""


class Compiler:
    """Compiles scripts, and keeps what came of it. `in_thread` calls a function in a thread, as
    `Threads.run` does."""

    def __init__(
        self,
        dialect: Dialect,
        limits: Limits,
        in_thread: Callable[..., Awaitable[Any]],
        *,
        kept: int = KEPT,
    ) -> None:
        self.dialect = dialect
        self.limits = limits
        self._in_thread = in_thread
        self._kept = kept
        self._size = 0
        self._results: OrderedDict[str, Script | ScriptErrors] = OrderedDict()

    async def compile(self, source: str) -> Script:
        """The script of a text. Raises ScriptErrors."""
        result = self._results.get(source)
        if result is not None:
            self._results.move_to_end(source)
        else:
            if len(source) <= AT_ONCE:
                result = self._compile(source)
            else:
                result = await self._in_thread(self._compile, source)
            self._keep(source, result)
        if isinstance(result, ScriptErrors):
            raise ScriptErrors(result.errors)
        return result

    def _compile(self, source: str) -> Script | ScriptErrors:
        try:
            return compile_script(source, self.dialect, self.limits)
        except ScriptErrors as error:
            return error.with_traceback(None)

    def _keep(self, source: str, result: Script | ScriptErrors) -> None:
        if source not in self._results:
            self._size += len(source)
        self._results[source] = result
        while self._size > self._kept and self._results:
            dropped, _ = self._results.popitem(last=False)
            self._size -= len(dropped)


@frozen
class ScriptStore:
    """The scripts of accounts, and of the accounts that own what belongs to domains. What is put is
    compiled before; errors are those of `sora.errors`, and ScriptErrors."""

    storage: IScripts
    compiler: Compiler
    limits: ScriptLimits

    # ---------------------------------------------------------- what ManageSieve tells

    @property
    def capabilities(self) -> str:
        """The extensions that scripts may use, with spaces between."""
        return self.compiler.dialect.capabilities

    @property
    def max_redirects(self) -> int:
        """The most redirects that a script may do for a message."""
        return self.compiler.limits.redirects

    @property
    def notify_methods(self) -> str:
        """The schemes of URIs that `notify` takes, empty when scripts may not use it."""
        return NOTIFY_METHODS if "enotify" in self.capabilities.split() else ""

    @property
    def list_schemes(self) -> str:
        """The schemes of external lists (RFC 6134 §2.8), empty when scripts may not use them."""
        return SCHEMES if "extlists" in self.capabilities.split() else ""

    # ---------------------------------------------------------- reading

    async def list(self, account_id: int) -> Sequence[ScriptRow]:
        """All scripts of an account, by name."""
        return await self.storage.list(account_id)

    async def get(self, account_id: int, name: str) -> str:
        """The text of a script. Raises NoSuchScript."""
        return await self.storage.get(account_id, script_name(name))

    async def load(self, account_id: int, name: str) -> Script:
        """A script that is ready to run. Raises NoSuchScript, ScriptErrors."""
        return await self.compiler.compile(await self.get(account_id, name))

    async def require_room(self, account_id: int, name: str, size: int) -> None:
        """Raise what `put` of so many octets would raise now: TooBig, TooMany, OverQuota."""
        await self.storage.require_room(account_id, script_name(name), size, self.limits)

    # ---------------------------------------------------------- writing

    async def check(self, source: bytes) -> Sequence[ScriptError]:
        """Compile a script, and give the warnings. Raises ScriptErrors."""
        return (await self.compiler.compile(text_of(source))).warnings

    async def put(
        self,
        account_id: int,
        name: str,
        source: bytes,
        position: ScriptPosition | None = None,
        replaces: str | None = None,
    ) -> Sequence[ScriptError]:
        """Compile a script and keep it, in the place of one that has the name; give the warnings.
        With `replaces` only where that is its text; empty: where there is none.

        Raises ScriptErrors, BadName, TooBig, TooMany, OverQuota, Superseded.
        """
        name = script_name(name)
        if not source:
            # RFC 5804 §2.6
            raise ScriptErrors([ScriptError(1, 1, "A script cannot be empty")])
        warnings = await self.check(source)
        await self.storage.put(account_id, name, text_of(source), self.limits, position, replaces)
        return warnings

    async def activate(
        self, account_id: int, name: str, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> None:
        """Let a script be the one that runs. One that cannot be compiled any more, because
        extensions were taken away, is refused. Raises NoSuchScript, ScriptErrors."""
        await self.load(account_id, name)
        await self.storage.activate(account_id, script_name(name), position)

    async def deactivate(
        self, account_id: int, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> None:
        """Let no script run."""
        await self.storage.deactivate(account_id, position)

    async def delete(self, account_id: int, name: str) -> None:
        """Remove a script. Raises NoSuchScript; InUse when it is active."""
        await self.storage.delete(account_id, script_name(name))

    async def rename(self, account_id: int, old: str, new: str) -> None:
        """Give a script another name; it stays active. Raises NoSuchScript, AlreadyExists."""
        await self.storage.rename(account_id, script_name(old), script_name(new))


def text_of(source: bytes) -> str:
    """A script is UTF-8 (RFC 5228 §2.1). Raises ScriptErrors."""
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        good = source[: error.start].decode("utf-8")
        line = good.count("\n") + 1
        column = len(good) - good.rfind("\n")
        raise ScriptErrors([ScriptError(line, column, "A script has to be UTF-8")]) from None
