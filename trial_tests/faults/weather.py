"""What may become of a network."""

from collections.abc import Callable, Sequence
from random import Random

from trial_tests.support.tcp_proxy import Direction, TcpProxy

Weather = tuple[str, str, Callable[[TcpProxy], object]]
"""what it is counted as, its name, and what does it"""


def weather(rng: Random) -> Sequence[Weather]:
    """All kinds; `rng` draws how much of each."""
    octets = rng.choice((0, 1, 700, 5_000, 60_000, 400_000))
    direction = rng.choice(list(Direction))
    rate = rng.choice((3_000, 50_000, 400_000))

    def away(proxy: TcpProxy) -> None:
        proxy.refuse()
        proxy.cut()

    return [
        ("refused", "refused", lambda proxy: proxy.refuse()),
        ("refused and cut", "refused, and all is cut", away),
        ("paused", "paused", lambda proxy: proxy.pause()),
        ("swallowed", "swallowed", lambda proxy: proxy.black_hole()),
        ("slow", f"{rate} octets a second", lambda proxy: proxy.slow(rate, 0.02)),
        ("cut", "cut", lambda proxy: proxy.cut()),
        (
            f"cut in the midst {direction.value}",
            f"cut after {octets} octets {direction.value}",
            lambda proxy: proxy.cut_after(octets, direction),
        ),
    ]
