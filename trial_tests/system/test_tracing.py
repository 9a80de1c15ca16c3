"""Traces of a whole Sora, as a collector gets them."""

import json
from collections import Counter
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, globalLogPublisher

from sora.app import tracing
from sora.deferreds import deferred
from trial_tests.support.collector import Collector, Received
from trial_tests.support.ports import free_port
from trial_tests.support.whole_sora import LOGIN_PASSWORD as PASSWORD
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase, Wire

ANNA, BELA = "anna@example.com", "bela@example.com"
SESSIONS = 6
LARGE_ONES = 8
"""more than places for them"""
LETTER = b"From: carol@example.net\r\nSubject: secret words\r\n\r\nHello, this is private.\r\n"


class TracingTestCase(WholeSoraTestCase):
    """A Sora that traces everything."""

    timeout = 120

    async def traced(self, more: str = "") -> WholeSora:
        """One with two accounts."""
        self.patch(tracing, "INTERVAL", 0.05)
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
        lines.clear()
        sender = await sora.lmtp()
        sender.send(b"MAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n")
        await sender.until(rb"354 [^\r\n]*\r\n")
        sender.send(LETTER + b".\r\nQUIT\r\n")
        await sender.until(rb"221 [^\r\n]*\r\n")
        [root] = await self.arrived("lmtp MESSAGE")
        told = [(line["command"], line["user"], line["trace"]) for line in lines]
        self.assertEqual(told[-1], ("MESSAGE", ANNA, root.trace))


KEY = "d0c4a5b1e2f3948576a1b2c3d4e5f607"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SCRIPT = """require ["fileinto", "body", "copy"];
if body :contains "private" { fileinto "Archive"; redirect :copy "carol@example.net"; }"""


