"""The door to scripts: compiled once, checked before they are kept."""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.addresses import parse_address
from sora.errors import BadName, InUse, NoSuchScript, TooBig, TooMany
from sora.mailbox.scripts import AT_ONCE, Compiler, ScriptStore, text_of
from sora.sieve.dialect import SIEVE
from sora.sieve.errors import ScriptErrors
from sora.sieve.limits import Limits
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import ScriptLimits, ScriptPosition


class Calls:
    """A thread that is none, and what was called in it."""

    def __init__(self) -> None:
        self.count = 0

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        """Call `work` now."""
        self.count += 1
        return work(*args)


class DoorTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.calls = Calls()

    def compiler(self, **how: Any) -> Compiler:
        return Compiler(SIEVE, Limits(), self.calls.run, **how)

    def result(self, work: Awaitable[Any]) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))  # type: ignore[arg-type]

    def refused(self, error: type[Exception], work: Awaitable[Any]) -> Any:
        failure = self.failureResultOf(Deferred.fromCoroutine(work), error)  # type: ignore[arg-type]
        return failure.value


class CompilerTests(DoorTestCase):
    def test_the_same_text_is_compiled_once(self) -> None:
        compiler = self.compiler()
        first = self.result(compiler.compile("keep;"))
        self.assertIs(self.result(compiler.compile("keep;")), first)
        self.assertIsNot(self.result(compiler.compile("keep; ")), first)

    def test_what_is_wrong_is_known_too(self) -> None:
        compiler = self.compiler()
        errors = [self.refused(ScriptErrors, compiler.compile("nono;")) for _ in range(2)]
        self.assertEqual(errors[0].errors, errors[1].errors)
        self.assertIs(errors[0].errors[0], errors[1].errors[0])
        self.assertIsNot(errors[0], errors[1], "tracebacks do not grow")

    def test_what_is_kept_is_bounded(self) -> None:
        """G55: the least recently used goes first."""
        compiler = self.compiler(kept=100)
        sources = [f"keep;#{number:04}".ljust(25) for number in range(6)]
        kept = [self.result(compiler.compile(source)) for source in sources[:4]]
        self.assertIs(self.result(compiler.compile(sources[0])), kept[0])
        self.result(compiler.compile(sources[4]))
        self.assertIs(self.result(compiler.compile(sources[0])), kept[0])
        self.assertIsNot(self.result(compiler.compile(sources[1])), kept[1])
        huge = "#".ljust(101)
        self.assertIsNot(self.result(compiler.compile(huge)), self.result(compiler.compile(huge)))

    def test_a_large_script_is_compiled_in_a_thread(self) -> None:
        compiler = self.compiler()
        self.result(compiler.compile("#".ljust(AT_ONCE)))
        self.assertEqual(self.calls.count, 0)
        self.result(compiler.compile("#".ljust(AT_ONCE + 1)))
        self.refused(ScriptErrors, compiler.compile("(".ljust(AT_ONCE + 1)))
        self.assertEqual(self.calls.count, 2)


class StoreTests(DoorTestCase):
    def setUp(self) -> None:
        super().setUp()
        storage = memory_storage(Clock())
        ann = self.successResultOf(
            storage.accounts.create(parse_address("ann@example.com"), [], [])
        )
        self.ann = ann.id
        self.scripts = storage.scripts
        self.store = ScriptStore(self.scripts, self.compiler(), ScriptLimits(1000, 2, 1500))

    def test_what_is_put_is_checked_before(self) -> None:
        """G47"""
        error = self.refused(ScriptErrors, self.store.put(self.ann, "a", b"keep;\nnono;"))
        self.assertEqual((error.errors[0].line, error.errors[0].column), (2, 1))
        self.refused(ScriptErrors, self.store.put(self.ann, "a", b""))
        self.refused(ScriptErrors, self.store.put(self.ann, "a", b"keep;#\xff"))
        self.refused(BadName, self.store.put(self.ann, "a\n", b"keep;"))
        self.assertEqual(self.result(self.store.list(self.ann)), [])
        self.assertEqual(self.result(self.store.check(b"keep;")), ())

    def test_a_script_is_kept_and_loaded(self) -> None:
        self.result(self.store.put(self.ann, "cafe\u0301", b"stop;", ScriptPosition.ACTIVE))
        self.assertEqual(self.result(self.store.get(self.ann, "caf\u00e9")), "stop;")
        script = self.result(self.store.load(self.ann, "caf\u00e9"))
        self.assertIs(script, self.result(self.store.load(self.ann, "caf\u00e9")))
        self.refused(InUse, self.store.delete(self.ann, "cafe\u0301"))
        self.result(self.store.rename(self.ann, "cafe\u0301", "b"))
        self.result(self.store.deactivate(self.ann))
        self.result(self.store.delete(self.ann, "b"))
        self.refused(NoSuchScript, self.store.load(self.ann, "b"))

    def test_limits(self) -> None:
        for name in ("a", "b"):
            self.result(self.store.put(self.ann, name, b"keep;"))
        self.refused(TooMany, self.store.put(self.ann, "c", b"keep;"))
        self.refused(TooMany, self.store.require_room(self.ann, "c", 5))
        self.refused(TooBig, self.store.require_room(self.ann, "a", 1001))
        self.result(self.store.require_room(self.ann, "a", 1000))

    def test_what_cannot_be_compiled_any_more_is_not_activated(self) -> None:
        self.scripts.put(self.ann, "old", "nono;", ScriptLimits(9, 9, 99))
        self.refused(ScriptErrors, self.store.activate(self.ann, "old"))
        self.refused(NoSuchScript, self.store.activate(self.ann, "other"))

    def test_where_a_script_is_not_utf_8(self) -> None:
        """RFC 5228 §2.1"""
        self.assertEqual(text_of("é".encode()), "é")
        for source, place in ((b"\xff", (1, 1)), ("é\né".encode() + b"\xc3", (2, 2))):
            error = self.assertRaises(ScriptErrors, text_of, source)
            self.assertEqual((error.errors[0].line, error.errors[0].column), place)
