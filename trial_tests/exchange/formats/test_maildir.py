"""Names of files and folders in maildirs, and what Dovecot keeps beside them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument, BadName
from sora.exchange.formats.keywords import keywords_text, parse_keywords
from sora.exchange.formats.line_ends import ToCRLF, ToLF
from sora.exchange.formats.maildir import (
    MessageName,
    file_name,
    flags_of,
    folder_of,
    fs_directory,
    letters_of,
    maildirpp_directory,
    maildirpp_levels,
    order_of,
    parse_name,
)
from sora.exchange.formats.special_uses import special_use_of
from sora.exchange.formats.subscriptions import parse_subscriptions, subscriptions_text
from sora.exchange.formats.uidlist import parse_uidlist, uidlist_header, uidlist_line
from sora.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags


class NameTests(SynchronousTestCase):
    def test_names_of_messages(self) -> None:
        self.assertEqual(
            parse_name("1276528487.M364837P9451.kurkku,S=1355,W=1394:2,FSa"),
            MessageName("1276528487.M364837P9451.kurkku,S=1355,W=1394", "FSa", 1355, 1394),
        )
        self.assertEqual(parse_name("x.y.z"), MessageName("x.y.z"))
        self.assertEqual(parse_name("x:1,exp"), MessageName("x"))
        self.assertEqual(parse_name("x,S=1x,W=:2,S,more"), MessageName("x,S=1x,W=", "S"))
        self.assertEqual(parse_name("x,S=99999999999999999999").size, None)

    def test_flags_are_letters(self) -> None:
        everything = SEEN | ANSWERED | FLAGGED | DELETED | DRAFT
        keywords = {"a": "Work", "b": "NIL", "c": "with space", "d": "\\Seen", "e": "work"}
        flags = flags_of("DFPRSTabcdezQ", keywords)
        self.assertEqual(flags, Flags(everything, ("$Forwarded", "Work")))
        letters = {"$forwarded": "b", "work": "a"}
        self.assertEqual(letters_of(flags, letters), "DFRSTab")
        self.assertEqual(letters_of(Flags(SEEN, ("other",)), letters), "S")
        self.assertEqual(file_name("1.x.host", 5, 6, "S"), "1.x.host,S=5,W=6:2,S")

    def test_messages_without_uids_are_ordered_by_time(self) -> None:
        names = ["10.b", "9.z", "10.a", "no time"]
        self.assertEqual(sorted(names, key=order_of), ["no time", "9.z", "10.a", "10.b"])

    def test_names_of_folders(self) -> None:
        """Modified UTF-7, and UTF-8 where it is no such thing."""
        self.assertEqual(folder_of(maildirpp_levels(b".Work.Entw&APw-rfe")), "Work/Entwürfe")
        self.assertEqual(folder_of(maildirpp_levels(".Entwürfe".encode())), "Entwürfe")
        self.assertEqual(folder_of([b"A&B"]), "A&B")
        self.assertEqual(folder_of([b"inbox"]), "INBOX")
        for levels in ([b"a", b""], [b".."], [b"\xff"], [b"a/b"], [b"a\nb"]):
            with self.assertRaises(BadName):
                folder_of(levels)

    def test_folders_have_directories(self) -> None:
        """No path leads out of an export (G38)."""
        self.assertEqual(maildirpp_directory("Work/Entwürfe"), ".Work.Entw&APw-rfe")
        self.assertEqual(fs_directory("Work/v1.2"), "Work/v1.2")
        with self.assertRaises(BadName):
            maildirpp_directory("v1.2")
        for name in ("cur", "a/tmp", ".hidden", "a/.."):
            with self.assertRaises(BadName):
                fs_directory(name)

    def test_special_uses_by_name(self) -> None:
        self.assertEqual(special_use_of("Sent Items"), "\\Sent")
        self.assertIsNone(special_use_of("Work/Sent"))


class UidListTests(SynchronousTestCase):
    def test_version_3(self) -> None:
        found = parse_uidlist(
            [
                "3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n",
                "25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n",
                "25017 W2481 S2457 Pab c :1276533073.M242911P3632.kurkku:2,F\n",
            ]
        )
        self.assertEqual((found.uidvalidity, found.uidnext), (1275660208, 25022))
        self.assertEqual(
            found.uids,
            {
                "1276528487.M364837P9451.kurkku,S=1355,W=1394": 25006,
                "1276533073.M242911P3632.kurkku": 25017,
            },
        )

    def test_version_1(self) -> None:
        found = parse_uidlist(["1 1173189136 20221\n", "20001 1.x:2,S\n"])
        self.assertEqual(
            (found.uidvalidity, found.uidnext, found.uids), (1173189136, 20221, {"1.x": 20001})
        )

    def test_what_makes_no_sense_is_left_out(self) -> None:
        """UIDs that do not ascend (G29), lines that are cut off; uidnext is above all of them."""
        lines = ["3 V1 N2\n", "5 :a\n", "5 :b\n", "x :c\n", "7\n", "9 :d", "4294967295 :e\n"]
        found = parse_uidlist(lines)
        self.assertEqual((found.uids, found.uidnext), ({"a": 5, "d": 9}, 10))

    def test_other_files(self) -> None:
        for first in ("", "2 V1 N1", "3 V N1", "3 N1", "3 V0 N1", "3 V4294967296 N1", "1 5"):
            with self.assertRaises(BadArgument):
                parse_uidlist([first])

    def test_what_is_written_is_read(self) -> None:
        lines = [uidlist_header(7, 12, "0" * 32), uidlist_line(3, "a,S=1"), uidlist_line(11, "b")]
        found = parse_uidlist(lines)
        self.assertEqual((found.uidvalidity, found.uidnext), (7, 12))
        self.assertEqual(found.uids, {"a,S=1": 3, "b": 11})

    def test_keywords(self) -> None:
        letters = {"a": "$Forwarded", "c": "Work"}
        self.assertEqual(parse_keywords(keywords_text(letters).splitlines()), letters)
        self.assertEqual(parse_keywords(["x y", "26 z", "1", "", "0 a b"]), {"a": "a b"})


class SubscriptionTests(SynchronousTestCase):
    def test_both_versions(self) -> None:
        names = ["INBOX", "Work/v1.2/Entwürfe", "a&b"]
        self.assertEqual(list(parse_subscriptions(subscriptions_text(names), b".")), names)
        old = b"INBOX\nWork.Entw&APw-rfe\n..\n\n"
        self.assertEqual(list(parse_subscriptions(old, b".")), ["INBOX", "Work/Entwürfe"])
        self.assertEqual(list(parse_subscriptions(b"A/b.c\n", b"/")), ["A/b.c"])

    def test_escapes(self) -> None:
        self.assertEqual(list(parse_subscriptions(b"V\t2\n\na\x01tb\nc\x011\nd\n", b".")), ["d"])

    def test_courier_puts_all_below_inbox(self) -> None:
        found = parse_subscriptions(b"INBOX\nINBOX.Sent\n", b".")
        self.assertEqual(list(found), ["INBOX", "Sent"])


class LineEndTests(SynchronousTestCase):
    @given(st.lists(st.text("a\r\n", max_size=4).map(str.encode), max_size=8))
    def test_pieces_make_no_difference(self, pieces: list[bytes]) -> None:
        """Each LF without a CR gets one, and nothing else changes; there and back."""
        lines = ToCRLF()
        made = b"".join(lines.feed(piece) for piece in pieces) + lines.end()
        whole = b"".join(pieces).replace(b"\r\n", b"\n")
        self.assertEqual(made, whole.replace(b"\n", b"\r\n"))
        back = ToLF()
        self.assertEqual(b"".join(map(back.feed, pieces)) + back.end(), whole)
        self.assertEqual((back.size, back.size_crlf), (len(whole), len(made)))
