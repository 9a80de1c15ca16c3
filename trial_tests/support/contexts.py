"""What a client does with results that are kept up to date (RFC 5267 §4.3)."""

import re


def expanded(numbers: str) -> list[int]:
    """The numbers of a sequence-set, in its order."""
    found: list[int] = []
    for part in filter(None, numbers.split(",")):
        low, _, high = part.partition(":")
        found.extend(range(int(low), int(high or low) + 1))
    return found


class Results:
    """The results of searches with UPDATE, by tag, as a client has them that does what it is told.

    What it cannot do is an AssertionError or ValueError.
    """

    def __init__(self) -> None:
        self.by_tag: dict[str, list[int]] = {}

    def hear(self, said: bytes) -> None:
        """Take what the server said; of UID forms only."""
        for tag, data in re.findall(r'\* ESEARCH \(TAG "(t\d)"\) UID(.*)\r\n', said.decode()):
            self.by_tag.setdefault(tag, [])
            for word, value in re.findall(r" (ALL|ADDTO|REMOVEFROM) (\([^)]*\)|\S+)", data):
                if word == "ALL":
                    self.by_tag[tag] = expanded(value)
                    continue
                parts = value.strip("()").split()
                for position, numbers in zip(parts[::2], parts[1::2], strict=True):
                    self._do(self.by_tag[tag], word, int(position), expanded(numbers))

    def _do(self, results: list[int], word: str, position: int, uids: list[int]) -> None:
        start = max(0, position - 1)
        if word == "ADDTO":
            results[start:start] = uids
            if position == 0:
                results.sort()
        elif position:
            assert results[start : start + len(uids)] == uids, (results, position, uids)
            del results[start : start + len(uids)]
        else:
            for uid in uids:
                results.remove(uid)
