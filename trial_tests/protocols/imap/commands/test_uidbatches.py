"""UIDBATCHES (RFC 10022)."""

from trial_tests.support.transcript import TranscriptTestCase


class UidBatchesTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for _ in range(1203):
            self.append(b"x\r\n")
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"d UID STORE 1:2,700,1203 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"e EXPUNGE")

    def test_batches_from_the_newest_to_the_oldest(self) -> None:
        """§3.1.1: 1,199 messages; between the ranges is no UID, and the last one ends with 1."""
        self.converse("""
            C: A143 UIDBATCHES 500
            S: * UIDBATCHES (TAG "A143") 1202:703,702:202,201:1
            S: A143 OK UIDBATCHES completed
            C: A144 UIDBATCHES 1199
            S: * UIDBATCHES (TAG "A144") 1202:1
            S: A144 OK UIDBATCHES completed
            C: A145 UIDBATCHES 4294967295
            S: * UIDBATCHES (TAG "A145") 1202:1
            S: A145 OK UIDBATCHES completed
        """)
        for batch in (b"703:1202", b"202:702"):
            found = self.client.ask(b"a UID SEARCH UID " + batch).split(b"\r\n")[0]
            self.assertEqual(len(found.split()) - 2, 500)

    def test_a_range_of_batches(self) -> None:
        """§3.1.5, §3.1.6: those that exist, or none."""
        self.converse("""
            C: A302 UIDBATCHES 500 2:5
            S: * UIDBATCHES (TAG "A302") 702:202,201:1
            S: A302 OK UIDBATCHES completed
            C: A303 UIDBATCHES 600 1:1
            S: * UIDBATCHES (TAG "A303") 1202:602
            S: A303 OK UIDBATCHES completed
            C: A304 UIDBATCHES 500 6:8
            S: * UIDBATCHES (TAG "A304")
            S: A304 OK UIDBATCHES completed
        """)

    def test_an_empty_mailbox(self) -> None:
        """§3.1.6"""
        self.client.ask(b"c CREATE empty")
        self.client.ask(b"s SELECT empty")
        self.converse("""
            C: A302 UIDBATCHES 500
            S: * UIDBATCHES (TAG "A302")
            S: A302 OK UIDBATCHES completed
        """)

    def test_what_is_refused(self) -> None:
        """§3.1.3.2, §3.1.5"""
        self.converse("""
            C: a UIDBATCHES 499
            S: a NO [TOOFEW] Minimum batch size is 500.
            C: b UIDBATCHES 2000 4:1
            S: b BAD [CLIENTBUG] Invalid batch range.
            C: c UIDBATCHES 2000 1:100
            S: c NO [TOOMANY] ...
            C: d UIDBATCHES 2000 1:50
            S: * UIDBATCHES (TAG "d") 1202:1
            S: d OK UIDBATCHES completed
            C: e UIDBATCHES 0
            S: e BAD ...
            C: f UIDBATCHES 500 1
            S: f BAD ...
            C: g UIDBATCHES 500 0:1
            S: g BAD ...
            C: h UIDBATCHES
            S: h BAD ...
            C: i UIDBATCHES 500 1:*
            S: i BAD ...
        """)

    def test_with_uidonly_and_without_touching_a_saved_result(self) -> None:
        """§3.3, §3.4"""
        self.client.ask(b"e ENABLE UIDONLY")
        self.client.ask(b"a UID SEARCH RETURN (SAVE) UID 3:4")
        self.assertIn(b"b OK", self.client.ask(b"b UIDBATCHES 500"))
        self.assertIn(b"* SEARCH 3 4\r\n", self.client.ask(b"c UID SEARCH $"))
