"""Mailboxes of others: their names, and what each right allows (RFC 4314 §4, G35)."""

from sora.mail.rights import parse_rights
from sora.mailbox.places import SharedNamespace
from sora.storage.rows import NewMailbox
from trial_tests.support.sharing import WORK, SharingTestCase

EVERY = "lrswipkxtea"


class NamesTests(SharingTestCase):
    def test_they_appear_below_the_prefix_by_owner(self) -> None:
        self.share("lr")
        self.share("lr", name="INBOX")
        self.say("""
            C: a NAMESPACE
            S: * NAMESPACE (("" "/")) NIL (("Shared/" "/"))
            S: a OK NAMESPACE completed
            C: b LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Mine
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared/fred@example.com
            S: * LIST (\\HasNoChildren) "/" Shared/fred@example.com/INBOX
            S: * LIST (\\HasNoChildren) "/" Shared/fred@example.com/Work
            S: b OK LIST completed
            C: c LIST "" %
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Mine
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared
            S: c OK LIST completed
            C: d LIST "Shared/" %
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared/fred@example.com
            S: d OK LIST completed
        """)

    def test_one_sees_nothing_without_the_right_to(self) -> None:
        """RFC 4314 §4: not even that a mailbox has children."""
        self.client.ask(b"0 CREATE Work/Secret")
        self.share("r", name="Work/Secret")
        self.say("""
            C: a LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Mine
            S: a OK LIST completed
        """)
        self.share("lr")
        self.say(f"""
            C: b LIST "" Shared/*
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared/fred@example.com
            S: * LIST (\\HasNoChildren) "/" {WORK}
            S: b OK LIST completed
        """)
        self.share("")
        self.share("l", name="Work/Secret")
        self.say(f"""
            C: c LIST "" {WORK}*
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" {WORK}
            S: * LIST (\\Noselect \\HasNoChildren) "/" {WORK}/Secret
            S: c OK LIST completed
        """)

    def test_those_of_another_domain_do_not_exist(self) -> None:
        self.client.ask(b"0 SETACL Work anyone lr")
        dan = self.new_client(user="dan@example.org")
        self.converse(
            f"""
            C: a LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Mine
            S: a OK LIST completed
            C: b SELECT {WORK}
            S: b NO [NONEXISTENT] There is no mailbox '{WORK}'
            C: c STATUS Shared/nobody@example.com/Work (MESSAGES)
            S: c NO [NONEXISTENT] There is no mailbox 'Shared/nobody@example.com/Work'
        """,
            dan,
        )

    def test_names_that_lead_to_no_mailbox(self) -> None:
        for name in ("Shared", "Shared/fred@example.com", "Shared/@", "Shared/x@y@z/a"):
            said = self.bob.ask(f"a SELECT {name}".encode())
            self.assertIn(b"a NO [NONEXISTENT]", said, name)
        for name in ("Shared", "Shared/fred@example.com", "Shared/nobody@example.com/x"):
            said = self.bob.ask(f"a CREATE {name}".encode())
            self.assertIn(b"a NO [CANNOT]", said, name)

    def test_subscriptions(self) -> None:
        self.share("l")
        self.say(f"""
            C: a SUBSCRIBE Shared/FRED@example.com/Work
            S: a OK SUBSCRIBE completed
            C: b LSUB "" *
            S: * LSUB () "/" INBOX
            S: * LSUB () "/" Mine
            S: * LSUB (\\Noselect) "/" {WORK}
            S: b OK LSUB completed
            C: c LIST (SUBSCRIBED) "" Shared/*
            S: * LIST (\\Noselect \\HasNoChildren \\Subscribed) "/" {WORK}
            S: c OK LIST completed
            C: d SUBSCRIBE Shared/fred@example.com/INBOX
            S: d NO [NONEXISTENT] ...
        """)
        self.share("r")
        self.say(f"""
            C: a LIST (SUBSCRIBED) "" Shared/*
            S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" {WORK}
            S: a OK LIST completed
            C: b SUBSCRIBE {WORK}
            S: b NO [NONEXISTENT] There is no mailbox '{WORK}'
            C: c UNSUBSCRIBE {WORK}
            S: c OK UNSUBSCRIBE completed
        """)

    def test_ones_own_mailboxes_can_be_named_so_too(self) -> None:
        self.converse(f"""
            C: a STATUS {WORK} (MESSAGES)
            S: * STATUS {WORK} (MESSAGES 3)
            S: a OK STATUS completed
            C: b MYRIGHTS {WORK}
            S: * MYRIGHTS {WORK} lrswipkxtecda
            S: b OK MYRIGHTS completed
        """)

    def test_an_own_mailbox_below_the_prefix_is_not_lost(self) -> None:
        """It was made when nothing was shared."""
        self.add_account("ann@example.com", NewMailbox("Shared/Old"))
        ann = self.new_client(user="ann")
        self.converse(
            """
            C: a LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared/ann@example.com
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Shared/ann@example.com/Shared
            S: * LIST (\\HasNoChildren) "/" Shared/ann@example.com/Shared/Old
            S: a OK LIST completed
            C: b RENAME Shared/ann@example.com/Shared/Old Old
            S: b OK RENAME completed
            C: c LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Old
            S: c OK LIST completed
        """,
            ann,
        )

    def test_special_uses_of_others_are_not_ones_own(self) -> None:
        self.client.ask(b"0 CREATE Sent (USE (\\Sent))")
        self.share("lrk", name="Sent")
        self.say("""
            C: a LIST "" Shared/fred@example.com/Sent
            S: * LIST (\\HasNoChildren) "/" Shared/fred@example.com/Sent
            S: a OK LIST completed
            C: b CREATE Shared/fred@example.com/Sent/2026 (USE (\\Archive))
            S: b NO [USEATTR] A shared mailbox has no special use
        """)


