"""Mailboxes whose modseqs a dialogue can name."""

import re

from trial_tests.support.transcript import Client, TranscriptTestCase


class ModSeqTestCase(TranscriptTestCase):
    """A mailbox of six messages, and another session that has it open too.

    The clock stands still, so that modseqs follow one another: INBOX is made with
    207748800000000, each change of it takes the next one, and the messages have those that end
    with 01 to 06. `M` in the dialogues stands for all digits but the last two; `VALID` for the
    mailbox's UIDVALIDITY.
    """

    def setUp(self) -> None:
        super().setUp()
        for _ in range(6):
            self.append(b"Subject: x\r\n\r\n", flags=["\\Seen"])
        self.nothing_is_recent()
        self.other = self.new_client()
        self.client.ask(b"s SELECT INBOX")
        self.other.ask(b"s SELECT INBOX")

    def converse(self, dialogue: str, client: Client | None = None) -> None:
        dialogue = re.sub(r"\bVALID\b", "1785585601", dialogue)
        super().converse(re.sub(r"\bM(?=\d\d\b)", "2077488000000", dialogue), client)