class OtherProtocolTests(TracingTestCase):
    @deferred
    async def test_each_protocol_has_its_traces(self) -> None:
        """A message over LMTP with the script that it runs, and attempts to send it on, which are
        found from it; POP3, ManageSieve; and the HTTP API, where a client with a key may say which
        trace it is a part of."""
        pop3, managesieve, http = free_port(), free_port(), free_port()
        queue = mkdtemp(prefix="sora-relay-")
        self.addCleanup(rmtree, queue, True)
        sora = await self.traced(
            "".join(
                f'[[servers]]\ntype = "{kind}"\nname = "my {kind}"\naddr = "127.0.0.1:{port}"\n'
                for kind, port in (("pop3", pop3), ("managesieve", managesieve))
            )
            + f'[[servers]]\ntype = "http_api"\naddr = "127.0.0.1:{http}"\napi_key = "{KEY}"\n'
            + '[relay]\ntype = "smtp"\nsmtp_host = "127.0.0.1:1"\ntls_use_starttls = false\n'
            + f'[relay.queue]\npath = "{queue}"\n'
        )
        await sora.script(ANNA, SCRIPT)
        await self._deliver(sora)
        await self._retrieve(await sora.client(pop3))
        await self._list_scripts(await sora.client(managesieve))
        await self._administrate(http)

    async def _deliver(self, sora: WholeSora) -> None:
        wire = await sora.lmtp()
        wire.send(b"MAIL FROM:<carol@example.net>\r\nRCPT TO:<anna@example.com>\r\n")
        wire.send(b"RCPT TO:<nobody@example.com>\r\nDATA\r\n")
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(LETTER + b".\r\nMAIL FROM:<carol@example.net>\r\nRSET\r\nQUIT\r\n")
        await wire.until(rb"221 [^\r\n]*\r\n")
        first, second = sorted(await self.arrived("lmtp MESSAGE", 2), key=_outcome)
        self.assertEqual((_outcome(first), _outcome(second)), ("ok", "reset"))
        self.assertEqual(first.facts["sora.recipients"], 1)
        self.assertEqual(first.facts["sora.octets"], len(LETTER))
        below = {span.name: span for span in self.collector.below(first)}
        deliver, sieve = below["lmtp deliver"], below["sieve run"]
        self.assertEqual((deliver.parent, sieve.parent), (first.id, deliver.id))
        self.assertEqual(sieve.facts["sora.scripts"], "user")
        self.assertEqual(below["lmtp receive"].parent, first.id)
        attempt, *_ = await self.arrived("worker relay")
        self.assertEqual(attempt.links, [(first.trace, below["relay_queue hold"].id)])
        self.assertEqual(attempt.facts["sora.cause"], first.trace)
        operations = [one.facts.get("db.operation.name") for one in below.values()]
        self.assertIn("recipient", operations)
        self.assertEqual(self.collector.below(second), [])

    async def _retrieve(self, wire: Wire) -> None:
        wire.send(b"USER %s\r\nPASS %s\r\nSTAT\r\nQUIT\r\n" % (BELA.encode(), PASSWORD.encode()))
        await wire.until(rb"(?s)(\+OK.*){5}\r\n")
        for name in ("USER", "PASS", "STAT", "QUIT"):
            [root] = await self.arrived(f"pop3 {name}")
            self.assertEqual(root.facts["sora.server"], "my pop3")
            self.assertEqual((_outcome(root), root.error), ("ok", ""))

    async def _list_scripts(self, wire: Wire) -> None:
        await wire.until(rb'OK "Sora is ready"\r\n')
        wire.send(b'GETSCRIPT "main"\r\nLOGOUT\r\n')
        await wire.until(rb"(?m)^OK.*\r\n")
        [refused] = await self.arrived("managesieve UNKNOWN")
        self.assertEqual((_outcome(refused), refused.error), ("bad", "bad"))
        self.assertEqual(_outcome((await self.arrived("managesieve LOGOUT"))[0]), "ok")

    async def _administrate(self, port: int) -> None:
        def ask(path: str, **headers: str) -> tuple[int, dict[str, Any]]:
            request = Request(f"http://127.0.0.1:{port}{path}", None, headers)
            try:
                with urlopen(request, timeout=20) as answer:
                    return answer.status, json.loads(answer.read())
            except HTTPError as error:
                return error.code, json.loads(error.read())

        authorization, parent = f"Bearer {KEY}", f"00-{TRACE}-{SPAN}-01"
        status, _ = await deferToThread(
            ask, f"/admin/accounts/{ANNA}", Authorization=authorization, traceparent=parent
        )
        self.assertEqual(status, 200)
        await self.collector.until(lambda spans: any(span.trace == TRACE for span in spans))
        spans = [span for span in self.collector.spans if span.trace == TRACE]
        [root] = [span for span in spans if span.parent == SPAN]
        self.assertTrue(all(span.parent == root.id for span in spans if span is not root))
        self.assertEqual(root.facts["http.response.status_code"], 200)
        # A stranger says nothing of ours; the problem has the trace, for who asks us.
        status, problem = await deferToThread(ask, f"/admin/accounts/{ANNA}", traceparent=parent)
        self.assertEqual(status, 401)
        self.assertNotEqual(problem["trace"], TRACE)
        await self.collector.until(
            lambda spans: any(span.trace == problem["trace"] for span in spans)
        )
        self.assertNotIn(ANNA, repr(self.collector.spans))
        request = problem["instance"].rpartition(":")[2]
        [told] = [span for span in self.collector.spans if span.trace == problem["trace"]]
        self.assertEqual(told.facts["sora.session"], request)


class LargeMessageTests(TracingTestCase):
    @deferred
    async def test_large_messages_wait_for_each_other_and_not_for_their_traces(self) -> None:
        """Few of them are dealt with at the same time, each in the place that another one leaves:
        with its own script and its own statements in its own trace."""
        sora = await self.traced()
        await sora.script(ANNA, SCRIPT)
        filler = b"".join(b"%06d %s\r\n" % (line, b"x" * 70) for line in range(15_000))

        async def deliver() -> None:
            wire = await sora.lmtp()
            wire.send(b"MAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n")
            await wire.until(rb"354 [^\r\n]*\r\n")
            wire.send(LETTER + filler + b".\r\nQUIT\r\n")
            await wire.until(rb"221 [^\r\n]*\r\n")

        await gatherResults([Deferred.fromCoroutine(deliver()) for _ in range(LARGE_ONES)])
        roots = await self.arrived("lmtp MESSAGE", LARGE_ONES)
        for root in roots:
            below = self.collector.below(root)
            names = Counter(span.name for span in below)
            self.assertEqual((names["lmtp deliver"], names["sieve run"]), (1, 1))
            self.assertEqual((names["postgresql recipient"], names["postgresql deliver"]), (1, 1))
            ids = {root.id, *(span.id for span in below)}
            self.assertTrue(all(span.parent in ids for span in below))


def _outcome(root: Received) -> str:
    return str(root.facts["sora.outcome"])
