"""Trace lines."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.headers import fields, header_end
from sora.mail.trace import (
    Hop,
    count_received,
    delivered_to,
    received,
    return_path,
    was_delivered_to,
)
from trial_tests.support.properties import SETTINGS

WHEN = datetime(2024, 3, 1, 9, 5, 7, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))


class TraceTests(SynchronousTestCase):
    def test_the_lines_of_a_delivery(self) -> None:
        """RFC 5321 §4.4, RFC 3848."""
        hop = Hop("mx.example.org", "192.0.2.1", "sora.example.com", "LMTP", "s1-7", WHEN)
        self.assertEqual(
            received(hop, "bob@example.com"),
            b"Received: from mx.example.org ([192.0.2.1])\r\n"
            b"\tby sora.example.com with LMTP id s1-7\r\n"
            b"\tfor <bob@example.com>; Fri, 1 Mar 2024 09:05:07 -0330\r\n",
        )
        self.assertEqual(return_path("a@example.com"), b"Return-Path: <a@example.com>\r\n")
        self.assertEqual(return_path(""), b"Return-Path: <>\r\n")
        self.assertEqual(delivered_to("jörg@x"), "Delivered-To: jörg@x\r\n".encode())

    def test_without_a_recipient_none_is_disclosed(self) -> None:
        hop = Hop("", "2001:db8::1", "", "", "", datetime(2024, 3, 1, tzinfo=UTC))
        self.assertEqual(
            received(hop),
            b"Received: from unknown ([IPv6:2001:db8::1])\r\n"
            b"\tby localhost with LMTP; Fri, 1 Mar 2024 00:00:00 +0000\r\n",
        )

    @SETTINGS
    @given(st.text(), st.text())
    def test_no_value_can_make_a_line_of_its_own(self, helo: str, address: str) -> None:
        hop = Hop(helo, "192.0.2.1", "host", "LMTP", helo, WHEN)
        trace = return_path(address) + delivered_to(address) + received(hop, address)
        self.assertEqual(
            [name for name, _ in fields(trace)], [b"return-path", b"delivered-to", b"received"]
        )
        self.assertEqual(header_end(trace), len(trace))
        self.assertEqual(trace.count(b"\n"), 5)

    def test_hops_are_counted(self) -> None:
        header = b"received: a\r\nX-Received: b\r\nRECEIVED : c\r\n Received: d\r\n\r\n"
        self.assertEqual(count_received(header), 2)

    def test_a_loop_is_recognised(self) -> None:
        """G44"""
        header = b"Delivered-To: <Bob@Example.com>\r\nTo: carol@example.com\r\n\r\n"
        self.assertTrue(was_delivered_to(header, "bob@example.com"))
        self.assertFalse(was_delivered_to(header, "carol@example.com"))