class DomainTests(SharingTestCase):
    """Mailboxes that belong to no user."""

    def test_users_make_them(self) -> None:
        self.say("""
            C: a CREATE Shared/Team/2026
            S: a OK [MAILBOXID (...)] CREATE completed
            C: b LIST "" Shared/*
            S: * LIST (\\HasChildren) "/" Shared/Team
            S: * LIST (\\HasNoChildren) "/" Shared/Team/2026
            S: b OK LIST completed
            C: c GETACL Shared/Team
            S: * ACL Shared/Team bob@example.com lrswipkxtecda
            S: c OK GETACL completed
            C: d SETACL Shared/Team bob lrs
            S: d NO [CANNOT] Nobody else has the right a on this mailbox: ...
            C: e DELETEACL Shared/Team bob
            S: e NO [CANNOT] ...
            C: f SETACL Shared/Team anyone lrsk
            S: f OK SETACL completed
            C: g CREATE Shared/Team
            S: g NO [ALREADYEXISTS] ...
        """)
        self.converse(
            """
            C: a LIST "" Shared/*
            S: * LIST (\\HasNoChildren) "/" Shared/Team
            S: a OK LIST completed
            C: b CREATE Shared/Team/Eve
            S: b OK [MAILBOXID (...)] CREATE completed
            C: c MYRIGHTS Shared/Team/Eve
            S: * MYRIGHTS Shared/Team/Eve lrskc
            S: c OK MYRIGHTS completed
            C: d DELETE Shared/Team/Eve
            S: d NO [NOPERM] ...
            C: e RENAME Shared/Team Shared/Mine
            S: e NO [NOPERM] ...
            C: f CREATE Shared/Team/2026/x
            S: f NO [NOPERM] ...
        """,
            self.eve,
        )
        self.say("""
            C: a RENAME Shared/Team Shared/Crew
            S: a OK RENAME completed
            C: b DELETE Shared/Crew/2026
            S: b OK DELETE completed
            C: c RENAME Shared/Crew Crew
            S: c NO [CANNOT] A mailbox stays with its owner: copy the messages instead
        """)


