"""UNAUTHENTICATE (RFC 8437)."""

import zlib
from typing import Any

from sora.protocols.imap.session import Session
from sora.protocols.imap.telling import Telling
from trial_tests.protocols.imap.commands.test_compress import CompressTestCase
from trial_tests.support.transcript import TranscriptTestCase

STAYS = {
    "id",
    "holding",
    "client",
    "connection",
    "dialect",
    "services",
    "limits",
    "literals",
    "_reader",
    "answering",
    "telling",
}
"""what is the connection's and not the login's (the client's ID: RFC 8437 §3), or looked at by itself"""


def state_of(session: Session) -> dict[str, Any]:
    """All that a session knows, in a form that can be compared."""
    told = {name: getattr(session.telling, name) for name in Telling.__slots__}
    assert told.pop("_session") is session
    return {"bad": session.answering.bad, "told": told} | {
        name: getattr(value, "__dict__", value)
        for name, value in vars(session).items()
        if name not in STAYS and not callable(value)
    }


class UnauthenticateTests(TranscriptTestCase):
    def test_somebody_else_may_log_in(self) -> None:
        self.add_account("jane@example.com")
        self.append_some(1)
        self.converse("""
            C: a UNAUTHENTICATE
            S: a OK UNAUTHENTICATE completed
            C: b LOGIN jane secret
            S: b OK [CAPABILITY ...] Logged in
            C: c STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 0)
            S: c OK STATUS completed
        """)

    def test_pipelined_with_the_next_login(self) -> None:
        """RFC 8437 §3: one round trip, with SASL-IR."""
        self.converse("""
            C: a UNAUTHENTICATE
            C: b AUTHENTICATE PLAIN AGZyZWQAc2VjcmV0
            S: a OK UNAUTHENTICATE completed
            S: b OK [CAPABILITY ...] Logged in
        """)

    def test_is_told_of_and_allowed_after_the_login_only(self) -> None:
        self.assertIn(b" UNAUTHENTICATE", self.client.ask(b"a CAPABILITY"))
        self.converse("""
            C: a UNAUTHENTICATE
            S: a OK UNAUTHENTICATE completed
            C: b UNAUTHENTICATE
            S: b BAD [CLIENTBUG] UNAUTHENTICATE is not allowed before the login
            C: c UNAUTHENTICATE now
            S: c BAD ...
        """)
        self.assertNotIn(b" UNAUTHENTICATE", self.client.ask(b"a CAPABILITY"))

    def test_a_selected_mailbox_is_left_and_nothing_expunged(self) -> None:
        """RFC 8437 §3."""
        self.append_some(1)
        self.converse("""
            C: a SELECT INBOX
            S: * FLAGS ...
            S: * OK [PERMANENTFLAGS ...
            S: * 1 EXISTS
            S: * 1 RECENT
            S: * OK [UNSEEN 1] ...
            S: * OK [UIDVALIDITY ...
            S: * OK [UIDNEXT 2] ...
            S: * OK [HIGHESTMODSEQ ...] ...
            S: * OK [MAILBOXID ...] ...
            S: a OK [READ-WRITE] SELECT completed
            C: b STORE 1 +FLAGS.SILENT (\\Deleted)
            S: b OK STORE completed
            C: c UNAUTHENTICATE
            S: c OK UNAUTHENTICATE completed
            C: d FETCH 1 FLAGS
            S: d BAD [CLIENTBUG] FETCH is not allowed before the login
            C: e LOGIN fred secret
            S: e OK [CAPABILITY ...
            C: f STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 1)
            S: f OK STATUS completed
            C: g FETCH 1 FLAGS
            S: g BAD [CLIENTBUG] FETCH needs a selected mailbox
        """)
        self.assertEqual(self.server.open.in_use, [])

    def test_nothing_of_the_login_is_left(self) -> None:
        """RFC 8437 §4.1: all state but TLS and ID, that of extensions to come included."""
        fresh = self.new_client(logs_in=False).connection._session
        session = self.client.connection._session
        assert session is not None and fresh is not None
        self.append_some(2)
        for command in (
            b'ID ("name" "x")',
            b"SELECT INBOX",
            b"SEARCH ALL",
            *(b"ENABLE " + name for name in session.dialect.enabling),
            b"NONSENSE",
        ):
            self.client.ask(b"a " + command)
        self.assertNotEqual(state_of(session), state_of(fresh))
        self.client.ask(b"a UNAUTHENTICATE")
        self.assertEqual(state_of(session), state_of(fresh))
        self.assertEqual(session.client, {"name": "x"})

    def test_the_limits_before_a_login_hold_again(self) -> None:
        """G59"""
        self.client.ask(b"a UNAUTHENTICATE")
        limits = self.limits
        self.assertEqual(
            self.client.ask(b"b NOOP" + b" " * limits.line_before_login),
            b"b BAD The line is too long\r\n",
        )
        self.assertIn(b"c NO [TOOBIG]", self.client.ask(b"c LOGIN {5000}"))
        for _ in range(6):
            self.clock.advance(limits.login_timeout / 6)
            self.client.send(b" ")
        self.assertEqual(self.client.take(), b"* BYE Nothing was heard for too long\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_the_books_know_that_nobody_is_there(self) -> None:
        told: list[str] = []

        class Books:
            def identify(self, user: str) -> None:
                told.append(user)

            def unidentify(self) -> None:
                told.append("")

            def leave(self) -> None:
                raise AssertionError

        self.client.connection.session = Books()
        self.client.ask(b"a UNAUTHENTICATE\r\nb LOGIN fred secret")
        self.assertEqual(told, ["", "fred@example.com"])


class CompressionTests(CompressTestCase):
    """RFC 8437 §4.1: it ends behind the lines of the command and of its OK."""

    def test_ends(self) -> None:
        client = self.compressed()
        self.assertEqual(client.ask(b"a UNAUTHENTICATE"), b"a OK UNAUTHENTICATE completed\r\n")
        self.assertIn(b"b OK", self.client.ask(b"b LOGIN fred secret"))
        again = self.compressed()
        self.assertEqual(again.ask(b"d NOOP"), b"d OK NOOP completed\r\n")

    def test_ends_with_the_next_login_pipelined(self) -> None:
        for how in (zlib.Z_SYNC_FLUSH, zlib.Z_FINISH):
            self.client = self.new_client()
            client = self.compressed()
            command = client.packed(b"a UNAUTHENTICATE\r\n", how)
            self.client.send(command + b"b LOGIN fred secret\r\n")
            said = self.client.take()
            compressed, mark, plain = said.partition(b"\0\0\xff\xff")
            self.assertEqual(
                client._in.decompress(compressed + mark), b"a OK UNAUTHENTICATE completed\r\n"
            )
            self.assertTrue(plain.startswith(b"b OK"), plain)
