"""CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267 §4)."""

import re
from datetime import UTC, datetime, timedelta
from random import Random

from trial_tests.support.contexts import Results, expanded
from trial_tests.support.transcript import EPOCH, Client, TranscriptTestCase


class ContextTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for number in range(1, 7):
            self.append(b"Subject: %c\r\n\r\n" % (103 - number), flags=["\\Seen"])
        self.nothing_is_recent()
        self.client.ask(b"s SELECT INBOX")
        self.other = self.new_client()
        self.other.ask(b"s SELECT INBOX")

    def test_flags_come_and_go(self) -> None:
        """§4.3: without a position, where no order was asked for; also for what the client
        changes itself."""
        self.converse("""
            C: B01 UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk
            S: * ESEARCH (TAG "B01") UID COUNT 0
            S: B01 OK UID SEARCH completed
        """)
        self.other.ask(b"a STORE 2:4 +FLAGS.SILENT (\\Deleted $Junk)")
        self.converse("""
            C: n NOOP
            S: * FLAGS (...)
            S: * OK [PERMANENTFLAGS ...
            S: * 2 FETCH (UID 2 FLAGS (\\Deleted \\Seen $Junk))
            S: * 3 FETCH (UID 3 FLAGS (\\Deleted \\Seen $Junk))
            S: * 4 FETCH (UID 4 FLAGS (\\Deleted \\Seen $Junk))
            S: * ESEARCH (TAG "B01") UID ADDTO (0 2:4)
            S: n OK NOOP completed
            C: m STORE 3 -FLAGS.SILENT (\\Deleted)
            S: * ESEARCH (TAG "B01") UID REMOVEFROM (0 3)
            S: m OK STORE completed
            C: o STORE 3 +FLAGS.SILENT (\\Flagged)
            S: o OK STORE completed
        """)

    def test_expunged_messages_leave_before_their_expunge(self) -> None:
        """§4.3.4: with the numbers that they had, and new ones come after EXISTS."""
        self.converse("""
            C: a SEARCH RETURN (UPDATE ALL) NOT SUBJECT e
            S: * ESEARCH (TAG "a") ALL 1,3:6
            S: a OK SEARCH completed
        """)
        self.other.ask(b"a STORE 2,4:5 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"a EXPUNGE")
        self.append(b"Subject: new\r\n\r\n", flags=["\\Seen"])
        self.append(b"Subject: nxw\r\n\r\n", flags=["\\Seen"])
        self.converse("""
            C: n NOOP
            S: * ESEARCH (TAG "a") REMOVEFROM (0 4:5)
            S: * 2 EXPUNGE
            S: * 3 EXPUNGE
            S: * 3 EXPUNGE
            S: * 5 EXISTS
            S: * 2 RECENT
            S: * ESEARCH (TAG "a") ADDTO (0 5)
            S: n OK NOOP completed
            C: b SEARCH NOT SUBJECT e
            S: * SEARCH 1 2 3 5
            S: b OK SEARCH completed
        """)

    def test_positions_of_a_sorted_result(self) -> None:
        """§4.3.3, §4.3.4: positions are not zero, ranges only ascend."""
        self.converse("""
            C: a UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNFLAGGED
            S: * ESEARCH (TAG "a") UID ALL 6,5,4,3,2,1
            S: a OK UID SORT completed
        """)
        self.other.ask(b"a STORE 2:3,6 +FLAGS.SILENT (\\Flagged)")
        self.append(b"Subject: aa\r\n\r\n", flags=["\\Seen"])
        self.append(b"Subject: ab\r\n\r\n", flags=["\\Seen"])
        self.append(b"Subject: zz\r\n\r\n", flags=["\\Seen"])
        self.converse("""
            C: n NOOP
            S: * 9 EXISTS
            S: * 3 RECENT
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen))
            S: * 3 FETCH (UID 3 FLAGS (\\Flagged \\Seen))
            S: * 6 FETCH (UID 6 FLAGS (\\Flagged \\Seen))
            S: * ESEARCH (TAG "a") UID REMOVEFROM (4 3,2 1 6) ADDTO (1 7:8 6 9)
            S: n OK NOOP completed
            C: b UID SORT (SUBJECT) UTF-8 UNFLAGGED
            S: * SORT 7 8 5 4 1 9
            S: b OK UID SORT completed
        """)

    def test_message_numbers_are_those_of_the_command(self) -> None:
        """§4.3: no matter what they name later; \\Recent and UIDs are looked at anew."""
        self.converse("""
            C: a UID SEARCH RETURN (UPDATE SAVE) 2:3 UNFLAGGED
            S: * ESEARCH (TAG "a") UID
            S: a OK UID SEARCH completed
            C: b UID SEARCH RETURN (UPDATE COUNT) $ FLAGGED
            S: * ESEARCH (TAG "b") UID COUNT 0
            S: b OK UID SEARCH completed
            C: c UID SEARCH RETURN (UPDATE COUNT) NEW
            S: * ESEARCH (TAG "c") UID COUNT 0
            S: c OK UID SEARCH completed
            C: d STORE 1 FLAGS.SILENT (\\Deleted)
            S: d OK STORE completed
            C: e EXPUNGE
            S: * 1 EXPUNGE
            S: e OK EXPUNGE completed
            C: f STORE 1:* +FLAGS.SILENT (\\Flagged)
            S: * ESEARCH (TAG "a") UID REMOVEFROM (0 2:3)
            S: * ESEARCH (TAG "b") UID ADDTO (0 2:3)
            S: f OK STORE completed
        """)
        self.append(b"\r\n")
        self.converse("""
            C: g NOOP
            S: * 6 EXISTS
            S: * 1 RECENT
            S: * ESEARCH (TAG "c") UID ADDTO (0 7)
            S: g OK NOOP completed
        """)

    def test_expunges_that_wait(self) -> None:
        """What may not be told as expunged stays in the result."""
        self.client.ask(b"a SEARCH RETURN (UPDATE) ALL")
        self.other.ask(b"a STORE 1 FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"a EXPUNGE")
        self.append(b"\r\n", flags=["\\Seen"])
        self.converse("""
            C: b SEARCH 2
            S: * SEARCH 2
            S: b OK [EXPUNGEISSUED] SEARCH completed
            C: c NOOP
            S: * ESEARCH (TAG "a") REMOVEFROM (0 1)
            S: * 1 EXPUNGE
            S: * 6 EXISTS
            S: * 1 RECENT
            S: * ESEARCH (TAG "a") ADDTO (0 6)
            S: c OK NOOP completed
        """)

    def test_while_idling(self) -> None:
        self.client.ask(b"a UID SEARCH RETURN (UPDATE) SUBJECT new")
        self.client.send(b"b IDLE\r\n")
        self.assertEqual(self.client.take(), b"+ idling\r\n")
        self.append(b"Subject: new\r\n\r\n", flags=["\\Seen"])
        self.assertEqual(
            self.client.take(),
            b'* 7 EXISTS\r\n* 1 RECENT\r\n* ESEARCH (TAG "a") UID ADDTO (0 7)\r\n',
        )
        self.client.ask(b"DONE")

    def test_more_of_new_results(self) -> None:
        """RFC 5465 §7: fetched after EXISTS, before they are results; not for flag changes."""
        self.converse("""
            C: a00 SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])) NOT FLAGGED
            S: * ESEARCH (TAG "a00") COUNT 6
            S: a00 OK SEARCH completed
        """)
        self.append(b"Subject: boss\r\n\r\n", flags=["\\Seen"])
        self.append(b"Subject: no\r\n\r\n", flags=["\\Seen", "\\Flagged"])
        self.converse("""
            C: b NOOP
            S: * 8 EXISTS
            S: * 2 RECENT
            S: * 7 FETCH (UID 7 BODY[HEADER.FIELDS (SUBJECT)] {17}
            S: Subject: boss
            S:
            S: )
            S: * ESEARCH (TAG "a00") ADDTO (0 7)
            S: b OK NOOP completed
            C: c STORE 8 -FLAGS.SILENT (\\Flagged)
            S: * ESEARCH (TAG "a00") ADDTO (0 8)
            S: c OK STORE completed
            C: d SEARCH RETURN (UPDATE (NONSENSE)) ALL
            S: d BAD NONSENSE is not an item of FETCH
        """)

    def test_ages_pass(self) -> None:
        """RFC 5032 §2: a result may be looked at periodically."""
        now = datetime.fromtimestamp(EPOCH, UTC)
        self.append(b"\r\n", flags=["\\Seen"], date=now - timedelta(seconds=100))
        self.client.ask(b"n NOOP")
        self.converse("""
            C: a UID SEARCH RETURN (UPDATE ALL) YOUNGER 120 UID 7
            S: * ESEARCH (TAG "a") UID ALL 7
            S: a OK UID SEARCH completed
        """)
        self.clock.advance(61)
        self.converse("""
            C: b NOOP
            S: * ESEARCH (TAG "a") UID REMOVEFROM (0 7)
            S: b OK NOOP completed
        """)

    def test_the_end(self) -> None:
        """§4.3.5: CANCELUPDATE, or another mailbox; until then the tag is in use."""
        self.converse("""
            C: B01 UID SEARCH RETURN (UPDATE COUNT) FLAGGED
            S: * ESEARCH (TAG "B01") UID COUNT 0
            S: B01 OK UID SEARCH completed
            C: B01 SORT RETURN (UPDATE) (DATE) UTF-8 FLAGGED
            S: B01 BAD The tag is in use by another search with UPDATE
            C: B02 CANCELUPDATE "B02"
            S: B02 BAD No search with UPDATE has this tag
            C: B04 CANCELUPDATE "B01"
            S: B04 OK No further updates
            C: B05 STORE 1 +FLAGS.SILENT (\\Flagged)
            S: B05 OK STORE completed
            C: B01 SEARCH RETURN (UPDATE COUNT) FLAGGED
            S: * ESEARCH (TAG "B01") COUNT 1
            S: B01 OK SEARCH completed
        """)
        self.client.ask(b"x SELECT INBOX")
        self.converse("""
            C: B01 UID SEARCH RETURN (CONTEXT COUNT) FLAGGED
            S: * ESEARCH (TAG "B01") UID COUNT 1
            S: B01 OK UID SEARCH completed
            C: c STORE 1 -FLAGS.SILENT (\\Flagged)
            S: c OK STORE completed
        """)
        for arguments in ("", " ", " x", ' "a" ', ' "a"x', " " + " ".join(['"a"'] * 17)):
            said = self.client.ask(f"a CANCELUPDATE{arguments}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (arguments, said))

    def test_no_message_numbers_once_there_are_uids_only(self) -> None:
        """RFC 9586."""
        self.client.ask(b"a SEARCH RETURN (UPDATE) FLAGGED")
        self.client.ask(b"b UID SEARCH RETURN (UPDATE) FLAGGED")
        self.client.ask(b"c ENABLE UIDONLY")
        self.converse("""
            C: d UID STORE 3 +FLAGS.SILENT (\\Flagged)
            S: * ESEARCH (TAG "b") UID ADDTO (0 3)
            S: d OK UID STORE completed
        """)

    def test_there_is_a_bound(self) -> None:
        """§4.3.1: the rest of the command is done."""
        for number in range(16):
            self.client.ask(b"t%d SEARCH RETURN (UPDATE) ALL" % number)
        self.converse("""
            C: B02 UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL
            S: * ESEARCH (TAG "B02") UID COUNT 6
            S: * NO [NOUPDATE "B02"] Too many contexts
            S: B02 OK UID SORT completed
            C: B03 CANCELUPDATE "t0" "t7"
            S: B03 OK No further updates
            C: B04 SORT RETURN (UPDATE COUNT) (RELEVANCY) UTF-8 FUZZY ALL
            S: * ESEARCH (TAG "B04") COUNT 6
            S: * NO [NOUPDATE "B04"] Too many contexts
            S: B04 OK SORT completed
        """)


class ModelTests(TranscriptTestCase):
    """A client that does what it is told has what it would find."""

    KEYS = ("UNFLAGGED", "NOT SUBJECT b", "OR FLAGGED NOT SUBJECT a", "ALL", "SMALLER 40 SEEN")
    SORTS = ("SUBJECT", "REVERSE SUBJECT", "SIZE REVERSE ARRIVAL", "REVERSE DATE")

    def test_any_history(self) -> None:
        for seed in range(12):
            self.random = Random(seed)
            name = f"Box{seed}"
            self.client.ask(f"c CREATE {name}".encode())
            for _ in range(self.random.choice((6, 30))):
                self.deliver(name)
            reader, writer = self.new_client(), self.new_client()
            for client in (reader, writer):
                client.ask(f"s SELECT {name}".encode())
            self.results = Results()
            self.forms = {
                f"t{place}": (
                    f"SORT RETURN ({{}}) ({self.random.choice(self.SORTS)}) UTF-8 {keys}"
                    if place % 2
                    else f"SEARCH RETURN ({{}}) {keys}"
                )
                for place, keys in enumerate(self.KEYS)
            }
            for tag, form in self.forms.items():
                self.results.hear(reader.ask(f"{tag} UID {form.format('UPDATE ALL')}".encode()))
            for step in range(25):
                self.change(writer, name)
                if self.random.random() < 0.5:
                    self.results.hear(
                        reader.ask(self.random.choice((b"n NOOP", b"n FETCH 1:* UID")))
                    )
                if self.random.random() < 0.2:
                    self.compare(reader, (seed, step))
            self.compare(reader, (seed, "end"))

    def deliver(self, name: str) -> None:
        letter = self.random.choice(b"abcd")
        flags = [flag for flag in ("\\Seen", "\\Flagged") if self.random.random() < 0.5]
        size = self.random.randrange(50)
        self.append(b"Subject: %c\r\n\r\n" % letter + b"x" * size, name, flags)

    def change(self, writer: Client, name: str) -> None:
        action = self.random.randrange(4)
        if action == 0:
            self.deliver(name)
        elif action == 1:
            writer.ask(b"n NOOP")
            writer.ask(b"a STORE %d +FLAGS.SILENT (\\Deleted)" % self.random.randint(1, 6))
            writer.ask(b"a EXPUNGE")
        else:
            sign, flag = self.random.choice("+-"), self.random.choice(("Flagged", "Seen"))
            number = self.random.randint(1, 6)
            writer.ask(f"a STORE {number} {sign}FLAGS.SILENT (\\{flag})".encode())

    def compare(self, reader: Client, when: object) -> None:
        self.results.hear(reader.ask(b"n NOOP"))
        for tag, form in self.forms.items():
            said = reader.ask(f"x UID {form.format('ALL')}".encode()).decode()
            found = re.search(r" ALL (\S+)", said)
            expected = expanded(found[1]) if found else []
            self.assertEqual(self.results.by_tag[tag], expected, (when, form))
