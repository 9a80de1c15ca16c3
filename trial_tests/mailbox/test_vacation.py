"""Vacation replies (RFC 5230, RFC 6131, RFC 8580, RFC 3834; G43) and notifications (RFC 5436)."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message

from sora.addresses import parse_address
from trial_tests.mailbox.test_filtering import ANN, FilteringTestCase

DAY = 24 * 3600
SOURCE = 'require "vacation"; vacation "I am away.";'


def letter(*lines: str, to: str = "ann@example.com", subject: str = "Lunch?") -> bytes:
    """A message to Ann, with more lines in its header."""
    header = ["From: Carl <carl@example.net>", f"To: {to}", f"Subject: {subject}", *lines]
    return ("\r\n".join(header) + "\r\n\r\nHello.\r\n").encode()


class VacationTestCase(FilteringTestCase):
    def replies(self, kind: str = "vacation") -> list[Message]:
        return [message_from_bytes(kept.octets) for kept in self.sent(kind)]

    async def is_answered(self, data: bytes, sender: str = "carl@example.net") -> bool:
        """Whether a message is answered, by a script that answers everybody once more."""
        self.relay.sent.clear()
        self.world.storage.tables.vacations.clear()
        self.assertIsNone(await self.send(data, sender=sender))
        return bool(self.relay.sent)


class ReplyTests(VacationTestCase):
    async def test_a_reply(self) -> None:
        """RFC 5230 §5, RFC 3834 §3"""
        await self.run_script(SOURCE, letter("Message-ID: <1@x>", "References: <a@x> <b@x>"))
        (kept,) = self.sent("vacation")
        self.assertEqual(kept.outgoing.sender, "")
        self.assertEqual(kept.outgoing.recipients[0].address, "carl@example.net")
        reply = message_from_bytes(kept.octets)
        self.assertEqual(
            {
                name: " ".join(reply[name].split())
                for name in (
                    "From", "To", "Subject", "In-Reply-To", "References", "Auto-Submitted"
                )
            },
            {
                "From": ANN,
                "To": "carl@example.net",
                "Subject": "Auto: Lunch?",
                "In-Reply-To": "<1@x>",
                "References": "<a@x> <b@x> <1@x>",
                "Auto-Submitted": "auto-replied (vacation)",
            },
        )  # fmt: skip
        self.assertEqual(reply.get_payload(), "I am away.\r\n")
        self.assertEqual(await self.counts(), {"INBOX": 1})
        self.assertEqual(self.spent, {"messages.deliver": 1})

    async def test_once_for_as_long_as_days_says(self) -> None:
        """G43: remembered with the claim; another sender and another reply have their own."""
        await self.script('require "vacation"; vacation :days 7 "Away";')
        for number in range(3):
            await self.send(letter(f"X: {number}"))
        self.assertEqual(len(self.replies()), 1)
        await self.send(letter("X: other"), sender="CARL@Example.NET")
        self.assertEqual(len(self.replies()), 1)
        await self.send(letter("X: eve"), sender="eve@example.net")
        self.assertEqual(len(self.replies()), 2)
        self.world.clock.advance(7 * DAY - 1)
        await self.send(letter("X: 4"))
        self.assertEqual(len(self.replies()), 2)
        self.world.clock.advance(1)
        await self.send(letter("X: 5"))
        self.assertEqual(len(self.replies()), 3)
        await self.script('require "vacation"; vacation :days 7 :handle "new" "Away";')
        await self.send(letter("X: 6"))
        self.assertEqual(len(self.replies()), 4)

    async def test_the_clean_up_does_not_forget_too_early(self) -> None:
        """G43: what `:days` says counts, however often the cleaner runs."""
        await self.script('require "vacation"; vacation :days 30 "Away";')
        for _ in range(30):
            await self.send(letter(f"X: {self.world.clock.seconds()}"))
            self.world.clock.advance(DAY)
            await self.world.storage.cleaning.forget_memories(100)
        self.assertEqual(len(self.replies()), 1)
        await self.send(letter("X: last"))
        self.assertEqual(len(self.replies()), 2)

    async def test_seconds(self) -> None:
        """RFC 6131: also zero, which is every message."""
        await self.script('require "vacation-seconds"; vacation :seconds 60 "Away";')
        await self.send(letter("X: 1"))
        self.world.clock.advance(60)
        await self.send(letter("X: 2"))
        self.assertEqual(len(self.replies()), 2)

    async def test_a_retry_is_not_answered_again(self) -> None:
        """G42"""
        await self.script('require "vacation-seconds"; vacation :seconds 0 "Away";')
        for _ in range(2):
            await self.send(letter())
        self.assertEqual(len(self.replies()), 1)
        await self.send(letter("X: 2"))
        self.assertEqual(len(self.replies()), 2)

    async def test_what_did_not_arrive_is_not_answered(self) -> None:
        self.world.storage.tables.accounts[self.row.id].quota_storage = 1
        self.assertIsNotNone(await self.run_script(SOURCE, letter()))
        self.assertEqual(self.relay.sent, [])
        self.world.storage.tables.accounts[self.row.id].quota_storage = None
        await self.send(letter())
        self.assertEqual(len(self.replies()), 1)

    async def test_it_is_sent_beside_other_actions(self) -> None:
        """G45"""
        await self.run_script(
            'require ["vacation", "fileinto"]; vacation "Away"; fileinto "Work";'
            ' redirect "bob@example.net";',
            letter(),
        )
        self.assertEqual(len(self.replies()), 1)
        self.assertEqual((len(self.sent("redirect")), await self.counts()), (1, {"Work": 1}))

    async def test_subject_from_and_mime(self) -> None:
        await self.world.storage.credentials.add(
            parse_address(ANN), parse_address("work@example.com"), []
        )
        await self.run_script(
            'require "vacation"; vacation :subject "Größe" :from "Ann <work@example.com>"'
            ' :addresses "x@example.org" :mime text:\n'
            "Content-Type: text/html; charset=utf-8\n\n<b>Fort</b>\n.\n;",
            letter(to="x@example.org"),
        )
        (reply,) = self.replies()
        self.assertEqual(str(make_header(decode_header(reply["Subject"]))), "Größe")
        self.assertEqual(reply["From"], "Ann <work@example.com>")
        self.assertEqual(reply.get_content_type(), "text/html")
        self.assertIn("<b>Fort</b>", reply.get_payload())

    async def test_from_is_owned(self) -> None:
        """G43: whoever a script says that it is."""
        await self.run_script(
            'require "vacation"; vacation :from "boss@example.org" "Away";', letter()
        )
        self.assertEqual(self.replies()[0]["From"], ANN)

    async def test_the_address_that_it_came_to_answers(self) -> None:
        await self.script(SOURCE)
        await self.send(letter(to="ann+x@example.com"), to="ann+x@example.com")
        self.assertEqual(self.replies()[0]["From"], "ann+x@example.com")

    async def test_a_subject_in_other_letters_and_none(self) -> None:
        await self.script(SOURCE)
        await self.send(letter(subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="))
        self.world.storage.tables.vacations.clear()
        await self.send(b"To: ann@example.com\r\n\r\n")
        subjects = [str(make_header(decode_header(one["Subject"]))) for one in self.replies()]
        self.assertEqual(subjects, ["Auto: Grüße", "Automated reply"])

    async def test_a_copy_is_filed(self) -> None:
        """RFC 8580, with flags, also where the mailbox is missing."""
        await self.run_script(
            'require ["vacation", "fcc", "imap4flags"];'
            ' vacation :fcc "Work" :flags "\\\\Seen" "Away";',
            letter(),
        )
        (copy,) = await self.stored(self.row.id, "Work")
        self.assertEqual(copy, self.sent("vacation")[0].octets)
        self.assertEqual(await self.flags("Work"), [["\\Seen"]])

    async def test_when_the_relay_refuses_the_mail_has_arrived_all_the_same(self) -> None:
        self.relay.is_broken = True
        self.assertIsNone(await self.run_script(SOURCE, letter()))
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_two_replies_at_once_are_one(self) -> None:
        """Two recipients that are the same account."""
        await self.world.storage.credentials.add(
            parse_address(ANN), parse_address("a@example.com"), []
        )
        await self.script(SOURCE)
        await self.deliver(letter(), ANN, "a@example.com")
        self.assertEqual(len(self.replies()), 1)


class WhoIsAnsweredTests(VacationTestCase):
    """RFC 5230 §4.5, §4.6, RFC 3834 §2; G43."""

    async def setUp(self) -> None:
        await super().setUp()
        await self.script(SOURCE)

    async def test_people_are(self) -> None:
        for number, line in enumerate(
            ("Auto-Submitted: no", "Precedence: first-class", "X-Auto-Response-Suppress: DR")
        ):
            self.assertTrue(await self.is_answered(letter(line, f"X: {number}")), line)

    async def test_lists_bulk_and_programs_are_not(self) -> None:
        for line in (
            "List-Id: Knitting <knitting.example.com>",
            "List-Unsubscribe: <mailto:x@example.com>",
            "List-Post: NO",
            "Precedence: bulk",
            "Precedence: LIST",
            "Precedence: junk",
            "Auto-Submitted: auto-replied",
            "auto-submitted: auto-generated; type=x",
            "X-Auto-Response-Suppress: OOF, AutoReply",
        ):
            self.assertFalse(await self.is_answered(letter(line)), line)

    async def test_senders_that_are_nobody_are_not(self) -> None:
        for sender in (
            "",
            "MAILER-DAEMON@example.net",
            "mailer-daemon@example.net",
            "owner-list@example.net",
            "list-request@example.net",
            "LIST-REQUEST@example.net",
            "list-owner@example.net",
            "list-bounces@example.net",
            "list-bounces+ann=example.com@example.net",
            "listserv@example.net",
            "majordomo@example.net",
            "no-reply@example.net",
        ):
            data = letter(f"X: {sender}")
            self.assertFalse(await self.is_answered(data, sender), sender)
        for sender in ("owner@example.net", "request@example.net", "noreplyer@example.net"):
            data = letter(f"X: {sender}")
            self.assertTrue(await self.is_answered(data, sender), sender)

    async def test_oneself_is_not(self) -> None:
        self.assertFalse(await self.is_answered(letter(), "ANN+x@example.com"))

    async def test_only_what_is_addressed_to_an_owned_address(self) -> None:
        """To, Cc, Bcc and their Resent forms; also by another address, a detail, in groups."""
        await self.world.storage.credentials.add(
            parse_address(ANN), parse_address("work@example.com"), []
        )
        bare = "To: list@example.net"
        for number, (line, expected) in enumerate(
            (
                ("X-To: ann@example.com", False),
                ("Cc: ANN@Example.com", True),
                ("Bcc: ann@example.com", True),
                ("Resent-To: Ann <ann@example.com>", True),
                ("Resent-Cc: work@example.com", True),
                ("Resent-Bcc: ann+tag@example.com", True),
                ("Cc: a: x@example.org, ann@example.com;", True),
                ("Cc: ann@example.com.org", False),
            )
        ):
            data = f"{bare}\r\n{line}\r\nX: {number}\r\n\r\n".encode()
            self.assertEqual(await self.is_answered(data), expected, line)


class NotifyTests(VacationTestCase):
    """enotify by mailto."""

    async def test_a_notification(self) -> None:
        """RFC 5436 §2.7"""
        await self.run_script(
            'require ["enotify"]; notify :importance "1" :message "New mail"'
            ' "mailto:bob@example.net?cc=eve@example.net&subject=x&body=Look%21&from=z@x.org";',
            letter("Message-ID: <1@x>"),
        )
        (kept,) = self.sent("notify")
        self.assertEqual(kept.outgoing.sender, ANN)
        self.assertEqual(
            [one.address for one in kept.outgoing.recipients],
            ["bob@example.net", "eve@example.net"],
        )
        notice = message_from_bytes(kept.octets)
        self.assertEqual(
            [notice[name] for name in ("From", "To", "Cc", "Subject", "References", "Importance")],
            [ANN, "bob@example.net", "eve@example.net", "New mail", "<1@x>", "High"],
        )
        self.assertEqual(
            " ".join(notice["Auto-Submitted"].split()),
            'auto-notified; owner-email="ann@example.com"',
        )
        self.assertEqual(notice.get_payload(), "Look!\r\n")
        self.assertEqual(await self.counts(), {"INBOX": 1})

    async def test_a_null_sender_stays_null(self) -> None:
        """RFC 5436 §2.7, G44"""
        await self.script('require "enotify"; notify "mailto:bob@example.net";')
        await self.send(letter(), sender="")
        (kept,) = self.sent("notify")
        self.assertEqual(kept.outgoing.sender, "")
        self.assertIn(b"Subject: Lunch?", kept.octets)

    async def test_programs_do_not_notify_programs(self) -> None:
        await self.script('require "enotify"; notify "mailto:bob@example.net";')
        await self.send(letter("Auto-Submitted: auto-notified"))
        self.assertEqual(self.relay.sent, [])

    async def test_a_retry_notifies_nobody(self) -> None:
        await self.script('require "enotify"; notify "mailto:bob@example.net"; discard;')
        for _ in range(2):
            await self.send(letter())
        self.assertEqual(len(self.sent("notify")), 1)

    async def test_other_fields_of_the_uri(self) -> None:
        """RFC 5436 §2.7: those that are safe."""
        await self.run_script(
            'require "enotify"; notify "mailto:bob@example.net?x-Color=blue&received=x'
            '&reply-to=eve@example.org&date=never&auto-submitted=no";',
            letter(),
        )
        notice = self.replies("notify")[0]
        self.assertEqual(
            [notice["x-color"], notice["received"], notice["reply-to"]], ["blue", None, None]
        )
        self.assertEqual(len(notice.get_all("Date")), 1)
        self.assertIn("auto-notified", notice["Auto-Submitted"])
