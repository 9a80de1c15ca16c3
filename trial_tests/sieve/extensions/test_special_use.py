"""special-use (RFC 8579), mailboxid (RFC 9042) and fcc (RFC 8580)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, MailboxIdExists, Notify, SpecialUseExists, Vacation
from trial_tests.sieve.filters import World, errors_of, ran

ALL = (
    'require ["special-use", "mailboxid", "fcc", "fileinto", "mailbox", "imap4flags", "vacation", '
    '"enotify", "variables"];'
)


def refused(command: str, requires: str = ALL) -> str:
    found = errors_of(f"{requires} {command}")
    assert len(found) == 1, found
    return found[0]


class SpecialUseTests(SynchronousTestCase):
    def test_fileinto(self) -> None:
        """RFC 8579 §4"""
        for arguments, expected in (
            (r':specialuse "\\Junk" "Spam"', FileInto("Spam", special_use="\\Junk")),
            (
                r':specialuse "\\Junk" :create "Spam"',
                FileInto("Spam", create=True, special_use="\\Junk"),
            ),
            (r':specialuse "\\x-mine" "a"', FileInto("a", special_use="\\x-mine")),
        ):
            self.assertEqual(ran(f"{ALL} fileinto {arguments};").actions, (expected,))

    def test_exists(self) -> None:
        """RFC 8579 §3: all of the uses; of one mailbox or of any."""
        world = World(uses={"Spam": ("\\Junk",), "Old": ("\\Archive", "\\All")})
        for arguments, expected in (
            (r'"\\Junk"', True),
            (r'["\\Junk", "\\Archive"]', True),
            (r'["\\Junk", "\\Drafts"]', False),
            (r'"Spam" "\\Junk"', True),
            (r'"Spam" ["\\Junk", "\\Archive"]', False),
            (r'"Old" ["\\All", "\\Archive"]', True),
            (r'"None" "\\Junk"', False),
        ):
            outcome = ran(f"{ALL} if specialuse_exists {arguments} {{ discard; }}", world=world)
            self.assertIs(outcome.keep is None, expected, arguments)
        self.assertEqual(world.asked[-1], SpecialUseExists("None", ("\\Junk",)))

    def test_what_is_no_use(self) -> None:
        for use in ("Junk", "", r"\\", r"\\a b", r"\\a(", "\\\\f\u00fcr"):
            self.assertIn("is not a special use", refused(f'fileinto :specialuse "{use}" "x";'))
        outcome = ran(f'{ALL} set "x" "Junk"; fileinto :specialuse "${{x}}" "y";')
        assert outcome.error is not None
        self.assertIn("is not a special use", outcome.error.text)


class MailboxIdTests(SynchronousTestCase):
    def test_fileinto(self) -> None:
        """RFC 9042 §4"""
        outcome = ran(f'{ALL} fileinto :mailboxid "F6352ae03" :create "INBOX.x";')
        self.assertEqual(
            outcome.actions, (FileInto("INBOX.x", create=True, mailbox_id="F6352ae03"),)
        )

    def test_not_with_a_special_use(self) -> None:
        """RFC 9042 §4.2"""
        command = r'fileinto :mailboxid "F" :specialuse "\\Junk" "x";'
        self.assertIn("':mailboxid' and ':specialuse' exclude each other", refused(command))

    def test_exists(self) -> None:
        """RFC 9042 §6: every one; those after the first that is not are not asked for."""
        world = World(ids=("a", "b"))
        for ids, expected in (('"a"', True), ('["a", "b"]', True), ('["a", "c", "b"]', False)):
            world.asked.clear()
            outcome = ran(f"{ALL} if mailboxidexists {ids} {{ discard; }}", world=world)
            self.assertIs(outcome.keep is None, expected, ids)
        self.assertEqual(world.asked, [MailboxIdExists("a"), MailboxIdExists("c")])


class FccTests(SynchronousTestCase):
    def test_vacation_and_notify(self) -> None:
        """RFC 8580 §3, §5, §6; RFC 9042 §5"""
        for tags, expected in (
            (':fcc "Sent"', FileInto("Sent", ())),
            (r':fcc "Sent" :flags ["\\Seen", "x"]', FileInto("Sent", ("\\Seen", "x"))),
            (
                r':specialuse "\\Sent" :create :fcc "Sent"',
                FileInto("Sent", (), create=True, special_use="\\Sent"),
            ),
            (':fcc "Sent" :mailboxid "F"', FileInto("Sent", (), mailbox_id="F")),
        ):
            for command in ('vacation {} "x";', 'notify {} "mailto:a@example.com";'):
                outcome = ran(f"{ALL} {command.format(tags)}")
                (action,) = outcome.actions
                assert isinstance(action, Vacation | Notify), outcome.error
                self.assertEqual(action.fcc, expected, tags)

    def test_the_script_s_own_flags_are_not_the_copy_s(self) -> None:
        outcome = ran(rf'{ALL} setflag "\\Flagged"; vacation :fcc "Sent" "x";')
        (action,) = outcome.actions
        assert isinstance(action, Vacation)
        self.assertEqual(action.fcc, FileInto("Sent", ()))

    def test_wrong_usage(self) -> None:
        for command, expected in (
            (':create "x"', "':create' of 'vacation' needs ':fcc'"),
            (r':flags "\\Seen" "x"', "':flags' of 'vacation' needs ':fcc'"),
            (r':fcc "a" :mailboxid "F" :specialuse "\\Sent" "x"', "exclude each other"),
        ):
            self.assertIn(expected, refused(f"vacation {command};"))

    def test_the_extensions_of_fileinto(self) -> None:
        """§3.1: each must be enabled."""
        for tags, name in (
            (":create", "mailbox"),
            (r':flags "\\Seen"', "imap4flags"),
            (r':specialuse "\\Sent"', "special-use"),
            (':mailboxid "F"', "mailboxid"),
        ):
            found = refused(f'vacation :fcc "a" {tags} "x";', 'require ["vacation", "fcc"];')
            self.assertIn(f'needs: require "{name}";', found)
