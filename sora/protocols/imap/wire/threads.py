"""The THREAD response (RFC 5256 §4)."""

from collections.abc import Sequence
from typing import Final

from sora.mail.threads import Forest

_CLOSE: Final = -1


def thread_data(forest: Forest, numbers: Sequence[int]) -> bytes:
    """thread-data = "THREAD" [SP 1*thread-list]; `numbers` has that of each message.

    There is no limit to the nesting of threads, so nothing here is recursive.
    """
    pieces: list[str] = []
    left = list(reversed(forest.roots))
    while left:
        node = left.pop()
        if node == _CLOSE:
            pieces.append(")")
            continue
        pieces.append("(")
        between = ""
        while True:
            if node < forest.size:
                pieces.append(f"{between}{numbers[node]}")
                between = " "
            children = forest.children.get(node, ())
            if len(children) != 1:
                break
            node = children[0]
        left.append(_CLOSE)
        if children:
            pieces.append(between)
            left.extend(reversed(children))
    return f"THREAD {''.join(pieces)}".rstrip().encode()
