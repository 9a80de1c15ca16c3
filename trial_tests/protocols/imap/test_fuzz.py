"""Whatever a client says: no bug, no stream out of step, one tagged line for each command."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trial_tests.support.transcript import Client, TranscriptTestCase

NAMES = st.sampled_from(["INBOX", "foo", "foo/bar", '"a b"', "&AOQ-", "..", '""', "{3+}\r\nfoo"])
SETS = st.sampled_from(["1", "1:*", "2:4,7", "*", "3:1", "0", "99", "4294967296", "$"])
FLAGS = st.sampled_from(["(\\Seen)", "(\\Deleted $x)", "()", "\\Flagged", "(\\Nope)", "(NIL)"])
ITEMS = st.sampled_from(
    [
        "FLAGS",
        "(UID FLAGS FLAGS)",
        "FULL",
        "BODY[]",
        "(BODY.PEEK[TEXT]<1.3> ENVELOPE)",
        "BODY[1.MIME]",
        "BODY[HEADER.FIELDS (Subject)]",
        "RFC822",
        "BODYSTRUCTURE",
        "()",
        "BODY[",
    ]
)
KEYS = st.sampled_from(
    [
        "ALL",
        "UNSEEN",
        "TEXT x",
        "NOT 1:2",
        "OR SEEN DELETED",
        "SUBJECT {2+}\r\nme",
        "(",
        "ON x",
        "$",
        "YOUNGER 5",
        "FUZZY (BODY a 1)",
        "MODSEQ 3",
    ]
)
RETURNS = st.sampled_from(
    [
        "",
        "RETURN ()",
        "RETURN (SAVE)",
        "RETURN (MIN MAX COUNT ALL)",
        "RETURN (PARTIAL -1:-2 SAVE)",
        "RETURN (UPDATE CONTEXT)",
        "RETURN (UPDATE (FLAGS BODY.PEEK[]) COUNT)",
        "RETURN (RELEVANCY)",
        "RETURN (ALL PARTIAL 1:2)",
        "RETURN (",
    ]
)
SORTS = st.sampled_from(["(DATE)", "(REVERSE SUBJECT SIZE)", "(RELEVANCY)", "()", "DATE"])
SOURCES = st.sampled_from(["", "IN (personal)", "IN (selected subtree foo)", "IN (", "IN ()"])
COMMANDS = st.one_of(
    st.builds("SELECT {}".format, NAMES),
    st.builds("EXAMINE {}".format, NAMES),
    st.builds("CREATE {}".format, NAMES),
    st.builds("DELETE {}".format, NAMES),
    st.builds("RENAME {} {}".format, NAMES, NAMES),
    st.builds("SUBSCRIBE {}".format, NAMES),
    st.builds("STATUS {} (MESSAGES UNSEEN RECENT)".format, NAMES),
    st.builds("LIST {} %".format, NAMES),
    st.builds("LSUB {} *".format, NAMES),
    st.builds("APPEND {} {} {{4+}}\r\na: b".format, NAMES, FLAGS),
    st.builds("FETCH {} {}".format, SETS, ITEMS),
    st.builds("UID FETCH {} {}".format, SETS, ITEMS),
    st.builds("STORE {} FLAGS {}".format, SETS, FLAGS),
    st.builds("UID STORE {} +FLAGS.SILENT {}".format, SETS, FLAGS),
    st.builds("COPY {} {}".format, SETS, NAMES),
    st.builds("UID MOVE {} {}".format, SETS, NAMES),
    st.builds("SEARCH {} {}".format, KEYS, KEYS),
    st.builds("SEARCH {} {}".format, RETURNS, KEYS),
    st.builds("UID SORT {} {} UTF-8 {}".format, RETURNS, SORTS, KEYS),
    st.builds("SORT {} UTF-8 {}".format, SORTS, KEYS),
    st.builds("THREAD {} UTF-8 {}".format, st.sampled_from(["REFS", "REFERENCES", "X"]), KEYS),
    st.builds("ESEARCH {} {} {}".format, SOURCES, RETURNS, KEYS),
    st.builds('CANCELUPDATE "t{}"'.format, st.integers(0, 9)),
    st.builds("UID SEARCH {}".format, KEYS),
    st.builds("UID EXPUNGE {}".format, SETS),
    st.sampled_from(["NOOP", "CHECK", "EXPUNGE", "CLOSE", "UNSELECT", "NAMESPACE", "IDLE\r\nDONE"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)


class Belief:
    """What a client believes of its mailbox, from untagged lines alone."""

    def __init__(self) -> None:
        self.exists = 0

    def hear(self, said: bytes) -> None:
        # Literals hold no lines.
        said = re.sub(rb"\{4\}\r\na: b", b"", said)
        for number, word in re.findall(rb"^\* (\d+) (EXISTS|EXPUNGE)\r\n", said, re.MULTILINE):
            if word == b"EXISTS":
                self.exists = int(number)
            else:
                assert 0 < int(number) <= self.exists, said
                self.exists -= 1


class FuzzTests(TranscriptTestCase):
    def _say(self, client: Client, tag: int, command: str) -> bytes:
        said = client.ask(f"t{tag} {command}".encode())
        if client.is_hung_up_on:
            return said
        # A command that is not understood can end before its lines do: each rest is one, too.
        self.assertRegex(said, rb"(^|\r\n)(t%d|\*) (OK|NO|BAD) [^\r\n]*\r\n" % tag)
        self.assertNotIn(b"SERVERBUG", said)
        return said

    @settings(
        max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.lists(st.tuples(st.integers(0, 1), COMMANDS), max_size=25))
    def test_two_clients_say_anything(self, words: list[tuple[int, str]]) -> None:
        """G24 to G27: the numbers of each client add up to what is there at the end."""
        self.setUp()
        self.append_some(3)
        clients = [self.client, self.new_client()]
        beliefs = [Belief(), Belief()]
        for tag, (who, command) in enumerate(words):
            client = clients[who]
            if client.is_hung_up_on:
                client = clients[who] = self.new_client()
                beliefs[who] = Belief()
            beliefs[who].hear(self._say(client, tag, command))
        for client, belief in zip(clients, beliefs, strict=True):
            if client.is_hung_up_on:
                continue
            belief.hear(client.ask(b"y NOOP"))
            said = client.ask(b"z UID SEARCH ALL")
            if b"z OK" in said:
                found = said.partition(b"\r\n")[0].split()[2:]
                self.assertEqual(belief.exists, len(found), said)
        self.assertEqual(self.flushLoggedErrors(), [])

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=300))
    def test_any_octets(self, octets: bytes) -> None:
        client = self.new_client()
        client.send(octets)
        client.hang_up()
        self.successResultOf(client.connection.ended)
