"""`[limits] session_memory`: what a session may hold by itself."""

from attrs import evolve
from prometheus_client import CollectorRegistry

from sora.metrics.memory import SessionMemoryMetrics
from sora.protocols.imap.holding import BASE
from sora.protocols.imap.services import Limits
from trial_tests.support.transcript import Server, TranscriptTestCase

ROOM = 3000
"""octets beside those of a session of which nothing was asked: a context with a small result, or a
saved result of 375 messages"""
MESSAGES = 400
PEAK = "sora_session_memory_peak_bytes_sum"


class HoldingTests(TranscriptTestCase):
    limits = evolve(Limits(), memory=BASE + ROOM)

    def setUp(self) -> None:
        super().setUp()
        self.append_some(MESSAGES)
        self.nothing_is_recent()
        self.client.ask(b"s SELECT INBOX")

    def test_a_result_that_takes_too_much_is_not_saved(self) -> None:
        """RFC 5182 §2.1: a search that fails leaves an empty result."""
        self.converse("""
            C: a SEARCH RETURN (SAVE) 1:300
            S: a OK SEARCH completed
            C: b SEARCH RETURN (SAVE) ALL
            S: b NO [LIMIT] The session would take too much memory: ask for less at a time
            C: c SEARCH RETURN (COUNT) $
            S: * ESEARCH (TAG "c") COUNT 0
            S: c OK SEARCH completed
            C: d SEARCH RETURN (SAVE) 1:300
            S: d OK SEARCH completed
        """)

    def test_a_search_that_takes_too_much_is_not_kept_up_to_date(self) -> None:
        """RFC 5267 §4.3.1: the answer is as it would be; another one may be when there is room."""
        self.converse("""
            C: a SEARCH RETURN (UPDATE COUNT) 1:9
            S: * ESEARCH (TAG "a") COUNT 9
            S: a OK SEARCH completed
            C: b SEARCH RETURN (UPDATE COUNT) 1:9
            S: * ESEARCH (TAG "b") COUNT 9
            S: * NO [NOUPDATE "b"] Too many contexts
            S: b OK SEARCH completed
            C: c CANCELUPDATE "a"
            S: c OK No further updates
            C: d SEARCH RETURN (UPDATE COUNT) 1:9
            S: * ESEARCH (TAG "d") COUNT 9
            S: d OK SEARCH completed
        """)

    def test_a_literal_that_takes_too_much_is_refused_before_it_comes(self) -> None:
        """G37: no octet of it is taken."""
        self.converse("""
            C: a SEARCH SUBJECT {3001}
            S: a NO [LIMIT] The session would take too much memory: ask for less at a time
            C: b SEARCH SUBJECT {5}
            S: + Ready for the literal
            C: nobod
            S: * SEARCH
            S: b OK SEARCH completed
        """)

    def test_notify_about_too_many_mailboxes_is_refused(self) -> None:
        """RFC 5465 §5.8: and what was there before goes on."""
        for number in range(6):
            self.result(self.account().create(f"box {number}"))
        self.converse("""
            C: a NOTIFY SET (selected (MessageNew MessageExpunge))
            S: a OK NOTIFY completed
            C: b NOTIFY SET (personal (MessageNew MessageExpunge))
            S: b NO [NOTIFICATIONOVERFLOW] The session would take too much memory: ask for less at a time
        """)
        self.append(b"Subject: new\r\n\r\n")
        self.assertIn(b"* 401 EXISTS", self.client.take())


class EndTests(TranscriptTestCase):
    limits = evolve(Limits(), memory=BASE // 2 + MESSAGES * 5)

    def test_at_twice_the_limit_the_session_ends(self) -> None:
        """What others have expunged, and a client does not let itself be told, is still in its
        view, which then is a list of its own."""
        self.append_some(MESSAGES)
        self.client.ask(b"s SELECT INBOX")  # all are \\Recent here: another list
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"b UID STORE 400 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"c EXPUNGE")
        # RFC 3501 §7.4.1: FETCH with message numbers lets no EXPUNGE be told.
        said = self.client.ask(b"f FETCH 1 UID")
        self.assertEqual(
            said.splitlines()[-2:],
            [
                b"f OK FETCH completed",
                b"* BYE [UNAVAILABLE] The session takes too much memory; connect again",
            ],
        )
        self.assertTrue(self.client.transport.disconnecting)


class SessionMemoryTests(TranscriptTestCase):
    def test_the_metrics(self) -> None:
        registry = CollectorRegistry()
        metrics = SessionMemoryMetrics(registry, lambda: (70, 50))
        metrics.refused("imap")
        metrics.ended("imap")
        found = [
            registry.get_sample_value(f"sora_session_memory_{name}", labels)
            for name, labels in (
                ("bytes", {}),
                ("largest_bytes", {}),
                ("limit_exceeded_total", {"protocol": "imap", "result": "refused"}),
                ("limit_exceeded_total", {"protocol": "imap", "result": "ended"}),
            )
        ]
        self.assertEqual(found, [70, 50, 1, 1])

    def test_the_most_is_told_when_the_session_is_over(self) -> None:
        """What was let go before then, too."""
        registry = CollectorRegistry()
        self.server = Server(memory=SessionMemoryMetrics(registry))
        self.add_account("fred@example.com")
        client = self.new_client()
        client.ask(b"a SEARCH RETURN (UPDATE COUNT) 1:9")
        self.assertIsNone(registry.get_sample_value(PEAK, {"protocol": "imap"}))
        client.ask(b"b LOGOUT")
        self.assertGreaterEqual(registry.get_sample_value(PEAK, {"protocol": "imap"}) or 0, BASE)

    def test_a_session_says_what_it_holds(self) -> None:
        self.append_some(MESSAGES)
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"n ENABLE IMAP4rev2")
        before = self.client.connection.memory()
        self.client.ask(b"a SEARCH RETURN (SAVE) ALL")
        after = self.client.connection.memory()
        self.assertGreaterEqual(before, BASE)
        self.assertGreaterEqual(after - before, 8 * MESSAGES)