class OtherNamespaceTests(SharingTestCase):
    namespace = SharedNamespace("Public/", True, parse_rights("lrik"))

    def test_prefix_and_first_rights_are_those_of_the_configuration(self) -> None:
        self.say("""
            C: a CREATE Public/Team
            S: a OK [MAILBOXID (...)] CREATE completed
            C: b MYRIGHTS Public/Team
            S: * MYRIGHTS Public/Team lrikc
            S: b OK MYRIGHTS completed
            C: c CREATE Shared/Own
            S: c OK [MAILBOXID (...)] CREATE completed
            C: d NAMESPACE
            S: * NAMESPACE (("" "/")) NIL (("Public/" "/"))
            S: d OK NAMESPACE completed
        """)


class ClosedDomainTests(SharingTestCase):
    namespace = SharedNamespace()

    def test_users_make_none(self) -> None:
        """Without `allow_user_create`."""
        self.say("""
            C: a CREATE Shared/Team
            S: a NO [NOPERM] You may not make a mailbox 'Shared/Team'
            C: b CREATE Shared
            S: b NO [CANNOT] ...
            C: c RENAME Mine Shared/Mine
            S: c NO [CANNOT] A mailbox stays with its owner: copy the messages instead
        """)


class RightsTests(SharingTestCase):
    """A right is missing, and the command is refused; with it, it is done."""

    def answer(self, command: str) -> str:
        """What is said of a command of bob's, without its untagged lines."""
        said = self.bob.ask(f"a {command}".encode()).decode()
        return said.rstrip().splitlines()[-1]

    def test_commands_by_name(self) -> None:
        self.client.ask(b"0 CREATE Work/Below")
        self.share(EVERY, name="Work/Below")
        for right, command in [
            ("l", f"SUBSCRIBE {WORK}"),
            ("r", f"SELECT {WORK}"),
            ("r", f"EXAMINE {WORK}"),
            ("r", f"STATUS {WORK} (MESSAGES)"),
            ("i", f"APPEND {WORK} {{2+}}\r\nhi"),
            ("k", f"CREATE {WORK}/new"),
            ("x", f"RENAME {WORK}/Below {WORK}/Beside"),
            ("k", f"RENAME {WORK}/Below {WORK}/Beside"),
            ("x", f"DELETE {WORK}/Below"),
            ("a", f"GETACL {WORK}"),
            ("a", f"LISTRIGHTS {WORK} eve"),
            ("a", f"SETACL {WORK} eve l"),
            ("a", f"DELETEACL {WORK} eve"),
        ]:
            lesser = EVERY.replace(right, "")
            on = "Work/Below" if right == "x" else "Work"
            self.share(lesser, name=on)
            refused = "a NO [NONEXISTENT]" if right == "l" else "a NO [NOPERM]"
            self.assertTrue(self.answer(command).startswith(refused), (right, command))
            self.share(lesser.replace("l", ""), name=on)
            hidden = self.answer(command)
            if right != "k":
                code = "[TRYCREATE]" if command.startswith("APPEND") else "[NONEXISTENT]"
                self.assertTrue(hidden.startswith(f"a NO {code}"), (hidden, command))
            self.share(EVERY, name=on)
            self.assertTrue(self.answer(command).startswith("a OK"), command)
            if command.startswith("RENAME"):
                self.answer(f"RENAME {WORK}/Beside {WORK}/Below")
            self.answer("UNSELECT")

    def test_commands_of_a_selected_mailbox(self) -> None:
        for right, command in [
            ("s", "STORE 1 +FLAGS (\\Seen)"),
            ("w", "STORE 1 +FLAGS (\\Flagged $Work)"),
            ("t", "STORE 1 +FLAGS (\\Deleted)"),
            ("swt", "STORE 1 FLAGS ()"),
            ("e", "EXPUNGE"),
            ("e", "UID EXPUNGE 1"),
            ("t", "MOVE 1 Mine"),
            ("e", "MOVE 1 Mine"),
            ("r", "FETCH 1 FLAGS"),
            ("r", "SEARCH ALL"),
            ("r", "COPY 1 Mine"),
        ]:
            self.share(EVERY)
            self.bob.ask(f"s SELECT {WORK}".encode())
            lesser = "".join(one for one in EVERY if one not in right)
            self.share(lesser)
            self.assertTrue(self.answer(command).startswith("a NO [NOPERM]"), (right, command))
            self.share(EVERY)
            self.assertTrue(self.answer(command).startswith("a OK"), command)

    def test_destinations(self) -> None:
        self.bob.ask(b"0 APPEND Mine {2+}\r\nhi")
        self.bob.ask(b"s SELECT Mine")
        for command in (f"COPY 1 {WORK}", f"UID COPY 1 {WORK}", f"MOVE 1 {WORK}"):
            self.share("lr")
            self.assertTrue(self.answer(command).startswith("a NO [NOPERM]"), command)
            self.share("r")
            self.assertTrue(self.answer(command).startswith("a NO [TRYCREATE]"), command)
            self.share("i")
            self.assertTrue(self.answer(command).startswith("a OK"), command)

    def test_flags_that_may_be_stored(self) -> None:
        """RFC 4314 §4: with one of them STORE does not fail."""
        self.share("lrs")
        self.say(f"""
            C: a SELECT {WORK}
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
            S: * OK [PERMANENTFLAGS (\\Seen)] What can be changed
            S: * 3 EXISTS
            S: * 3 RECENT
            S: * OK [UNSEEN 1] The first unseen message
            S: * OK [UIDVALIDITY ...] UIDs are valid
            S: * OK [UIDNEXT 4] The next UID
            S: * OK [HIGHESTMODSEQ ...] Highest
            S: * OK [MAILBOXID (...)] ...
            S: a OK [READ-WRITE] SELECT completed
            C: b STORE 1 +FLAGS (\\Seen \\Deleted $Work)
            S: * 1 FETCH (FLAGS (\\Seen \\Recent))
            S: b OK STORE completed
            C: c STORE 1 +FLAGS (\\Deleted)
            S: c NO [NOPERM] ...
        """)
        self.client.ask(b"1 SELECT Work")
        self.client.ask(b"2 STORE 1:2 FLAGS (\\Flagged \\Deleted $Old)")
        self.bob.ask(b"n NOOP")
        self.say("""
            C: d STORE 1:2 FLAGS (\\Seen \\Answered)
            S: * 1 FETCH (FLAGS (\\Flagged \\Deleted \\Seen $Old \\Recent))
            S: * 2 FETCH (FLAGS (\\Flagged \\Deleted \\Seen $Old \\Recent))
            S: d OK STORE completed
        """)
        self.share("lrwt")
        self.say("""
            C: e STORE 2 FLAGS ($New)
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Old $New)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Draft $Old $New \\*)] ...
            S: * 2 FETCH (FLAGS (\\Seen $New \\Recent))
            S: e OK STORE completed
        """)

    def test_read_only_by_rights(self) -> None:
        """RFC 4314 §5.2"""
        for rights, access in [("lr", "READ-ONLY"), ("lrkxa", "READ-ONLY")] + [
            (f"lr{one}", "READ-WRITE") for one in "swite"
        ]:
            self.share(rights)
            said = self.answer(f"SELECT {WORK}")
            self.assertEqual(said, f"a OK [{access}] SELECT completed", rights)
            self.assertIn("READ-ONLY", self.answer(f"EXAMINE {WORK}"))

    def test_seen_is_set_by_reading_with_the_right_to(self) -> None:
        """RFC 4314 §4"""
        self.share("lr")
        self.bob.ask(f"s SELECT {WORK}".encode())
        self.assertNotIn(b"\\Seen", self.bob.ask(b"a FETCH 1 (FLAGS BODY[])"))
        self.share("lrs")
        self.bob.ask(b"n NOOP")
        self.assertIn(b"\\Seen", self.bob.ask(b"a FETCH 1 (FLAGS BODY[])"))

    def test_close_expunges_with_the_right_to(self) -> None:
        """RFC 4314 §4: otherwise it is ignored, and the answer is OK."""
        self.share("lrt")
        self.say(f"""
            C: a STATUS {WORK} (MESSAGES)
            S: * STATUS {WORK} (MESSAGES 3)
            S: a OK STATUS completed
        """)
        for rights, left in (("lrt", 3), ("lrte", 2)):
            self.share(rights)
            self.bob.ask(f"s SELECT {WORK}".encode())
            self.bob.ask(b"t STORE 1 +FLAGS.SILENT (\\Deleted)")
            self.assertEqual(self.answer("CLOSE"), "a OK CLOSE completed")
            self.say(f"""
                C: a STATUS {WORK} (MESSAGES)
                S: * STATUS {WORK} (MESSAGES {left})
                S: a OK STATUS completed
            """)

    def test_flags_that_are_copied(self) -> None:
        """RFC 4314 §4: the two examples of COPY."""
        for number, flags in enumerate(("\\Draft \\Deleted", "\\Answered", "$Forwarded \\Seen"), 1):
            self.bob.ask(f"0 APPEND Mine ({flags}) {{2+}}\r\nh{number}".encode())
        self.client.ask(b"0 CREATE TargetMailbox")
        self.bob.ask(b"0 SELECT Mine")
        target = "Shared/fred@example.com/TargetMailbox"
        for rights in ("rwis", "rsti"):
            self.share(rights, name="TargetMailbox")
            self.assertTrue(self.answer(f"COPY 1:3 {target}").startswith("a OK [COPYUID"))
        self.client.ask(b"0 SELECT TargetMailbox")
        said = self.client.ask(b"f FETCH 1:6 FLAGS").decode().replace(" \\Recent", "")
        self.assertEqual(
            said.replace("\\Recent", "").splitlines()[:6],
            [
                f"* {number} FETCH (FLAGS ({flags}))"
                for number, flags in enumerate(
                    ["\\Draft", "\\Answered", "\\Seen $Forwarded", "\\Deleted", "", "\\Seen"], 1
                )
            ],
        )

    def test_append_sets_the_flags_that_may_be_set(self) -> None:
        self.client.ask(b"s SELECT Work")
        self.share("lrit")
        said = self.answer(f"APPEND {WORK} (\\Seen \\Deleted $Work) {{2+}}\r\nhi")
        self.assertTrue(said.startswith("a OK [APPENDUID"), said)
        said = self.client.ask(b"n NOOP").decode()
        self.assertIn("* 4 EXISTS", said)
        said = self.client.ask(b"f FETCH 4 FLAGS").decode()
        self.assertIn("* 4 FETCH (FLAGS (\\Deleted \\Recent))", said)

    def test_multiappend_and_replace(self) -> None:
        """RFC 3502, RFC 8508 §4.1: the rights of STORE, EXPUNGE and APPEND."""
        for rights, command in (
            ("lr", f"APPEND {WORK} {{2+}}\r\nhi {{2+}}\r\nho"),
            ("lrit", f"REPLACE 1 {WORK} {{2+}}\r\nhi"),
            ("lrie", f"REPLACE 1 {WORK} {{2+}}\r\nhi"),
            ("lrte", f"REPLACE 1 {WORK} {{2+}}\r\nhi"),
        ):
            self.share(rights)
            self.bob.ask(f"s SELECT {WORK}".encode())
            self.assertTrue(self.answer(command).startswith("a NO [NOPERM]"), (rights, command))
        self.share("lrite")
        said = self.answer(f"APPEND {WORK} (\\Seen) {{2+}}\r\nhi (\\Deleted) {{2+}}\r\nho")
        self.assertRegex(said, r"a OK \[APPENDUID \d+ 4:5\]")
        said = self.answer(f"REPLACE 1 {WORK} (\\Seen \\Deleted) {{2+}}\r\nhi")
        self.assertTrue(said.startswith("a OK"), said)
        said = self.bob.ask(b"f FETCH 1:* FLAGS").decode().replace(" \\Recent", "")
        flags = [line.partition("FLAGS (")[2][:-2] for line in said.splitlines()[:-1]]
        expected = ["", "", "", "\\Deleted", "\\Deleted"]
        self.assertEqual([one.replace("\\Recent", "") for one in flags], expected)

    def test_a_message_between_users_keeps_what_it_has(self) -> None:
        """G39, MOVE from somebody to oneself."""
        self.share(EVERY)
        self.client.ask(b"s SELECT Work")
        self.client.ask(b"s STORE 2 FLAGS (\\Flagged $Work)")
        self.bob.ask(f"s SELECT {WORK}".encode())
        self.say("""
            C: a MOVE 2 Mine
            S: * OK [COPYUID ... 2 1] Moved
            S: * 2 EXPUNGE
            S: a OK MOVE completed
        """)
        said = self.client.ask(b"n NOOP")
        self.assertIn(b"* 2 EXPUNGE", said)
        self.bob.ask(b"s SELECT Mine")
        said = self.bob.ask(b"f FETCH 1 (FLAGS BODY.PEEK[])")
        self.assertIn(b"\\Flagged $Work", said)
        self.assertIn(b"Subject: message 2", said)


