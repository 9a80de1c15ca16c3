"""SEARCHRES (RFC 5182)."""

from datetime import UTC, datetime

from trial_tests.support.transcript import TranscriptTestCase

FOUND = (2, *range(10, 16), 21)


class SearchResTests(TranscriptTestCase):
    """The examples of RFC 5182 §2.2 to §2.4."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(1, 22):
            self.append(
                b"From: %b\r\n\r\n" % (b"Smith" if number == 4 else b"Jones"),
                flags=["\\Seen", *(("\\Flagged", "$Junk") if number in FOUND else ())],
                date=datetime(2006, 2, 12 if number in (*FOUND, 4) else 1, tzinfo=UTC),
            )
        self.client.ask(b"c CREATE Junk")
        self.nothing_is_recent()
        self.client.ask(b"s SELECT INBOX")

    def saved(self) -> bytes:
        """What `$` stands for."""
        return self.client.ask(b"x UID SEARCH RETURN () $").splitlines()[0].partition(b"UID ")[2]

    def test_the_result_of_one_command_is_the_set_of_another(self) -> None:
        """Examples 1 to 4; the commands may be pipelined (example 2)."""
        self.converse("""
            C: A282 SEARCH RETURN (SAVE) FLAGGED 1:10 NOT FROM "Smith"
            C: A283 FETCH $ (UID FLAGS)
            S: A282 OK SEARCH completed
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen $Junk))
            S: * 10 FETCH (UID 10 FLAGS (\\Flagged \\Seen $Junk))
            S: A283 OK FETCH completed
            C: A301 UID SEARCH UID $ SMALLER 4096
            S: * SEARCH 2 10
            S: A301 OK UID SEARCH completed
            C: A302 UID SEARCH $ NOT 2
            S: * SEARCH 10
            S: A302 OK UID SEARCH completed
            C: P283 SEARCH CHARSET UTF-8 (OR $ 1,20:21) FLAGGED
            S: * SEARCH 2 10 21
            S: P283 OK SEARCH completed
        """)

    def test_copy_and_store(self) -> None:
        """Example 7, and UID EXPUNGE and MOVE."""
        self.converse("""
            C: F282 SEARCH RETURN (SAVE) KEYWORD $Junk
            C: F283 COPY $ "Junk"
            C: F284 STORE $ +FLAGS.Silent (\\Deleted)
            S: F282 OK SEARCH completed
            S: F283 OK [COPYUID ... 2,10:15,21 1:8] COPY completed
            S: F284 OK STORE completed
            C: a SEARCH RETURN (SAVE MIN) $
            C: b UID EXPUNGE $
            S: * ESEARCH (TAG "a") MIN 2
            S: a OK SEARCH completed
            S: * 2 EXPUNGE
            S: b OK UID EXPUNGE completed
            C: c SEARCH RETURN (SAVE) DELETED
            C: d UID MOVE $ Junk
            S: c OK SEARCH completed
            S: * OK [COPYUID ... 10:15,21 9:15] Moved
            S: * 9 EXPUNGE
            S: * 9 EXPUNGE
            S: * 9 EXPUNGE
            S: * 9 EXPUNGE
            S: * 9 EXPUNGE
            S: * 9 EXPUNGE
            S: * 14 EXPUNGE
            S: d OK UID MOVE completed
            C: e FETCH $ UID
            S: e OK FETCH completed
        """)

    def test_an_empty_result_is_no_error(self) -> None:
        """Example 6, and the beginning; a number out of range still is one."""
        self.converse("""
            C: a FETCH $ FLAGS
            S: a OK FETCH completed
            C: E282 SEARCH RETURN (SAVE) DRAFT
            C: E283 COPY $ "Other Messages"
            C: E284 UID STORE $ FLAGS ()
            C: E285 UID EXPUNGE $
            C: E286 SEARCH NOT $ 1:2
            S: E282 OK SEARCH completed
            S: E283 OK There is no such message
            S: E284 OK UID STORE completed
            S: E285 OK UID EXPUNGE completed
            S: * SEARCH 1 2
            S: E286 OK SEARCH completed
        """)

    def test_what_is_saved_with_other_options(self) -> None:
        """§2.4, example 10."""
        for returns, answer, kept in (
            ("ALL", "ALL 2,10:15,21", ""),  # nothing is saved
            ("ALL SAVE", "ALL 2,10:15,21", "ALL 2,10:15,21"),
            ("SAVE MIN", "MIN 2", "ALL 2"),
            ("SAVE MAX", "MAX 21", "ALL 21"),
            ("MAX SAVE MIN", "MIN 2 MAX 21", "ALL 2,21"),
            ("MAX SAVE MIN COUNT", "MIN 2 MAX 21 COUNT 8", "ALL 2,10:15,21"),
            ("ALL SAVE MIN", "MIN 2 ALL 2,10:15,21", "ALL 2,10:15,21"),
            ("COUNT SAVE", "COUNT 8", "ALL 2,10:15,21"),
        ):
            self.converse(f"""
                C: C1 SEARCH RETURN ({returns}) SINCE 12-Feb-2006 NOT FROM "Smith"
                S: * ESEARCH (TAG "C1") {answer}
                S: C1 OK SEARCH completed
            """)
            self.assertEqual(self.saved().decode(), kept, returns)

    def test_a_search_that_finds_nothing_saves_nothing(self) -> None:
        self.client.ask(b"a SEARCH RETURN (SAVE) FLAGGED")
        self.converse("""
            C: a SEARCH RETURN (MIN SAVE) DRAFT
            S: * ESEARCH (TAG "a")
            S: a OK SEARCH completed
        """)
        self.assertEqual(self.saved(), b"")

    def test_what_changes_it_and_what_does_not(self) -> None:
        """§2.1: BAD changes nothing, nor does NO without SAVE; with it, `$` is empty then."""
        self.client.ask(b"a SEARCH RETURN (SAVE) FLAGGED")
        for command in (
            b"SEARCH RETURN (SAVE) NONSENSE",
            b"SEARCH RETURN (SAVE NONSENSE) ALL",
            b"SEARCH RETURN (SAVE) FROM",
            b"SEARCH CHARSET KLINGON ALL",
            b"SEARCH RETURN (ALL) CHARSET KLINGON ALL",
            b"SEARCH ALL",
            b"SEARCH RETURN (COUNT) ALL",
        ):
            self.client.ask(b"a " + command)
            self.assertEqual(self.saved(), b"ALL 2,10:15,21", command)
        self.converse("""
            C: B283 SEARCH RETURN (SAVE) CHARSET KLINGON (OR $ 1,3000:3021) TEXT {4+}
            C: XXXX
            S: B283 NO [BADCHARSET (US-ASCII UTF-8)] The charset 'KLINGON' is not known
        """)
        self.assertEqual(self.saved(), b"")
        self.client.ask(b"a SEARCH RETURN (SAVE) FLAGGED")
        self.client.ask(b"a EXAMINE INBOX")
        self.assertEqual(self.saved(), b"")

    def test_the_second_search_overrides_the_first(self) -> None:
        """Example 9."""
        self.converse("""
            C: H282 SEARCH RETURN (SAVE) KEYWORD $Junk
            C: H283 SEARCH RETURN (SAVE) $ 2:11
            S: H282 OK SEARCH completed
            S: H283 OK SEARCH completed
        """)
        self.assertEqual(self.saved(), b"ALL 2,10:11")

    def test_what_is_expunged_is_no_longer_in_it(self) -> None:
        """§2.1, with another session that expunges; numbers mean what this client was told. It is
        gone when that is told."""
        self.client.ask(b"a SEARCH RETURN (SAVE) FLAGGED")
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 1,10,12 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"a EXPUNGE")
        self.converse("""
            C: a SEARCH RETURN (ALL) $
            S: * ESEARCH (TAG "a") ALL 2,10:15,21
            S: a OK [EXPUNGEISSUED] SEARCH completed
        """)
        self.client.ask(b"n NOOP")
        self.converse("""
            C: b SEARCH RETURN (ALL) $
            S: * ESEARCH (TAG "b") ALL 1,9:12,18
            S: b OK SEARCH completed
            C: c UID SEARCH RETURN (ALL) $
            S: * ESEARCH (TAG "c") UID ALL 2,11,13:15,21
            S: c OK UID SEARCH completed
        """)

    def test_new_messages_are_not_in_it(self) -> None:
        self.client.ask(b"a SEARCH RETURN (SAVE) ALL")
        self.append(b"\r\n")
        self.client.ask(b"n NOOP")
        self.assertEqual(self.saved(), b"ALL 1:21")

    def test_dollar_stands_alone(self) -> None:
        for command in (b"FETCH $,1 FLAGS", b"FETCH 1,$ FLAGS", b"FETCH $:3 FLAGS", b"SEARCH $1"):
            said = self.client.ask(b"a " + command)
            self.assertTrue(said.startswith(b"a BAD "), (command, said))


class FilteredTests(TranscriptTestCase):
    """A client that must not be told of it."""

    dialect = TranscriptTestCase.dialect.without(b"SEARCHRES")

    def test_it_is_not_understood(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        for command in (b"FETCH $ FLAGS", b"SEARCH $", b"SEARCH RETURN (SAVE) ALL"):
            said = self.client.ask(b"a " + command)
            self.assertTrue(said.startswith(b"a BAD "), (command, said))
