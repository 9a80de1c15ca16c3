"""Lines of mbox files, and what is quoted in them."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.exchange.formats.mbox import (
    Kept,
    Quoting,
    Unquoting,
    date_of,
    flag_fields,
    from_line,
    is_from_line,
)
from sora.mail.flags import ANSWERED, DELETED, SEEN, Flags


class MboxTests(SynchronousTestCase):
    def test_from_lines(self) -> None:
        when = datetime(2003, 2, 1, 4, 5, 6, tzinfo=UTC)
        line = from_line("a@b", when)
        self.assertEqual(line, b"From a@b Sat Feb  1 04:05:06 2003\n")
        self.assertTrue(is_from_line(line))
        self.assertEqual(date_of(line), when)
        self.assertEqual(from_line("", when)[:19], b"From MAILER-DAEMON ")
        self.assertEqual(from_line("a\nb c", when)[:9], b"From abc ")
        for other in (b"From - Sat Feb 01 04:05:06 2003", b"From x Sat Feb 1 04:05:06 CET 2003"):
            self.assertEqual((is_from_line(other), date_of(other)), (True, when))
        for wrong in (b"From me to you at 10:00\n", b"from x Sat Feb  1 04:05:06 2003", b">From "):
            self.assertFalse(is_from_line(wrong))
        self.assertIsNone(date_of(b"From x Sat Feb 31 04:05:06 2003"))

    def test_flags_are_fields(self) -> None:
        flags = Flags(SEEN | ANSWERED | DELETED, ("Work", "$x"))
        fields = flag_fields(flags)
        self.assertEqual(fields, b"Status: RO\nX-Status: AD\nX-Keywords: Work $x\n")
        kept = Kept()
        for line in fields.splitlines():
            kept.add(line.partition(b":")[0].lower(), line)
        self.assertEqual(kept.flags, flags)
        self.assertEqual(Kept().flags, Flags())

    @given(st.lists(st.text(">From \nx", max_size=8).map(str.encode), max_size=8))
    def test_quoting_and_back(self, pieces: list[bytes]) -> None:
        """In pieces as in one; what was quoted is as it was."""
        whole = b"".join(pieces)
        quoting, unquoting = Quoting(), Unquoting()
        quoted = [*map(quoting.feed, pieces), quoting.end()]
        self.assertEqual(b"".join(quoted), re.sub(rb"(?m)^(>*From )", rb">\1", whole))
        back = [*map(unquoting.feed, quoted), unquoting.end()]
        self.assertEqual(b"".join(back), whole)
