"""Sora and Dovecot are asked the same over ManageSieve. Each difference has its reason."""

from typing import Final

from trial_tests.differential.managesieve import DovecotSession, SieveDovecot, SoraSession
from trial_tests.protocols.managesieve.world import ManageSieveTestCase
from trial_tests.support.dovecot import dovecot_of
from trial_tests.support.programs import require_program


def literal(text: str) -> bytes:
    """A script or a name as a literal."""
    octets = text.encode()
    return b"{%d+}\r\n%s" % (len(octets), octets)


FULL: Final = "#" + "x" * 998 + "\n"
COMMANDS: Final = (
    b"NOOP",
    b'NOOP "tag"',
    b'NOOP {3+}\r\na"b',
    b"NOOP x",
    b"FETCH 1",
    b"LISTSCRIPTS",
    b'LISTSCRIPTS "x"',
    b'GETSCRIPT "a"',
    b'SETACTIVE ""',
    b'SETACTIVE "a"',
    b'DELETESCRIPT "a"',
    b'RENAMESCRIPT "a" "b"',
    b'PUTSCRIPT "a" ' + literal('require "fileinto";\r\nfileinto "x";\r\n'),
    b'PUTSCRIPT "a" ' + literal("nono;\r\n"),
    b'GETSCRIPT "a"',
    b'PUTSCRIPT "a" ""',
    b'PUTSCRIPT "" "keep;"',
    b'PUTSCRIPT "x" ' + literal("keep"),
    b"PUTSCRIPT " + literal('q"uote\\d') + b' "keep;"',
    b'PUTSCRIPT "d/e" "keep;"',
    b'DELETESCRIPT "d/e"',
    b'PUTSCRIPT "\xc3\xa9t\xc3\xa9" "keep;"',
    b'PUTSCRIPT "\xe2\x80\xa8" "keep;"',
    b'PUTSCRIPT "tab\tbed" "keep;"',
    b'PUTSCRIPT "' + b"n" * 128 + b'" "keep;"',
    b'DELETESCRIPT "' + b"n" * 128 + b'"',
    b"LISTSCRIPTS",
    b'CHECKSCRIPT "keep;"',
    b"CHECKSCRIPT " + literal("nono;"),
    b'CHECKSCRIPT "require \\"nono\\";"',
    b"CHECKSCRIPT " + literal('if ihave "x" { keep; }'),
    b'SETACTIVE "a"',
    b'SETACTIVE "a"',
    b"LISTSCRIPTS",
    b'DELETESCRIPT "a"',
    b'RENAMESCRIPT "a" "b"',
    b'RENAMESCRIPT "b" "b"',
    b'RENAMESCRIPT "a" "c"',
    b'RENAMESCRIPT "b" "\xc3\xa9t\xc3\xa9"',
    b'RENAMESCRIPT "b" ""',
    b"LISTSCRIPTS",
    b'PUTSCRIPT "b" "discard;"',
    b"LISTSCRIPTS",
    b'SETACTIVE "none"',
    b'SETACTIVE ""',
    b"LISTSCRIPTS",
    b'HAVESPACE "new" 1000',
    b'HAVESPACE "new" 1001',
    b'HAVESPACE "new" 4294967295',
    b'HAVESPACE "" 5',
    b'HAVESPACE "new"',
    b'HAVESPACE "new" x',
    b'PUTSCRIPT "f1" ' + literal(FULL),
    b'PUTSCRIPT "f2" ' + literal(FULL),
    b'PUTSCRIPT "f3" ' + literal(FULL),
    b'HAVESPACE "f3" 1000',
    b'PUTSCRIPT "f3" "keep;"',
    b'PUTSCRIPT "f4" "keep;"',
    b'HAVESPACE "f5" 5',
    b'HAVESPACE "f1" 1000',
    b'PUTSCRIPT "f1" ' + literal(FULL),
    b"LISTSCRIPTS",
    b"AUTHENTICATE " + literal("PLAIN"),
    b"STARTTLS",
    b"PUTSCRIPT",
    b'PUTSCRIPT "a"',
    b"PUTSCRIPT a b",
    b'CHECKSCRIPT "a" "b"',
    b"UNAUTHENTICATE",
    b"LOGOUT",
)

EXPLAINED: Final = {
    b'PUTSCRIPT "d/e" "keep;"': "RFC 5804 §1.6 allows it; Dovecot's scripts are files",
    b'DELETESCRIPT "d/e"': "as above",
    b'PUTSCRIPT "a" ""': "§2.6: a script of zero length SHOULD be disallowed",
    b"UNAUTHENTICATE": "§2.14: an extension that Dovecot 2.3 does not have",
}
"""differences, and why they are"""


class ManageSieveTests(ManageSieveTestCase):
    def test_the_same_dialogue(self) -> None:
        require_program(self, "/usr/lib/dovecot/managesieve", "dovecot-managesieved")
        server = dovecot_of(self, SieveDovecot)
        sora, other = SoraSession(self.client), DovecotSession(server, "fred")
        self.addCleanup(other.close)
        differences = {}
        for command in COMMANDS:
            ours, theirs = sora.ask(command), other.ask(command)
            if ours != theirs:
                differences[command] = (ours, theirs)
        unexplained = [one for one in differences.items() if one[0] not in EXPLAINED]
        self.assertEqual(unexplained, [])
        self.assertEqual(set(EXPLAINED) - set(differences), set(), "explained, and not different")
