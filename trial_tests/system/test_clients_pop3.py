"""Programs that retrieve mail over POP3: poplib, curl, fetchmail, getmail, mpop."""

import os
import poplib
import ssl
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from trial_tests.support.client_case import ClientTestCase
from trial_tests.support.messages import plain_message, sample_messages
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD

MANY: Final = int(os.environ.get("SORA_POP3_MESSAGES", "1500"))


def letters(count: int, seed: int) -> list[bytes]:
    """Messages that go through programs unchanged but for their line ends."""
    return sample_messages(count, seed, wire_safe=True)


def with_crlf(letter: bytes) -> bytes:
    """As POP3 sends it."""
    return letter.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def body(letter: bytes) -> bytes:
    """What programs leave as it is."""
    return letter.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()


class POP3ClientTestCase(ClientTestCase):
    def kept(self, name: str = "here") -> Path:
        """A directory for what a program retrieves."""
        here = Path(self.directory, name)
        here.mkdir(exist_ok=True)
        return here

    def left(self) -> int:
        """How many messages are in INBOX."""
        client = self.session()
        _, [count] = client.select("INBOX", readonly=True)
        client.logout()
        return int(count or b"0")

    def seen(self) -> int:
        """How many of them are seen."""
        client = self.session()
        client.select("INBOX", readonly=True)
        _, [found] = client.search(None, "SEEN")
        client.logout()
        return len(found.split())

    def context(self) -> ssl.SSLContext:
        """TLS that trusts our certificate, and checks it."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def pop(self, tls: str = "tls") -> poplib.POP3:
        """A session of Python's poplib, logged in over TLS or STLS."""
        if tls == "tls":
            client: poplib.POP3 = poplib.POP3_SSL(
                "localhost", self.sora.pop3s, timeout=60, context=self.context()
            )
        else:
            client = poplib.POP3("localhost", self.sora.pop3, timeout=60)
            client.stls(self.context())
        client.utf8()
        client.user(EMAIL)
        client.pass_(PASSWORD)
        return client

    def assert_bodies(self, here: Path, sent: Sequence[bytes]) -> None:
        found = sorted(body(file.read_bytes()) for file in here.iterdir())
        self.assertTrue(found == sorted(map(body, sent)), "not what was appended")


class PoplibTests(POP3ClientTestCase):
    def test_everything_over_tls_and_stls(self) -> None:
        self.start()
        sent = letters(40, 3)
        self.fill(sent)
        for tls in ("tls", "stls"):
            client = self.pop(tls)
            self.assertEqual(client.stat(), (40, sum(len(with_crlf(one)) for one in sent)))
            _, listing, _ = client.list()
            for number, letter in enumerate(sent, 1):
                said, lines, size = client.retr(number)
                octets = b"".join(line + b"\r\n" for line in lines)
                self.assertEqual(octets, with_crlf(letter))
                self.assertEqual(listing[number - 1].split()[1], b"%d" % size)
                self.assertEqual(said, b"+OK %d octets" % size)
            _, lines, _ = client.top(1, 0)
            self.assertEqual(lines[-1], b"")
            self.assertIn("SASL", client.capa())
            client.quit()
        self.assertEqual((self.left(), self.seen()), (40, 40))

    def test_unique_ids_stay_and_deletions_wait_for_quit(self) -> None:
        self.start()
        self.fill(letters(5, 4))
        client = self.pop()
        _, before, _ = client.uidl()
        client.dele(2)
        client.close()
        client = self.pop()
        self.assertEqual(client.uidl()[1], before)
        client.dele(2)
        client.dele(4)
        client.quit()
        client = self.pop()
        kept = [line.split()[1] for line in client.uidl()[1]]
        self.assertEqual(kept, [line.split()[1] for line in before[0:5:2]])
        with self.assertRaisesRegex(poplib.error_proto, r"\[IN-USE\]"):
            self.pop()
        client.quit()

    def test_many_messages(self) -> None:
        """One by one, all of them deleted at the end."""
        self.start()
        sent = [plain_message(2000, seed) for seed in range(MANY)]
        self.fill(sent)
        client = self.pop()
        self.assertEqual(client.stat()[0], MANY)
        _, uids, _ = client.uidl()
        self.assertEqual(len({line.split()[1] for line in uids}), MANY)
        wanted = {sha256(with_crlf(one)).digest() for one in sent}
        found = set()
        for number in range(1, MANY + 1):
            _, lines, _ = client.retr(number)
            found.add(sha256(b"".join(line + b"\r\n" for line in lines)).digest())
            client.dele(number)
        self.assertTrue(found == wanted, "not what was appended")
        self.assertEqual(client.quit(), b"+OK Goodbye, %d messages were removed" % MANY)
        self.assertEqual(self.left(), 0)