class LeakTests(SharingTestCase):
    """G35: with `l` and without `r` no counts, by no way; without `l` nothing at all."""

    def test_counts(self) -> None:
        self.share("l")
        self.say(f"""
            C: a STATUS {WORK} (MESSAGES UNSEEN)
            S: a NO [NOPERM] ...
            C: b LIST "" Shared/* RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))
            S: * LIST (\\NonExistent \\HasChildren) "/" Shared/fred@example.com
            S: * LIST (\\Noselect \\HasNoChildren) "/" {WORK}
            S: b OK LIST completed
            C: c SELECT {WORK}
            S: c NO [NOPERM] ...
            C: d EXAMINE {WORK}
            S: d NO [NOPERM] ...
            C: e COPY 1 Mine
            S: e BAD ...
        """)
        self.assertEqual(len(self.server.open.in_use), 0)

    def test_counts_by_other_extensions(self) -> None:
        """MULTISEARCH (RFC 7377 §2.2), NOTIFY (RFC 5465 §5), METADATA (RFC 5464 §3.3)."""
        self.share("l")
        self.say(f"""
            C: a ESEARCH IN (mailboxes {WORK}) RETURN (COUNT) ALL
            S: a OK ESEARCH completed
            C: b ESEARCH IN (subtree Shared) RETURN (COUNT) ALL
            S: b OK ESEARCH completed
            C: c GETMETADATA {WORK} /shared/comment
            S: c NO [NOPERM] ...
            C: d NOTIFY SET STATUS (subtree Shared (MessageNew MessageExpunge))
            S: * LIST (\\NoAccess) "/" {WORK}
            S: d OK NOTIFY completed
        """)
        self.append(b"Subject: secret\r\n\r\n", "Work")
        self.clock.advance(10)
        self.say("""
            C: e NOTIFY NONE
            S: e OK NOTIFY completed
        """)
        self.share("lr")
        self.say(f"""
            C: f ESEARCH IN (subtree Shared) RETURN (COUNT) ALL
            S: * ESEARCH (TAG "f" MAILBOX {WORK} UIDVALIDITY ...) UID COUNT 4
            S: f OK ESEARCH completed
        """)

    def test_what_is_not_seen_is_answered_as_what_is_not_there(self) -> None:
        hidden, missing = WORK, WORK[:-4] + "None"
        self.share("k")
        for command in [
            "SELECT {}",
            "EXAMINE {}",
            "STATUS {} (MESSAGES)",
            "SUBSCRIBE {}",
            "DELETE {}",
            "RENAME {} Shared/fred@example.com/x",
            "APPEND {} {{2+}}\r\nhi",
            "GETACL {}",
            'LIST "" {} RETURN (STATUS (MESSAGES) MYRIGHTS)',
        ]:
            one, other = (
                self.bob.ask(b"a " + command.format(name).encode()).replace(name.encode(), b"N")
                for name in (hidden, missing)
            )
            self.assertEqual(one, other, command)
        self.bob.ask(b"0 APPEND Mine {2+}\r\nhi")
        self.bob.ask(b"0 SELECT Mine")
        for command in ("COPY 1 {}", "MOVE 1 {}"):
            one, other = (
                self.bob.ask(b"a " + command.format(name).encode()).replace(name.encode(), b"N")
                for name in (hidden, missing)
            )
            self.assertEqual(one, other, command)

    def test_who_loses_the_right_to_read_is_told_no_more(self) -> None:
        """RFC 4314 §5.1.1: with the next command."""
        self.share("lr")
        self.bob.ask(f"s SELECT {WORK}".encode())
        self.share("l")
        self.append(b"Subject: secret\r\n\r\n", "Work")
        self.say("""
            C: a NOOP
            S: a OK NOOP completed
            C: b FETCH 1 FLAGS
            S: b NO [NOPERM] You may no longer read this mailbox
            C: c IDLE
            S: + ...
        """)
        self.append(b"Subject: secret 2\r\n\r\n", "Work")
        self.clock.advance(1)
        self.say("""
            C: DONE
            S: c OK IDLE completed
            C: d CLOSE
            S: d OK CLOSE completed
        """)

    def test_results_that_are_kept_up_to_date_end_with_the_right_to_read(self) -> None:
        """CONTEXT=SEARCH (RFC 5267 §4.3), ESEARCH (RFC 7377)"""
        self.share("lr")
        self.bob.ask(f"s SELECT {WORK}".encode())
        self.say("""
            C: a SEARCH RETURN (UPDATE COUNT) UNSEEN
            S: * ESEARCH (TAG "a") COUNT 3
            S: a OK SEARCH completed
        """)
        self.share("l")
        self.client.ask(b"s SELECT Work")
        self.client.ask(b"t STORE 1 +FLAGS (\\Seen)")
        self.append(b"Subject: secret\r\n\r\n", "Work")
        self.clock.advance(10)
        self.say("""
            C: b NOOP
            S: b OK NOOP completed
            C: c ESEARCH IN (selected) RETURN (COUNT) ALL
            S: c NO [NOPERM] ...
            C: d CHECK
            S: d OK CHECK completed
            C: e UNSELECT
            S: e OK UNSELECT completed
        """)

    def test_who_gets_other_rights_is_told_of_the_flags(self) -> None:
        """RFC 4314 §5.1.1"""
        self.share("lr")
        self.bob.ask(f"s SELECT {WORK}".encode())
        self.share("lrt")
        self.say("""
            C: a NOOP
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
            S: * OK [PERMANENTFLAGS (\\Deleted)] What can be changed
            S: a OK NOOP completed
            C: b NOOP
            S: b OK NOOP completed
        """)


