"""The messages that both servers get, and the test case that has both servers.

    SORA_DIFFERENTIAL_MESSAGES=5000 SORA_DIFFERENTIAL_SEED=1 ./dev test trial_tests.differential

compares so many messages, from this seed on. With `SORA_DIFFERENTIAL_WHOLE=1` Sora is a whole one
with PostgreSQL, else the IMAP server over the memory storage.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from trial_tests.differential.servers import Asked, SocketSession, SoraSession, append
from trial_tests.support.dovecot import PASSWORD as DOVECOT_PASSWORD
from trial_tests.support.dovecot import dovecot
from trial_tests.support.messages import SHAPES
from trial_tests.support.nasty_messages import (
    damaged,
    nasty_message,
    with_bare_line_feeds,
    with_crlf,
)
from trial_tests.support.sora_process import EMAIL, PASSWORD, SoraProcess
from trial_tests.support.transcript import TranscriptTestCase

MESSAGES: Final = int(os.environ.get("SORA_DIFFERENTIAL_MESSAGES", "90"))
SEED: Final = int(os.environ.get("SORA_DIFFERENTIAL_SEED", "0"))
WHOLE: Final = "SORA_DIFFERENTIAL_WHOLE" in os.environ


def message(seed: int) -> bytes:
    """A message of the shapes of `SHAPES`, or made at random; two of three are damaged. All lines
    end in CRLF: Dovecot makes CRLF of a bare LF, Sora keeps it."""
    random = Random(seed)
    if seed % 3 == 0:
        shape = with_crlf(random.choice(list(SHAPES.values()))).replace(b"\0", b"")
        made = damaged(random, shape, random.randint(1, 2))
    elif seed % 3 == 1:
        made = with_crlf(nasty_message(random))
    else:
        made = damaged(random, nasty_message(random))
    return made or b"\r\n"


class TwoServersTestCase(TranscriptTestCase):
    """Sora and Dovecot, a session with each. Differences are judged one by one; at the end the
    test fails if one was without a reason."""

    timeout = 7200

    def setUp(self) -> None:
        server = dovecot(self)
        super().setUp()
        self.sora: Asked = self.whole() if WHOLE else SoraSession(self.client)
        self.dovecot = SocketSession(server.imap, "fred", DOVECOT_PASSWORD)
        self.addCleanup(self.dovecot.close)
        self.unexplained: list[str] = []
        self.explained: Counter[str] = Counter()

    def whole(self) -> SocketSession:
        """A session with a whole Sora: its database searches."""
        directory = tempfile.mkdtemp(prefix="sora-differential-")
        self.addCleanup(shutil.rmtree, directory, True)
        sora = SoraProcess(directory)
        self.addCleanup(sora.cleanup)
        sora.start()
        session = SocketSession(sora.imap, EMAIL, PASSWORD)
        self.addCleanup(session.close)
        return session

    def batches(self, size: int) -> Iterator[tuple[Sequence[int], list[bytes]]]:
        """Seeds and their messages, which are in the mailbox that is selected in both servers.
        Each fourth one has bare LFs for Dovecot."""
        seeds = range(SEED, SEED + MESSAGES)
        for start in range(0, len(seeds), size):
            batch = seeds[start : start + size]
            messages = [message(seed) for seed in batch]
            for session in (self.sora, self.dovecot):
                session.ask(b"CREATE m%d" % start)
                for seed, one in zip(batch, messages, strict=True):
                    if session is self.dovecot and seed % 4 == 0:
                        one = with_bare_line_feeds(Random(seed), one)
                    append(session, f"m{start}", one)
                session.ask(b"SELECT m%d" % start)
            yield batch, messages

    def judged(self, reason: str | None, difference: str) -> None:
        """There is a reason for a difference, or there is none."""
        if reason is None:
            self.unexplained.append(difference)
        else:
            self.explained[reason] += 1

    def conclude(self) -> None:
        """Fail if there are differences without a reason; print how often the others hold."""
        print("\n".join(f"{count:6} {what}" for what, count in sorted(self.explained.items())))
        if self.unexplained:
            text = "\n".join(self.unexplained[:20])
            self.fail(f"{len(self.unexplained)} differences without a reason:\n{text}")