class ProgramTests(POP3ClientTestCase):
    def test_curl(self) -> None:
        require_program(self, "curl", "curl")
        self.start()
        sent = letters(3, 5)
        self.fill(sent)
        common = ("curl", "-sS", "--cacert", str(self.certificate), "--user", f"{EMAIL}:{PASSWORD}")
        tls, stls = f"pop3s://localhost:{self.sora.pop3s}", f"pop3://localhost:{self.sora.pop3}"
        self.assertEqual(len(self.succeed(*common, f"{tls}/").splitlines()), 3)
        self.assertEqual(self.succeed(*common, f"{tls}/2"), with_crlf(sent[1]))
        for auth in ("", "AUTH=PLAIN", "AUTH=LOGIN"):
            options = ("--login-options", auth) if auth else ()
            got = self.succeed(*common, *options, "--ssl-reqd", f"{stls}/3")
            self.assertEqual(got, with_crlf(sent[2]))
        self.succeed(*common, "--head", "-X", "DELE", f"{tls}/1")
        self.assertEqual(len(self.succeed(*common, "-X", "UIDL", f"{tls}/").splitlines()), 2)
        wrong = self.run_program(*common[:-1], f"{EMAIL}:wrong", f"{tls}/")
        self.assertEqual(wrong.returncode, 67, "login denied")

    def test_fetchmail(self) -> None:
        """Over STLS and TLS: what is new is retrieved, by its unique ids, then all is deleted."""
        require_program(self, "fetchmail", "fetchmail")
        self.start()
        sent = letters(60, 6)
        self.fill(sent)
        here = self.kept()
        agent = self.agent(here)

        def rc(name: str, port: int, *options: str) -> str:
            return self.write(
                name,
                f"""poll localhost service {port} protocol POP3 uidl
user "{EMAIL}" password "{PASSWORD}" sslcertfile "{self.certificate}" sslcertck
{" ".join(options)} mda "{agent}"
""",
            )

        program = ("fetchmail", "--nosyslog", "--idfile", f"{self.directory}/ids", "-f")
        stls = rc("stls", self.sora.pop3, "sslproto 'TLS1.2+'", "keep")
        self.succeed(*program, stls)
        self.assert_bodies(here, sent)
        self.assertEqual(self.run_program(*program, stls).returncode, 1, "there is no new mail")
        self.append([b"Subject: later\r\n\r\nlater\r\n"])
        self.succeed(*program, stls)
        self.assertEqual(len(list(here.iterdir())), 61)
        self.assertEqual(self.left(), 61)
        tls = rc("tls", self.sora.pop3s, "ssl", "fetchall")
        self.succeed(*program, tls)
        self.assertEqual(len(list(here.iterdir())), 122)
        self.assertEqual(self.left(), 0)

    def agent(self, here: Path) -> str:
        """A program that keeps its input in a file."""
        script = self.write("agent", f'#!/bin/sh\ncat > "$(mktemp {here}/XXXXXXXX)"\n')
        Path(script).chmod(0o700)
        return script

    def test_getmail(self) -> None:
        require_program(self, "getmail", "getmail6")
        self.start()
        sent = [plain_message(2000, seed) for seed in range(10)]
        self.fill(sent)
        here = self.kept()
        # getmail waits a minute for a child that has ended before it began to wait: hence `sleep`.
        text = f"""
[retriever]
type = SimplePOP3SSLRetriever
server = localhost
port = {self.sora.pop3s}
username = {EMAIL}
password = {PASSWORD}
ca_certs = {self.certificate}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat > $(mktemp {here}/XXXXXXXX); sleep 0.5")
allow_root_commands = true
[options]
read_all = false
delete = false
delivered_to = false
received = false
"""
        self.write("getmailrc", text)
        arguments = ("getmail", "--getmaildir", self.directory, "--rcfile")
        self.succeed(*arguments, "getmailrc")
        self.assert_bodies(here, sent)
        self.append([b"Subject: later\r\n\r\nx\r\n"])
        self.write("deleting", text.replace("delete = false", "delete = true"))
        self.succeed(*arguments, "deleting")
        self.assertEqual(len(list(here.iterdir())), 11)
        self.assertEqual(self.left(), 0)
        self.write("wrong", text.replace(PASSWORD, "wrong"))
        self.assertNotEqual(self.run_program(*arguments, "wrong").returncode, 0)

    def test_mpop(self) -> None:
        """It pipelines: its commands come many at once."""
        require_program(self, "mpop", "mpop")
        self.start()
        sent = letters(60, 7)
        self.fill(sent)
        here = self.kept()
        config = self.write(
            "mpoprc",
            f"""
defaults
tls on
tls_trust_file {self.certificate}
uidls_file {self.directory}/uidls
user {EMAIL}
password {PASSWORD}
delivery mda {self.agent(here)}
account tls
host localhost
port {self.sora.pop3s}
tls_starttls off
keep on
account stls
host localhost
port {self.sora.pop3}
tls_starttls on
keep off
""",
        )
        program = ("mpop", f"--file={config}", "--pipelining=on")
        info = self.succeed(*program, "--serverinfo", "tls")
        for word in (b"CAPA", b"PIPELINING", b"UIDL", b"TOP", b"RESP-CODES", b"AUTH-RESP-CODE"):
            self.assertIn(word, info)
        self.succeed(*program, "tls")
        self.assert_bodies(here, sent)
        self.succeed(*program, "tls")
        self.assertEqual(len(list(here.iterdir())), 60)
        self.succeed(*program, "stls")
        self.assertEqual(self.left(), 0)