class BudgetTests(SharingTestCase):
    def cost(self, command: str) -> int:
        statements = self.server.storage.tables.statements
        before = sum(statements.values())
        said = self.bob.ask(b"a " + command.encode())
        self.assertIn(b"\na OK ", b"\n" + said)
        return sum(statements.values()) - before

    def test_others_mailboxes_cost_what_ones_own_cost(self) -> None:
        """Once this process has heard of their owner."""
        self.share(EVERY)
        self.assertEqual(self.cost('LIST "" *'), 1)
        for command, cost in [
            (f"STATUS {WORK} (MESSAGES)", 1),
            (f"APPEND {WORK} {{2+}}\r\nhi", 1),
            (f"MYRIGHTS {WORK}", 1),
            (f"SETACL {WORK} eve lr", 1),
            (f"GETACL {WORK}", 1),
            (f"SELECT {WORK}", 1),
            ("FETCH 1:* FLAGS", 0),
            ("STORE 1 +FLAGS (\\Flagged)", 1),
            ("COPY 1 Mine", 1),
            ("MOVE 2 Mine", 1),
            ("EXPUNGE", 1),
            (f"COPY 1 {WORK}", 1),
            ("NOOP", 0),
        ]:
            self.assertEqual(self.cost(command), cost, command)

    def test_an_owner_that_was_not_heard_of_costs_one_more(self) -> None:
        self.share(EVERY)
        self.assertEqual(self.cost(f"STATUS {WORK} (MESSAGES)"), 2)
        self.assertEqual(self.cost(f"STATUS {WORK} (MESSAGES)"), 1)
