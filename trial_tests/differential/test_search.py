"""SEARCH for the same in Sora and in Dovecot: headers, bodies, texts, sizes, dates, charsets.

Each message that only one of them finds is in the table of
`trial_tests/differential/explained_searches.py`, or the test fails and names the message's seed.
"""

from random import Random
from typing import Final

from sora.mail.facts import derive
from sora.mail.message import parse
from trial_tests.differential.compare import structures
from trial_tests.differential.explained_searches import Found, reason_for
from trial_tests.differential.queries import queries
from trial_tests.differential.two_servers import TwoServersTestCase
from trial_tests.support.imap_answers import fetched, searched

BATCH: Final = 45
QUERIES: Final = 3 * BATCH


class SearchTests(TwoServersTestCase):
    def unlike(self, messages: list[bytes]) -> set[int]:
        """The numbers of the messages in which the servers see different parts."""
        ours, theirs = (
            fetched(one.ask(b"FETCH 1:* BODYSTRUCTURE")) for one in (self.sora, self.dovecot)
        )
        item = b"BODYSTRUCTURE"
        return {
            number
            for number, data in enumerate(messages, 1)
            for one in structures(parse(data), data, ours[number][item], theirs[number][item])
            if one.what in ("type", "parts", "octets")
        }

    def test_searches(self) -> None:
        """Each search finds the same messages, or there is a reason."""
        found_at_all = 0
        for seeds, messages in self.batches(BATCH):
            facts = [derive(one) for one in messages]
            unlike = self.unlike(messages)
            for query in queries(Random(seeds[0]), facts, QUERIES):
                ours = set(searched(self.sora.ask(query.command)))
                theirs = set(searched(self.dovecot.ask(query.command)))
                found_at_all += len(ours & theirs)
                for number in ours ^ theirs:
                    place = number - 1
                    found = Found(
                        query, messages[place], facts[place], number in ours, number in unlike
                    )
                    reason = reason_for(found)
                    who = "Sora" if found.by_sora else "Dovecot"
                    self.judged(
                        reason and f"{reason.rfc} {query.key}",
                        f"seed {seeds[place]}: only {who} finds it: {query}",
                    )
        self.assertGreater(found_at_all, 0)
        self.conclude()
