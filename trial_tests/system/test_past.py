"""Users look at what they have expunged, and bring it back: real clients on a whole server."""

from collections import Counter
from pathlib import Path

from imapclient import IMAPClient

from sora.storage.postgres.database import Tx
from trial_tests.support.client_case import ClientTestCase
from trial_tests.support.messages import sample_messages
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD
from trial_tests.support.whole_sora import WholeSoraTestCase


class ClientTests(ClientTestCase):
    def connect(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.sora.imap, ssl=False, timeout=60)
        client.login(EMAIL, PASSWORD)
        return client

    def expunge(self, client: IMAPClient, uids: list[int]) -> None:
        client.select_folder("INBOX")
        client.delete_messages(uids)
        client.uid_expunge(uids)

    def mail(self, config: str) -> set[str]:
        """Pull what there is; gives the names of the files that came of INBOX."""
        self.succeed("mbsync", "-c", config, "-a")
        inbox = Path(self.directory, "mail", "Deleted", "INBOX")
        return {file.name for part in ("cur", "new") for file in (inbox / part).iterdir()}

    def test_delete_look_and_copy_back(self) -> None:
        """With imapclient; and mbsync pulls the namespace, again and again. (imaplib wants to be
        asked for EXAMINE where a server says READ-ONLY; mbsync takes SELECT.)"""
        require_program(self, "mbsync", "isync")
        self.sora.arguments = ["--set", "history.namespace=Deleted/"]
        self.start()
        letters = sample_messages(40, seed=29, wire_safe=True)
        self.fill(letters)
        client = self.connect()
        personal, _, _ = client.namespace()
        self.assertEqual(personal, (("", "/"), ("Deleted/", "/")))
        client.select_folder("INBOX")
        kept = client.fetch([2, 9], ["EMAILID", "INTERNALDATE"])
        client.add_flags([2], [b"\\Flagged", b"$Work"])
        self.expunge(client, [9, 10, 11])
        self.expunge(client, [2])
        client.create_folder("Projects/2024")
        client.copy([1, 3], "Projects/2024")
        client.delete_folder("Projects/2024")
        names = {name for _, _, name in client.list_folders("", "Deleted/*")}
        self.assertEqual(names, {"Deleted/INBOX", "Deleted/Projects", "Deleted/Projects/2024"})
        config = self.write(
            "mbsyncrc",
            f"""
IMAPStore remote
Host 127.0.0.1
Port {self.sora.imap}
User {EMAIL}
Pass "{PASSWORD}"
SSLType None
AuthMechs LOGIN

MaildirStore local
Path {self.directory}/mail/
Inbox {self.directory}/mail/INBOX
SubFolders Verbatim

Channel past
Far :remote:
Near :local:
Patterns Deleted/*
Sync Pull
Create Near
Expunge None
SyncState *
""",
        )
        Path(self.directory, "mail").mkdir()
        first = self.mail(config)
        self.assertEqual(len(first), 4)
        self.assertEqual(self.mail(config), first)
        self.expunge(client, [1])  # the oldest is the last to go
        second = self.mail(config)
        self.assertEqual((len(second), first < second), (5, True))

        selected = client.select_folder("Deleted/INBOX", readonly=True)
        self.assertEqual(selected[b"EXISTS"], 5)
        self.assertIn(b"READ-ONLY", selected)
        found = client.fetch([1, 2, 3, 4, 5], ["BODY[]", "EMAILID", "FLAGS", "INTERNALDATE"])
        self.assertEqual(
            [found[uid][b"BODY[]"] for uid in sorted(found)],
            [letters[place - 1] for place in (2, 9, 10, 11, 1)],
        )
        self.assertEqual(found[1][b"FLAGS"], (b"\\Flagged", b"$Work"))
        for uid, was in ((1, kept[2]), (2, kept[9])):
            for item in (b"EMAILID", b"INTERNALDATE"):
                self.assertEqual(found[uid][item], was[item])
        client.copy([1, 2], "INBOX")
        client.select_folder("INBOX")
        back = client.fetch([41, 42], ["BODY[]", "EMAILID", "FLAGS"])
        self.assertEqual(sorted(back), [41, 42])
        self.assertEqual(back[41][b"EMAILID"], kept[2][b"EMAILID"])
        self.assertEqual(back[42][b"BODY[]"], letters[8])
        self.assertLessEqual({b"\\Flagged", b"$Work"}, set(back[41][b"FLAGS"]))
        client.select_folder("Deleted/Projects/2024", readonly=True)
        client.copy([1, 2], "INBOX")
        client.logout()
        self.assertEqual(self.mail(config), second)


class CostTests(WholeSoraTestCase):
    extra = '[history]\nnamespace = "Deleted/"\n'

    async def test_ten_thousand_expunged_messages(self) -> None:
        """The table of round trips in the architecture."""
        sora = await self.sora()
        await self.account(sora, "u@example.com")
        wire = await sora.imap("u@example.com")
        await wire.ask(b"APPEND INBOX {12+}\r\nSubject: x\r\n")

        async def fill(tx: Tx) -> None:
            await tx.do(
                "insert into expunged (account_id, mailbox_id, uid, content_id, modseq,"
                " internal_date, save_date, email_id, size, flags, internal_zone, expunged_modseq,"
                " kind) select account_id, mailbox_id, uid + n, content_id, modseq, internal_date,"
                " save_date, gen_random_uuid(), size, flags, internal_zone, modseq, 'expunged'"
                " from messages, generate_series(1, 10000) n"
            )
            await tx.do("update mailboxes set uidnext = 10002 where messages > 0")

        await sora.database.run("fill", fill, write=True)

        async def costs(command: bytes, **expected: int) -> bytes:
            said = b""

            async def ask() -> None:
                nonlocal said
                said = await wire.ask(command)

            found = await self.cost(sora, ask())
            self.assertEqual(found, Counter(expected), command)
            self.assertIn(b"a OK", said, command)
            return said

        names = {"list": 1, "list past": 1}
        await costs(b'LIST "" *', **names)
        await costs(b'LIST "" INBOX', list=1)
        said = await costs(b'LIST "" * RETURN (STATUS (MESSAGES))', **names)
        self.assertIn(b"Deleted/INBOX (MESSAGES 10000)", said)
        said = await costs(b"SELECT Deleted/INBOX", **{"find": 1, "open past": 1})
        self.assertIn(b"* 10000 EXISTS", said)
        said = await costs(b"FETCH 1:* FLAGS")
        self.assertEqual(said.count(b"\r\n* "), 9_999)
        said = await costs(b"FETCH 1:* ENVELOPE", **{"read past": 10})
        self.assertEqual(said.count(b"ENVELOPE"), 10_000)
        await costs(b"FETCH 1:* ENVELOPE")
        await costs(b"NOOP", **{"look at past": 1})
        await costs(b"SEARCH TEXT x", **{"search past": 1})
        await costs(b"SORT (REVERSE ARRIVAL) UTF-8 ALL", **{"search past": 1})
        said = await costs(b"COPY 1:1000 Archive", **{"copy from past": 1})
        self.assertIn(b"1:1000 1:1000] COPY", said)
        said = await wire.ask(b"STATUS Archive (MESSAGES)")
        self.assertIn(b"MESSAGES 1000", said)
