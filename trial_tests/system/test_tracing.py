"""Traces of a whole Sora, as a collector gets them."""

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import LogEvent, globalLogPublisher

from sora.deferreds import deferred
from trial_tests.support.collector import Collector, Received
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase, Wire

ANNA, BELA = "anna@example.com", "bela@example.com"
SESSIONS = 6
LETTER = b"From: carol@example.net\r\nSubject: secret words\r\n\r\nHello, this is private.\r\n"


class TracingTestCase(WholeSoraTestCase):
    """A Sora that traces everything."""

    timeout = 120

    async def traced(self, more: str = "") -> WholeSora:
        """One with two accounts."""
        self.collector = Collector()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.collector.stop()))
        self.extra = f'[tracing]\nenabled = true\nendpoint = "{self.collector.url}"\n{more}'
        sora = await self.sora()
        for address in (ANNA, BELA):
            await self.account(sora, address)
        return sora

    async def arrived(self, name: str, count: int = 1) -> list[Received]:
        """The roots of this name, when there are so many."""
        await self.collector.until(lambda _: len(self.collector.roots(name)) >= count)
        return self.collector.roots(name)


async def append(wire: Wire, letter: bytes) -> None:
    """Put a letter into INBOX."""
    wire.send(b"a APPEND INBOX {%d+}\r\n%s\r\n" % (len(letter), letter))
    await wire.until(rb"(?m)^a OK [^\r\n]*\r\n")


class IMAPTests(TracingTestCase):
    @deferred
    async def test_sessions_that_run_at_the_same_time_have_traces_of_their_own(self) -> None:
        """Several clients log in, store, select, fetch and search at the same time. Each trace is
        one command of one session, with the statements that this one has sent; nothing in it says
        whose mail it was, or what (G69)."""
        sora = await self.traced()
        wires = [await sora.imap(ANNA if number % 2 else BELA) for number in range(SESSIONS)]
        said: list[bytes] = []

        async def converse(wire: Wire) -> None:
            await append(wire, LETTER)
            said.append(await wire.ask(b"SELECT INBOX"))
            said.append(await wire.ask(b"UID FETCH 1:* (FLAGS BODY.PEEK[])"))
            said.append(await wire.ask(b"SEARCH BODY private"))
            said.append(await wire.ask(b"STATUS Sent (MESSAGES)"))
            said.append(await wire.ask(b"FETCH 99999 FLAGS"))

        await gatherResults([Deferred.fromCoroutine(converse(wire)) for wire in wires])
        roots = [
            root
            for name in ("LOGIN", "APPEND", "SELECT", "SEARCH", "STATUS")
            for root in await self.arrived(f"imap {name}", SESSIONS)
        ]
        fetches = await self.arrived("imap FETCH", 2 * SESSIONS)
        sessions = {root.facts["sora.session"] for root in roots}
        self.assertEqual(len(sessions), SESSIONS)
        for session in sessions:
            mine = [root.name for root in roots if root.facts["sora.session"] == session]
            self.assertEqual(len(mine), 5)
        for root in roots:
            self.assertEqual(root.facts["sora.outcome"], "ok")
            self.assertEqual(root.facts["sora.protocol"], "imap")
            self.assertTrue(root.facts["sora.server"])
        self._require_trees(roots + fetches)
        self._require_statements(roots)
        # The one that asked for a message that is not there.
        self.assertEqual(sum(root.error == "bad" for root in fetches), SESSIONS)
        everything = repr(self.collector.spans)
        for private in (
            ANNA,
            BELA,
            "carol",
            "secret",
            "open-sesame",
            "INBOX",
            "Sent",
            "127.0.0.1:",
        ):
            self.assertNotIn(private, everything.replace(self.collector.url, ""), private)

    def _require_trees(self, roots: list[Received]) -> None:
        """Each trace has one root, and every span hangs in it."""
        self.assertEqual(len({root.trace for root in roots}), len(roots))
        for root in roots:
            below = self.collector.below(root)
            ids = {root.id, *(span.id for span in below)}
            for span in below:
                self.assertIn(span.parent, ids)
                self.assertLessEqual(span.seconds, root.seconds + 0.001, (root.name, span.name))

    def _require_statements(self, roots: list[Received]) -> None:
        """As many statements of a name as one command sends: none of a neighbour's."""
        wanted = {"imap LOGIN": ["login"], "imap STATUS": ["find"]}
        for root in roots:
            names = [
                span.facts["db.operation.name"]
                for span in self.collector.below(root)
                if span.name.startswith("postgresql")
            ]
            if root.name in wanted:
                self.assertEqual(names, wanted[root.name], root.name)
            self.assertEqual(root.facts.get("sora.postgresql.count", 0), len(names), root.name)

    @deferred
    async def test_a_slow_command_is_found_by_its_line_in_the_log(self) -> None:
        """Whatever the share: the line has the id of the trace. Users are in traces where the
        configuration says so."""
        lines: list[LogEvent] = []

        def heard(event: LogEvent) -> None:
            if "took {duration} seconds" in (event.get("log_format") or ""):
                lines.append(event)

        globalLogPublisher.addObserver(heard)
        self.addCleanup(globalLogPublisher.removeObserver, heard)
        sora = await self.traced(
            'sample_ratio = 0\nslower_than = "0s"\ninclude_users = true\n'
            '[logging]\nslow_command = "1ms"\n'
        )
        wire = await sora.imap(ANNA)
        [root] = await self.arrived("imap LOGIN")
        self.assertEqual([line["trace"] for line in lines], [root.trace])
        self.assertEqual(root.facts["enduser.id"], ANNA)
        await wire.ask(b"LOGOUT")
